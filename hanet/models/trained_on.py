"""The kind of poses that a network was trained on, stored in its checkpoint, and checks against it."""

from __future__ import annotations

import reprlib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from hanet.cache.files import PoseCache
from hanet.cache.metadata import CacheMetadata
from hanet.poses.sequence import FrameOfReference, Representation, Unit, check_fps

KEY = "poses"
"""The key of `PoseKind` in a checkpoint's metadata."""


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
    def of_checkpoint(cls, folder: Path, detected: PoseCache | None = None) -> PoseKind:
        """The kind stored in a checkpoint, or else that of the cache of detections it was trained on.

        Raises:
            FileNotFoundError: no such checkpoint.
            ValueError: the kind is unknown, or the checkpoint was trained on other detections.
        """
        from hanet.models import checkpoints  # PyTorch, which the kind of an exported network does not need

        metadata = checkpoints.read_metadata(folder)
        if KEY in metadata:
            return cls.from_dict(metadata[KEY], folder)
        if detected is None:
            raise ValueError(
                f"{folder} lacks the kind of poses it was trained on; name the cache of its training "
                "detections with --trained-on, e.g. data/pairs/<experiment>/detected-train.parquet"
            )
        hashes = metadata.get("data_sha256")
        if isinstance(hashes, dict) and hashes and detected.content_hash() not in hashes.values():
            raise ValueError(
                f"{folder} was not trained on {detected.path}: its data has SHA-256 "
                f"{', '.join(map(str, hashes.values()))}; name that file with --trained-on"
            )
        return cls.of(detected.metadata)

    @classmethod
    def from_dict(cls, values: Any, folder: Path) -> PoseKind:
        """Inverse of `to_dict`, of a checkpoint in `folder` or an exported network there.

        Raises:
            ValueError: damaged.
        """
        try:
            kind = cls(**values)
            check_fps(kind.fps)
            if not all(isinstance(getattr(kind, field.name), str) for field in fields(cls)[:-1]):
                raise ValueError(f"expected text, got {reprlib.repr(values)}")
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"{folder}: the kind of poses it was trained on is damaged ({error}); restore the "
                "checkpoint, or train it again"
            ) from error
        return kind

    def to_dict(self) -> dict[str, Any]:
        """The kind as a mapping, for a checkpoint's metadata."""
        return asdict(self)

    def check(self, poses: CacheMetadata, name: str) -> None:
        """Raise for poses of another kind, naming what differs; the frame rate is not compared.

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
