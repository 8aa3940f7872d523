"""A checkpoint as a method for poses of any video."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hanet import checkpoints
from hanet.methods.learned import LearnedMethod
from hanet.methods.tracks import AtRate, OverGaps
from hanet.pose_kind import PoseKind


@dataclass(frozen=True, eq=False)
class Trained:
    """A checkpoint as a method for tracks with gaps and of any frame rate.

    Attributes:
        method: what refines.
        parameters: settings and the weights' SHA-256, for a cache's metadata.
    """

    method: OverGaps
    parameters: dict[str, Any]


def trained_method(
    folder: Path, kind: PoseKind, *, stride: int | None, mirror: bool, longest_gap: int
) -> Trained:
    """Load a checkpoint.

    Args:
        folder: the checkpoint.
        kind: what it was trained on.
        stride: frames (of the model's rate) between windows; None takes the published evaluations': the
            interval between watched frames, or 1 for a network without.
        mirror: refine the mirror image too and average; of poses in a camera's frame.
        longest_gap: frames (of the poses' rate) of a gap that is filled.

    Raises:
        FileNotFoundError, ValueError: as `checkpoints.load` and `LearnedMethod`.
    """
    if mirror and not kind.frame_of_reference.startswith("camera"):
        raise ValueError(
            "--mirror needs 3D joints in a camera's frame, whose first axis goes from left to right; "
            f"{folder} was trained on {kind.representation} poses in frame {kind.frame_of_reference}"
        )
    model = checkpoints.load(folder)
    every: int = getattr(model.config, "interval", 1) if stride is None else stride
    learned = LearnedMethod(model, stride=every, mirror_axis=0 if mirror else None, name=folder.name)
    weights = (folder / checkpoints.WEIGHTS).read_bytes()
    return Trained(
        OverGaps(AtRate(learned, kind.fps), longest=longest_gap),
        {
            "stride": every,
            "mirror": mirror,
            "longest_gap": longest_gap,
            "trained_fps": kind.fps,
            "weights_sha256": hashlib.sha256(weights).hexdigest(),
        },
    )
