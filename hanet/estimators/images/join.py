"""Join shards of an estimator's poses into the caches that refiners read.

Poses are converted to the data set's skeleton; frames without a pose are filled
(`hanet.estimators.common.gaps`) and listed with their reasons in ``missing-<split>.csv``; tracks without any
pose are left out, also from the ground truth. Tracks are streamed one at a time.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from hanet.cache.files import CacheMetadata, CacheWriter, PoseCache
from hanet.estimators.common.gaps import filled, posed
from hanet.estimators.common.joint_mixes import CANDIDATES, JointMix, calibrate, mix_between
from hanet.estimators.images.adapters import Estimator
from hanet.estimators.images.shards import missing
from hanet.estimators.images.weights import BodySpec
from hanet.files.atomic import write_text
from hanet.files.unpickle import read_npy
from hanet.poses.gaps import interpolate
from hanet.poses.sequence import PoseSequence
from hanet.progress import console
from hanet.smpl.side_table import write_side_table
from hanet.smpl.tracks import SmplTrack


def check(estimator: Estimator, body: BodySpec | None, truth: CacheMetadata) -> None:
    """Check that an estimator's poses suit the data set.

    Raises:
        ValueError: poses of another representation, or joints that cannot be converted.
    """
    if body is None:
        if truth.representation != "2d":
            raise ValueError(
                f"{truth.dataset} has {truth.representation} poses, this estimator gives 2D keypoints; take "
                "spin or pare"
            )
        mix_between(estimator.skeleton, truth.skeleton)
    elif truth.representation == "2d" or (
        truth.representation == "3d" and truth.skeleton.name not in ("lsp14", "smpl24")
    ):
        raise ValueError(
            f"{truth.dataset} has {truth.representation} poses on {truth.skeleton.name}; a body model gives "
            "lsp14 or smpl24, so set ingest.skeleton of the data set to one of them"
        )


@dataclass(frozen=True)
class Part:
    """A split's shards, and its missing frames."""

    paths: Sequence[Path]
    missing: list[list[Any]]
    empty: int

    @classmethod
    def of(cls, paths: Sequence[Path]) -> Part:
        """Read the missing frames of complete shards."""
        found = [missing(path) for path in paths]
        return cls(paths, [row for rows, _ in found for row in rows], sum(empty for _, empty in found))

    def poses(self, suffix: str = "") -> Iterator[PoseSequence]:
        """All tracks, in order."""
        files = (path.with_name(f"{path.stem}{suffix}.parquet") for path in self.paths)
        return chain.from_iterable(PoseCache.open(path).sequences() for path in files)


def join(
    paths: Mapping[str, Sequence[Path]],
    truths: Mapping[str, PoseCache],
    folder: Path,
    *,
    estimator: str,
    settings: dict[str, Any],
    calibrated: bool,
) -> None:
    """Write ``detected``, ``gt`` and ``missing`` of every split, and ``smpl`` of a body estimator.

    Raises:
        ValueError: a split without any pose, or images whose size differs from the ground truth's.
    """
    parts = {split: Part.of(some) for split, some in paths.items()}
    body = settings["body"] is not None
    mix, joints = None, None
    if not body:
        mix, joints = conversion(parts["train"], truths["train"], calibrated=calibrated)
    for split, part in parts.items():
        truth = truths[split].metadata
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(
            [("sequence", "track", "frame", "reason"), *part.missing]
        )
        write_text(folder / f"missing-{split}.csv", text.getvalue())
        provenance = settings | {
            "joints": joints,
            "missing": {
                "frames": len(part.missing),
                "filled": "linearly in time",
                "tracks_left_out": part.empty,
            },
        }
        write(part, truths[split], folder, split, mix, estimator, provenance)
        if body:
            rotations(part, folder, split, estimator, truth, provenance)
        console.print(
            f"  {split}: {len(part.missing)} of {truths[split].num_frames} frames without a pose, "
            f"{part.empty} tracks left out"
        )


def conversion(
    train: Part, truth: PoseCache, *, calibrated: bool
) -> tuple[JointMix | None, dict[str, Any] | None]:
    """Conversion to the data set's skeleton, fitted to training where names do not suffice; its record."""
    first = next(train.poses())
    mix = mix_between(first.skeleton, truth.metadata.skeleton)
    if mix is None:
        return None, None
    note = None
    if calibrated and not mix.named.all():
        pairs = [
            (gt, found)
            for gt, found in zip(truth.sequences(), train.poses(), strict=True)
            if posed(found).any()
        ]
        try:
            mix = calibrate(mix, pairs, CANDIDATES[mix.source.name])
        except ValueError as error:
            note = f"the guess is kept: {error}"
            console.print(f"  {note}", markup=False)
    rows = {
        joint: {mix.source.joints[s]: round(float(w), 6) for s, w in enumerate(row) if w}
        for joint, row, named in zip(mix.target.joints, mix.weights, mix.named, strict=True)
        if not named
    }
    return mix, {"conversion": mix.name, "weights": rows, "note": note}


def pairs_of(part: Part, truth: PoseCache, suffix: str = "") -> Iterator[tuple[PoseSequence, PoseSequence]]:
    """(truth, estimate) of the tracks with a pose."""
    for gt, found in zip(truth.sequences(), part.poses(suffix), strict=True):
        if gt.image_size is not None and found.image_size not in (None, gt.image_size):
            raise ValueError(
                f"{gt.name}: its images are {found.image_size}, the ground truth is of images "
                f"{gt.image_size}; get the images that were annotated"
            )
        if posed(found).any():
            yield gt, found


def write(
    part: Part,
    truth: PoseCache,
    folder: Path,
    split: str,
    mix: JointMix | None,
    estimator: str,
    provenance: dict[str, Any],
) -> None:
    """Write the caches ``detected`` and ``gt`` of the tracks with a pose."""
    given = truth.metadata
    suffix = "-smpl" if given.representation == "smpl" else ""
    described = replace(given, estimator=estimator, provenance=provenance)
    written = 0
    with (
        CacheWriter(folder / f"detected-{split}.parquet", described) as detected,
        CacheWriter(folder / f"gt-{split}.parquet", given) as kept,
    ):
        for gt, found in pairs_of(part, truth, suffix):
            detected.write(filled(found if mix is None else mix(found)))
            kept.write(gt)
            written += 1
        if not written:
            raise ValueError(
                f"{split}: no frame of any track has a pose; see missing-{split}.csv: {part.missing[:1]}"
            )


def rotations(
    part: Part, folder: Path, split: str, estimator: str, truth: CacheMetadata, provenance: dict[str, Any]
) -> None:
    """Write SMPL's rotations of the same frames, ``smpl-detected``, with their shapes in a side table."""
    first = next(part.poses("-smpl"))
    described = CacheMetadata.of(
        first, dataset=truth.dataset, split=split, estimator=estimator, provenance=provenance
    )
    with CacheWriter(folder / f"smpl-detected-{split}.parquet", described) as writer:
        for track in smpl_tracks(part):
            writer.write(track.poses)
    write_side_table(folder / f"smpl-detected-{split}-side.parquet", merge_runs(smpl_tracks(part)))


def smpl_tracks(part: Part) -> Iterator[SmplTrack]:
    """Rotations and shapes without gaps; translations are unknown."""
    for path in part.paths:
        betas, row = read_npy(path.with_name(f"{path.stem}-betas.npy")), 0
        for found in PoseCache.open(path.with_name(f"{path.stem}-smpl.parquet")).sequences():
            rows = np.arange(len(found))
            shape = betas[row : row + len(found)].astype(np.float64)
            row += len(found)
            if posed(found).any():
                yield SmplTrack(filled(found), interpolate(shape, rows, rows).astype(np.float32))


def merge_runs(tracks: Iterator[SmplTrack]) -> Iterator[SmplTrack]:
    """Merge runs of one track, with NaN between them: a side table has each track once."""
    held: SmplTrack | None = None
    for track in tracks:
        if held is None or held.poses.key != track.poses.key:
            if held is not None:
                yield held
            held = track
            continue
        gap = track.poses.start - held.poses.start - len(held)
        values = np.concatenate(
            [held.poses.values, np.full((gap, 24, 6), np.nan, np.float32), track.poses.values]
        )
        betas = np.concatenate([held.betas, np.full((gap, 10), np.nan, np.float32), track.betas])
        plain = replace(held.poses, values=values, scores=None, labelled=None, boxes=None)
        held = SmplTrack(plain, betas)
    if held is not None:
        yield held
