"""Short videos inside published packages, to try an estimator without a video of one's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.progress import Progress

from hanet.download.package_index import PackageIndex
from hanet.download.packages import Archive, extract, fetch
from hanet.files.atomic import whole_file


@dataclass(frozen=True)
class DemoVideo:
    """A video inside a package.

    Attributes:
        name: of the file to write.
        member: its path in the archive.
        archive: the package; its licence is the video's.
    """

    name: str
    member: str
    archive: Archive


_POSE2SIM = "Pose2Sim/Demo_SinglePerson/videos"
_POSE2SIM_CAMERAS = ("cam01", "cam02", "cam03", "cam04")
_SPORTS2D = "Sports2D/Demo/demo.mp4"

POSE2SIM = Archive(
    requirement="pose2sim==0.10.49",
    filename="pose2sim-0.10.49-py3-none-any.whl",
    sha256="403e0dc4065898ba6a595e72a8970950310979253d60e24c2e00b16b36bf21e1",
    members=tuple(f"{_POSE2SIM}/{camera}.mp4" for camera in _POSE2SIM_CAMERAS),
    licence="BSD-3-Clause",
    source="one person walks along a beam, seen by four cameras, 100 frames at 60 fps",
)
SPORTS2D = Archive(
    requirement="sports2d==0.8.34",
    filename="sports2d-0.8.34-py3-none-any.whl",
    sha256="733b6db70742636ae9c35d870c22bd416582f579abd5881bee93a14bb0e2655d",
    members=(_SPORTS2D,),
    licence="BSD-3-Clause",
    source="one person jumps and runs, 230 frames at 30 fps",
)
DEMO_VIDEOS = (
    *(
        DemoVideo(f"pose2sim-{camera}.mp4", f"{_POSE2SIM}/{camera}.mp4", POSE2SIM)
        for camera in _POSE2SIM_CAMERAS
    ),
    DemoVideo("sports2d-demo.mp4", _SPORTS2D, SPORTS2D),
)
"""The videos; both packages are © perfanalytics."""


def demo_videos(
    folder: Path,
    *,
    videos: tuple[DemoVideo, ...] = DEMO_VIDEOS,
    progress: Progress | None = None,
    index: PackageIndex | None = None,
) -> list[Path]:
    """Fetch videos from pip's index into `folder`, unless they are there; downloads 60 MB.

    Args:
        folder: the target; the packages stay in its folder ``packages``.
        videos: the videos to fetch.
        progress: progress display to add lines to.
        index: index to use; None uses pip's configuration.

    Returns:
        The files, in the order of `videos`.

    Raises:
        ArchiveError: as `hanet.download.packages.fetch` and `hanet.download.packages.extract`.
    """
    paths = [folder / video.name for video in videos]
    missing = [video for video, path in zip(videos, paths, strict=True) if not path.is_file()]
    for archive in dict.fromkeys(video.archive for video in missing):
        package = fetch(archive, folder / "packages", progress=progress, index=index)
        unpacked = folder / "packages" / package.stem
        if not unpacked.is_dir():
            extract(package, archive.members, unpacked)
        for video in missing:
            if video.archive == archive:
                with whole_file(folder / video.name) as temporary:
                    temporary.write_bytes((unpacked / video.member).read_bytes())
    return paths
