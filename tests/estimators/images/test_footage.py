"""Which image belongs to which frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hanet.estimators.images.footage import Clip, Footage
from tests.support.video_files import gray, write_video


def write(folder: Path, numbers: range, name="{:04d}.png") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        Image.fromarray(gray(10 * number)).save(folder / name.format(number))


def levels(clip: Clip) -> list[int | None]:
    """Numbers of the images that come out; None for none."""
    return [None if f.image is None else int(f.image[0, 0, 0]) // 10 for f in clip.frames]


@pytest.mark.parametrize(
    ("start", "count", "expected", "lead", "tail"),
    [
        (0, 3, [1, 2, 3, 4], False, True),
        (2, 3, [2, 3, 4, 5, 6], True, True),
        (4, 3, [4, 5, 6, 7], True, False),
    ],
)
def test_numbered_images_with_their_neighbours(tmp_path, start, count, expected, lead, tail):
    write(tmp_path / "walk", range(1, 8))
    clip = Footage(f"{tmp_path}/{{name}}/{{frame:04d}}.png", 1).clip("walk", start, count, 25.0)
    assert (clip.lead, clip.tail) == (lead, tail) and levels(clip) == expected


def test_images_that_are_not_there(tmp_path):
    write(tmp_path / "walk", range(1, 3))
    footage = Footage("{name}/{frame:04d}.png", root=tmp_path)
    clip = footage.clip("walk", 0, 5, 25.0)
    frames = list(clip.frames)
    assert [f.image is None for f in frames] == [True, False, False, True, True]
    assert footage.reason(frames[0].reason).startswith("walk/0000.png: ")
    assert footage.absent("walk", 0, 5) is None
    assert footage.absent("walk", 7, 2) == tmp_path / "walk" / "0007.png"
    assert footage.absent("run", 0, 2) == tmp_path / "run" / "0000.png"


def test_asterisks_and_parts(tmp_path):
    write(tmp_path / "jump" / "S1" / "c2", range(3))
    footage = Footage("*/{0}/{1}/{frame:04d}.png", root=tmp_path)
    assert levels(footage.clip("S1/c2", 0, 3, 25.0)) == [0, 1, 2]
    assert footage.absent("S1/c2", 0, 3) is None and footage.absent("S2/c2", 0, 3) is not None
    write(tmp_path / "run" / "S1" / "c2", range(3))
    with pytest.raises(ValueError, match=r"S1/c2: images matches .*jump.* and .*run.*; make the pattern un"):
        footage.clip("S1/c2", 0, 3, 25.0)


def test_folders_and_lists_by_place(tmp_path):
    write(tmp_path / "walk", range(2, 9, 2), "image{:02d}.png")
    folder = Footage("{name}", root=tmp_path)
    assert levels(folder.clip("walk", 1, 2, 25.0)) == [2, 4, 6, 8]
    assert levels(folder.clip("walk", 3, 2, 25.0)) == [6, 8, None]
    (tmp_path / "walk.txt").write_text("walk/image08.png\n\nwalk/image02.png\n")
    assert levels(Footage("{name}.txt", root=tmp_path).clip("walk", 0, 2, 25.0)) == [8, 2]
    assert folder.absent("walk", 3, 2) is None and folder.absent("run", 0, 1) == tmp_path / "run"


def test_videos(tmp_path):
    write_video(tmp_path / "c01.mkv", [40 * n for n in range(8)])
    footage = Footage("{1}.mkv", root=tmp_path)
    clip = footage.clip("dance/c01", 0, 3, 25.0)
    assert not clip.lead and levels(clip) == [0, 1, 2, 3]
    clip = footage.clip("dance/c01", 5, 3, 25.0)
    assert clip.lead and levels(clip) == [4, 5, 6, 7]
    # Half the rate: every other frame, whatever the file's own rate.
    assert levels(footage.clip("dance/c01", 1, 2, 12.5)) == [0, 2, 4, 6]


def test_a_video_that_ends_early(tmp_path):
    write_video(tmp_path / "a.mkv", [0, 40, 80])
    frames = list(Footage("{name}.mkv", root=tmp_path).clip("a", 1, 4, 25.0).frames)
    assert [f.image is None for f in frames] == [False, False, False, True, True]
    assert frames[-1].reason.endswith("a.mkv ends here")
    (tmp_path / "b.mkv").write_bytes(b"no video")
    frames = list(Footage("{name}.mkv", root=tmp_path).clip("b", 0, 2, 25.0).frames)
    assert [f.image for f in frames] == [None, None] and "no video that FFmpeg can read" in frames[0].reason


def test_aists_names():
    path = Footage("videos/{aist}.mp4").path("gBR_sBM_cAll_d04_mBR0_ch01/c03")
    assert path == Path("videos/gBR_sBM_c03_d04_mBR0_ch01.mp4")


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("{frame}/a.png", "belongs into the last part"),
        ("{video}/a.png", "images is a path with"),
        ("{name", "images is a path with"),
        ("{frame:q}.png", "images is a path with"),
    ],
)
def test_other_patterns_are_refused(pattern, message):
    with pytest.raises(ValueError, match=message):
        Footage(pattern)


def test_an_image_is_read_when_it_is_asked_for(tmp_path):
    write(tmp_path / "walk", range(2))
    clip = Footage("{name}/{frame:04d}.png", root=tmp_path).clip("walk", 0, 2, 25.0)
    assert np.array_equal(next(clip.frames).image, gray(0))
    (tmp_path / "walk" / "0001.png").write_bytes(b"")
    assert next(clip.frames).image is None
