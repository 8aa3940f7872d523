"""Caches of detected poses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hanet.cache.files import CacheMetadata, CacheWriter
from hanet.poses.sequence import PoseSequence

Pairs = list[tuple[PoseSequence, PoseSequence]]


def write(
    path: Path,
    sequences: Sequence[PoseSequence],
    truth: CacheMetadata,
    estimator: str,
    provenance: dict[str, Any],
) -> None:
    """Write a cache of detected poses with its ground truth's metadata."""
    described = CacheMetadata.of(
        sequences[0], dataset=truth.dataset, split=truth.split, estimator=estimator, provenance=provenance
    )
    with CacheWriter(path, described) as writer:
        for sequence in sequences:
            writer.write(sequence)
