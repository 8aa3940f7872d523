"""Commands that draw SMPL's meshes from caches with side tables: ``hanet figure mesh`` and ``mesh-video``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from hanet import figures
from hanet.cache.files import PoseCache
from hanet.cli.errors import user_errors
from hanet.cli.figures import Frames, Gt, Images, Poses, Sequence, Track, _numbers, _wrote, app
from hanet.figures import choose, style
from hanet.figures.images import read_image
from hanet.figures.meshes.pictures import View, compare_figure, in_camera, pelvis_aligned
from hanet.figures.meshes.video import compare_video
from hanet.smpl.body import Body
from hanet.smpl.joints import joint_sequence
from hanet.smpl.side_table import SideTable, side_path
from hanet.smpl.synthetic_body import synthetic_body
from hanet.smpl.tracks import SmplTrack

CAMERA_UP = (0.0, -1.0, 0.0)
"""A camera's y points down."""

BodyFile = Annotated[
    Path | None, typer.Option("--body", help="SMPL's file, .pkl or .npz. [default: the synthetic body]")
]


@dataclass(frozen=True)
class _Meshes:
    """A sequence's true and other bodies."""

    truth: SmplTrack
    methods: dict[str, SmplTrack]
    body: Body

    @classmethod
    def read(cls, gt: Path, poses: list[str], sequence: str, track: int | None, body: Path | None) -> _Meshes:
        def found(path: Path | str, number: int | None, start: int | None = None) -> SmplTrack:
            cache = PoseCache.open(path, representation="smpl")
            rotations = choose.find_sequence(cache, sequence, track=number, start=start)
            return SideTable(side_path(cache.path)).attach(rotations)

        truth = found(gt, track)
        methods = {
            name: found(path, truth.poses.track, truth.poses.start)
            for name, path in choose.by_method(poses).items()
        }
        return cls(truth, methods, synthetic_body() if body is None else Body.load(body))

    def rows(self, frames: str | None, count: int) -> list[int]:
        """Rows of the frames asked for, or spread over the worst span of the first method."""
        if frames is not None:
            return [frame - self.truth.poses.start for frame in _numbers(frames)]
        joints = [joint_sequence(t, self.body) for t in (self.truth, next(iter(self.methods.values())))]
        span = figures.worst_span(figures.errors(*joints).frames, fps=self.truth.poses.fps)
        return choose.spread_rows(span, count)


@app.command()
def mesh(
    gt: Gt,
    poses: Poses,
    sequence: Sequence,
    out: Annotated[Path, typer.Option(help="File to write: .svg or .png.")],
    track: Track = None,
    frames: Frames = None,
    body: BodyFile = None,
    images: Images = None,
    focal: Annotated[
        float | None, typer.Option(min=1, help="The images' focal length in pixels; needs translations.")
    ] = None,
) -> None:
    """Meshes of each method beside each other, coloured by their error, the worst frames ringed."""
    with user_errors():
        style.check_ending(out, style.FORMATS)
        if (images is None) != (focal is None):
            raise ValueError("images and focal belong together: give both, or neither for a blank canvas")
        shown = _Meshes.read(gt, poses, sequence, track, body)
        rows = shown.rows(frames, 4)
        numbers = [shown.truth.poses.start + row for row in rows]
        pictures, view, place = None, None, pelvis_aligned
        if images is not None and focal is not None:
            files = figures.find_images(images)
            pictures = [read_image(files, number) for number in numbers]
            size = (pictures[0].shape[1], pictures[0].shape[0])
            view, place = View(np.eye(3), np.zeros(3), focal, size), in_camera
        meshes = {name: place(shown.body, found, rows) for name, found in shown.methods.items()}
        truth = place(shown.body, shown.truth, rows)
        out.parent.mkdir(parents=True, exist_ok=True)
        compare_figure(
            out,
            meshes,
            truth,
            shown.body.faces,
            frames=numbers,
            up=CAMERA_UP,
            images=pictures,
            view=view,
        )
    _wrote(out)


@app.command("mesh-video")
def mesh_video(
    gt: Gt,
    poses: Poses,
    sequence: Sequence,
    out: Annotated[Path, typer.Option(help="File to write: .mp4.")],
    track: Track = None,
    start: Annotated[int | None, typer.Option(help="First frame. [default: the first there is]")] = None,
    seconds: Annotated[float, typer.Option(min=0, help="Length.")] = 4.0,
    body: BodyFile = None,
) -> None:
    """Meshes of the methods and of the truth moving beside each other, bad frames with a coloured edge."""
    with user_errors():
        style.check_ending(out, (".mp4",))
        shown = _Meshes.read(gt, poses, sequence, track, body)
        first = 0 if start is None else start - shown.truth.poses.start
        count = max(1, round(seconds * shown.truth.poses.fps))
        if not 0 <= first < len(shown.truth):
            raise ValueError(
                f"frame {start} is not in {sequence}, which has frames {shown.truth.poses.frames[0]} to "
                f"{shown.truth.poses.frames[-1]}"
            )
        rows = slice(first, first + count)
        out.parent.mkdir(parents=True, exist_ok=True)
        parts = {name: found.part(rows) for name, found in shown.methods.items()}
        compare_video(out, parts, shown.truth.part(rows), shown.body, up=CAMERA_UP)
    _wrote(out)
