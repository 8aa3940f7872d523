"""Joints of SMPL's 6D rotations, by a body model; for losses, validation errors and figures.

Axes: B any leading axes, T frames, C = 24·6 channels, a joint's six in `hanet.smpl.tracks.CACHE_LAYOUT`.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from hanet.poses.rotations import rotation_6d_to_matrix
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import SMPL24
from hanet.smpl.body import Body
from hanet.smpl.tracks import CACHE_LAYOUT, SmplTrack

CHANNELS = 6 * len(SMPL24)


class SmplJoints(nn.Module):
    """Joints (metres) of 6D poses with the mean shape and a fixed pelvis; differentiable.

    Refinement does not change shape or translation, so these are fixed. It is a module so that it can be
    moved to a device with the network; it has no parameters.
    """

    def __init__(self, body: Body) -> None:
        super().__init__()
        self.body = body

    def forward(self, pose: Float[Tensor, "*B C"]) -> Float[Tensor, "*B 24 3"]:
        """The joints; single precision.

        Raises:
            ValueError: poses of other than 24 × 6 channels.
        """
        if pose.shape[-1] != CHANNELS:
            raise ValueError(f"SMPL poses have 24 × 6 = {CHANNELS} channels, got {pose.shape[-1]}")
        six = pose.float().reshape(-1, len(SMPL24), 6)
        joints = self.body.joints(rotation_6d_to_matrix(six, layout=CACHE_LAYOUT))
        return joints.reshape(*pose.shape[:-1], len(SMPL24), 3)


def joint_sequence(track: SmplTrack, body: Body) -> PoseSequence:
    """A track's 24 joints with its own shapes and size, relative to the pelvis; NaN for NaN poses."""
    with torch.inference_mode():
        joints = body.joints(
            track.matrices().to(body.device), torch.from_numpy(np.array(track.betas)).to(body.device)
        )
    joints = track.scaling * (joints - joints[:, :1])
    poses = track.poses
    return PoseSequence.joints(
        poses.name,
        joints.cpu().numpy().astype(np.float32),
        SMPL24,
        fps=poses.fps,
        frame_of_reference="camera_root_relative",
        track=poses.track,
        start=poses.start,
        labelled=poses.labelled,
        image_size=poses.image_size,
        person=poses.person,
    )
