"""Commands that draw figures from pose caches: ``hanet figure …``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track as progress

from hanet import figures
from hanet.cache.files import PoseCache
from hanet.cli.errors import user_errors
from hanet.figures import choose, style
from hanet.figures.charts.errors import Span
from hanet.figures.settings import FigureSettings
from hanet.figures.video import ENDINGS
from hanet.poses.sequence import PoseSequence

app = typer.Typer(no_args_is_help=True, help="Draw figures from pose caches.")
DEFAULTS = FigureSettings()

Gt = Annotated[Path, typer.Option(help="Cache of the ground truth.")]
Poses = Annotated[list[str], typer.Option(help="METHOD=FILE: a method's cache; once for each method.")]
Sequence = Annotated[str, typer.Option(help="Name of the sequence.")]
Track = Annotated[int | None, typer.Option(help="Person; the first where not given.")]
Frames = Annotated[
    str | None,
    typer.Option(help="Frame numbers, as in 0,10,20. [default: four of the first method's worst span]"),
]
Images = Annotated[Path | None, typer.Option(help="Folder of images, named by frame number, to draw on.")]
Out = Annotated[Path, typer.Option(help="File to write: .svg or .png.")]
WrongMm = Annotated[float, typer.Option(min=0, help="Ring joints farther than this from the truth, in mm.")]
WrongAlpha = Annotated[
    float, typer.Option(min=0, help="Ring keypoints farther than this share of the box's longer side.")
]


@dataclass(frozen=True)
class _Shown:
    """A sequence of the ground truth and of every method."""

    gt: PoseSequence
    methods: dict[str, PoseSequence]

    @classmethod
    def read(cls, gt: Path, poses: list[str], sequence: str, track: int | None) -> _Shown:
        paths = choose.by_method(poses)
        truth_cache = PoseCache.open(gt)
        truth = choose.find_sequence(truth_cache, sequence, track=track)
        asked: dict[str, Any] = {
            "skeleton": truth_cache.metadata.skeleton,
            "representation": truth_cache.metadata.representation,
        }
        methods = {
            name: choose.find_sequence(
                PoseCache.open(path, **asked), sequence, track=truth.track, start=truth.start
            )
            for name, path in paths.items()
        }
        return cls(truth, methods)

    def worst(self) -> Span:
        """The worst span of the first method."""
        first = next(iter(self.methods.values()))
        return figures.worst_span(figures.errors(self.gt, first).frames, fps=self.gt.fps)

    def rows(self, frames: str | None) -> list[int]:
        """Rows of the frames asked for, or spread over the worst span."""
        if frames is None:
            return choose.spread_rows(self.worst(), 4)
        return [frame - self.gt.start for frame in _numbers(frames)]


@app.command()
def curves(gt: Gt, poses: Poses, sequence: Sequence, out: Out, track: Track = None) -> None:
    """Errors and acceleration errors over a sequence; shaded where the method named input is at its worst."""
    with user_errors():
        style.check_ending(out, style.FORMATS)
        shown = _Shown.read(gt, poses, sequence, track)
        figures.save(figures.curves(shown.gt, shown.methods), out)
    _wrote(out)


@app.command()
def skeletons(
    gt: Gt,
    poses: Poses,
    sequence: Sequence,
    out: Out,
    track: Track = None,
    frames: Frames = None,
    images: Images = None,
    wrong_alpha: WrongAlpha = DEFAULTS.wrong_alpha,
) -> None:
    """Keypoints of each method beside each other, wrong ones ringed, on images or blank."""
    with user_errors():
        style.check_ending(out, style.FORMATS)
        shown = _Shown.read(gt, poses, sequence, track)
        found = None if images is None else figures.find_images(images)
        rows = shown.rows(frames)
        figure = figures.skeletons(shown.gt, shown.methods, rows, images=found, wrong_alpha=wrong_alpha)
        figures.save(figure, out)
    _wrote(out)


@app.command()
def views(
    gt: Gt,
    poses: Poses,
    sequence: Sequence,
    out: Out,
    track: Track = None,
    frames: Frames = None,
    wrong_mm: WrongMm = DEFAULTS.wrong_mm,
) -> None:
    """3D joints of each method from the front and from the side, wrong ones ringed."""
    with user_errors():
        style.check_ending(out, style.FORMATS)
        shown = _Shown.read(gt, poses, sequence, track)
        figure = figures.views(shown.gt, shown.methods, shown.rows(frames), wrong_mm=wrong_mm)
        figures.save(figure, out)
    _wrote(out)


@app.command()
def people(
    poses: Annotated[Path, typer.Option(help="Cache of keypoints of several people.")],
    sequence: Sequence,
    frames: Annotated[str, typer.Option(help="Frame numbers, as in 0,10,20: a panel each.")],
    out: Out,
    images: Images = None,
) -> None:
    """Several people with their track numbers, each in a colour of their own."""
    with user_errors():
        style.check_ending(out, style.FORMATS)
        tracks = choose.all_tracks(PoseCache.open(poses, representation="2d"), sequence)
        found = None if images is None else figures.find_images(images)
        figures.save(figures.people(tracks, _numbers(frames), images=found), out)
    _wrote(out)


@app.command()
def video(
    gt: Gt,
    poses: Poses,
    sequence: Sequence,
    out: Annotated[Path, typer.Option(help="File to write: .mp4 or .gif.")],
    track: Track = None,
    start: Annotated[
        int | None, typer.Option(help="First frame. [default: the first method's worst in the middle]")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0, help="Length.")] = DEFAULTS.seconds,
    images: Images = None,
    wrong_mm: WrongMm = DEFAULTS.wrong_mm,
    wrong_alpha: WrongAlpha = DEFAULTS.wrong_alpha,
) -> None:
    """The methods and the ground truth moving beside each other, wrong joints ringed."""
    with user_errors():
        style.check_ending(out, ENDINGS)
        shown = _Shown.read(gt, poses, sequence, track)
        count = max(1, round(seconds * shown.gt.fps))
        if start is None:
            rows = choose.rows_around(shown.worst().worst, count, length=len(shown.gt))
        else:
            first = start - shown.gt.start
            rows = range(first, min(first + count, max(len(shown.gt), first + 1)))
        motion = figures.Motion(
            shown.gt,
            shown.methods | {"gt": shown.gt},
            rows,
            images=None if images is None else figures.find_images(images),
            wrong_mm=wrong_mm,
            wrong_alpha=wrong_alpha,
        )
        figures.write_motion(motion, out, fps=shown.gt.fps, track=partial(_progress, out.name))
    _wrote(out)


def _progress(name: str, frames: Iterable[Any], total: int) -> Iterable[Any]:
    return progress(frames, description=name, total=total, console=Console(stderr=True), transient=True)


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"expected frame numbers with commas between, as in 0,10,20, got {text!r}") from None


def _wrote(path: Path) -> None:
    typer.echo(f"wrote {path}")
