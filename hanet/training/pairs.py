"""PoseRows: detected and ground-truth poses of many tracks, row by row, for training and validation.

Axes: N rows (frames of all tracks), S segments (runs of consecutive frames of one track), C channels.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hanet.cache.table import PoseTable, check_aligned
from hanet.poses.skeletons import Skeleton
from hanet.poses.windows import WindowSet

_CHUNK = 4096
"""Poses per batch when joints are computed."""


@dataclass(frozen=True, eq=False)
class PoseRows:
    """Rows of two aligned pose tables, in the network's unit.

    Attributes:
        detected: (N, C), finite.
        gt: (N, C); NaN where unknown or not labelled, so transforms of poses also move the gaps.
        offsets: row offsets (S+1) of the segments.
        skeleton: the poses' joints.
        unit: "m", "image" (keypoints as shares of the image's sides) or "rot6d" (rotations).
        joints: for rotations, the map from a pose (…, C) to joints (…, J, 3) in metres, on which errors are
            computed (`hanet.smpl.joints.SmplJoints`); None: errors of the six numbers.

    Raises:
        ValueError: arrays of different shapes, no rows, detected poses with NaN, or no ground-truth pose.
    """

    detected: Float[Tensor, "N C"]
    gt: Float[Tensor, "N C"]
    offsets: Int[np.ndarray, " S1"]
    skeleton: Skeleton
    unit: Literal["m", "image", "rot6d"] = "m"
    joints: nn.Module | None = None

    def __post_init__(self) -> None:
        if self.detected.shape != self.gt.shape:
            raise ValueError(
                f"detected {tuple(self.detected.shape)} and true poses {tuple(self.gt.shape)} differ in shape"
            )
        if not len(self.detected):
            raise ValueError("there are no rows; check the split in params.yaml")
        if not self.detected.isfinite().all():
            row = int((~self.detected.isfinite()).any(dim=1).nonzero()[0])
            raise ValueError(f"detected poses have NaN, first in row {row}; fill or leave out those frames")
        if not self.gt.isfinite().any():
            raise ValueError("no true pose is labelled; these rows can be neither trained on nor scored")
        if self.joints is not None and self.unit != "rot6d":
            raise ValueError(f"joints follow from rotations (rot6d), these poses are in {self.unit}")

    @cached_property
    def labelled(self) -> Bool[Tensor, "N C"] | None:
        """True where `gt` counts; None where all of it does."""
        known = self.gt.isfinite()
        return None if known.all() else known

    @classmethod
    def of(cls, detected: PoseTable, gt: PoseTable, *, joints: nn.Module | None = None) -> PoseRows:
        """Create from a detected and a ground-truth table of the same frames; keypoints become shares of the
        image.

        Args:
            detected, gt: the tables.
            joints: as in `PoseRows`; for rotations only.

        Raises:
            ValueError: tables of other frames, joints or units, or keypoints without an image size.
        """
        check_aligned(detected, gt)
        a, b = detected.metadata, gt.metadata
        for field in ("skeleton", "representation", "unit", "frame_of_reference", "fps"):
            if getattr(a, field) != getattr(b, field):
                raise ValueError(
                    f"{field} differs: {a.estimator} has {getattr(a, field)}, "
                    f"{b.estimator} has {getattr(b, field)}"
                )
        scale = np.float32(1)
        if a.representation == "2d":
            size = gt.image_size if gt.image_size is not None else detected.image_size
            if size is None or (size <= 0).any():
                raise ValueError("keypoints are refined as shares of the image; the caches lack image sizes")
            scale = np.tile(size.astype(np.float32), (1, len(a.skeleton)))
        truth = torch.from_numpy(gt.values / scale)
        if gt.labelled is not None:
            truth[~torch.from_numpy(gt.labelled.repeat(a.dims, axis=1))] = torch.nan
        return cls(
            detected=torch.from_numpy(detected.values / scale),
            gt=truth,
            offsets=gt.offsets,
            skeleton=a.skeleton,
            unit="image" if a.unit == "px" else a.unit,
            joints=joints,
        )

    @property
    def error_unit(self) -> str:
        """The unit of `error`, for display."""
        if self.joints is not None:
            return "mm"
        return {"m": "mm", "image": "% of the image", "rot6d": "rot6d"}[self.unit]

    def error(self, poses: Float[Tensor, "N C"]) -> float:
        """Mean distance of `poses` from ground truth over all joints with known coordinates.

        For 3D joints this is MPJPE in mm, for keypoints per cent of the image's sides. For rotations it is
        the MPJPE of the resulting joints, in mm, over completely known frames, or without `joints` the
        distance of the six numbers. See `error_unit`.
        """
        if self.joints is not None:
            known = self.gt.isfinite().all(dim=1)
            with torch.no_grad():
                pairs = zip(poses[known].split(_CHUNK), self.gt[known].split(_CHUNK), strict=True)
                distances = [(self.joints(pose) - self.joints(gt)).norm(dim=-1) for pose, gt in pairs]
            return float(torch.cat(distances).double().mean()) * 1000.0
        joints = (len(self.skeleton), -1)
        distance = (poses - self.gt).unflatten(1, joints).norm(dim=-1)
        known = self.gt.isfinite().unflatten(1, joints).all(dim=-1)
        return float(distance[known].double().mean()) * {"m": 1000.0, "image": 100.0, "rot6d": 1.0}[self.unit]

    def content_hash(self) -> str:
        """SHA-256 of all values and their meaning; a training state is bound to it."""
        digest = hashlib.sha256(f"{self.skeleton.name} {self.unit}".encode())
        digest.update(self.offsets.tobytes())
        body = () if self.joints is None else tuple(self.joints.buffers())
        for tensor in (self.detected, self.gt, *body):
            digest.update(tensor.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def windows(self, *, window: int, stride: int, tail: bool) -> WindowSet:
        """Windows over the rows, see `hanet.poses.segments.window_starts`."""
        return WindowSet.over(self.offsets, window=window, stride=stride, tail=tail)

    def to(self, device: torch.device) -> PoseRows:
        """The same rows on another device."""
        return replace(
            self,
            detected=self.detected.to(device),
            gt=self.gt.to(device),
            joints=None if self.joints is None else self.joints.to(device),
        )
