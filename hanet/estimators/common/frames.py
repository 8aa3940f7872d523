"""Frames of a sequence: from image files, a folder of them, or a video.

Images are RGB bytes in their stored orientation; a file's display rotation is not applied, because person
boxes are in stored pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from jaxtyping import UInt8
from PIL import Image

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}


@dataclass(frozen=True)
class Frame:
    """One frame, or the reason why it is missing.

    Attributes:
        image: RGB, or None for an unreadable file.
        reason: what was wrong with the file; ``""`` for a readable one.
    """

    image: UInt8[np.ndarray, "rows columns 3"] | None
    reason: str = ""


def image_paths(folder: Path) -> list[Path]:
    """The images directly in a folder, sorted by name, so frame numbers need leading zeros.

    Raises:
        ValueError: the folder has no images.
    """
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)
    if not paths:
        raise ValueError(f"{folder} holds no images ({', '.join(sorted(SUFFIXES))})")
    return paths


def read_images(paths: Sequence[Path]) -> Iterator[Frame]:
    """Read images in the order given; a missing or damaged one is a `Frame` with the reason."""
    for path in paths:
        try:
            with Image.open(path) as image:
                yield Frame(np.array(image.convert("RGB")))
        # Pillow reports damage by various exceptions of its decoders.
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            yield Frame(None, f"{path}: {error}")


def video_fps(path: Path) -> Fraction:
    """A video's average frame rate, as exact as in the file.

    Raises:
        ValueError: an unreadable video, or one without a frame rate.
    """
    with open_video(path) as container:
        rate = container.streams.video[0].average_rate
    if not rate:
        raise ValueError(f"{path} does not say its frame rate; give one")
    return rate


def read_video(path: Path, fps: Fraction | int) -> Iterator[Frame]:
    """Read a video at a constant frame rate: for each time k / fps after the first frame, the nearest frame.

    Recordings of varying rate are resampled to even times, with frames repeated or dropped as needed; of two
    equally near frames the earlier is used. At the video's own constant rate every frame is returned once.

    Raises:
        ValueError: an unreadable video, or damage within it, with its time.
    """
    if not fps > 0:
        raise ValueError(f"fps must be positive, got {fps}")
    step, count, start = 1 / Fraction(fps), 0, None
    last: tuple[Fraction, UInt8[np.ndarray, "rows columns 3"]] | None = None
    for time, image in _timed(path):
        start = time if start is None else start
        while last is not None and (at := start + count * step) - last[0] <= time - at:
            yield Frame(last[1])
            count += 1
        last = time, image
    # The last frame lasts for half a step, so that rounded timestamps do not drop it.
    while last is not None and start is not None and start + count * step < last[0] + step / 2:
        yield Frame(last[1])
        count += 1


def _timed(path: Path) -> Iterator[tuple[Fraction, UInt8[np.ndarray, "rows columns 3"]]]:
    """Frames with their times in seconds, increasing."""
    time = None
    with open_video(path) as container:
        try:
            for frame in container.decode(video=0):
                if frame.pts is None or frame.time_base is None:
                    raise ValueError(f"{path} has frames without timestamps; convert it with FFmpeg first")
                time = frame.pts * frame.time_base
                yield time, frame.to_ndarray(format="rgb24")
        except FFmpegError as error:
            met = "at its start" if time is None else f"after {float(time):.3f} s"
            raise ValueError(f"{path} is damaged {met} ({error}); get it again") from error


def open_video(path: Path) -> InputContainer:
    """Open a file that holds a video stream.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a video that FFmpeg can read, or no video stream.
    """
    try:
        container = av.open(str(path))
    except FileNotFoundError:
        raise
    except FFmpegError as error:
        raise ValueError(f"{path} is no video that FFmpeg can read ({error})") from error
    if not container.streams.video:
        container.close()
        raise ValueError(f"{path} holds no video stream")
    return container
