"""Meshes of several methods side by side as a video, and pictures of any kind as an MP4.

Axes: H × W pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import uuid4

import av
import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw

from hanet.figures.meshes.pictures import RING, TRUTH, View, error_colours, pelvis_aligned, render
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
    """All frames of the tracks side by side as an MP4; one above `worst` (mm, MPVPE) has a coloured edge."""
    T = len(truth)
    sample = pelvis_aligned(body, truth, range(0, T, max(1, T // 20)))
    # Room for what strays from the truth.
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
        yield np.concatenate(cells, axis=1)


def write_mp4(path: str | Path, frames: Iterable[UInt8[np.ndarray, "H W 3"]], *, fps: float | int) -> None:
    """Pictures as an MP4 (yuv420p; H.264 where PyAV has an encoder for it, else MPEG-4).

    Odd sizes are cut by one pixel, as the format needs even ones. Written whole or not at all.

    Raises:
        ValueError: no frames, or frames of unequal size.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{uuid4().hex}.mp4")
    codec = next(name for name in ("libx264", "libopenh264", "mpeg4") if name in av.codecs_available)
    shape: tuple[int, ...] | None = None
    try:
        with av.open(str(temporary), "w", format="mp4") as container:
            stream: Any = container.add_stream(codec, rate=Fraction(fps).limit_denominator(1001))
            stream.pix_fmt = "yuv420p"
            for picture in frames:
                if shape is None:
                    shape = picture.shape
                    stream.height, stream.width = shape[0] // 2 * 2, shape[1] // 2 * 2
                elif picture.shape != shape:
                    raise ValueError(f"frames of a video must be of one size, {shape}, got {picture.shape}")
                even = np.ascontiguousarray(picture[: stream.height, : stream.width])
                container.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
            if shape is None:
                raise ValueError(f"{path}: no frames to write")
            container.mux(stream.encode())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
