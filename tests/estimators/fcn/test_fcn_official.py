"""FCN from the official port's files, and its pre- and post-processing against the port's own numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hanet.estimators.fcn.lifting import HUMAN36M, Lifting
from hanet.estimators.fcn.network import FCN, Standardisation, estimate
from hanet.estimators.fcn.port import load, output_statistics
from hanet.poses.cameras import CalibratedCamera
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17
from tests.support import recipe

ON_32 = np.array([0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27])
"""The 17 joints among Human3.6M's 32."""


@pytest.fixture(scope="module")
def vectors():
    with np.load(recipe.REFERENCE / "estimators" / "prepost.npz") as arrays:
        return dict(arrays)


def sequence(values: np.ndarray, representation="2d") -> PoseSequence:
    two = representation == "2d"
    reference = "image" if two else "camera_root_relative"
    return PoseSequence("s", values, H36M17, representation, 50.0, "px" if two else "m", reference)


# --- the port's numbers


def test_the_camera(vectors):
    fx, fy, cx, cy, k1, k2, k3, p1, p2 = vectors["fcn_intr"]
    rotation, position = vectors["fcn_R"], vectors["fcn_T"][:, 0] / 1000
    camera = CalibratedCamera(
        "c", rotation, -rotation @ position, np.array([fx, fy]), np.array([cx, cy]),
        np.array([k1, k2, k3]), np.array([p1, p2]), "human36m", (1000, 1000),
    )  # fmt: skip
    seen = camera.to_camera(vectors["fcn_P_world"] / 1000)
    np.testing.assert_allclose(1000 * seen, vectors["fcn_cam"], atol=1e-8)
    # The vectors' points lie behind the camera, which ours refuses; opposite points have the same image.
    behind = seen[:, 2:] < 0
    np.testing.assert_allclose(camera.project(np.where(behind, -seen, seen)), vectors["fcn_proj"], rtol=1e-9)


def test_which_numbers_are_used(vectors):
    used = [2 * joint + axis for joint in ON_32[list(HUMAN36M.keypoints)] for axis in range(2)]
    assert used == vectors["fcn_dim_use_2d"].tolist()
    used = [3 * joint + axis for joint in ON_32[list(HUMAN36M.joints)] for axis in range(3)]
    assert used == vectors["fcn_dim_use_3d"].tolist()


def test_inputs_and_targets_in_z_scores(vectors):
    used = vectors["fcn_dim_use_2d"]
    keypoints = vectors["fcn_proj"].reshape(6, 32, 2)[:, ON_32]
    x = (HUMAN36M.inputs(sequence(keypoints)).numpy() - vectors["fcn_mean2"][used]) / vectors["fcn_std2"][
        used
    ]
    np.testing.assert_allclose(x, vectors["fcn_norm2"], atol=1e-4)
    used = vectors["fcn_dim_use_3d"]
    joints = vectors["fcn_cam"].reshape(6, 32, 3)[:, ON_32]
    relative = sequence((joints - joints[:, :1]) / 1000, "3d")
    y = 1000 * HUMAN36M.targets(relative).numpy() - vectors["fcn_mean3"][used]
    np.testing.assert_allclose(y / vectors["fcn_std3"][used], vectors["fcn_norm3"], atol=1e-4)


class Says(FCN):
    """Says the same whatever it sees."""

    def __init__(self, output: np.ndarray) -> None:
        super().__init__(width=1, stages=0)
        self.output = torch.from_numpy(output).float()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.output


def test_outputs_as_joints(vectors, tmp_path):
    mean, std = output_statistics(statistics(tmp_path / "stat_3d.pth.tar", vectors))
    scale = Standardisation(torch.zeros(32), torch.ones(32), mean, std)
    found = estimate(Says(vectors["fcn_norm3"]), scale, sequence(np.zeros((6, 17, 2), np.float32)))
    expected = vectors["fcn_unnorm17"].reshape(6, 17, 3)
    np.testing.assert_allclose(1000 * found.values, expected, atol=1e-2)
    assert found.unit == "m" and not found.values[:, 0].any()


# --- the port's files


def statistics(path: Path, vectors, **changes) -> Path:
    content = {
        "mean": vectors["fcn_mean3"],
        "std": vectors["fcn_std3"],
        "dim_use": vectors["fcn_dim_use_3d"],
    }
    torch.save(content | changes, path)
    return path


def checkpoint(path: Path, network: FCN, prefix: str = "") -> Path:
    torch.save({"state_dict": {prefix + k: v for k, v in network.state_dict().items()}, "epoch": 9}, path)
    return path


@pytest.mark.parametrize("prefix", ["", "module."])
def test_the_port_loads(vectors, tmp_path, rng, prefix):
    path = checkpoint(tmp_path / "gt_ckpt_best.pth.tar", FCN(), prefix)
    inputs = torch.from_numpy(rng.normal(500, 100, (50, 32))).float()
    network, scale, digest = load(path, statistics(tmp_path / "stat_3d.pth.tar", vectors), inputs)
    assert not network.training and len(digest) == 64
    assert torch.equal(scale.input_mean, inputs.mean(0)) and torch.equal(scale.input_std, inputs.std(0))
    used = vectors["fcn_dim_use_3d"]
    np.testing.assert_allclose(1000 * scale.output_std, vectors["fcn_std3"][used], rtol=1e-6)


def test_another_network_is_refused(vectors, tmp_path):
    path = checkpoint(
        tmp_path / "a.pth.tar", FCN(lifting=Lifting(H36M17, HUMAN36M.keypoints, HUMAN36M.joints[:14]))
    )
    stat = statistics(tmp_path / "s.pth.tar", vectors)
    with pytest.raises(ValueError, match=r"not an official FCN: w2.bias is \(42,\), but the config.*\(48,\)"):
        load(path, stat, torch.rand(9, 32))
    with pytest.raises(ValueError, match="keypoints hold NaN, or a coordinate that never changes"):
        load(checkpoint(path, FCN()), stat, torch.zeros(9, 32))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mean": np.zeros(64)}, "expected 96 means and standard deviations and 48 indices of them, got 64"),
        ({"dim_use": np.arange(96)}, "got 96, 96 and 96"),
        ({"dim_use": np.arange(60, 108)}, "48 indices of them"),
        ({"std": np.zeros(96)}, "positive standard deviations"),
        ({"mean": "many"}, "expected mean, std and dim_use"),
    ],
)
def test_other_statistics_are_refused(vectors, tmp_path, changes, message):
    path = statistics(tmp_path / "stat_3d.pth.tar", vectors, **changes)
    with pytest.raises(ValueError, match=message):
        output_statistics(path)


def test_statistics_run_no_code(tmp_path):
    path = tmp_path / "stat_3d.pth.tar"
    torch.save({"mean": Path("x")}, path)
    with pytest.raises(ValueError, match="no file of statistics that can be read safely"):
        output_statistics(path)
    path.write_bytes(b"\x80")
    with pytest.raises(ValueError, match="no file of statistics"):
        output_statistics(path)
    torch.save([1], path)
    with pytest.raises(ValueError, match="holds a list, expected a mapping"):
        output_statistics(path)
