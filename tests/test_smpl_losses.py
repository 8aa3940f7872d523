"""The joint loss by hand, its mask, and its gradients; HANet's own loss is unchanged beside it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from hanet.losses import hanet_loss
from hanet.model import HANetOutput
from hanet.rotations import axis_angle_to_matrix, matrix_to_rotation_6d
from hanet.skeletons import SMPL24
from hanet.smpl_losses import smpl_hanet_loss, smpl_joint_loss, smpl_joints
from hanet.synthetic_body import rest_joints, synthetic_body

BODY = synthetic_body()
INTERVAL = 2


def pose(B: int = 2, T: int = 5, size: float = 0.3, seed: int = 0, **joints: list[float]) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    vectors = size * torch.randn(B, T, 24, 3, generator=generator)
    for name, vector in joints.items():
        vectors[:, :, SMPL24.index(name)] = torch.tensor(vector)
    return matrix_to_rotation_6d(axis_angle_to_matrix(vectors), layout="interleaved").flatten(2)


def test_joints_of_the_rest_pose():
    joints = smpl_joints(BODY, pose(size=0), transl=torch.ones(2, 5, 3))
    assert np.abs(joints.numpy() - rest_joints() - 1).max() < 1e-6


def test_a_bent_elbow_by_hand():
    """A quarter turn about z swings (x, y) to (-y, x) for wrist and hand; 72 coordinates share the sum."""
    bent = pose(size=0, l_elbow=[0, 0, math.pi / 2])
    rest = rest_joints()
    moved = 0.0
    for name in ("l_wrist", "l_hand"):
        x, y, _ = rest[SMPL24.index(name)] - rest[SMPL24.index("l_elbow")]
        moved += abs(-y - x) + abs(x - y)
    assert smpl_joint_loss(bent, pose(size=0), BODY).item() == pytest.approx(moved / 72, rel=1e-5)


def test_shape_and_translation_are_carried_through():
    same = pose()
    betas, transl = torch.zeros(2, 5, 10), torch.zeros(2, 5, 3)
    betas[..., 0] = 1  # 4 % larger about the origin
    assert smpl_joint_loss(same, same, BODY, betas=betas, transl=transl + 3).item() == 0
    rest = pose(size=0)
    by_shape = smpl_joint_loss(rest, rest, BODY, betas=betas, gt_betas=torch.zeros_like(betas))
    assert by_shape.item() == pytest.approx(0.04 * np.abs(rest_joints()).mean(), rel=1e-4)
    by_place = smpl_joint_loss(same, same, BODY, transl=transl + 0.3, gt_transl=transl)
    assert by_place.item() == pytest.approx(0.3, rel=1e-5)


def test_unlabelled_frames_count_neither_in_the_loss_nor_in_gradients():
    predicted, gt = pose(seed=1).requires_grad_(), pose(seed=2)
    labelled = torch.ones(2, 5, dtype=torch.bool)
    labelled[0, 1:] = False
    gt[~labelled] = torch.nan
    loss = smpl_joint_loss(predicted, gt, BODY, labelled=labelled)
    kept = torch.stack([smpl_joint_loss(predicted[b, t][None, None], gt[b, t][None, None], BODY)
                        for b, t in labelled.nonzero().tolist()])  # fmt: skip
    torch.testing.assert_close(loss, kept.mean())
    (gradient,) = torch.autograd.grad(loss, predicted)
    assert torch.isfinite(gradient).all()
    assert not gradient[~labelled].any() and gradient[labelled].any(dim=-1).all()
    assert smpl_joint_loss(predicted, gt, BODY, labelled=torch.zeros_like(labelled)).item() == 0


def test_gradients_are_right_and_finite_at_the_truth():
    body = synthetic_body().double()
    predicted, gt = pose(1, 1, seed=1).double().requires_grad_(), pose(1, 1, seed=2).double()
    assert torch.autograd.gradcheck(lambda p: smpl_joint_loss(p, gt, body), predicted)
    (gradient,) = torch.autograd.grad(smpl_joint_loss(predicted, predicted.detach(), body), predicted)
    assert torch.isfinite(gradient).all()


def test_hanet_s_loss_stands_beside_the_joint_loss():
    gt, output = pose(seed=3), HANetOutput(pose(seed=1), pose(seed=2)[:, ::INTERVAL])
    labelled = torch.ones(2, 5, dtype=torch.bool)
    labelled[1, 4] = False
    options = {"interval": INTERVAL, "loss_weight": 5.0}
    loss = smpl_hanet_loss(output, gt, BODY, **options, joint_weight=0.5, labelled=labelled)
    alone = hanet_loss(output, gt, **options, mask=labelled[..., None])
    decoder = smpl_joint_loss(output.decoder_pose, gt, BODY, labelled=labelled)
    watched = labelled[:, ::INTERVAL]
    encoder = smpl_joint_loss(output.encoder_pose, gt[:, ::INTERVAL], BODY, labelled=watched)
    assert loss.rotations == alone
    torch.testing.assert_close(loss.joints, 0.5 * (decoder + encoder))
    torch.testing.assert_close(loss.total, alone.total + loss.joints)
    off = smpl_hanet_loss(output, gt, BODY, **options, joint_weight=0, labelled=labelled)
    assert off.total == alone.total and off.joints == 0


def test_wrong_shapes_are_named(unchecked):
    with pytest.raises(ValueError, match="SMPL poses have 24 × 6 = 144 channels, got 72"):
        smpl_joint_loss(torch.zeros(1, 2, 72), torch.zeros(1, 2, 72), BODY)
    with pytest.raises(ValueError, match=r"of one shape, got \(1, 2, 144\), \(1, 3, 144\)"):
        smpl_joint_loss(torch.zeros(1, 2, 144), torch.zeros(1, 3, 144), BODY)
