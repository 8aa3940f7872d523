"""Frames from drawn images and small videos: order, damage, constant and varying frame rates."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hanet.estimators.common.frames import image_paths, read_images, read_video, video_fps
from tests.support.video_files import gray, write_video


def numbers(path, fps) -> list[int]:
    """Which of the written frames came out."""
    return [int(frame.image[0, 0, 0]) // 10 for frame in read_video(path, fps)]


# --- images


def test_a_folder_is_read_by_name(tmp_path):
    for name, level in (("0002.png", 20), ("0001.PNG", 10), ("0010.png", 30)):
        Image.fromarray(gray(level)).save(tmp_path / name, format="png")
    (tmp_path / "Thumbs.db").write_text("no image")
    paths = image_paths(tmp_path)
    assert [p.name for p in paths] == ["0001.PNG", "0002.png", "0010.png"]
    assert [int(f.image[0, 0, 0]) for f in read_images(paths)] == [10, 20, 30]


def test_gray_images_get_three_channels(tmp_path):
    Image.new("L", (5, 4), 77).save(tmp_path / "a.png")
    [frame] = read_images([tmp_path / "a.png"])
    assert frame.image.shape == (4, 5, 3) and (frame.image == 77).all()


def test_damaged_images_are_recorded_and_the_rest_is_read(tmp_path, rng):
    noise = rng.integers(0, 256, (64, 64, 3)).astype(np.uint8)
    for name in ("whole.jpg", "half.jpg", "half.png"):
        Image.fromarray(noise).save(tmp_path / name)
    for name in ("half.jpg", "half.png"):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[: len(content) // 2])
    (tmp_path / "text.png").write_text("not an image")
    names = ["half.jpg", "half.png", "text.png", "absent.png", "whole.jpg"]
    frames = list(read_images([tmp_path / name for name in names]))
    for name, frame in zip(names[:4], frames, strict=False):
        assert frame.image is None and name in frame.reason
    assert frames[4].image is not None and frames[4].reason == ""


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"holds no images \(\.bmp, "):
        image_paths(tmp_path)


# --- videos


def test_at_its_own_rate_every_frame_comes_out_once(tmp_path):
    write_video(tmp_path / "a.mkv", [40 * n for n in range(6)])
    assert video_fps(tmp_path / "a.mkv") == 25
    assert numbers(tmp_path / "a.mkv", 25) == list(range(6))


def test_half_and_double_rate(tmp_path):
    write_video(tmp_path / "a.mkv", [40 * n for n in range(5)])
    assert numbers(tmp_path / "a.mkv", Fraction(25, 2)) == [0, 2, 4]
    assert numbers(tmp_path / "a.mkv", 50) == [0, 0, 1, 1, 2, 2, 3, 3, 4]


def test_varying_rate_by_hand(tmp_path):
    """Frames at 0, 30, 100 and 200 ms, asked for at 0, 50, 100, 150 and 200 ms."""
    write_video(tmp_path / "a.mkv", [0, 30, 100, 200])
    assert numbers(tmp_path / "a.mkv", 20) == [0, 1, 2, 2, 3]


def test_the_first_frames_time_is_zero(tmp_path):
    write_video(tmp_path / "a.mkv", [500, 540, 580])
    assert numbers(tmp_path / "a.mkv", 25) == [0, 1, 2]


@settings(max_examples=15)
@given(gaps=st.lists(st.integers(5, 200), min_size=1, max_size=12), fps=st.integers(5, 60))
def test_each_frame_is_the_nearest_in_time(tmp_path_factory, gaps, fps):
    times = np.cumsum([0, *gaps]).tolist()
    path = tmp_path_factory.mktemp("video") / "a.mkv"
    write_video(path, times)
    got = numbers(path, fps)
    assert len(got) == len(
        range(0, 2 * times[-1] * fps + 1000, 2000)
    )  # k / fps before the last plus 1 / 2 fps
    for k, n in enumerate(got):
        at = Fraction(1000 * k, fps)
        assert abs(times[n] - at) == min(abs(t - at) for t in times)


def test_wrong_files_and_rates_are_refused(tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(ValueError, match=r"text\.mp4 is no video that FFmpeg can read"):
        next(read_video(tmp_path / "text.mp4", 25))
    with pytest.raises(FileNotFoundError):
        video_fps(tmp_path / "absent.mp4")
    with pytest.raises(ValueError, match="fps must be positive, got 0"):
        next(read_video(tmp_path / "text.mp4", 0))
    with av.open(str(tmp_path / "sound.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), dtype=np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(ValueError, match="holds no video stream"):
        video_fps(tmp_path / "sound.wav")


def test_damage_on_the_way_is_told(tmp_path):
    write_video(tmp_path / "a.avi", [40 * n for n in range(8)], codec="png", pixels="rgb24")
    before, mark, after = (tmp_path / "a.avi").read_bytes().rpartition(b"\x89PNG")
    (tmp_path / "a.avi").write_bytes(before + bytes(len(mark)) + after)
    frames = read_video(tmp_path / "a.avi", 25)
    with pytest.raises(ValueError, match=r"is damaged after 0\.240 s .*get it again"):
        list(frames)
