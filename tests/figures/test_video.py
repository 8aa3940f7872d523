"""Videos: size, time, content, determinism, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from hanet.figures import video
from hanet.figures.images import find_images
from hanet.figures.skeletons.motion import Motion
from hanet.figures.video import write_gif, write_motion, write_mp4
from hanet.poses.sequence import PoseSequence


def moving(count: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """A red square that moves to the right on white."""
    frames = []
    for i in range(count):
        frame = np.full((height, width, 3), 255, dtype=np.uint8)
        frame[10:30, 2 * i : 2 * i + 20] = (220, 20, 20)
        frames.append(frame)
    return frames


def decoded(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


def test_mp4_is_what_browsers_play(tmp_path: Path):
    path = tmp_path / "a.mp4"
    frames = moving(12)
    write_mp4(path, frames, fps=30.0)
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height, stream.average_rate, stream.frames) == (64, 48, 30, 12)
    shown = decoded(path)
    assert np.abs(shown[5].astype(int) - frames[5]).mean() < 12
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # starts before it is loaded


def test_gif_loops_in_real_time(tmp_path: Path):
    write_gif(tmp_path / "a.gif", moving(7), fps=15.0)
    with Image.open(tmp_path / "a.gif") as image:
        assert image.n_frames == 7 and image.info["loop"] == 0
        durations = []
        for i in range(7):
            image.seek(i)
            durations.append(image.info["duration"])
    assert set(durations) == {60, 70} and sum(durations) == 470  # 7 / 15 s


@pytest.mark.parametrize(("name", "write"), [("a.mp4", write_mp4), ("a.gif", write_gif)])
def test_equal_frames_are_equal_bytes(tmp_path: Path, name: str, write):
    write(tmp_path / name, moving(9), fps=25.0)
    write(tmp_path / f"b{name}", iter(moving(9)), fps=25.0)
    assert (tmp_path / name).read_bytes() == (tmp_path / f"b{name}").read_bytes()


def test_drawings_are_encoded_alike_every_time(person: PoseSequence, noisy, tmp_path: Path):
    motion = Motion(person, {"input": noisy(person, 0.1), "hanet": person, "gt": person}, range(6))
    frames = list(motion.frames(width=240))
    for i in range(10):
        write_mp4(tmp_path / f"{i}.mp4", frames, fps=30.0)
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


@pytest.mark.parametrize(("name", "write"), [("a.mp4", write_mp4), ("a.gif", write_gif)])
def test_a_failed_video_leaves_the_old_one(tmp_path: Path, name: str, write):
    path = tmp_path / name
    path.write_text("old")

    def broken():
        yield moving(1)[0]
        raise ValueError("no more frames")

    with pytest.raises(ValueError, match="no more frames"):
        write(path, broken(), fps=25.0)
    with pytest.raises(ValueError, match="needs at least one frame"):
        write(path, [], fps=25.0)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_sizes_h264_cannot_have_are_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="needs even sides, got 63×48"):
        write_mp4(tmp_path / "a.mp4", moving(1, width=63), fps=25.0)
    with pytest.raises(ValueError, match="frames must all be 64×48, got 32×48"):
        write_mp4(tmp_path / "a.mp4", [*moving(1), *moving(1, width=32)], fps=25.0)


def test_without_an_encoder_it_says_so(monkeypatch: pytest.MonkeyPatch):
    assert video.encoder() in video.ENCODERS
    monkeypatch.setattr(video, "ENCODERS", {"libnothing": {}, **video.ENCODERS})
    assert video.encoder() != "libnothing"
    monkeypatch.setattr(video, "ENCODERS", {"libnothing": {}})
    with pytest.raises(OSError, match=r"has no H.264 encoder \(libnothing\); install PyAV's wheel"):
        video.encoder()


@pytest.mark.parametrize(
    ("fps", "limit", "expected"),
    [(60, 30, 2), (30, 30, 1), (25, 30, 1), (50, 30, 2), (29.97, 15, 2), (120, 15, 8)],
)
def test_faster_recordings_leave_frames_out(fps: float, limit: float, expected: int):
    assert video.step(float(fps), float(limit)) == expected


def test_a_motion_moves_and_repeats_itself(person: PoseSequence, noisy):
    motion = Motion(person, {"input": noisy(person, 0.05), "gt": person}, [0, 8, 16])
    frames = list(motion.frames(width=360))
    assert len(frames) == 3 and frames[0].shape[1] == 360 and frames[0].shape[0] % 2 == 0
    assert not np.array_equal(frames[0], frames[1])
    again = list(motion.frames(width=360))
    assert all(np.array_equal(a, b) for a, b in zip(frames, again, strict=True))
    (every_other, _) = motion.frames(width=360, every=2)
    assert np.array_equal(every_other, frames[0])


def test_a_motion_is_written_in_real_time_with_progress(person: PoseSequence, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(video, "MP4_WIDTH", 240)
    monkeypatch.setattr(video, "GIF_WIDTH", 240)
    motion = Motion(person, {"input": person}, range(8))
    seen = []

    def track(frames, total):
        seen.append(total)
        return frames

    write_motion(motion, tmp_path / "a.mp4", fps=60.0, track=track)
    write_motion(motion, tmp_path / "a.gif", fps=60.0, track=track)
    assert seen == [4, 2]
    with av.open(str(tmp_path / "a.mp4")) as file:
        assert file.streams.video[0].average_rate == 30
    size = (tmp_path / "a.gif").stat().st_size
    write_motion(motion, tmp_path / "b.gif", fps=60.0, max_bytes=size - 1)
    with Image.open(tmp_path / "b.gif") as image:
        assert getattr(image, "n_frames", 1) == 1
    with pytest.raises(ValueError, match="no GIF fits in 10 bytes"):
        write_motion(motion, tmp_path / "c.gif", fps=60.0, max_bytes=10)
    assert not (tmp_path / "c.gif").exists()
    with pytest.raises(ValueError, match=r"ends in \.mp4 or \.gif"):
        write_motion(motion, tmp_path / "a.avi", fps=60.0)


def test_keypoints_move_over_their_images(keypoints: PoseSequence, tmp_path: Path):
    for frame, grey in ((5, 40), (6, 220)):
        Image.fromarray(np.full((240, 320, 3), grey, dtype=np.uint8)).save(tmp_path / f"{frame:06}.png")
    motion = Motion(keypoints, {"input": keypoints}, [0, 1], images=find_images(tmp_path))
    dark, bright = (frame.mean() for frame in motion.frames(width=240))
    assert bright > dark + 20
    late = Motion(keypoints, {"input": keypoints}, [1, 2], images=find_images(tmp_path))
    with pytest.raises(ValueError, match="no image of frame 7"):
        list(late.frames(width=240))
    with pytest.raises(ValueError, match=r"expected frames within 5\.\.24"):
        Motion(keypoints, {"input": keypoints}, [19, 20])
    unknown = replace(keypoints, labelled=np.zeros((20, 17), dtype=bool))
    assert len(list(Motion(unknown, {"input": keypoints}, [0]).frames(width=240))) == 1  # an error of NaN
