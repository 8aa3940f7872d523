"""Writing animations: MP4 for browsers, GIF for where no video plays.

Equal frames give equal bytes: encoding runs on one thread, and files carry no time and no tool's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.codec.codec import UnknownCodecError
from jaxtyping import UInt8
from PIL import Image

from hanet.figures.motion import Motion
from hanet.figures.style import check_ending, whole_file

ENCODERS: dict[str, dict[str, str]] = {
    "libx264": {"crf": "20", "preset": "slow"},
    "libopenh264": {"b": "2500000"},
}
"""H.264 encoders in the order of preference, and their options."""
MP4_FPS, GIF_FPS = 30.0, 15.0
"""A video plays in real time; of faster recordings it shows every second frame, or every third, …"""
ENDINGS = (".mp4", ".gif")
GIF_WIDTH, MP4_WIDTH = 800, 1280

Track = Callable[[Iterable[Any], int], Iterable[Any]]
"""Passes frames through and shows progress: gets them and their number, as in ``rich.progress.track``."""


def _untracked(frames: Iterable[Any], total: int) -> Iterable[Any]:
    return frames


def write_motion(
    motion: Motion, path: str | Path, *, fps: float, track: Track = _untracked, max_bytes: int | None = None
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
    with whole_file(path) as temporary:
        options = {"movflags": "faststart", "fflags": "bitexact"}
        with av.open(str(temporary), "w", format="mp4", options=options) as container:
            stream = None
            for image in frames:
                if stream is None:
                    stream = container.add_stream(name, rate=Fraction(fps).limit_denominator(1001))
                    stream.height, stream.width = size = image.shape[:2]
                    if size[0] % 2 or size[1] % 2:
                        raise ValueError(
                            f"{path}: H.264 needs even sides, got {size[1]}×{size[0]}; crop a pixel"
                        )
                    stream.pix_fmt = "yuv420p"
                    stream.options = ENCODERS[name]
                    stream.codec_context.thread_count = 1
                elif image.shape[:2] != size:
                    raise ValueError(f"{path}: frames must all be {size[::-1]}, got {image.shape[1::-1]}")
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            if stream is None:
                raise ValueError(f"{path}: a video needs at least one frame")
            container.mux(stream.encode(None))


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
    """RGB images as a GIF that starts again at its end.

    A GIF counts time in hundredths of a second: frames differ by one, so that the whole is in real time.

    Raises:
        ValueError: where there are no frames.
    """
    images = [_indexed(frame) for frame in frames]
    if not images:
        raise ValueError(f"{path}: a GIF needs at least one frame")
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


def _indexed(frame: UInt8[np.ndarray, "H W 3"]) -> Image.Image:
    # Few colours and no dithering: what does not move stays equal from frame to frame, and is stored once.
    return Image.fromarray(frame).quantize(64, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
