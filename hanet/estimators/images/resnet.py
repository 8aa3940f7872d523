"""The ResNet of SimpleBaseline and SPIN: timm's, with the tensor names of their checkpoints."""

from __future__ import annotations

import timm
from jaxtyping import Float
from torch import Tensor, nn

STEPS = ("conv1", "bn1", "act1", "maxpool", "layer1", "layer2", "layer3", "layer4")


class ResNetTrunk(nn.Module):
    """Image → 2048 channels at 1/32 of its resolution; no pooling, no classifier.

    The layers are direct children of this module, to match the checkpoints' names.
    """

    channels = 2048

    def __init__(self, layers: int) -> None:
        super().__init__()
        resnet = timm.create_model(f"resnet{layers}", pretrained=False, num_classes=0)
        for step in STEPS:
            self.add_module(step, resnet.get_submodule(step))

    def trunk(self, x: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B 2048 h w"]:
        """The last feature map."""
        for step in STEPS:
            x = self.get_submodule(step)(x)
        return x
