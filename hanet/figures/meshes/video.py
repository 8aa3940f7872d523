"""Meshes of several methods side by side as a video.

Axes: H × W pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw

from hanet.figures.meshes.pictures import RING, TRUTH, View, error_colours, pelvis_aligned, render
from hanet.figures.video import write_mp4
from hanet.smpl.body import Body
from hanet.smpl.tracks import SmplTrack


def compare_video(
    path: str | Path,
    tracks: Mapping[str, SmplTrack],
    truth: SmplTrack,
    body: Body,
    *,
    size: tuple[int, int] = (320, 420),
    up: tuple[float, float, float] = (0.0, 1.0, 0.0),
    azimuth: float = 25.0,
    worst: float = 150.0,
) -> None:
    """Write tracks side by side as MP4; meshes with an MPVPE above `worst` mm have a coloured edge."""
    T = len(truth)
    sample = pelvis_aligned(body, truth, range(0, T, max(1, T // 20)))
    # Room for meshes that are far from the ground truth.
    reach = np.abs(sample).max() * np.array([[-1.0], [1.0]]) * 0.75
    points = np.concatenate([sample.reshape(-1, 3), np.repeat(reach, 3, axis=1)])
    view = View.around(points, size=size, up=up, azimuth=azimuth)
    write_mp4(path, _video_frames(tracks, truth, body, view, worst), fps=truth.poses.fps)


def _video_frames(
    tracks: Mapping[str, SmplTrack], truth: SmplTrack, body: Body, view: View, worst: float
) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    faces = body.faces
    for t in range(len(truth)):
        (true,) = pelvis_aligned(body, truth, [t])
        cells = []
        for name, track in {**tracks, TRUTH: truth}.items():
            (mesh,) = pelvis_aligned(body, track, [t])
            errors = 1000 * np.linalg.norm(mesh - true, axis=-1)
            colours = None if name == TRUTH else error_colours(np.nan_to_num(errors))
            picture = Image.fromarray(render(mesh, faces, view, colours=colours, smooth=2))
            draw = ImageDraw.Draw(picture)
            draw.text((8, 6), name if name == TRUTH else f"{name}  {errors.mean():.0f} mm", fill="#333333")
            if name != TRUTH and errors.mean() > worst:
                draw.rectangle((0, 0, view.size[0] - 1, view.size[1] - 1), outline=RING, width=4)
            cells.append(np.asarray(picture))
        image = np.concatenate(cells, axis=1)
        yield image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]  # H.264 needs even sides
