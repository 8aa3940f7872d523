"""SPIN: the SMPL body of one person in one image, by a ResNet-50 and a regressor run three times.

Source: Kolotouros et al., "Learning to reconstruct 3D human pose and shape via model-fitting in the loop",
ICCV 2019; the network is that of Kanazawa et al., "End-to-end recovery of human shape and pose", CVPR 2018.

The backbone is timm's ResNet, whose tensors have the names of the authors' checkpoint.

Axes: B images, 24 SMPL joints.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hanet.estimators.common.checkpoints import Layout, load_official
from hanet.estimators.images.resnet import ResNetTrunk
from hanet.poses.rotations import rotation_6d_to_matrix

LAYOUT = Layout(container="model")


class BodyEstimate(NamedTuple):
    """SPIN's and PARE's estimate of the person in a crop.

    Attributes:
        rotations: of SMPL's 24 joints relative to their parents, the pelvis relative to the camera.
        betas: SMPL's shape.
        camera: weak perspective (scale, x, y) in the crop; see `hanet.estimators.images.crops` for metres.
    """

    rotations: Float[Tensor, "B 24 3 3"]
    betas: Float[Tensor, "B 10"]
    camera: Float[Tensor, "B 3"]


class HMR(ResNetTrunk):
    """Extract features of a 224 × 224 image, then correct mean pose, shape and camera in three steps."""

    def __init__(self) -> None:
        super().__init__(50)
        pose, shape, camera = 24 * 6, 10, 3
        self.fc1 = nn.Linear(self.channels + pose + shape + camera, 1024)
        self.drop1 = nn.Dropout()
        self.fc2 = nn.Linear(1024, 1024)
        self.drop2 = nn.Dropout()
        self.decpose = nn.Linear(1024, pose)
        self.decshape = nn.Linear(1024, shape)
        self.deccam = nn.Linear(1024, camera)
        # Means over the training set; zeros until a checkpoint is loaded.
        self.register_buffer("init_pose", torch.zeros(1, pose))
        self.register_buffer("init_shape", torch.zeros(1, shape))
        self.register_buffer("init_cam", torch.zeros(1, camera))

    def features(self, x: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B F"]:
        """The backbone's last feature map, averaged over the image."""
        return self.trunk(x).mean((2, 3))

    def regress(self, features: Float[Tensor, "B F"], iterations: int = 3) -> BodyEstimate:
        """Correct the mean pose, shape and camera `iterations` times."""
        count = len(features)
        pose, shape, camera = (
            self.get_buffer(name).expand(count, -1) for name in ("init_pose", "init_shape", "init_cam")
        )
        for _ in range(iterations):
            hidden = self.drop1(self.fc1(torch.cat([features, pose, shape, camera], dim=1)))
            hidden = self.drop2(self.fc2(hidden))
            pose = pose + self.decpose(hidden)
            shape = shape + self.decshape(hidden)
            camera = camera + self.deccam(hidden)
        return BodyEstimate(
            rotation_6d_to_matrix(pose.float().unflatten(1, (24, 6)), layout="interleaved"), shape, camera
        )

    def forward(self, x: Float[Tensor, "B 3 H W"]) -> BodyEstimate:
        return self.regress(self.features(x))


def load(path: Path) -> tuple[HMR, str]:
    """The network with an official checkpoint's weights, in evaluation mode, and the file's SHA-256.

    Raises:
        FileNotFoundError, ValueError: as `hanet.estimators.common.checkpoints.load_official`.
    """
    network = HMR()
    return network.eval(), load_official(network, path, LAYOUT)
