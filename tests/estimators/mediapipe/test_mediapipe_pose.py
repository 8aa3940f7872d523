"""MediaPipe through its pipe: conversions by hand, frames without a person, and every way it can fail."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from hanet.estimators.mediapipe import worker as mediapipe_worker
from hanet.estimators.mediapipe.blazepose import LiteRT
from hanet.estimators.mediapipe.engine import (
    PYTHON_VARIABLE,
    MediaPipeError,
    Worker,
    find_python,
    session,
)
from hanet.estimators.mediapipe.pose import LANDMARKS33, TO_COCO17, TO_H36M17, changes, estimate
from hanet.estimators.mediapipe.video import Video
from hanet.extras import message
from hanet.figures.video import write_mp4
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17, H36M17
from tests.support.mediapipe_stand_in import stand_in
from tests.support.paths import ROOT


def film(path: Path, levels: list[int]) -> Video:
    """A video of grey frames, 64 by 32, 25 a second."""
    write_mp4(path, (np.full((32, 64, 3), level, np.uint8) for level in levels), fps=25.0)
    return Video.open(path)


def landmarks(values: np.ndarray) -> PoseSequence:
    return PoseSequence("a", values, LANDMARKS33, "3d", 25.0, "m", "camera")


def real_python() -> Path:
    python = Path(os.environ.get("HANET_MEDIAPIPE_TEST", ROOT / ".venv-mediapipe/bin/python"))
    return python if python.is_file() else pytest.skip(f"no MediaPipe at {python}: make mediapipe")


# --- conversions


def test_landmarks_are_in_mediapipes_order():
    at = {"nose": 0, "l_eye": 2, "r_eye": 5, "l_ear": 7, "r_mouth": 10, "l_shoulder": 11, "r_wrist": 16}
    at |= {"r_pinky": 18, "l_thumb": 21, "l_hip": 23, "r_knee": 26, "l_ankle": 27, "r_foot_index": 32}
    assert len(LANDMARKS33) == 33 and {name: LANDMARKS33.index(name) for name in at} == at


def test_limbs_go_by_name_and_the_trunk_is_a_guess(rng):
    assert TO_COCO17.named.all()
    guessed = [j for j, named in zip(H36M17.joints, TO_H36M17.named, strict=True) if not named]
    assert guessed == ["pelvis", "spine", "thorax", "head_top"]
    values = rng.normal(size=(4, 33, 3))
    joints = TO_H36M17(landmarks(values)).values
    np.testing.assert_array_equal(joints[:, H36M17.index("l_knee")], values[:, 25])
    np.testing.assert_allclose(joints[:, 0], (values[:, 23] + values[:, 24]) / 2)
    np.testing.assert_allclose(joints[:, 7], values[:, [11, 12, 23, 24]].mean(axis=1))
    np.testing.assert_allclose(joints[:, 8], (values[:, 11] + values[:, 12]) / 2)


def test_the_crown_is_beyond_the_ears():
    values = np.zeros((1, 33, 3))
    values[0, [7, 8], 1] = -0.6  # ears 0.2 m above the shoulders; y points down
    values[0, [11, 12], 1] = -0.4
    assert TO_H36M17(landmarks(values)).values[0, H36M17.index("head_top"), 1] == pytest.approx(-0.72)


# --- a video


def test_a_video_becomes_joints_and_keypoints(tmp_path):
    video = film(tmp_path / "walk.mp4", [100, 150, 0, 120])
    found = estimate(video, stand_in(tmp_path / "python"))
    joints, keypoints = found.joints, found.keypoints
    assert (joints.name, joints.fps, joints.unit, joints.skeleton) == ("walk", 25.0, "m", H36M17)
    assert joints.frame_of_reference == "camera_root_relative"
    # The pelvis is at i = 23.5 in x and y; the nose is landmark 0.
    np.testing.assert_allclose(joints.values[0, H36M17.index("nose"), :2], [-0.235, 0.47], atol=1e-6)
    assert (joints.values[[0, 1, 3], 0] == 0).all()
    assert (keypoints.skeleton, keypoints.unit, keypoints.image_size) == (COCO17, "px", (64, 32))
    knee = keypoints.values[1, COCO17.index("r_knee")]
    np.testing.assert_allclose(knee, [64 * 26 / 33, 32 * (1 - 26 / 66)], rtol=1e-6)
    assert keypoints.scores is not None and keypoints.scores[0, 0] == pytest.approx(0.9)


def test_frames_without_a_person_are_missing(tmp_path):
    found = estimate(film(tmp_path / "a.mp4", [0, 100, 0, 120]), stand_in(tmp_path / "python"))
    assert found.seen == 0.5
    for poses in (found.joints, found.keypoints):
        assert np.isfinite(poses.values).all(axis=(1, 2)).tolist() == [False, True, False, True]
        assert np.isnan(poses.values[0]).all()
        assert poses.labelled is not None and poses.scores is not None
        assert poses.labelled[:, 3].tolist() == [False, True, False, True]
        assert poses.scores[0, 0] == 0.0


def test_provenance_says_what_it_came_from(tmp_path):
    video = film(tmp_path / "a.mp4", [100, 100])
    found = estimate(video, stand_in(tmp_path / "python"), smooth=True)
    assert found.provenance == {
        "video_sha256": hashlib.sha256(video.path.read_bytes()).hexdigest(),
        "model": "full",
        "smooth": True,
        "fps": "25",
        "conversions": ["mediapipe33_to_h36m17_guessed", "mediapipe33_to_coco17"],
        "mediapipe": "stand-in",
        "python": "3",
        "models_sha256": {},
    }


def flat(x: list[float], fps: float = 25.0) -> PoseSequence:
    """Keypoints of a person 100 pixels high who is at x; NaN where x is."""
    values = np.zeros((len(x), 17, 2))
    values[:, :, 1] = np.linspace(0, 100, 17)
    values[..., 0] = np.array(x)[:, None]
    values[np.isnan(values[..., 0])] = np.nan
    return PoseSequence("a", values, COCO17, "2d", fps, "px", "image")


def test_a_leap_is_another_person():
    assert changes(flat([0, 29, 58, 89, 100])) == [3]  # 0.3 of 100 pixels a frame
    assert changes(flat([0, np.nan, 59, np.nan, 120])) == [4]  # and twice as much over two frames
    assert changes(flat([0, 59, 120], fps=12.5)) == [2]  # or over a frame twice as long
    assert changes(flat([0, 29, 60], fps=100.0)) == [2]
    assert changes(flat([5.0])) == changes(flat([np.nan, 5.0])) == []


def test_people_become_tracks(tmp_path):
    found = estimate(film(tmp_path / "a.mp4", [100, 0, 120, 130, 130]), stand_in(tmp_path / "python"))
    assert found.starts == [0]
    first, second = replace(found, starts=[0, 3]).tracks(found.joints)
    assert [(t.track, t.start, len(t)) for t in (first, second)] == [(0, 0, 3), (1, 3, 2)]
    np.testing.assert_array_equal(second.values, found.joints.values[3:])
    assert second.labelled is not None and second.labelled.all()


def test_nobody_in_the_whole_video(tmp_path):
    with pytest.raises(ValueError, match="sees nobody in any of its 3 frames"):
        estimate(film(tmp_path / "a.mp4", [0, 0, 0]), stand_in(tmp_path / "python"))


# --- failures of the process


def test_where_the_python_is(tmp_path):
    own = stand_in(tmp_path / "own")
    assert find_python({PYTHON_VARIABLE: str(own)}) == own
    with pytest.raises(MediaPipeError, match=rf"looked for .*absent\): unset {PYTHON_VARIABLE}"):
        find_python({PYTHON_VARIABLE: str(tmp_path / "absent")})


def test_without_a_python_litert_runs(monkeypatch):
    monkeypatch.setattr("hanet.estimators.mediapipe.engine.find_spec", lambda name: object())
    assert find_python({}) is None
    assert isinstance(session(None, (4, 2), smooth=False), LiteRT)
    monkeypatch.setattr("hanet.estimators.mediapipe.engine.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError) as raised:
        find_python({})
    assert message(raised.value).endswith("ai_edge_litert; install it by pip install 'hanet[video]'")


def test_a_file_that_does_not_run(tmp_path):
    (tmp_path / "python").write_text("not executable")
    with (
        pytest.raises(MediaPipeError, match="does not run"),
        Worker(tmp_path / "python", (4, 2), smooth=False),
    ):
        pass


def test_a_python_without_mediapipe():
    with (
        pytest.raises(MediaPipeError, match=r"No module named 'mediapipe'.*unset HANET_MEDIAPIPE_PYTHON"),
        Worker(Path(sys.executable), (4, 2), smooth=False),
    ):
        pass


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ("sys.exit('no such instruction')", "no such instruction"),
        ("print('Welcome!'); sys.exit(3)", r"status (3|-9)\); it said last: nothing"),
    ],
)
def test_a_process_that_does_not_greet(tmp_path, first: str, said: str):
    python = stand_in(tmp_path / "python", first)
    with pytest.raises(MediaPipeError, match=said), Worker(python, (4, 2), smooth=False):
        pass


def test_a_process_that_ends_on_the_way(tmp_path):
    with pytest.raises(MediaPipeError, match=r"ended .*: .*the model fell over"):
        estimate(film(tmp_path / "a.mp4", [100, 255, 100]), stand_in(tmp_path / "python"))


def test_a_process_that_ended_before_the_frame(tmp_path):
    python = stand_in(tmp_path / "python")
    with Worker(python, (400, 400), smooth=False) as worker:
        worker._process.kill()
        worker._process.wait()
        with pytest.raises(MediaPipeError, match="status -9"):
            worker.detect(np.full((400, 400, 3), 90, np.uint8))


def test_the_process_ends_with_the_block(tmp_path):
    with Worker(stand_in(tmp_path / "python"), (4, 2), smooth=False) as worker:
        process = worker._process
        assert process.poll() is None
    assert process.returncode == 0


def test_a_process_that_does_not_end_is_ended(tmp_path, monkeypatch):
    python = stand_in(tmp_path / "python", "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)")
    worker = Worker(python, (4, 2), smooth=False).__enter__()
    wait, waits = worker._process.wait, []

    def impatient(timeout: float | None = None) -> int:
        waits.append(timeout)
        if timeout is not None:
            raise subprocess.TimeoutExpired("python", timeout)
        return wait()

    monkeypatch.setattr(worker._process, "wait", impatient)
    worker.__exit__()
    assert waits == [10, None] and worker._process.returncode is not None


# --- the worker's side


def test_the_worker_answers_frame_by_frame():
    asked = json.dumps({"width": 2, "height": 1, "smooth": True, "frames": None}).encode() + b"\n"
    answers, seen = io.BytesIO(), []

    def start(smooth: bool):
        assert smooth is True
        return lambda image: seen.append(image.copy()) or b"answer", {"mediapipe": "0"}

    frames = bytes(range(12))
    assert mediapipe_worker.serve(io.BytesIO(asked + frames + b"cut"), answers, start) == 0
    assert answers.getvalue() == b'{"mediapipe": "0"}\nansweranswer'
    np.testing.assert_array_equal(seen[1], np.arange(6, 12, dtype=np.uint8).reshape(1, 2, 3))


def test_every_video_gets_a_model_of_its_own():
    asked = b'{"width": 1, "height": 1, "smooth": false, "frames": %d}\n'
    answers, models = io.BytesIO(), iter([b"first ", b"second "])

    def start(smooth: bool):
        model = next(models)
        return lambda image: model, {}

    content = asked % 2 + bytes(6) + asked % 1 + bytes(3)
    assert mediapipe_worker.serve(io.BytesIO(content), answers, start) == 0
    assert answers.getvalue() == b"{}\nfirst first {}\nsecond "


def test_the_worker_says_what_is_missing():
    answers = io.BytesIO()
    asked = io.BytesIO(b'{"width": 2, "height": 1, "smooth": false, "frames": null}\n')

    def start(smooth: bool):
        raise AttributeError("module 'mediapipe' has no attribute 'solutions'")

    assert mediapipe_worker.serve(asked, answers, start) == 1
    assert "no attribute 'solutions'" in json.loads(answers.getvalue())["error"]


def test_an_answer_holds_both_kinds_of_landmarks():
    def marks(offset: float):
        points = [SimpleNamespace(x=i + offset, y=0, z=0, visibility=0.5, presence=0.25) for i in range(33)]
        return SimpleNamespace(landmark=points)

    result = SimpleNamespace(pose_landmarks=marks(0.5), pose_world_landmarks=marks(0))
    answer = np.frombuffer(mediapipe_worker.landmarks(result), "<f4").reshape(33, 8)
    assert answer[7].tolist() == [7, 0, 0, 7.5, 0, 0, 0.5, 0.25]
    nobody = SimpleNamespace(pose_landmarks=None, pose_world_landmarks=None)
    assert np.isnan(np.frombuffer(mediapipe_worker.landmarks(nobody), "<f4")).all()


def test_the_model_is_started_from_inside_its_package(tmp_path, monkeypatch):
    for name in mediapipe_worker.MODELS:
        path = tmp_path / "modules" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(name.encode())
    settings: dict[str, object] = {}
    result = SimpleNamespace(pose_landmarks=None)

    def pose(**given: object):
        settings.update(given)
        return SimpleNamespace(process=lambda image: result)

    package = SimpleNamespace(
        __file__=str(tmp_path / "__init__.py"),
        __version__="0.10.21",
        solutions=SimpleNamespace(pose=SimpleNamespace(Pose=pose)),
    )
    monkeypatch.setitem(sys.modules, "mediapipe", package)
    detect, about = mediapipe_worker.start(False)
    assert settings == {"model_complexity": 1, "smooth_landmarks": False}
    assert about["mediapipe"] == "0.10.21" and set(about["models_sha256"]) == {
        "pose_detection.tflite",
        "pose_landmark_full.tflite",
    }
    assert np.isnan(np.frombuffer(detect(np.zeros((2, 2, 3), np.uint8)), "<f4")).all()


# --- MediaPipe itself


def test_mediapipe_sees_nobody_in_grey(tmp_path):
    with pytest.raises(ValueError, match="sees nobody in any of its 3 frames"):
        estimate(film(tmp_path / "a.mp4", [90, 90, 90]), real_python())


def test_mediapipe_on_a_demo_video():
    python, folder = real_python(), os.environ.get("HANET_DEMO_VIDEOS")
    if folder is None:
        pytest.skip("HANET_DEMO_VIDEOS is not set: name the folder that `hanet demo-videos` wrote")
    video = Video.open(Path(folder) / "pose2sim-cam01.mp4", Fraction(10))
    found = estimate(video, python)
    assert found.seen == 1.0 and found.provenance["mediapipe"] == "0.10.21"
    joints, keypoints = found.joints, found.keypoints
    down = joints.values[..., 1].mean(axis=0)
    assert down[H36M17.index("head_top")] < down[H36M17.index("thorax")] < 0 < down[H36M17.index("l_ankle")]
    thigh = joints.values[:, H36M17.index("l_hip")] - joints.values[:, H36M17.index("l_knee")]
    assert 0.3 < np.linalg.norm(thigh, axis=1).mean() < 0.5
    x, y = keypoints.values[:, COCO17.index("nose")].T
    assert (x > 0).all() and (x < 1080).all() and (y > 0).all() and (y < 960).all()
    # He walks towards the camera: his left is on the picture's right, his nose nearer than his shoulders.
    left, right = (keypoints.values[:, COCO17.index(f"{side}_hip"), 0].mean() for side in "lr")
    assert left > right
    depth = joints.values[..., 2].mean(axis=0)
    assert depth[H36M17.index("nose")] < depth[H36M17.index("thorax")]
