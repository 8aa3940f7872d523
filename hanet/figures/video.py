"""Write animations: MP4 for browsers, GIF for places that play no video.

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
"""Videos play in real time; of faster recordings they show every n-th frame."""
ENDINGS = (".mp4", ".gif")
GIF_WIDTH, MP4_WIDTH = 720, 1280
GIF_COLOURS = 96

Track = Callable[[Iterable[Any], int], Iterable[Any]]
"""Passes frames through and shows progress; called with the frames and their number."""


@runtime_checkable
class Moving(Protocol):
    """A figure that is drawn frame by frame: `motion.Motion`, `compare.Comparison`."""

    rows: list[int]

    def frames(self, *, width: int = ..., every: int = ...) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
        """Images of every `every`-th row; both sides are even."""
        ...


def _untracked(frames: Iterable[Any], total: int) -> Iterable[Any]:
    return frames


def write_motion(
    motion: Moving, path: str | Path, *, fps: float, track: Track = _untracked, max_bytes: int | None = None
) -> None:
    """Write a motion as MP4 or GIF, by the name's ending, playing in real time.

    Args:
        motion: consecutive rows of a sequence.
        path: replaced when the video is complete.
        fps: frames per second of the sequence.
        track: shows progress.
        max_bytes: largest size of a GIF; frames are left out until it fits.

    Raises:
        ValueError: the name has another ending, or no GIF is small enough.
        OSError: PyAV has no H.264 encoder.
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
    """Step between shown frames, so that at most about `limit` are shown per second."""
    return max(1, round(fps / limit + 0.499))


def write_mp4(path: str | Path, frames: Iterable[UInt8[np.ndarray, "H W 3"]], *, fps: float) -> None:
    """Write RGB images as H.264 in 4:2:0, which all browsers play.

    Raises:
        ValueError: no frames, an odd side, or frames of different sizes.
        OSError: PyAV has no H.264 encoder.
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
    """The first of `ENCODERS` that PyAV has.

    Raises:
        OSError: it has none.
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
    """Write RGB images as a looping GIF, in `GIF_COLOURS` colours of the first frame.

    GIFs count time in hundredths of a second. Durations of frames differ by one hundredth where needed, so
    that the GIF plays in real time.

    Raises:
        ValueError: no frames.
    """
    remaining = iter(frames)
    first = next(remaining, None)
    if first is None:
        raise ValueError(f"{path}: a GIF needs at least one frame")
    palette = Image.fromarray(first).quantize(GIF_COLOURS, method=Image.Quantize.MEDIANCUT)
    # Without dithering, pixels that do not change are stored once.
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
