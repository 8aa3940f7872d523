"""Small videos of gray frames, each of its own level."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np


def gray(level: int) -> np.ndarray:
    return np.full((16, 32, 3), level, dtype=np.uint8)


def write_video(path, milliseconds: list[int], codec: str = "ffv1", pixels: str = "bgr0") -> None:
    """Frames at the given times; the level of the n-th is 10 n. Losslessly coded."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 16, pixels
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        for n, time in enumerate(milliseconds):
            frame = av.VideoFrame.from_ndarray(gray(10 * n), format="rgb24").reformat(format=pixels)
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
