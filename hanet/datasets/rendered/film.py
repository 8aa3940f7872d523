"""Render a posed body in a scene to a video.

Axes: T frames, V vertices, H × W pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.video.stream import VideoStream
from jaxtyping import Float, Int, UInt8

from hanet.datasets.rendered.figure import Figure
from hanet.datasets.rendered.raster import Window, paint, shade, window
from hanet.datasets.rendered.scene import Scene
from hanet.files.atomic import whole_file
from hanet.poses.cameras import Camera

ENCODING = {"crf": "21", "preset": "veryfast", "mbtree": "0"}
"""Options of H.264; macroblock trees make bytes vary from run to run on some processors."""
MOST_EXPOSURES = 3
"""Most pictures that one frame is the mean of."""


@dataclass(frozen=True)
class Take:
    """One sequence to film.

    Attributes:
        name: of the sequence.
        figure: the body.
        scene: its surroundings.
        camera: the camera.
        turned, placed: rotations and positions of the body's joints in the world, as of `Figure.pose`.
        frames: frame number of each row, rising; frames between them show the empty scene.
        fps: frames per second.
    """

    name: str
    figure: Figure
    scene: Scene
    camera: Camera
    turned: Float[np.ndarray, "T 24 3 3"]
    placed: Float[np.ndarray, "T 24 3"]
    frames: Int[np.ndarray, " T"]
    fps: float


def film(take: Take, path: Path) -> Path:
    """Write the take as H.264, whole or not at all; frame k of the video is frame k of the sequence."""
    with (
        whole_file(path) as temporary,
        av.open(str(temporary), "w", format="mp4", options={"fflags": "bitexact"}) as file,
    ):
        rate = Fraction(take.fps).limit_denominator(1001)
        stream = cast(VideoStream, file.add_stream("libx264", rate=rate))
        stream.width, stream.height = take.camera.image_size
        stream.pix_fmt = "yuv420p"
        stream.options = dict(ENCODING)
        stream.codec_context.thread_count = 1
        for picture in pictures(take):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode(None))
    return path


def pictures(take: Take) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """Every frame from number 0 to the last, RGB."""
    colours = take.figure.colours[take.figure.faces].mean(axis=1) * take.scene.tint
    empty = _finished(take.scene, (0, 0, *take.camera.image_size), None)
    rows = {int(frame): row for row, frame in enumerate(take.frames)}
    kept: dict[int, Float[np.ndarray, "V 3"]] = {}

    def vertices(row: int) -> Float[np.ndarray, "V 3"]:
        if row not in kept:
            for old in [one for one in kept if one < row - 2]:
                del kept[old]
            kept[row] = take.camera.to_camera(take.figure.skinned(take.turned[row], take.placed[row]))
        return kept[row]

    for frame in range(int(take.frames[-1]) + 1):
        row = rows.get(frame)
        if row is None:
            yield empty
            continue
        before, after = rows.get(frame - 1, row), rows.get(frame + 1, row)
        speed = (vertices(after) - vertices(before)) / max(after - before, 1)
        layer, where = _exposed(take, vertices(row), speed * take.scene.exposure, colours)
        picture = empty.copy()
        x, y, width, height = where
        picture[y : y + height, x : x + width] = _finished(take.scene, where, layer)
        yield picture


def _exposed(
    take: Take,
    body: Float[np.ndarray, "V 3"],
    moved: Float[np.ndarray, "V 3"],
    colours: Float[np.ndarray, "F 3"],
) -> tuple[Float[np.ndarray, "h w 4"], Window]:
    """The body's mean over the exposure, in which it moves by `moved`, its middle at `body`; and where."""
    camera, scene, faces = take.camera, take.scene, take.figure.faces
    pixels = camera.focal * np.abs(moved[:, :2] / body[:, 2:]).max()
    count = int(np.clip(np.ceil(pixels / 4), 1, MOST_EXPOSURES))
    moments = [body + ((k + 0.5) / count - 0.5) * moved for k in range(count)]
    images = np.stack([np.column_stack([camera.project(points), points[:, 2]]) for points in moments])
    where = window(images[..., :2], camera.image_size)
    shaded = shade(body, faces, colours, scene.light, scene.ambient)
    return np.mean([paint(image, faces, shaded, where) for image in images], axis=0), where


def _finished(
    scene: Scene, where: Window, layer: Float[np.ndarray, "h w 4"] | None
) -> UInt8[np.ndarray, "h w 3"]:
    """A part of the picture: background, the body if there is one, what is in front of it."""
    x, y, width, height = where
    picture = scene.background[y : y + height, x : x + width]
    if layer is not None:
        picture = picture * (1 - layer[..., 3:]) + layer[..., :3]
    if scene.front is not None:
        front = scene.front[y : y + height, x : x + width]
        picture = picture * (1 - front[..., 3:]) + front[..., :3]
    return (np.clip(picture, 0, 1) * 255).astype(np.uint8)
