"""Refine a pose file of any format, and write the same format back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hanet.formats.base import PoseFile
from hanet.methods.outcomes import Refined, require_known, result_of
from hanet.methods.smoothing import GapAware, Recorded, Smoothed
from hanet.poses.plausible import NoPosesError, without_wild
from hanet.poses.sequence import PoseSequence

DECIMALS = {"px": 4, "m": 7, "rot6d": 9}
"""Decimals of refined values by unit: below any estimator's precision."""


@dataclass(frozen=True)
class RefinedFile:
    """What became of a file.

    Attributes:
        tracks: one result per track.
        smoothed: the refined tracks, as the method gave them.
        method: the filters with their parameters, in words.
        notes: what was skipped or assumed in reading, or could not be written.
    """

    tracks: Sequence[Refined]
    smoothed: Sequence[Smoothed]
    method: str
    notes: Sequence[str]


def refine_file(
    poses: PoseFile,
    out: Path,
    method: GapAware,
    track: Callable[[Iterable[PoseSequence]], Iterable[PoseSequence]] = lambda tracks: tracks,
) -> RefinedFile:
    """Refine all tracks of a file that was read; `out` is written atomically, in the same format.

    Args:
        poses: as `hanet.formats.read` gives it.
        out: file or folder to write.
        method: the filters.
        track: passes tracks through and shows progress.

    Raises:
        NoPosesError: nobody is in the file, or no joint is known in any track.
        ValueError: the rate is not known, or a parameter that the rate does not allow.
    """
    poses.require_fps()
    if not poses.tracks:
        raise NoPosesError(f"{poses.path}: nobody in any frame, so there is nothing to refine")
    smoothed: list[Smoothed] = []
    results: list[Refined] = []
    for sequence in track(poses.tracks):
        known, wild = without_wild(sequence)
        found = method.smooth(known)
        smoothed.append(found)
        results.append(result_of(sequence, found.sequence, wild, None))
    require_known(results, poses.path)
    notes = poses.write(out, [rounded(found.sequence) for found in smoothed])
    return RefinedFile(results, smoothed, method.describe(smoothed), (*poses.notes, *notes))


def refine_cache_file(
    path: Path,
    out: Path,
    method: GapAware,
    track: Callable[[Iterable[PoseSequence]], Iterable[PoseSequence]] = lambda tracks: tracks,
) -> RefinedFile:
    """Refine a pose cache into another one, whose metadata name the method and the source.

    Raises:
        NoPosesError: the cache is empty, or no joint is known in any track.
        ValueError: as `hanet.methods.apply.refine_cache`.
    """
    from hanet.cache.files import PoseCache
    from hanet.methods.apply import refine_cache

    cache = PoseCache.open(path)
    recorded = Recorded(method)
    results = refine_cache(
        recorded,
        cache,
        out,
        parameters=method.parameters,
        longest=method.longest(cache.metadata.fps),
        track=track,
    )
    return RefinedFile(results, recorded.results, method.describe(recorded.results), ())


def rounded(sequence: PoseSequence) -> PoseSequence:
    """Values of double precision with the decimals that mean something; float32 as they are."""
    if sequence.values.dtype != np.float64:
        return sequence
    return replace(sequence, values=np.round(sequence.values, DECIMALS[sequence.unit]))
