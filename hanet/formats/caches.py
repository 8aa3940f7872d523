"""This project's pose caches (Parquet), as a format among the others.

A track is read over its whole span; frames that the cache has not are missing. The commands that keep a
cache's provenance (`hanet.methods.apply.refine_cache`) do not go through here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np

from hanet.cache.files import CacheWriter, PoseCache
from hanet.formats.base import FormatError, PoseFile, ReadOptions, Update
from hanet.formats.linking import MAX_JOINTS
from hanet.formats.missing import LARGEST
from hanet.formats.source import Source
from hanet.poses.gaps import join, runs
from hanet.poses.sequence import PoseSequence

_ANY_GAP = 2**31


def sniff(source: Source) -> bool:
    """A Parquet file."""
    return source.head.startswith(b"PAR1")


def read(path: Path, options: ReadOptions) -> PoseFile:
    """The tracks of a cache.

    Raises:
        FileNotFoundError: no such file.
        FormatError: not a pose cache, or tracks over more frames than can be held.
        ValueError: an option that contradicts the file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; check the path")
    cache = PoseCache.open(path)
    metadata = cache.metadata
    for name, asked, there in (
        ("fps", options.fps, metadata.fps),
        ("skeleton", options.skeleton, metadata.skeleton.name),
    ):
        if asked not in (None, there):
            raise ValueError(f"{path}: the cache has {name} {there}, got {asked}; leave out --{name}")
    pieces = list(cache.sequences())
    spans = [_span(list(group)) for _, group in groupby(pieces, key=lambda piece: piece.key)]
    if sum(spans) * len(metadata.skeleton) > MAX_JOINTS:
        raise FormatError(f"{path}: tracks over {sum(spans)} frames; refine or export it track by track")
    tracks = []
    for _, group in groupby(pieces, key=lambda piece: piece.key):
        whole = list(group)
        sizes = {piece.image_size for piece in whole}
        size = sizes.pop() if len(sizes) == 1 else None
        [track] = join([replace(piece, image_size=None) for piece in whole], _ANY_GAP)
        track = replace(track, image_size=size or options.image_size)
        tracks.append(_whole(track, options.min_score))
    return PoseFile(
        format="cache",
        path=path,
        tracks=tuple(tracks),
        fps=metadata.fps,
        fps_known=True,
        skeleton=metadata.skeleton,
        unit=metadata.unit,
        save=lambda out, updates: _save(cache, pieces, out, updates),
    )


def _span(pieces: Sequence[PoseSequence]) -> int:
    return max(p.start + len(p) for p in pieces) - min(p.start for p in pieces)


def _whole(track: PoseSequence, min_score: float | None) -> PoseSequence:
    known = np.asarray((np.abs(track.values) < LARGEST).all(axis=2))
    if min_score is not None and track.scores is not None:
        known &= track.scores >= min_score
    values = np.where(known[..., None], track.values, np.nan)
    return replace(track, values=values, labelled=known if track.labelled is None else known & track.labelled)


def _save(
    cache: PoseCache, pieces: Sequence[PoseSequence], out: Path, updates: Sequence[Update]
) -> list[str]:
    """The frames of the source, and those filled between them."""
    by_key = {update.track.key: update for update in updates}
    with CacheWriter(out, cache.metadata) as writer:
        for key, group in groupby(pieces, key=lambda piece: piece.key):
            update, track = by_key[key], by_key[key].track
            listed = np.zeros(len(track), dtype=bool)
            for piece in group:
                listed[piece.start - track.start : piece.start - track.start + len(piece)] = True
            labelled = (np.isfinite(update.values).all(axis=2) & ~update.filled)[:]
            if track.labelled is not None:
                labelled &= track.labelled
            values = np.where(update.touched[..., None], update.values, track.values)
            whole = replace(track, values=values.astype(np.float32), labelled=labelled)
            for run in runs(np.asarray(listed | update.filled.any(axis=1))):
                writer.write(whole.part(run))
    return []
