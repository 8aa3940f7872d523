"""What a pose cache says of itself: whose poses, from which estimator, on which skeleton, in what unit."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import Any, get_args

from hanet.poses import skeletons
from hanet.poses.sequence import DIMS, FrameOfReference, PoseSequence, Representation, Unit
from hanet.poses.skeletons import Skeleton

SCHEMA_VERSION = 1
GROUND_TRUTH = "gt"
"""The `estimator` of a cache that holds ground truth."""


@dataclass(frozen=True)
class CacheMetadata:
    """Everything that gives a cache's numbers meaning; the same for all its sequences.

    Attributes:
        dataset: name of the data set.
        split: ``train``, ``test``, or what the data set calls its parts.
        estimator: name of what detected the poses, or ``GROUND_TRUTH``.
        skeleton: one of `hanet.poses.skeletons.SKELETONS`; stored by name with its joints' names, so that a
            later change of the skeleton's order is noticed.
        representation: ``2d``, ``3d`` or ``smpl``; sets D, the numbers a joint.
        unit: ``px``, ``m`` or ``rot6d``.
        fps: frames per second.
        frame_of_reference: as in `PoseSequence`.
        provenance: JSON values: hashes of the sources, of the estimator's weights, parameters. No times
            and no paths: the same input must give the same file.
        schema_version: version of the file's layout.

    Raises:
        ValueError: naming the field, where a value is none of those allowed, the skeleton is not a known
            one, or provenance would not come back from JSON as it was.
    """

    dataset: str
    split: str
    estimator: str
    skeleton: Skeleton
    representation: Representation
    unit: Unit
    fps: float
    frame_of_reference: FrameOfReference
    provenance: dict[str, Any] = field(default_factory=dict)
    schema_version: int = field(default=SCHEMA_VERSION, init=False)

    def __post_init__(self) -> None:
        allowed = {
            "representation": tuple(DIMS),
            "unit": get_args(Unit),
            "frame_of_reference": get_args(FrameOfReference),
        }
        for name, values in allowed.items():
            if getattr(self, name) not in values:
                raise ValueError(f"{name} must be one of {', '.join(values)}, got {getattr(self, name)!r}")
        if not self.fps > 0:
            raise ValueError(f"fps must be positive, got {self.fps}")
        if skeletons.get(self.skeleton.name) != self.skeleton:
            raise ValueError(
                f"skeleton must be the known {self.skeleton.name}, got another of that name with joints "
                f"{', '.join(self.skeleton.joints)}; give it a name of its own in hanet.poses.skeletons"
            )
        try:
            same = json.loads(json.dumps(self.provenance, allow_nan=False)) == self.provenance
        except (TypeError, ValueError) as error:
            raise ValueError(f"provenance must hold finite JSON values only: {error}") from error
        if not same:
            raise ValueError("provenance must come back from JSON as it was: string keys, lists for tuples")

    @property
    def dims(self) -> int:
        """D, the numbers a joint."""
        return DIMS[self.representation]

    @property
    def channels(self) -> int:
        """C = J·D, the numbers a pose."""
        return len(self.skeleton) * self.dims

    @classmethod
    def of(
        cls,
        sequence: PoseSequence,
        *,
        dataset: str,
        split: str,
        estimator: str,
        provenance: dict[str, Any] | None = None,
    ) -> CacheMetadata:
        """Metadata of a cache that holds sequences like this one."""
        return cls(
            dataset=dataset,
            split=split,
            estimator=estimator,
            skeleton=sequence.skeleton,
            representation=sequence.representation,
            unit=sequence.unit,
            fps=sequence.fps,
            frame_of_reference=sequence.frame_of_reference,
            provenance=provenance or {},
        )

    def check(self, sequence: PoseSequence) -> None:
        """Refuse a sequence that means something else, naming the field that differs."""
        for name in ("skeleton", "representation", "unit", "fps", "frame_of_reference"):
            expected, got = getattr(self, name), getattr(sequence, name)
            if expected != got:
                raise ValueError(
                    f"{sequence.name}: {name} must be {expected} as the cache's metadata says, got {got}"
                )

    def to_json(self) -> str:
        """One line with sorted keys, the same for equal metadata."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        values |= {"skeleton": self.skeleton.name, "joints": list(self.skeleton.joints)}
        return json.dumps(values, sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> CacheMetadata:
        """Inverse of `to_json`.

        Raises:
            ValueError: where the text is no JSON object, of another schema version, lacks a field, or
                names a skeleton that is unknown or has other joints today.
        """
        values = json.loads(text)
        version = values.pop("schema_version", None) if isinstance(values, dict) else None
        if version != SCHEMA_VERSION:
            raise ValueError(f"expected schema version {SCHEMA_VERSION}, got {version}")
        expected = {f.name for f in fields(cls) if f.init} | {"joints"}
        if expected != values.keys():
            raise ValueError(f"expected metadata fields {sorted(expected)}, got {sorted(values)}")
        skeleton = skeletons.get(values.pop("skeleton"))
        joints = tuple(values.pop("joints"))
        if joints != skeleton.joints:
            raise ValueError(
                f"expected skeleton {skeleton.name} with joints {', '.join(skeleton.joints)}, got joints "
                f"{', '.join(joints)}"
            )
        return cls(skeleton=skeleton, **values)
