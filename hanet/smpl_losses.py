"""Losses on SMPL rotations beyond those on their numbers: where the body's joints come to lie.

L1 on the 6D numbers is `hanet.losses.hanet_loss` itself, on 24 × 6 channels. The joint term is what HANet's
released SMPL training meant to add (that code cannot run). It serves every refiner's poses: HANet's two
branches by `smpl_hanet_loss`, DeciWatch's and SmoothNet's by `smpl_joint_loss` beside their own losses.

Axes: B windows, T frames, C = 24·6 channels, a joint's six in `hanet.data.smpl_tracks.CACHE_LAYOUT`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hanet.body import Body
from hanet.data.smpl_tracks import CACHE_LAYOUT
from hanet.losses import HANetLoss, MutualLearning, hanet_loss, mean_absolute
from hanet.model import HANetOutput
from hanet.rotations import rotation_6d_to_matrix
from hanet.skeletons import SMPL24

CHANNELS = 6 * len(SMPL24)


class SmplHANetLoss(NamedTuple):
    """The loss on rotations and that on joints; scalars."""

    total: Float[Tensor, ""]
    rotations: HANetLoss
    joints: Float[Tensor, ""]
    """Decoder's joints at all frames plus encoder's at the watched ones, times the weight of joints."""


def smpl_joints(
    body: Body,
    pose: Float[Tensor, "B T C"],
    betas: Float[Tensor, "B T 10"] | None = None,
    transl: Float[Tensor, "B T 3"] | None = None,
) -> Float[Tensor, "B T 24 3"]:
    """SMPL's joints (metres) of 6D poses under the shapes and translations of the same frames.

    Raises:
        ValueError: poses of other than 24 × 6 channels.
    """
    B, T, C = pose.shape
    if C != CHANNELS:
        raise ValueError(f"SMPL poses have 24 × 6 = {CHANNELS} channels, got {C}")
    rotations = rotation_6d_to_matrix(pose.reshape(B * T, len(SMPL24), 6), layout=CACHE_LAYOUT)
    joints = body.joints(
        rotations,
        None if betas is None else betas.reshape(B * T, -1),
        None if transl is None else transl.reshape(B * T, 3),
    )
    return joints.unflatten(0, (B, T))


def smpl_joint_loss(
    pose: Float[Tensor, "B T C"],
    gt: Float[Tensor, "B T C"],
    body: Body,
    *,
    betas: Float[Tensor, "B T 10"] | None = None,
    gt_betas: Float[Tensor, "B T 10"] | None = None,
    transl: Float[Tensor, "B T 3"] | None = None,
    gt_transl: Float[Tensor, "B T 3"] | None = None,
    labelled: Bool[Tensor, "B T"] | None = None,
) -> Float[Tensor, ""]:
    """Mean absolute difference (metres) of the coordinates of SMPL's joints, over labelled frames.

    Args:
        pose, gt: 6D rotations; `gt` may be NaN where `labelled` is False.
        body: in the poses' precision, on their device.
        betas, transl: the estimator's shape and translation, which no refiner changes; None: mean shape, 0.
        gt_betas, gt_transl: those of the truth; None: as the estimator's, so that rotations alone count.
        labelled: frames whose truth is known; None: all. The loss is 0 where there is none.

    Raises:
        ValueError: shapes that disagree, or other than 24 × 6 channels.
    """
    if pose.shape != gt.shape:
        raise ValueError(
            f"poses and ground truth must be of one shape, got {tuple(pose.shape)}, {tuple(gt.shape)}"
        )
    if labelled is not None:
        # An unknown frame's NaN would reach the gradients through the body: a pose of zeros stands for it.
        gt = torch.where(labelled[..., None], gt, 0.0)
    predicted = smpl_joints(body, pose, betas, transl)
    true = smpl_joints(
        body, gt, betas if gt_betas is None else gt_betas, transl if gt_transl is None else gt_transl
    )
    difference = (predicted - true).flatten(2)
    mask = None if labelled is None else labelled[..., None].expand_as(difference)
    return mean_absolute(difference, mask)


def smpl_hanet_loss(
    output: HANetOutput,
    gt: Float[Tensor, "B T C"],
    body: Body,
    *,
    interval: int,
    loss_weight: float | int,
    joint_weight: float | int = 1.0,
    oml: MutualLearning = "symmetric",
    ohkm: bool = True,
    betas: Float[Tensor, "B T 10"] | None = None,
    gt_betas: Float[Tensor, "B T 10"] | None = None,
    transl: Float[Tensor, "B T 3"] | None = None,
    gt_transl: Float[Tensor, "B T 3"] | None = None,
    labelled: Bool[Tensor, "B T"] | None = None,
) -> SmplHANetLoss:
    """HANet's loss on rotations plus `joint_weight` times the joint loss of both branches.

    Args:
        output, interval, loss_weight, oml, ohkm: as in `hanet.losses.hanet_loss`.
        joint_weight: 0 leaves HANet's loss alone, and the body unused.
        gt, body, betas, gt_betas, transl, gt_transl, labelled: as in `smpl_joint_loss`.

    Raises:
        ValueError: shapes that disagree, as in either loss.
    """
    mask = None if labelled is None else labelled[..., None]
    rotations = hanet_loss(
        output, gt, interval=interval, loss_weight=loss_weight, oml=oml, ohkm=ohkm, mask=mask
    )
    if joint_weight == 0:
        return SmplHANetLoss(rotations.total, rotations, torch.zeros_like(rotations.total))
    beside = {
        "betas": betas,
        "gt_betas": gt_betas,
        "transl": transl,
        "gt_transl": gt_transl,
        "labelled": labelled,
    }
    watched = {name: None if value is None else value[:, ::interval] for name, value in beside.items()}
    joints = joint_weight * (
        smpl_joint_loss(output.decoder_pose, gt, body, **beside)
        + smpl_joint_loss(output.encoder_pose, gt[:, ::interval], body, **watched)
    )
    return SmplHANetLoss(rotations.total + joints, rotations, joints)
