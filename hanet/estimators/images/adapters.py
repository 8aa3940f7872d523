"""Common interface of image estimators: a network with its preprocessing and decoding.

Each crops a person as its authors' code does, and defines the skeleton, unit and frame of its poses.

Axes: B crops, J joints, D numbers per joint, H and W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from hanet.estimators.images.crops import (
    Crop,
    Resize,
    decode,
    normalised,
    padded_crop,
    spin_cut,
    square_crop,
    with_flipped,
)
from hanet.estimators.images.dcpose import DCPose
from hanet.estimators.images.pare import PARE
from hanet.estimators.images.simplebaseline import PoseResNet
from hanet.estimators.images.spin import HMR
from hanet.poses.sequence import FrameOfReference, Representation, Unit
from hanet.poses.skeletons import POSETRACK17, SMPL24, Skeleton

Picture = UInt8[np.ndarray, "rows columns 3"]


class Poses(NamedTuple):
    """Poses of a batch; scores and SMPL's shape where the network estimates them."""

    values: Float[np.ndarray, "B J D"]
    scores: Float[np.ndarray, "B J"] | None = None
    betas: Float[np.ndarray, "B 10"] | None = None


@runtime_checkable
class Estimator(Protocol):
    """A network, in evaluation mode on its device, with its preprocessing and decoding."""

    @property
    def skeleton(self) -> Skeleton:
        """Skeleton of the poses."""
        ...

    @property
    def representation(self) -> Representation:
        """Representation of the poses."""
        ...

    @property
    def unit(self) -> Unit:
        """Unit of the poses."""
        ...

    @property
    def frame_of_reference(self) -> FrameOfReference:
        """Frame of reference of the poses."""
        ...

    def prepare(
        self, previous: Picture, current: Picture, following: Picture, box: Float[np.ndarray, " 4"]
    ) -> tuple[Float[Tensor, "C H W"], Crop]:
        """The network's input for the person in the current frame, and the crop."""
        ...

    def poses(self, x: Float[Tensor, "B C H W"], crops: Sequence[Crop]) -> Poses:
        """Estimate the poses in the crops."""
        ...


@dataclass(frozen=True, kw_only=True)
class _Keypoints:
    representation: Representation = "2d"
    unit: Unit = "px"
    frame_of_reference: FrameOfReference = "image"


def _in_image(heatmaps: Float[Tensor, "B J h w"], crops: Sequence[Crop]) -> Poses:
    maps = heatmaps.float().cpu().numpy()
    keypoints, scores = decode(maps)
    placed = [c.to_image(k, width=maps.shape[-1]) for c, k in zip(crops, keypoints, strict=True)]
    return Poses(np.stack(placed), scores)


@dataclass(frozen=True, kw_only=True)
class SimpleBaselineEstimator(_Keypoints):
    """SimpleBaseline with crops of `pixels` (width, height), with or without the flip test."""

    network: PoseResNet
    skeleton: Skeleton
    pixels: tuple[int, int]
    flip: bool = True

    def prepare(
        self, previous: Picture, current: Picture, following: Picture, box: Float[np.ndarray, " 4"]
    ) -> tuple[Float[Tensor, "C H W"], Crop]:
        """One crop; blue is normalised with red's statistics. Neighbours are ignored."""
        crop = padded_crop(box, self.pixels)
        return normalised(crop.cut(current)[None], "bgr")[0], crop

    def poses(self, x: Float[Tensor, "B 3 H W"], crops: Sequence[Crop]) -> Poses:
        """Keypoints in image pixels, and the heights of the heat maps' peaks."""
        maps = self.network(x)
        if self.flip:
            maps = with_flipped(maps, self.network(x.flip(-1)), self.skeleton.mirror)
        return _in_image(maps, crops)


@dataclass(frozen=True, kw_only=True)
class DCPoseEstimator(_Keypoints):
    """DCPose on a frame and its direct neighbours, all cropped by the frame's box."""

    network: DCPose
    skeleton: Skeleton = POSETRACK17
    pixels: tuple[int, int] = (288, 384)

    def prepare(
        self, previous: Picture, current: Picture, following: Picture, box: Float[np.ndarray, " 4"]
    ) -> tuple[Float[Tensor, "C H W"], Crop]:
        """Three crops stacked: current, previous, next."""
        crop = padded_crop(box, self.pixels)
        cut = np.stack([crop.cut(image) for image in (current, previous, following)])
        return normalised(cut, "rgb").flatten(0, 1), crop

    def poses(self, x: Float[Tensor, "B 9 H W"], crops: Sequence[Crop]) -> Poses:
        """Keypoints in image pixels, and the heights of the heat maps' peaks."""
        margin = torch.ones(len(x), 2, dtype=torch.long, device=x.device)
        return _in_image(self.network(x, margin), crops)


@dataclass(frozen=True, kw_only=True)
class BodyEstimator:
    """SPIN or PARE: SMPL rotations.

    Attributes:
        network: SPIN's or PARE's; PARE's crop is interpolated, SPIN's resized as named by `resize`.
        padding: scale of the boxes; 1.2 for a detector's.
        resize: for SPIN only.
    """

    network: HMR | PARE
    padding: float = 1.0
    resize: Resize = "legacy"
    skeleton: Skeleton = SMPL24
    representation: Representation = "smpl"
    unit: Unit = "rot6d"
    frame_of_reference: FrameOfReference = "parent"

    def prepare(
        self, previous: Picture, current: Picture, following: Picture, box: Float[np.ndarray, " 4"]
    ) -> tuple[Float[Tensor, "C H W"], Crop]:
        """One crop. Neighbours are ignored."""
        crop = square_crop(box, padding=self.padding)
        cut = spin_cut(crop, current, self.resize) if isinstance(self.network, HMR) else crop.cut(current)
        return normalised(cut[None], "rgb")[0], crop

    def poses(self, x: Float[Tensor, "B 3 H W"], crops: Sequence[Crop]) -> Poses:
        """The first two columns of each rotation, interleaved, and the shape; no scores."""
        found = self.network(x)
        six = found.rotations[..., :2].flatten(-2)
        return Poses(six.float().cpu().numpy(), betas=found.betas.float().cpu().numpy())
