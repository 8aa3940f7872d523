"""Commands that draw figures from pose caches: ``hanet figure …``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hanet.cli.errors import finite, user_errors
from hanet.cli.outputs import Force, check_output, wrote
from hanet.cli.progress import bar
from hanet.figures.defaults import SECONDS, WRONG_ALPHA, WRONG_MM

app = typer.Typer(no_args_is_help=True, help="Draw figures from pose caches.")
PICTURES = (".svg", ".png")

Gt = Annotated[Path, typer.Option(help="Cache of the ground truth.")]
Poses = Annotated[list[str], typer.Option(help="METHOD=FILE: a method's cache; once per method.")]
Sequence = Annotated[str, typer.Option(help="Name of the sequence.")]
Track = Annotated[int | None, typer.Option(help="Track number.", show_default="the first")]
Frames = Annotated[
    str | None,
    typer.Option(help="Frame numbers, e.g. 0,10,20.", show_default="four in the first method's worst span"),
]
Start = Annotated[int | None, typer.Option(help="First frame.", show_default="around the worst frame")]
Seconds = Annotated[float, typer.Option(min=0, callback=finite, help="Length in seconds.")]
Images = Annotated[
    Path | None,
    typer.Option(help="Folder of images to draw on, named by frame number.", show_default="blank"),
]
Out = Annotated[Path, typer.Option(help="File to write: .svg or .png.")]
WrongMm = Annotated[
    float, typer.Option(min=0, callback=finite, help="Ring joints farther than this from the truth, in mm.")
]
WrongAlpha = Annotated[
    float,
    typer.Option(
        min=0, callback=finite, help="Ring keypoints farther off than this share of the box's longer side."
    ),
]


@app.command()
def curves(
    gt: Gt, poses: Poses, sequence: Sequence, out: Out, track: Track = None, force: Force = False
) -> None:
    """Draw errors and acceleration errors over time; the worst spans of a method named input are shaded."""
    with user_errors("video"):
        from hanet.figures.choose import by_method

        methods = by_method(poses)
        check_output(out, PICTURES, force=force, inputs=[gt, *methods.values()])
        from hanet.cli.shown import Shown
        from hanet.figures.charts.curves import curves as draw
        from hanet.figures.style import save

        shown = Shown.read(gt, methods, sequence, track)
        save(draw(shown.gt, shown.methods), out)
    wrote(out)


@app.command()
def skeletons(
    gt: Gt,
    poses: Poses,
    sequence: Sequence,
    out: Out,
    track: Track = None,
    frames: Frames = None,
    images: Images = None,
    wrong_alpha: WrongAlpha = WRONG_ALPHA,
    force: Force = False,
) -> None:
    """Draw the keypoints of all methods side by side, wrong ones ringed."""
    with user_errors("video"):
        from hanet.figures.choose import by_method

        methods = by_method(poses)
        check_output(out, PICTURES, force=force, inputs=[gt, *methods.values()])
        from hanet.cli.shown import Shown
        from hanet.figures.images import find_images
        from hanet.figures.skeletons.stills import skeletons as draw
        from hanet.figures.style import save

        shown = Shown.read(gt, methods, sequence, track)
        found = None if images is None else find_images(images)
        rows = shown.rows(frames)
        save(draw(shown.gt, shown.methods, rows, images=found, wrong_alpha=wrong_alpha), out)
    wrote(out)


@app.command()
def views(
    gt: Gt,
    poses: Poses,
    sequence: Sequence,
    out: Out,
    track: Track = None,
    frames: Frames = None,
    wrong_mm: WrongMm = WRONG_MM,
    force: Force = False,
) -> None:
    """Draw the 3D joints of all methods from the front and from the side, wrong ones ringed."""
    with user_errors("video"):
        from hanet.figures.choose import by_method

        methods = by_method(poses)
        check_output(out, PICTURES, force=force, inputs=[gt, *methods.values()])
        from hanet.cli.shown import Shown
        from hanet.figures.skeletons.stills import views as draw
        from hanet.figures.style import save

        shown = Shown.read(gt, methods, sequence, track)
        save(draw(shown.gt, shown.methods, shown.rows(frames), wrong_mm=wrong_mm), out)
    wrote(out)


@app.command()
def people(
    poses: Annotated[Path, typer.Option(help="Cache of keypoints of several people.")],
    sequence: Sequence,
    frames: Annotated[str, typer.Option(help="Frame numbers, e.g. 0,10,20: one panel per frame.")],
    out: Out,
    images: Images = None,
    force: Force = False,
) -> None:
    """Draw several people with their track numbers, each in a colour of their own."""
    with user_errors("video"):
        check_output(out, PICTURES, force=force, inputs=[poses])
        from hanet.cache.files import PoseCache
        from hanet.cli.shown import frame_numbers
        from hanet.figures.choose import all_tracks
        from hanet.figures.images import find_images
        from hanet.figures.skeletons.people import people as draw
        from hanet.figures.style import save

        tracks = all_tracks(PoseCache.open(poses, representation="2d"), sequence)
        found = None if images is None else find_images(images)
        save(draw(tracks, frame_numbers(frames), images=found), out)
    wrote(out)


@app.command()
def video(
    gt: Gt,
    poses: Poses,
    sequence: Sequence,
    out: Annotated[Path, typer.Option(help="File to write: .mp4 or .gif.")],
    track: Track = None,
    start: Start = None,
    seconds: Seconds = SECONDS,
    images: Images = None,
    wrong_mm: WrongMm = WRONG_MM,
    wrong_alpha: WrongAlpha = WRONG_ALPHA,
    force: Force = False,
) -> None:
    """Draw all methods and the ground truth in motion side by side, wrong joints ringed."""
    with user_errors("video"):
        from hanet.figures.choose import by_method, rows_around

        methods = by_method(poses)
        check_output(out, (".mp4", ".gif"), force=force, inputs=[gt, *methods.values()])
        from hanet.cli.shown import Shown, frames_in
        from hanet.figures.images import find_images
        from hanet.figures.skeletons.motion import Motion
        from hanet.figures.video import write_motion

        shown = Shown.read(gt, methods, sequence, track)
        count = frames_in(seconds, shown.gt)
        if start is None:
            rows = rows_around(shown.worst().worst, count, length=len(shown.gt))
        else:
            first = start - shown.gt.start
            rows = range(first, min(first + count, max(len(shown.gt), first + 1)))
        motion = Motion(
            shown.gt,
            {**shown.methods, "gt": shown.gt},
            rows,
            images=None if images is None else find_images(images),
            wrong_mm=wrong_mm,
            wrong_alpha=wrong_alpha,
        )
        write_motion(motion, out, fps=shown.gt.fps, track=lambda shots, n: bar(out.name, n)(shots))
    wrote(out)
