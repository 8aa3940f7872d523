"""PARE: the SMPL body of one person in one image; each joint attends to parts of the image.

Source: Kocabas et al., "PARE: Part attention regressor for 3D human body estimation", ICCV 2021, section 3.
Written from the paper; tensors have the names of the authors' checkpoint. The backbone is timm's HRNet.

Axes: B images, K = 24 body parts, one for each SMPL joint; feature maps h × w have a quarter of
the input's resolution.
"""

from __future__ import annotations

from pathlib import Path

import torch
from jaxtyping import Float
from timm.models.hrnet import HighResolutionNet, cfg_cls
from torch import Tensor, nn

from hanet.estimators.common.checkpoints import Layout, load_official
from hanet.estimators.images.spin import BodyEstimate
from hanet.poses.rotations import rotation_6d_to_matrix

PARTS = 24
LAYOUT = Layout(container="state_dict", prefix="model.", only_prefixed=True, left_out=("model.smpl.",))
"""A Lightning file: the network is under ``model.``; its copy of SMPL's data is not used."""


def _convolution(wide: int, narrow: int) -> list[nn.Module]:
    return [
        nn.Conv2d(wide, narrow, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(narrow),
        nn.ReLU(inplace=True),
    ]


class Backbone(HighResolutionNet):
    """HRNet-W32: its four resolutions are upsampled to the finest and concatenated, 480 channels."""

    def __init__(self) -> None:
        super().__init__(cfg_cls["hrnet_w32"], head="")
        # In the checkpoint, but not used in the computation.
        self.final_layer = nn.Conv2d(32, PARTS, kernel_size=1)
        self.upsample_stage_2 = self._upsampling(64, 1)
        self.upsample_stage_3 = self._upsampling(128, 2)
        self.upsample_stage_4 = self._upsampling(256, 3)

    @staticmethod
    def _upsampling(width: int, doublings: int) -> nn.Sequential:
        steps: list[nn.Module] = []
        for _ in range(doublings):
            steps += [nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)]
            steps += _convolution(width, width)
        return nn.Sequential(*steps)

    def forward(self, x: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B 480 H/4 W/4"]:
        finest, *coarse = self.forward_features(x)
        ups = (self.upsample_stage_2, self.upsample_stage_3, self.upsample_stage_4)
        return torch.cat([finest, *(up(y) for up, y in zip(ups, coarse, strict=True))], dim=1)


class LocalLinear(nn.Module):
    """One linear layer per part (a locally connected 1 × 1 convolution without bias)."""

    def __init__(self, inputs: int, outputs: int, parts: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, outputs, inputs, parts, 1, 1) / inputs**0.5)

    def forward(self, x: Float[Tensor, "B inputs K"]) -> Float[Tensor, "B K outputs"]:
        return torch.einsum("bik,oik->bko", x, self.weight[0, ..., 0, 0])


class Head(nn.Module):
    """Part maps are each joint's attention over the feature maps; the attended features give its rotation."""

    def __init__(self, inputs: int = 480, width: int = 128, shape_width: int = 64) -> None:
        super().__init__()
        self.keypoint_deconv_layers = nn.Sequential(*_convolution(inputs, width), *_convolution(width, width))
        self.smpl_deconv_layers = nn.Sequential(*_convolution(inputs, width), *_convolution(width, width))
        self.keypoint_final_layer = nn.Conv2d(width, PARTS + 1, kernel_size=1)
        self.smpl_final_layer = nn.Conv2d(width, shape_width, kernel_size=1)
        self.pose_mlp = LocalLinear(width, 6, PARTS)
        self.shape_mlp = nn.Linear(shape_width * PARTS, 10)
        self.cam_mlp = nn.Linear(shape_width * PARTS, 3)
        self.register_buffer("temperature", torch.tensor(1.0))
        # In the checkpoint, but not used in the computation: this head regresses in one step, without means.
        self.register_buffer("init_pose", torch.zeros(1, PARTS * 6))
        self.register_buffer("init_shape", torch.zeros(1, 10))
        self.register_buffer("init_cam", torch.zeros(1, 3))

    def part_maps(self, features: Float[Tensor, "B C h w"]) -> Float[Tensor, "B 25 h w"]:
        """The background's map (first) and one for each part, before softmax."""
        return self.keypoint_final_layer(self.keypoint_deconv_layers(features))

    def forward(self, features: Float[Tensor, "B C h w"]) -> BodyEstimate:
        maps = self.part_maps(features)[:, 1:].flatten(2)
        attention = torch.softmax(maps * self.get_buffer("temperature"), dim=-1)
        body = self.smpl_deconv_layers(features)
        pose = body.flatten(2) @ attention.mT
        shape = (self.smpl_final_layer(body).flatten(2) @ attention.mT).flatten(1)
        return BodyEstimate(
            rotation_6d_to_matrix(self.pose_mlp(pose).float(), layout="interleaved"),
            self.shape_mlp(shape),
            self.cam_mlp(shape),
        )


class PARE(nn.Module):
    """224 × 224 image → rotations, shape and camera."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Backbone()
        self.head = Head()

    def forward(self, x: Float[Tensor, "B 3 H W"]) -> BodyEstimate:
        return self.head(self.backbone(x))


def load(path: Path) -> tuple[PARE, str]:
    """The network with an official checkpoint's weights, in evaluation mode, and the file's SHA-256.

    Raises:
        FileNotFoundError, ValueError: as `hanet.estimators.common.checkpoints.load_official`.
    """
    network = PARE()
    return network.eval(), load_official(network, path, LAYOUT)
