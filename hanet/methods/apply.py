"""A whole pose cache through one method, into another cache."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from hanet.cache.files import CacheWriter, PoseCache
from hanet.methods.base import Method
from hanet.metrics.smoothness import mean_acceleration
from hanet.poses.sequence import PoseSequence
from hanet.progress import console
from hanet.smpl.side_table import copy_side


@dataclass(frozen=True)
class Refined:
    """What became of one track.

    Attributes:
        name, track: which.
        frames: its frames.
        missing: of these, frames that came with an unknown joint.
        left_out: of these, frames that still have one.
        before, after: `mean_acceleration`; before only over the frames that were detected.
    """

    name: str
    track: int
    frames: int
    missing: int
    left_out: int
    before: float
    after: float


def refine_cache(
    method: Method,
    poses: PoseCache,
    out: Path,
    *,
    parameters: dict[str, Any],
    track: Callable[[Iterable[PoseSequence]], Iterable[PoseSequence]] = lambda sequences: sequences,
) -> list[Refined]:
    """Refine every track of a cache; `out` appears whole or not at all.

    Args:
        method: what refines.
        poses: the cache.
        out: the cache to write; its metadata name the method, its parameters and the SHA-256 of `poses`.
        parameters: for the metadata; JSON values.
        track: passes tracks through and shows progress.

    Raises:
        ValueError: what the method raises.
    """
    metadata = replace(
        poses.metadata,
        estimator=f"{poses.metadata.estimator}+{method.name}",
        provenance={
            "method": method.name,
            "parameters": parameters,
            "detected_sha256": poses.content_hash(),
            "detected": poses.metadata.provenance,
        },
    )
    results = []
    with CacheWriter(out, metadata) as writer:
        for sequence in track(poses.sequences()):
            refined = method.refine(sequence)
            writer.write(refined)
            results.append(_result(sequence, refined))
    return results


def _result(before: PoseSequence, after: PoseSequence) -> Refined:
    missing, left_out = (
        int((~np.isfinite(poses.values).all(axis=(1, 2))).sum()) for poses in (before, after)
    )
    accelerations = mean_acceleration(before), mean_acceleration(after)
    return Refined(before.name, before.track, len(before), missing, left_out, *accelerations)


def write_refined(method: Method, detected: PoseCache, path: Path, parameters: dict[str, Any]) -> None:
    """The cache of a method's refined poses; metadata say by what, with which parameters, from what."""
    described = replace(
        detected.metadata,
        estimator=f"{detected.metadata.estimator}+{method.name}",
        provenance={
            "method": method.name,
            "observed": method.observed,
            "parameters": parameters,
            "detected_sha256": detected.content_hash(),
        },
    )
    table = detected.read()
    with CacheWriter(path, described) as writer:
        for sequence in track(
            table.sequences(),
            description=f"  {method.name}",
            total=table.num_segments,
            console=console,
        ):
            writer.write(method.refine(sequence))
    copy_side(detected.path, path)  # no refiner changes shape or place
