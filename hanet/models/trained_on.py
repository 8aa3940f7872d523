"""What kind of poses a network was trained on, as its checkpoint says, and whether poses are of that kind."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from hanet.cache.files import PoseCache
from hanet.cache.metadata import CacheMetadata
from hanet.models import checkpoints
from hanet.poses.sequence import FrameOfReference, Representation, Unit

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
    def of_checkpoint(cls, folder: Path, detected: PoseCache | None = None) -> PoseKind:
        """What a checkpoint says, or else the cache of detections that it was trained on.

        Raises:
            FileNotFoundError: there is no such checkpoint.
            ValueError: neither says, or the checkpoint was trained on other detections.
        """
        metadata = checkpoints.read_metadata(folder)
        if KEY in metadata:
            return cls(**metadata[KEY])
        if detected is None:
            raise ValueError(
                f"{folder} does not say what kind of poses it was trained on; name the cache of its training "
                "detections with --trained-on, e.g. data/pairs/<experiment>/detected-train.parquet"
            )
        hashes = metadata.get("data_sha256", {})
        if hashes and detected.content_hash() not in hashes.values():
            raise ValueError(
                f"{folder} was not trained on {detected.path}: its data has SHA-256 "
                f"{', '.join(hashes.values())}; name that file with --trained-on"
            )
        return cls.of(detected.metadata)

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
