"""Writing animations: MP4 for browsers, GIF for where no video plays.

Equal frames give equal bytes on one machine: encoding runs on one thread, and files carry no time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

import av
import numpy as np
from av.codec.codec import UnknownCodecError
from av.video.stream import VideoStream
from jaxtyping import UInt8
from PIL import Image

from hanet.figures.style import check_ending
from hanet.files.atomic import whole_file

ENCODERS: dict[str, dict[str, object]] = {
    # Macroblock trees make the bytes vary from run to run on processors with AVX-512.
    "libx264": {"crf": "20", "preset": "slow", "mbtree": "0"},
    "libopenh264": {"b": "2500000"},
}
"""H.264 encoders in the order of preference, and their options."""
MP4_FPS, GIF_FPS = 30.0, 15.0
"""A video plays in real time; of faster recordings it shows every second frame, or every third, …"""
ENDINGS = (".mp4", ".gif")
GIF_WIDTH, MP4_WIDTH = 720, 1280
GIF_COLOURS = 96

Track = Callable[[Iterable[Any], int], Iterable[Any]]
"""Passes frames through and shows progress: gets them and their number, as in ``rich.progress.track``."""


@runtime_checkable
class Moving(Protocol):
    """A figure that can be shown frame by frame: `motion.Motion`, `compare.Comparison`."""

    rows: list[int]

    def frames(self, *, width: int = ..., every: int = ...) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
        """Images of every so many rows, both sides even."""
        ...


def _untracked(frames: Iterable[Any], total: int) -> Iterable[Any]:
    return frames


def write_motion(
    motion: Moving, path: str | Path, *, fps: float, track: Track = _untracked, max_bytes: int | None = None
) -> None:
    """Write a motion as MP4 or GIF, by the name's ending, playing in real time.

    Args:
        motion: consecutive rows of a sequence.
        path: replaced as a whole when the video is complete.
        fps: frames per second of the sequence.
        track: shows progress.
        max_bytes: for a GIF: frames are left out until it is no larger.

    Raises:
        ValueError: where the name ends otherwise, or no GIF is small enough.
        OSError: where PyAV has no H.264 encoder.
    """
    path = Path(path)
    if check_ending(path, ENDINGS) == "mp4":
        every = step(fps, MP4_FPS)
        frames = motion.frames(width=MP4_WIDTH, every=every)
        write_mp4(path, track(frames, len(motion.rows[::every])), fps=fps / every)
        return
    every = step(fps, GIF_FPS)
    while True:
        shown = motion.rows[::every]
        write_gif(path, track(motion.frames(width=GIF_WIDTH, every=every), len(shown)), fps=fps / every)
        if max_bytes is None or path.stat().st_size <= max_bytes:
            return
        if len(shown) == 1:
            path.unlink()
            raise ValueError(f"{path}: no GIF fits in {max_bytes} bytes; allow more")
        every *= 2


def step(fps: float, limit: float) -> int:
    """How many frames to go on at a time, so that no more than about `limit` are shown a second."""
    return max(1, round(fps / limit + 0.499))


def write_mp4(path: str | Path, frames: Iterable[UInt8[np.ndarray, "H W 3"]], *, fps: float) -> None:
    """RGB images as H.264 in 4:2:0, which every browser plays; both sides even.

    Raises:
        ValueError: where there are no frames, or one has an odd side or another size than the first.
        OSError: where PyAV has no H.264 encoder.
    """
    path, name = Path(path), encoder()
    remaining = iter(frames)
    first = next(remaining, None)
    if first is None:
        raise ValueError(f"{path}: a video needs at least one frame")
    height, width = first.shape[:2]
    if height % 2 or width % 2:
        raise ValueError(f"{path}: H.264 needs even sides, got {width}×{height}; crop a pixel")
    options = {"movflags": "faststart", "fflags": "bitexact"}
    with whole_file(path) as temporary, av.open(str(temporary), "w", format="mp4", options=options) as file:
        stream = cast(VideoStream, file.add_stream(name, rate=Fraction(fps).limit_denominator(1001)))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = dict(ENCODERS[name])
        stream.codec_context.thread_count = 1
        for image in chain([first], remaining):
            if image.shape != first.shape:
                raise ValueError(
                    f"{path}: frames must all be {width}×{height}, got {image.shape[1]}×{image.shape[0]}"
                )
            file.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        file.mux(stream.encode(None))


def encoder() -> str:
    """The first of `ENCODERS` that PyAV was built with.

    Raises:
        OSError: where it has none.
    """
    for name in ENCODERS:
        try:
            av.Codec(name, "w")
        except UnknownCodecError:
            continue
        return name
    raise OSError(
        f"PyAV {av.__version__} has no H.264 encoder ({', '.join(ENCODERS)}); "
        "install PyAV's wheel, or write a GIF"
    )


def write_gif(path: str | Path, frames: Iterable[UInt8[np.ndarray, "H W 3"]], *, fps: float) -> None:
    """RGB images as a GIF that starts again at its end, in `GIF_COLOURS` of the first frame's colours.

    A GIF counts time in hundredths of a second: frames differ by one, so that the whole is in real time.

    Raises:
        ValueError: where there are no frames.
    """
    remaining = iter(frames)
    first = next(remaining, None)
    if first is None:
        raise ValueError(f"{path}: a GIF needs at least one frame")
    palette = Image.fromarray(first).quantize(GIF_COLOURS, method=Image.Quantize.MEDIANCUT)
    # No dithering: what does not move stays equal from frame to frame, and is stored once.
    images = [
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE)
        for frame in chain([first], remaining)
    ]
    ticks = np.round(np.arange(len(images) + 1) * 100 / fps).astype(int)
    durations: Sequence[int] = [10 * int(tick) for tick in np.diff(ticks)]
    with whole_file(Path(path)) as temporary:
        images[0].save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=images[1:],
            duration=durations,
            loop=0,
            optimize=True,
        )
