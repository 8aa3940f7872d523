"""Metadata of a pose cache: data set, estimator, skeleton, unit, provenance."""

from __future__ import annotations

import json
import reprlib
from dataclasses import dataclass, field, fields
from typing import Any, get_args

from hanet.files.json_text import parse_json
from hanet.poses import skeletons
from hanet.poses.sequence import DIMS, FrameOfReference, PoseSequence, Representation, Unit, check_fps
from hanet.poses.skeletons import Skeleton

SCHEMA_VERSION = 1
GROUND_TRUTH = "gt"
"""The `estimator` of a ground-truth cache."""


@dataclass(frozen=True)
class CacheMetadata:
    """What a cache's numbers mean; the same for all its sequences.

    Attributes:
        dataset: name of the data set.
        split: ``train``, ``test``, or another name of the data set's own.
        estimator: name of the estimator, or ``GROUND_TRUTH``.
        skeleton: one of `hanet.poses.skeletons.SKELETONS`; stored by name with its joints' names, so that a
            later change of the skeleton's order is noticed.
        representation: ``2d``, ``3d`` or ``smpl``; determines D, the numbers per joint.
        unit: ``px``, ``m`` or ``rot6d``.
        fps: frames per second.
        frame_of_reference: as in `PoseSequence`.
        provenance: JSON values: hashes of the sources, of the estimator's weights, parameters. No times and
            no paths: the same input must give the same file.
        schema_version: version of the file's layout.

    Raises:
        ValueError: a value is not allowed, the skeleton is unknown, or provenance does not survive a round
            trip through JSON; the message names the field.
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
                got = reprlib.repr(getattr(self, name))
                raise ValueError(f"{name} must be one of {', '.join(values)}, got {got}")
        for name in ("dataset", "split", "estimator"):
            text = getattr(self, name)
            if not isinstance(text, str) or not text.isprintable():
                raise ValueError(f"{name} must be printable text, got {reprlib.repr(text)}")
        if not isinstance(self.provenance, dict):
            raise ValueError(f"provenance must be a mapping, got {reprlib.repr(self.provenance)}")
        check_fps(self.fps)
        if skeletons.get(self.skeleton.name) != self.skeleton:
            raise ValueError(
                f"skeleton must be the known {self.skeleton.name}, got another of that name with joints "
                f"{', '.join(self.skeleton.joints)}; give it a name of its own in hanet.poses.skeletons"
            )
        try:
            same = json.loads(json.dumps(self.provenance, allow_nan=False)) == self.provenance
        except (TypeError, ValueError, RecursionError) as error:
            raise ValueError(f"provenance must hold finite JSON values only: {error}") from error
        if not same:
            raise ValueError("provenance must come back from JSON as it was: string keys, lists for tuples")

    @property
    def dims(self) -> int:
        """D, the numbers per joint."""
        return DIMS[self.representation]

    @property
    def channels(self) -> int:
        """C = J·D, the numbers per pose."""
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
        """Raise ValueError, naming the field, where a sequence's metadata differs."""
        for name in ("skeleton", "representation", "unit", "fps", "frame_of_reference"):
            expected, got = getattr(self, name), getattr(sequence, name)
            if expected != got:
                raise ValueError(
                    f"{sequence.name}: {name} must be {expected} as the cache's metadata says, got {got}"
                )

    def to_json(self) -> str:
        """One line with sorted keys; equal metadata give equal text."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        values |= {"skeleton": self.skeleton.name, "joints": list(self.skeleton.joints)}
        return json.dumps(values, sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> CacheMetadata:
        """Inverse of `to_json`.

        Raises:
            ValueError: the text is not a JSON object, has another schema version, lacks a field, or names a
                skeleton that is unknown or whose joints have changed.
        """
        values = parse_json(text, dict, where="its metadata", remedy="the file is damaged")
        version = values.pop("schema_version", None)
        if version != SCHEMA_VERSION or isinstance(version, bool):
            raise ValueError(f"expected schema version {SCHEMA_VERSION}, got {version}")
        expected = {f.name for f in fields(cls) if f.init} | {"joints"}
        if expected != values.keys():
            raise ValueError(f"expected metadata fields {sorted(expected)}, got {sorted(values)}")
        name, joints = values.pop("skeleton"), values.pop("joints")
        if not isinstance(name, str):
            raise ValueError(f"skeleton must be a name, got {reprlib.repr(name)}")
        if not (isinstance(joints, list) and all(isinstance(joint, str) for joint in joints)):
            raise ValueError(f"joints must be a list of names, got {reprlib.repr(joints)}")
        skeleton = skeletons.get(name)
        if tuple(joints) != skeleton.joints:
            raise ValueError(
                f"expected skeleton {skeleton.name} with joints {', '.join(skeleton.joints)}, got joints "
                f"{', '.join(joints)}"
            )
        return cls(skeleton=skeleton, **values)
