"""DCPose: keypoints of one person in a frame, from the frame and its two neighbours.

Source: Liu et al., "Deep dual consecutive network for human pose estimation", CVPR 2021, section 3; the
blocks that fuse heat maps are those of Cai et al., "Learning delicate local representations for multi-person
pose estimation", ECCV 2020 (RSN).

HRNet is timm's, deformable convolution torchvision's; tensors have the names of the authors' checkpoint.

Axes: B frames, J joints, H and W pixels; heat maps have a quarter of the input's resolution.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from timm.models.hrnet import HighResolutionNet, cfg_cls
from torch import Tensor, nn
from torchvision.ops import deform_conv2d

from hanet.estimators.common.checkpoints import Layout, load_official

DILATIONS = (3, 6, 9, 12, 15)
LAYOUT = Layout(container="state_dict", prefix="module.", bare=True)


class PoseHRNet(HighResolutionNet):
    """HRNet-W48 with one heat map per joint; its last fusion outputs only the finest resolution."""

    def __init__(self, joints: int) -> None:
        super().__init__(cfg_cls["hrnet_w48"], head="")
        last = self.get_submodule("stage4.2")
        last.fuse_layers = nn.ModuleList([last.get_submodule("fuse_layers.0")])
        self.final_layer = nn.Conv2d(48, joints, kernel_size=1)

    def forward(self, x: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B J H/4 W/4"]:
        return self.final_layer(self.forward_features(x)[0])


class ConvNorm(nn.Module):
    """Convolution and batch norm, with or without ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, relu: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
        self.bn = nn.BatchNorm2d(outputs)
        self.relu = relu

    def forward(self, x: Float[Tensor, "B C h w"]) -> Float[Tensor, "B D h w"]:
        y = self.bn(self.conv(x))
        return torch.relu(y) if self.relu else y


class ResidualSteps(nn.Module):
    """RSN's block: four groups of channels; group i has i convolutions.

    All but a group's last step also receive the previous group's output of the same step."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        width = inputs * 26 // 64
        self.conv_bn_relu1 = ConvNorm(inputs, 4 * width, 1)
        for group in range(1, 5):
            for step in range(1, group + 1):
                self.add_module(f"conv_bn_relu2_{group}_{step}", ConvNorm(width, width, 3))
        self.conv_bn_relu3 = ConvNorm(4 * width, outputs, 1, relu=False)
        if inputs != outputs:
            self.downsample = ConvNorm(inputs, outputs, 1, relu=False)

    def forward(self, x: Float[Tensor, "B C h w"]) -> Float[Tensor, "B D h w"]:
        above: list[Tensor] = []
        ends = []
        for group, y in enumerate(self.conv_bn_relu1(x).chunk(4, dim=1), start=1):
            steps: list[Tensor] = []
            for step in range(1, group + 1):
                # The previous group has one step fewer; the last step's only input is the step before it.
                y = y + above[step - 1] if step < group else y
                y = self.get_submodule(f"conv_bn_relu2_{group}_{step}")(y)
                steps.append(y)
            above = steps
            ends.append(y)
        skipped = self.downsample(x) if hasattr(self, "downsample") else x
        return torch.relu(self.conv_bn_relu3(torch.cat(ends, dim=1)) + skipped)


class Chain(nn.Module):
    """Blocks in sequence; the first changes the number of channels."""

    def __init__(self, inputs: int, outputs: int, blocks: int) -> None:
        super().__init__()
        widths = [inputs] + [outputs] * (blocks - 1)
        self.layers = nn.Sequential(*(ResidualSteps(width, outputs) for width in widths))

    def forward(self, x: Float[Tensor, "B C h w"]) -> Float[Tensor, "B D h w"]:
        return self.layers(x)


class DeformableConvolution(nn.Module):
    """A 3 × 3 convolution with learned offsets and weights of its taps, separately for each joint's map.

    Offsets are (dy, dx) for each tap; weights are used without a sigmoid.
    """

    def __init__(self, joints: int, dilation: int) -> None:
        super().__init__()
        self.reach = (dilation, dilation)
        self.deform_conv = nn.Conv2d(joints, joints, 3, padding=dilation, dilation=dilation)

    def forward(
        self,
        x: Float[Tensor, "B J h w"],
        offsets: Float[Tensor, "B J*18 h w"],
        taps: Float[Tensor, "B J*9 h w"],
    ) -> Float[Tensor, "B J h w"]:
        conv = self.deform_conv
        # In full precision under autocast too, because torchvision's operator lacks some types.
        x, offsets, taps = x.float(), offsets.float(), taps.float()
        return deform_conv2d(
            x, offsets, conv.weight, conv.bias, padding=self.reach, dilation=self.reach, mask=taps
        )


def _by_joint(*maps: Float[Tensor, "B J h w"]) -> Float[Tensor, "B C h w"]:
    """Stack channels by joint: all maps of the first joint first."""
    return torch.stack(maps, dim=2).flatten(1, 2)


class Fused(NamedTuple):
    """The three frames' merged heat maps and features, before the current frame's map is corrected."""

    support: Float[Tensor, "B J h w"]
    differences: Float[Tensor, "B 2*J h w"]
    combined: Float[Tensor, "B C h w"]


class DCPose(nn.Module):
    """Merge three frames' heat maps and resample them by offsets learned from their differences.

    The input is the current, previous and next frame, all cropped by the current frame's box.
    """

    def __init__(self, joints: int = 17, *, width: int = 64) -> None:
        super().__init__()
        self.rough_pose_estimation_net = PoseHRNet(joints)
        self.diff_temporal_fuse = Chain(4 * joints, 2 * joints, blocks=2)
        self.support_temporal_fuse = Chain(3 * joints, joints, blocks=1)
        self.offset_mask_combine_conv = Chain(3 * joints, width, blocks=2)
        self.offsets_list, self.masks_list = nn.ModuleList(), nn.ModuleList()
        self.modulated_deform_conv_list = nn.ModuleList()
        for dilation in DILATIONS:
            for to, numbers in ((self.offsets_list, 2), (self.masks_list, 1)):
                conv = nn.Conv2d(
                    width, joints * 9 * numbers, 3, padding=dilation, dilation=dilation, bias=False
                )
                to.append(nn.Sequential(conv))
            self.modulated_deform_conv_list.append(DeformableConvolution(joints, dilation))

    def rough(self, x: Float[Tensor, "B 9 H W"]) -> Float[Tensor, "3 B J h w"]:
        """Heat maps of the current, previous and next frame, each from its own frame."""
        return self.rough_pose_estimation_net(torch.cat(x.split(3, dim=1))).unflatten(0, (3, len(x)))

    def fuse(self, rough: Float[Tensor, "3 B J h w"], margin: Int[Tensor, "B 2"]) -> Fused:
        """Merge the frames' maps; the nearer neighbour has more weight.

        Args:
            rough: heat maps of the current, previous and next frame.
            margin: frames to the previous and to the next frame, both at least 1.
        """
        current, previous, following = rough
        near = margin.flip(1) / margin.sum(1, keepdim=True)
        before, after = near[:, 0, None, None, None], near[:, 1, None, None, None]
        support = self.support_temporal_fuse(_by_joint(current, previous * before, following * after))
        back, ahead = current - previous, current - following
        differences = self.diff_temporal_fuse(_by_joint(back, back * before, ahead, ahead * after))
        combined = self.offset_mask_combine_conv(torch.cat([differences, support], dim=1))
        return Fused(support, differences, combined)

    def forward(self, x: Float[Tensor, "B 9 H W"], margin: Int[Tensor, "B 2"]) -> Float[Tensor, "B J h w"]:
        fused = self.fuse(self.rough(x), margin)
        triples = zip(self.modulated_deform_conv_list, self.offsets_list, self.masks_list, strict=True)
        resampled = [
            conv(fused.support, offsets(fused.combined), taps(fused.combined))
            for conv, offsets, taps in triples
        ]
        return torch.stack(resampled).mean(dim=0)


def load(path: Path) -> tuple[DCPose, str]:
    """The network with an official checkpoint's weights, in evaluation mode, and the file's SHA-256.

    Raises:
        FileNotFoundError, ValueError: as `hanet.estimators.common.checkpoints.load_official`.
    """
    network = DCPose()
    return network.eval(), load_official(network, path, LAYOUT)
