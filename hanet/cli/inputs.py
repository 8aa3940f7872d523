"""Options that say what a pose file does not, and the files that a command's arguments name."""

from __future__ import annotations

import glob
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hanet.cli.errors import finite

if TYPE_CHECKING:
    from hanet.formats.base import PoseFile, ReadOptions

Fps = Annotated[
    float | None,
    typer.Option(min=0, callback=finite, help="Frames per second.", show_default="as the file says"),
]
ImageSize = Annotated[
    str | None,
    typer.Option(
        metavar="WxH", help="Size of the images in pixels, as 1920x1080.", show_default="as the file says"
    ),
]
SkeletonName = Annotated[
    str | None,
    typer.Option(help="Set of keypoints, such as coco17 or halpe26.", show_default="as the file says"),
]
MinScore = Annotated[
    float | None,
    typer.Option(
        callback=finite, help="Keypoints of a lower score count as missing.", show_default="none do"
    ),
]
FormatName = Annotated[
    str | None,
    typer.Option(help="Format of the input, such as coco or trc.", show_default="by name and content"),
]
Images = Annotated[
    Path | None,
    typer.Option(help="COCO: annotation file with the images' names.", show_default="not needed"),
]
FrameNumbers = Annotated[
    Literal["names", "order"],
    typer.Option(help="Frame numbers: in the images' names, or their order in the file."),
]


def read_options(
    fps: float | None,
    image_size: str | None,
    skeleton: str | None,
    min_score: float | None = None,
    images: Path | None = None,
    frames: Literal["names", "order"] = "names",
) -> ReadOptions:
    """The options as the readers take them.

    Raises:
        ValueError: a size that is not two numbers, or numbers out of range.
    """
    from hanet.formats.base import ReadOptions

    size = None
    if image_size is not None:
        match = re.fullmatch(r"(\d{1,6})[x×,](\d{1,6})", image_size)
        if match is None:
            raise ValueError(f"--image-size: expected WIDTHxHEIGHT as in 1920x1080, got {image_size!r}")
        size = int(match[1]), int(match[2])
    return ReadOptions(
        fps=fps, image_size=size, skeleton=skeleton, min_score=min_score, images=images, frames=frames
    )


@dataclass(frozen=True)
class Inputs:
    """The files that arguments name.

    Attributes:
        paths: files and folders of one format each.
        batch: whether they are several, each with an output of its own in a folder.
        ignored: entries of a folder whose endings are of no known format.
        project: Pose2Sim's project whose poses they are, or None.
        rates: frames per second that the project says, by path.
    """

    paths: Sequence[Path]
    batch: bool
    ignored: int = 0
    project: Path | None = None
    rates: Mapping[Path, float | None] = field(default_factory=dict)

    def output(self, path: Path) -> Path:
        """Name of a path's output in the folder of a batch."""
        return Path(path.name) if self.project is None else path.relative_to(self.project)

    def options(self, path: Path, given: ReadOptions) -> ReadOptions:
        """Options with the project's rate: of keypoints, where none was given; markers say their own."""
        if path not in self.rates:
            return given
        fps = given.fps if given.fps is not None else self.rates[path]
        return replace(given, fps=fps if path.is_dir() else None)


def find_inputs(arguments: Sequence[str], format: str | None) -> Inputs:
    """Files, folders and patterns as files of one format each.

    A folder that is not itself of a format (as OpenPose's is) stands for the files in it, a project of
    Pose2Sim for its poses.

    Raises:
        FileNotFoundError: nothing of that name or pattern.
        ValueError: a folder without pose files, or two files of one name.
    """
    from hanet.formats import pose2sim
    from hanet.formats.base import FormatError
    from hanet.formats.registry import detect

    if len(arguments) == 1 and format is None and pose2sim.is_project(Path(arguments[0])):
        parts = pose2sim.parts(project := Path(arguments[0]))
        rates = {part.path: part.fps for part in parts}
        return Inputs(list(rates), batch=True, project=project, rates=rates)
    paths, ignored, batch = [], 0, len(arguments) > 1
    for text in arguments:
        path = Path(text)
        if not path.exists() and glob.has_magic(text):
            found = sorted(Path(name) for name in glob.glob(text, recursive=True))  # noqa: PTH207
            if not found:
                raise FileNotFoundError(f"{text}: no file has such a name; check the pattern")
            paths, batch = [*paths, *found], True
            continue
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such file or folder; check the path")
        if not path.is_dir() or format is not None:
            paths.append(path)
            continue
        try:
            detect(path)
            paths.append(path)
        except FormatError as error:
            inside = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
            files = [p for p in inside if _may_be_poses(p, endings())]
            if not files:
                raise ValueError(str(error)) from None
            paths, batch, ignored = [*paths, *files], True, ignored + len(inside) - len(files)
    names = [path.name for path in paths]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"{twice}: two inputs have this name, and so would their outputs; run them apart")
    return Inputs(paths, batch, ignored)


def endings() -> list[str]:
    """Endings of files of all known formats."""
    from hanet.formats.registry import FORMATS

    return sorted({ending for entry in FORMATS.values() for ending in entry.endings})


def require_known(path: Path, format: str | None) -> None:
    """Refuse a file of no known format before its output's name is looked at.

    Raises:
        FileNotFoundError, ValueError: as `hanet.formats.detect`.
    """
    from hanet.formats.registry import detect

    if format is None and path.suffix not in endings():
        detect(path)


def _may_be_poses(path: Path, endings: Collection[str]) -> bool:
    """Whether a folder's entry is to be refined: a file by its ending, a folder by its content."""
    from hanet.formats.base import FormatError
    from hanet.formats.registry import detect

    if not path.is_dir():
        return path.suffix.lower() in endings
    try:
        return bool(detect(path))
    except FormatError:
        return False


def open_poses(path: Path, options: ReadOptions, format: str | None) -> PoseFile:
    """Read a pose file of any format.

    Raises:
        FileNotFoundError, ValueError: as `hanet.formats.read`.
    """
    from hanet.formats.registry import read

    return read(path, options, format=format)


def open_people(path: Path, options: ReadOptions) -> PoseFile:
    """As `open_poses`, of a file that must show someone.

    Raises:
        NoPosesError: nobody in any frame.
        FileNotFoundError, ValueError: as there.
    """
    from hanet.poses.errors import NoPosesError

    poses = open_poses(path, options, None)
    if not any(len(track) for track in poses.tracks):
        raise NoPosesError(f"{path}: nobody in any frame, so there is nothing to compare")
    return poses
