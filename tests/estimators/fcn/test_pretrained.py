"""The package's weights: pinned, of people who are in no target, the same poses on every processor."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hanet.estimators.fcn import network as fcn
from hanet.estimators.fcn import pretrained
from hanet.estimators.fcn.pairs import check_people
from hanet.poses.cameras import look_at
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17
from tests.support.paths import ROOT
from tests.support.tiny import POSE


def keypoints(frames: int = 40) -> PoseSequence:
    """A standing person who sways, as a camera of the default experiment sees them."""
    pose = POSE | {"head_top": (0.0, 0.03, 1.78)}
    joints = np.array([pose[name] for name in H36M17.joints]) + np.zeros((frames, 1, 1))
    joints += 0.05 * np.sin(np.arange(frames)[:, None, None] / 5 + np.arange(17)[:, None] + np.arange(3))
    camera = look_at(
        np.array([0.0, 0.0, 1.0]),
        azimuth=0.4,
        elevation=0.2,
        distance=6.2,
        focal=1145.0,
        image_size=(1000, 1000),
    )
    seen = camera.project(camera.to_camera(joints))
    return PoseSequence.keypoints("sway", seen.astype(np.float32), H36M17, fps=60.0)


def estimated() -> np.ndarray:
    network, scale, _ = fcn.load(pretrained.find("cmu-1"))
    return fcn.estimate(network, scale, keypoints()).values


@pytest.mark.parametrize("name", pretrained.SHA256)
def test_every_file_is_there_small_and_says_whom_it_was_trained_on(name):
    path = pretrained.find(name)
    assert path.stat().st_size < 6_000_000
    network, _, bodies = fcn.load(path)
    assert list(bodies) == ["subject 2", "subject 3"]
    assert sorted(pretrained.SHA256) == [p.stem for p in sorted(path.parent.glob("*.safetensors"))]
    seen = keypoints()
    assert network.lifting.inputs(seen).isfinite().all()


def test_a_person_stands_upright_in_front_of_the_camera():
    """The head is above the ankles (y points down in a camera), and legs are as long as legs."""
    values = estimated()
    assert (values[:, H36M17.index("head_top"), 1] < -0.3).all()
    assert (values[:, H36M17.index("l_ankle"), 1] > 0.5).all()
    thigh = np.linalg.norm(values[:, H36M17.index("l_knee")] - values[:, H36M17.index("l_hip")], axis=-1)
    assert 0.3 < thigh.mean() < 0.55


@pytest.mark.parametrize(("capability", "threads"), [("default", "1"), ("avx2", "2")])
def test_processors_agree(tmp_path, capability, threads):
    """To a hundredth of a millimetre, and in truth far below."""
    out = tmp_path / "poses.npy"
    code = f"import numpy as np; from {__name__} import estimated; np.save({str(out)!r}, estimated())"
    environment = {
        **os.environ,
        "ATEN_CPU_CAPABILITY": capability,
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "PYTHONPATH": str(ROOT),
    }
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True, timeout=120)
    assert np.abs(np.load(out) - estimated()).max() < 1e-6


def test_another_file_or_name_is_refused(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"no pretrained FCN 'cmu'; the package has cmu-1, cmu-2, cmu-3"):
        pretrained.find("cmu")
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"cmu-1\.safetensors: no such file; install hanet again"):
        pretrained.find("cmu-1")
    Path(tmp_path / "cmu-1.safetensors").write_bytes(b"other")
    with pytest.raises(ValueError, match=r"cmu-1\.safetensors has SHA-256 \w+, expected \w+; install"):
        pretrained.find("cmu-1")


def test_people_that_it_was_trained_on_are_refused():
    _, _, bodies = fcn.load(pretrained.find("cmu-1"))
    other = {"ann": bodies["subject 2"] * 1.02}
    check_people(bodies, {"train": other, "source": {"same": bodies["subject 3"]}})
    with pytest.raises(
        ValueError, match="ben of test has the body of subject 3, whom the estimator was trained"
    ):
        check_people(bodies, {"train": other, "test": {"ben": bodies["subject 3"] * 1.002}})
