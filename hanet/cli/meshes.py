"""Commands that draw SMPL meshes from caches with side tables: ``hanet figure mesh`` and ``mesh-video``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hanet.cli.errors import finite, user_errors
from hanet.cli.figures import (
    PICTURES,
    Frames,
    Gt,
    Images,
    Out,
    Poses,
    Seconds,
    Sequence,
    Track,
    app,
)
from hanet.cli.outputs import Force, check_output, wrote

BodyFile = Annotated[
    Path | None, typer.Option("--body", help="SMPL file, .pkl or .npz.", show_default="a synthetic body")
]


@app.command()
def mesh(
    gt: Gt,
    poses: Poses,
    sequence: Sequence,
    out: Out,
    track: Track = None,
    frames: Frames = None,
    body: BodyFile = None,
    images: Images = None,
    focal: Annotated[
        float | None,
        typer.Option(
            min=1,
            callback=finite,
            help="Focal length of the images in pixels; needs translations.",
            show_default="no images",
        ),
    ] = None,
    force: Force = False,
) -> None:
    """Draw the meshes of all methods side by side, coloured by error, the worst frames ringed."""
    with user_errors("smpl,video"):
        from hanet.figures.choose import by_method

        methods = by_method(poses)
        check_output(out, PICTURES, force=force, inputs=[gt, *methods.values(), body])
        if (images is None) != (focal is None):
            raise ValueError("--images and --focal belong together: give both, or neither for a blank canvas")
        from hanet.cli.shown import Shown, frame_numbers
        from hanet.figures.images import find_images, read_image
        from hanet.figures.meshes.experiment import CAMERA_UP, Meshes
        from hanet.figures.meshes.pictures import View, compare_figure, in_camera, pelvis_aligned

        shown = Meshes.read(gt, methods, sequence, track=track, body=body)
        start = shown.truth.poses.start
        if frames is None:
            rows = Shown(*shown.joints()).rows(None)
        else:
            rows = [frame - start for frame in frame_numbers(frames)]
        numbers = [start + row for row in rows]
        pictures, view, place = None, None, pelvis_aligned
        if images is not None and focal is not None:
            files = find_images(images)
            pictures = [read_image(files, number) for number in numbers]
            view, place = View.of_image(pictures[0], focal), in_camera
        compare_figure(
            out,
            {name: place(shown.body, found, rows) for name, found in shown.methods.items()},
            place(shown.body, shown.truth, rows),
            shown.body.faces,
            frames=numbers,
            up=CAMERA_UP,
            images=pictures,
            view=view,
        )
    wrote(out)


@app.command("mesh-video")
def mesh_video(
    gt: Gt,
    poses: Poses,
    sequence: Sequence,
    out: Annotated[Path, typer.Option(help="File to write: .mp4.")],
    track: Track = None,
    start: Annotated[int | None, typer.Option(help="First frame.", show_default="the sequence's")] = None,
    seconds: Seconds = 4.0,
    body: BodyFile = None,
    force: Force = False,
) -> None:
    """Draw the meshes of all methods and of the truth in motion; bad frames get a coloured edge."""
    with user_errors("smpl,video"):
        from hanet.figures.choose import by_method

        methods = by_method(poses)
        check_output(out, (".mp4",), force=force, inputs=[gt, *methods.values(), body])
        from hanet.cli.shown import frames_in
        from hanet.figures.meshes.experiment import CAMERA_UP, Meshes
        from hanet.figures.meshes.video import compare_video

        shown = Meshes.read(gt, methods, sequence, track=track, body=body)
        known = shown.truth.poses
        first = 0 if start is None else start - known.start
        if not 0 <= first < len(known):
            raise ValueError(
                f"{sequence}: expected a first frame within {known.frames[0]}..{known.frames[-1]}, got "
                f"{start}"
            )
        rows = slice(first, first + frames_in(seconds, known))
        parts = {name: found.part(rows) for name, found in shown.methods.items()}
        compare_video(out, parts, shown.truth.part(rows), shown.body, up=CAMERA_UP)
    wrote(out)
