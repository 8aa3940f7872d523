"""Upright frames of a video at a constant rate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.error import FFmpegError
from jaxtyping import UInt8

from hanet.estimators.common.frames import open_video, read_video, video_fps


def frame_rate(fps: float) -> Fraction:
    """Frames per second as a fraction whose denominator is at most 1001, as in NTSC's 30000/1001."""
    return Fraction(fps).limit_denominator(1001)


@dataclass(frozen=True)
class Video:
    """A video file, read at a constant frame rate and rotated for display.

    Phones store frames in the sensor's orientation with a display rotation; `hanet.estimators.common.frames`
    returns stored frames, this class rotated ones.

    Attributes:
        path: the file.
        fps: frame rate of `images`, independent of the recording's own rate.
        turns: anticlockwise quarter turns from a stored frame to a displayed one.
        size: (width, height) of a displayed frame, pixels.
        length: number of frames at `fps` that the file announces; None if unknown.
    """

    path: Path
    fps: Fraction
    turns: int
    size: tuple[int, int]
    length: int | None

    @classmethod
    def open(cls, path: Path, fps: Fraction | None = None) -> Video:
        """Open a video by reading its first frame.

        Args:
            path: any video that FFmpeg reads.
            fps: frame rate to read it at; None uses the file's average rate.

        Raises:
            FileNotFoundError: no such file.
            ValueError: not a video, no readable frame, or a display rotation that is not a multiple of 90°.
        """
        rate = video_fps(path) if fps is None else fps
        with open_video(path) as container:
            stream = container.streams.video[0]
            seconds = None
            if stream.duration is not None and stream.time_base is not None:
                seconds = stream.duration * stream.time_base
            try:
                first = next(container.decode(video=0), None)
            except FFmpegError as error:
                raise ValueError(f"{path} is damaged at its start ({error}); get it again") from error
        if first is None:
            raise ValueError(f"{path} holds no frame that can be read; get it again")
        if first.rotation % 90:
            raise ValueError(f"{path} is to be shown turned by {first.rotation}°; turn it with FFmpeg first")
        turns = first.rotation // 90 % 4
        size = (first.height, first.width) if turns % 2 else (first.width, first.height)
        return cls(path, rate, turns, size, None if seconds is None else round(seconds * rate))

    def images(self) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
        """RGB frames; frame k is the one nearest to k / `fps` seconds after the first.

        Raises:
            ValueError: damage, with its time, or an end more than 0.1 s and 5 % of the length before the
                announced one.
        """
        count = 0
        for frame in read_video(self.path, self.fps):
            if frame.image is not None:
                count += 1
                yield np.ascontiguousarray(np.rot90(frame.image, self.turns))
        missing = 0 if self.length is None else self.length - count
        if self.length is not None and missing > max(self.length / 20, self.fps / 10):
            raise ValueError(
                f"{self.path} ends after {count} of {self.length} frames: it is cut short; get it again, or "
                "convert what is there with FFmpeg"
            )
