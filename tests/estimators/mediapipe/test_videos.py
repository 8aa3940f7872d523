"""Videos as shown: turned pictures, even times, and files that are cut short."""

from __future__ import annotations

import struct
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from hanet.estimators.mediapipe.video import Video
from hanet.figures.video import write_mp4

UNIT, HALF = 1 << 16, 1 << 30
TURNS = {
    0: (UNIT, 0, 0, UNIT),
    90: (0, UNIT, -UNIT, 0),  # clockwise, as telephones held upright note it
    180: (-UNIT, 0, 0, -UNIT),
    270: (0, -UNIT, UNIT, 0),
}


def corner(path: Path, count: int = 6) -> Path:
    """A black video, 64 by 32, with a white top left corner."""
    image = np.zeros((32, 64, 3), np.uint8)
    image[:16, :32] = 255
    write_mp4(path, [image] * count, fps=20.0)
    return path


def noted(path: Path, turn: tuple[int, ...]) -> Path:
    """The file with another display matrix in its track header."""
    data = path.read_bytes()
    header = data.index(b"tkhd")
    before = struct.pack(">9i", UNIT, 0, 0, 0, UNIT, 0, 0, 0, HALF)
    after = struct.pack(">9i", turn[0], turn[1], 0, turn[2], turn[3], 0, 0, 0, HALF)
    at = data.index(before, header)
    path.write_bytes(data[:at] + after + data[at + len(before) :])
    return path


@pytest.mark.parametrize(
    ("clockwise", "size", "white"),
    [(0, (64, 32), (0, 0)), (90, (32, 64), (0, 1)), (180, (64, 32), (1, 1)), (270, (32, 64), (1, 0))],
)
def test_pictures_are_turned_as_shown(tmp_path, clockwise: int, size, white):
    video = Video.open(noted(corner(tmp_path / "a.mp4"), TURNS[clockwise]))
    assert video.size == size
    image = next(video.images())
    assert image.shape == (size[1], size[0], 3)
    quarters = image[..., 0].reshape(2, size[1] // 2, 2, size[0] // 2).mean(axis=(1, 3))
    assert np.unravel_index(quarters.argmax(), (2, 2)) == white  # row, column
    assert quarters.max() > 200 and np.sort(quarters.ravel())[2] < 50


def test_a_slant_is_refused(tmp_path):
    diagonal = round(UNIT * 0.5**0.5)
    path = noted(corner(tmp_path / "a.mp4"), (diagonal, diagonal, -diagonal, diagonal))
    with pytest.raises(ValueError, match=r"shown turned by -?45°; turn it with FFmpeg first"):
        Video.open(path)


def test_frames_come_at_the_rate_asked_for(tmp_path):
    path = corner(tmp_path / "a.mp4", 20)
    own, half = Video.open(path), Video.open(path, Fraction(10))
    assert (own.fps, own.length, half.length) == (20, 20, 10)
    assert len(list(own.images())) == 20 and len(list(half.images())) == 10


def test_a_video_that_ends_early_is_told(tmp_path):
    video = replace(Video.open(corner(tmp_path / "a.mp4", 20)), length=40)
    with pytest.raises(ValueError, match="ends after 20 of 40 frames: it is cut short"):
        list(video.images())
    assert len(list(replace(video, length=22).images())) == 20  # a rounded duration is no damage
    assert len(list(replace(video, length=None).images())) == 20


def test_a_part_of_a_file(tmp_path, rng):
    path = tmp_path / "a.mp4"
    write_mp4(path, rng.integers(0, 256, (30, 64, 64, 3)).astype(np.uint8), fps=20.0)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match=r"damaged after|cut short"):
        list(Video.open(path).images())
    path.write_bytes(data[: data.index(b"mdat") + 4])
    with pytest.raises(ValueError, match=r"a\.mp4 (is no video|is damaged|holds no frame)"):
        Video.open(path)


def test_other_files(tmp_path):
    with pytest.raises(FileNotFoundError):
        Video.open(tmp_path / "absent.mp4")
    (tmp_path / "a.txt").write_text("words")
    with pytest.raises(ValueError, match="no video that FFmpeg can read"):
        Video.open(tmp_path / "a.txt")
