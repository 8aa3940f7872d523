"""Joints of rotations by hand; the loss and the error that they decide, its mask and its gradients."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from hanet.models.deciwatch import DeciWatchConfig
from hanet.models.hanet import HANetConfig
from hanet.models.losses import joint_loss
from hanet.models.smoothnet import SmoothNetConfig
from hanet.poses.rotations import axis_angle_to_matrix, matrix_to_rotation_6d
from hanet.poses.skeletons import H36M17, SMPL24
from hanet.smpl.joints import SmplJoints, joint_sequence
from hanet.smpl.rest_pose import posed_joints, rest_joints
from hanet.smpl.synthetic_body import synthetic_body
from hanet.smpl.tracks import from_axis_angle
from hanet.training.options import TrainingOptions
from hanet.training.pairs import PoseRows
from hanet.training.trainer import Trainer

BODY = synthetic_body()
JOINTS = SmplJoints(BODY)
NETWORKS = {
    "hanet": HANetConfig(channels=144, interval=2, window=5, hidden=8, layers=1),
    "deciwatch": DeciWatchConfig(
        channels=144, interval=2, window=5, hidden=8, encoder_layers=1, decoder_layers=1, feedforward=8
    ),
    "smoothnet": SmoothNetConfig(window=5, hidden=8, residual_hidden=8),
}


def pose(B: int = 2, T: int = 5, size: float = 0.3, seed: int = 0, **joints: list[float]) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    vectors = size * torch.randn(B, T, 24, 3, generator=generator)
    for name, vector in joints.items():
        vectors[:, :, SMPL24.index(name)] = torch.tensor(vector)
    return matrix_to_rotation_6d(axis_angle_to_matrix(vectors), layout="interleaved").flatten(2)


def rows(frames: int = 40, joints: SmplJoints | None = JOINTS, seed: int = 0) -> PoseRows:
    truth = pose(1, frames, seed=seed)[0]
    noise = 0.05 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(seed))
    return PoseRows(truth + noise, truth, np.array([0, frames]), SMPL24, "rot6d", joints)


def test_joints_of_the_rest_pose():
    assert np.abs(JOINTS(pose(size=0)).numpy() - rest_joints()).max() < 1e-6


def test_joints_without_torch_are_the_same():
    turned = pose(1, 6)
    bodies = JOINTS(turned)[0].numpy()
    six = turned[0].numpy().reshape(6, 24, 6)
    found = posed_joints(six)
    np.testing.assert_allclose(found, bodies - bodies[:, :1], atol=1e-5)
    six[2, SMPL24.index("l_elbow")] = np.nan
    unknown = np.isnan(posed_joints(six)).all(axis=2)
    assert {SMPL24.joints[j] for j in np.flatnonzero(unknown[2])} == {"l_wrist", "l_hand"}
    assert unknown.sum() == 2


def test_a_bent_elbow_by_hand():
    """A quarter turn about z swings (x, y) to (-y, x) for wrist and hand; 72 coordinates share the sum."""
    bent, rest = pose(size=0, l_elbow=[0, 0, math.pi / 2]), rest_joints()
    moved, lengths = 0.0, 0.0
    for name in ("l_wrist", "l_hand"):
        x, y, _ = rest[SMPL24.index(name)] - rest[SMPL24.index("l_elbow")]
        moved += abs(-y - x) + abs(x - y)
        lengths += math.hypot(-y - x, x - y)
    loss = joint_loss(JOINTS(bent), JOINTS(pose(size=0)))
    assert loss.item() == pytest.approx(moved / 72, rel=1e-5)
    found = PoseRows(pose(size=0)[0], pose(size=0)[0], np.array([0, 5]), SMPL24, "rot6d", JOINTS)
    assert found.error(bent[0]) == pytest.approx(1000 * lengths / 24, rel=1e-5)
    assert (found.error_unit, replace(found, joints=None).error_unit) == ("mm", "rot6d")


def test_a_track_s_joints_have_its_shape_and_size():
    betas = np.zeros(10)
    betas[0] = 1  # 4 % larger about the origin
    track = from_axis_angle("a", np.zeros((2, 72)), fps=25.0, betas=betas, scaling=0.5, start=7, track=2)
    found = joint_sequence(track, BODY)
    expected = 0.5 * 1.04 * (rest_joints() - rest_joints()[0])
    np.testing.assert_allclose(found.values, [expected, expected], atol=1e-6)
    assert (found.start, found.track, found.frame_of_reference) == (7, 2, "camera_root_relative")


def test_unlabelled_frames_count_neither_in_the_loss_nor_in_gradients():
    predicted, gt = pose(seed=1).requires_grad_(), pose(seed=2)
    labelled = torch.ones(2, 5, dtype=torch.bool)
    labelled[0, 1:] = False
    gt[~labelled] = torch.nan
    loss = joint_loss(JOINTS(predicted), JOINTS(gt))
    kept = [
        joint_loss(JOINTS(predicted[b, t][None, None]), JOINTS(gt[b, t][None, None]))
        for b, t in labelled.nonzero().tolist()
    ]
    torch.testing.assert_close(loss, torch.stack(kept).mean())
    (gradient,) = torch.autograd.grad(loss, predicted)
    assert torch.isfinite(gradient).all()
    assert not gradient[~labelled].any() and gradient[labelled].any(dim=-1).all()
    assert joint_loss(JOINTS(predicted), torch.full((2, 5, 24, 3), torch.nan)).item() == 0


def test_gradients_are_finite_at_the_truth():
    predicted = pose(1, 1, seed=1).requires_grad_()
    (gradient,) = torch.autograd.grad(joint_loss(JOINTS(predicted), JOINTS(predicted.detach())), predicted)
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_learns_the_joints_of_all_its_branches(tmp_path, network):
    config = NETWORKS[network]
    options = TrainingOptions(
        epochs=1, batch=8, stride=2, learning_rate=0.01, loss_weight=1.0, warmup_epochs=0
    )
    weights = {}
    for weight in (0.0, 2.0):
        trainer = Trainer(
            config,
            replace(options, joint_weight=weight),
            rows(),
            rows(seed=1),
            folder=tmp_path / f"{weight}",
        )
        detected, gt = pose(3, 5, seed=4), pose(3, 5, seed=5)
        trainer.model.eval()
        parts = trainer._losses(detected, gt)
        if weight:
            output = trainer.network.output(trainer.model, detected)
            branches = trainer.network.branches(output, config)
            expected = 2 * sum(joint_loss(JOINTS(p), JOINTS(gt)[:, f]) for p, f in branches)
            torch.testing.assert_close(parts["loss_joints"], expected)
        else:
            assert "loss_joints" not in parts
        weights[weight] = torch.cat([p.flatten() for p in trainer.run().parameters()])
    assert not torch.equal(weights[0.0], weights[2.0])


def test_what_does_not_go_together_is_named(tmp_path, unchecked):
    with pytest.raises(ValueError, match="SMPL poses have 24 × 6 = 144 channels, got 72"):
        JOINTS(torch.zeros(1, 2, 72))
    with pytest.raises(ValueError, match=r"joints follow from rotations \(rot6d\), these poses are in m"):
        PoseRows(torch.zeros(4, 51), torch.zeros(4, 51), np.array([0, 4]), H36M17, "m", JOINTS)
    options = TrainingOptions(
        epochs=1, batch=8, stride=2, learning_rate=0.01, loss_weight=1.0, joint_weight=1.0
    )
    with pytest.raises(ValueError, match=r"joint_weight 1.0 is for SMPL rotations with a body"):
        Trainer(NETWORKS["hanet"], options, rows(joints=None), rows(joints=None), folder=tmp_path)
    assert rows().content_hash() != rows(joints=None).content_hash()
