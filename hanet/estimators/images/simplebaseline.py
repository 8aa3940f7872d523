"""SimpleBaseline: keypoints of one person in one image, by a ResNet and three deconvolutions.

Source: Xiao et al., "Simple baselines for human pose estimation and tracking", ECCV 2018.

The backbone is timm's ResNet, whose tensors have the names of the authors' checkpoints.

Axes: B images, J joints, H and W pixels; heat maps have a quarter of the input's resolution.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from hanet.estimators.common.checkpoints import Layout, load_official
from hanet.estimators.images.resnet import ResNetTrunk

LAYOUT = Layout(container="state_dict", prefix="module.", bare=True)
"""Released files are a state dict; files of a training run have one under ``state_dict``."""


class PoseResNet(ResNetTrunk):
    """Image → ResNet (1/32) → three deconvolutions (1/4) → one heat map per joint."""

    def __init__(self, joints: int, *, layers: Literal[50, 101] = 50, width: int = 256) -> None:
        super().__init__(layers)
        channels = [self.channels, width, width, width]
        steps: list[nn.Module] = []
        for wide, narrow in pairwise(channels):
            steps += [
                nn.ConvTranspose2d(wide, narrow, kernel_size=4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(narrow),
                nn.ReLU(inplace=True),
            ]
        self.deconv_layers = nn.Sequential(*steps)
        self.final_layer = nn.Conv2d(width, joints, kernel_size=1)

    def forward(self, x: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B J H/4 W/4"]:
        return self.final_layer(self.deconv_layers(self.trunk(x)))


def load(path: Path, *, joints: int, layers: Literal[50, 101]) -> tuple[PoseResNet, str]:
    """The network with an official checkpoint's weights, in evaluation mode, and the file's SHA-256.

    Raises:
        FileNotFoundError, ValueError: as `hanet.estimators.common.checkpoints.load_official`.
    """
    network = PoseResNet(joints, layers=layers)
    return network.eval(), load_official(network, path, LAYOUT)
