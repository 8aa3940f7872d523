"""Pairs of estimates of kind `regressor`: SMPL rotations with simulated errors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

from hanet.cache.files import GROUND_TRUTH, CacheMetadata, PoseCache
from hanet.estimators.regressor.errors import perturb
from hanet.estimators.regressor.options import RegressorEstimate
from hanet.options import SPLITS
from hanet.poses.names import clip_of
from hanet.poses.sequence import PoseSequence
from hanet.smpl.body import Body
from hanet.smpl.noted_body import note_body
from hanet.smpl.retargeting import retarget
from hanet.smpl.side_table import read_tracks, write_tracks
from hanet.smpl.tracks import SmplTrack


def pairs(poses: Path, folder: Path, options: RegressorEstimate) -> None:
    """Write ``gt-<split>`` and ``detected-<split>`` of rotations, each with its side table."""
    body = note_body(options.body, folder)
    for split in SPLITS:
        source, tracks = truth(poses, split, body)
        chosen = list(first_views(tracks, options.views))
        described = CacheMetadata.of(
            chosen[0].poses,
            dataset=source.metadata.dataset,
            split=split,
            estimator=GROUND_TRUTH,
            provenance={**source.metadata.provenance, "body": options.body.model_dump()},
        )
        write_tracks(folder / f"gt-{split}.parquet", described, chosen)
        errors = {"errors": asdict(options.errors), "seed": options.seed}
        described = replace(
            described, estimator="regressor", provenance={"body": options.body.model_dump(), **errors}
        )
        seen = (perturb(track, options.errors, seed=options.seed) for track in chosen)
        write_tracks(folder / f"detected-{split}.parquet", described, seen)


def truth(poses: Path, split: str, body: Body) -> tuple[PoseCache, Iterator[SmplTrack]]:
    """The data set's SMPL, or its joints retargeted to the body."""
    path = poses / f"smpl-{split}.parquet"
    if path.is_file():
        cache = PoseCache.open(path, representation="smpl")
        return cache, read_tracks(cache)
    cache = PoseCache.open(poses / f"gt-{split}.parquet", representation="3d")
    return cache, (retarget(in_place(joints), body.rest_joints) for joints in cache.sequences())


def in_place(joints: PoseSequence) -> PoseSequence:
    """Root-relative joints as a body whose pelvis is at the camera: metrics do not depend on the position."""
    return replace(joints, frame_of_reference="camera", labelled=None)


def first_views(tracks: Iterator[SmplTrack], views: int | None) -> Iterator[SmplTrack]:
    """The tracks of the first `views` sequences of each clip; all where it is None."""
    names: dict[str, list[str]] = {}
    for track in tracks:
        taken = names.setdefault(clip_of(track.poses.name), [])
        if track.poses.name not in taken:
            taken.append(track.poses.name)
        if views is None or taken.index(track.poses.name) < views:
            yield track
