"""Refine a complete pose cache with one method, into another cache."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.progress import track

from hanet.cache.files import CacheMetadata, CacheWriter, PoseCache
from hanet.methods.base import Method, require_finite
from hanet.methods.names import FILTERED
from hanet.methods.outcomes import Refined, require_known, result_of
from hanet.poses.gaps import join
from hanet.poses.plausible import NoPosesError, check_metres, check_root, without_wild
from hanet.poses.sequence import PoseSequence
from hanet.progress import console


def refine_tracks(
    method: Method, pieces: Iterable[PoseSequence], longest: int
) -> Iterator[tuple[PoseSequence, Refined]]:
    """Each track refined, and what became of it; one that cannot be refined comes as it was.

    Args:
        method: the refinement method.
        pieces: tracks, those of one in a row; pieces with at most `longest` frames between are joined first.
        longest: frames.
    """
    for _, group in groupby(pieces, key=lambda piece: piece.key):
        for poses in join(list(group), longest):
            try:
                refined, wild = refine_track(method, poses)
            except ValueError as error:
                yield poses, result_of(poses, poses, 0, error)
                continue
            yield refined, result_of(poses, refined, wild, None)


def refine_cache(
    method: Method,
    poses: PoseCache,
    out: Path,
    *,
    parameters: dict[str, Any],
    longest: int = 0,
    track: Callable[[Iterable[PoseSequence]], Iterable[PoseSequence]] = lambda sequences: sequences,
) -> list[Refined]:
    """Refine every track of a cache; `out` is written atomically.

    A track that cannot be refined is written as it was, and named in the results.

    Args:
        method: the refinement method.
        poses: the cache.
        out: the cache to write; its metadata name the method, its parameters and the SHA-256 of `poses`.
        parameters: for the metadata; JSON values.
        longest: frames between pieces of a track that are joined.
        track: passes tracks through and shows progress.

    Raises:
        NoPosesError: the cache is empty, or no joint is known in any track.
        ValueError: no track can be refined: poses in another unit or not relative to their root, a result
            that is not finite, or what the method raises; the message names sequence and track.
    """
    if poses.num_frames == 0:
        raise NoPosesError(f"{poses.path} holds no poses: there is nothing to refine")
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
        for refined, result in refine_tracks(method, track(poses.sequences()), longest):
            writer.write(refined)
            results.append(result)
        errors = [result.error for result in results if result.error is not None]
        if errors and len(errors) == len(results):
            raise type(errors[0])(f"{poses.path}: {errors[0]}") from errors[0]
        require_known(results, poses.path)
    return results


def refine_track(method: Method, sequence: PoseSequence) -> tuple[PoseSequence, int]:
    """Refine one track without the joints whose values no body can have, and count those.

    Raises:
        ValueError: poses in another unit or not relative to their root, a result that is not finite where
            the poses were, or what the method raises.
    """
    check_metres(sequence)
    check_root(sequence)
    known, wild = without_wild(sequence)
    refined = method.refine(known)
    require_finite(known, refined)
    return refined, wild


def write_refined(
    method: Method,
    detected: PoseCache,
    path: Path,
    parameters: dict[str, Any],
    *,
    cost: Mapping[str, float] | None = None,
) -> None:
    """The cache of a method's refined poses; metadata say by what, with which parameters, from what.

    Args:
        method: what refines.
        detected: the cache to refine.
        path: the cache to write.
        parameters: of the method, for the metadata; JSON values.
        cost: what the method costs, for the metadata, see `hanet.methods.cost`.
    """
    provenance = {
        "method": method.name,
        "observed": method.observed,
        "parameters": parameters,
        "cost": dict(cost or {}),
        "detected_sha256": detected.content_hash(),
    }
    estimator = f"{detected.metadata.estimator}+{method.name}"
    described = replace(detected.metadata, estimator=estimator, provenance=provenance)
    _write(partial(refine_track, method), detected, path, described)


def write_filtered(method: Method, parameters: dict[str, Any], refined: Path, ending: str = FILTERED) -> None:
    """The cache of a filter's poses beside the refined ones that it smooths, its name ending in `ending`.

    Share of frames read and cost are those of the method before it.
    """
    source = PoseCache.open(refined)
    name = f"{refined.stem}{ending}"
    provenance = source.metadata.provenance | {"method": name, "post_filter": parameters}
    # Refined poses were checked before the method; a root that the method moved is its own affair.
    estimator = f"{source.metadata.estimator.rsplit('+', 1)[0]}+{name}"
    described = replace(source.metadata, estimator=estimator, provenance=provenance)
    path = refined.with_name(f"{name}.parquet")
    _write(lambda poses: (method.refine(poses), 0), source, path, described)


def _write(
    refine: Callable[[PoseSequence], tuple[PoseSequence, int]],
    source: PoseCache,
    path: Path,
    described: CacheMetadata,
) -> None:
    """Write the cache of what `refine` returns for each track, with a count of joints taken as missing."""
    wild = 0
    with CacheWriter(path, described) as writer:
        for sequence in track(source.sequences(), description=f"  {path.stem}", console=console):
            refined, count = refine(sequence)
            writer.write(refined)
            wild += count
    if wild:
        console.print(f"  {source.path}: {wild} joints with values that no body can have taken as missing")
    from hanet.smpl.side_table import copy_side  # imports torch

    copy_side(source.path, path)  # no refiner changes shape or place
