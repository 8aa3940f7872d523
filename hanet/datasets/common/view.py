"""A clip seen by one camera: joints and keypoints of the same frames."""

from __future__ import annotations

from dataclasses import dataclass

from hanet.poses.sequence import PoseSequence


@dataclass(frozen=True)
class View:
    """One camera's ground truth: keypoints (pixels) and root-relative joints (metres, camera frame)."""

    keypoints: PoseSequence
    joints: PoseSequence
