"""A checkpoint as a method for poses of any video: what it was trained on, and whether poses are of that kind."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from hanet import checkpoints
from hanet.data.metadata import CacheMetadata
from hanet.methods.learned import LearnedMethod
from hanet.methods.tracks import AtRate, OverGaps
from hanet.poses import FrameOfReference, Representation, Unit

KEY = "poses"
"""Where a checkpoint's metadata holds `PoseKind`."""


@dataclass(frozen=True)
class PoseKind:
    """What kind of poses a network was trained on.

    Attributes:
        skeleton: its name.
        representation, unit, frame_of_reference, fps: as in `PoseSequence`.
    """

    skeleton: str
    representation: Representation
    unit: Unit
    frame_of_reference: FrameOfReference
    fps: float

    @classmethod
    def of(cls, metadata: CacheMetadata) -> PoseKind:
        """The kind of a cache's poses."""
        return cls(
            metadata.skeleton.name,
            metadata.representation,
            metadata.unit,
            metadata.frame_of_reference,
            metadata.fps,
        )

    @classmethod
    def of_checkpoint(cls, folder: Path, training_poses: CacheMetadata | None = None) -> PoseKind:
        """What a checkpoint says, or else the cache of detections it was trained on.

        Raises:
            ValueError: neither says.
        """
        said = checkpoints.read_metadata(folder).get(KEY)
        if said is not None:
            return cls(**said)
        if training_poses is None:
            raise ValueError(
                f"{folder} does not say what kind of poses it was trained on; name a cache of such poses with "
                "--trained-on, e.g. data/pairs/<experiment>/detected-train.parquet"
            )
        return cls.of(training_poses)

    def to_dict(self) -> dict[str, Any]:
        """For a checkpoint's metadata."""
        return asdict(self)

    def check(self, poses: CacheMetadata, name: str) -> None:
        """Refuse poses of another kind, naming what differs; another frame rate is no other kind.

        Raises:
            ValueError: another skeleton, representation, unit or frame of reference.
        """
        came = PoseKind.of(poses)
        different = [
            f"{field.name} {getattr(self, field.name)}, got {getattr(came, field.name)}"
            for field in fields(self)
            if field.name != "fps" and getattr(self, field.name) != getattr(came, field.name)
        ]
        if different:
            raise ValueError(
                f"{name}: the model was trained on poses of {'; of '.join(different)}; convert the poses, or "
                "take a model trained on such"
            )


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
    stride = stride or getattr(model.config, "interval", 1)
    learned = LearnedMethod(model, stride=stride, mirror_axis=0 if mirror else None, name=folder.name)
    weights = (folder / checkpoints.WEIGHTS).read_bytes()
    return Trained(
        OverGaps(AtRate(learned, kind.fps), longest=longest_gap),
        {
            "stride": stride,
            "mirror": mirror,
            "longest_gap": longest_gap,
            "trained_fps": kind.fps,
            "weights_sha256": hashlib.sha256(weights).hexdigest(),
        },
    )
