"""A data set's tracks in shards: one file each, written atomically by any process.

A shard is a number of consecutive tracks; it depends on the data set and the settings, not on the number of
processes. Within it batches span tracks. So every file's bytes are independent of the distribution of work,
and an interrupted run resumes with the missing files.

Axes: T frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from hanet.cache.files import CacheMetadata, CacheWriter, PoseCache
from hanet.estimators.common.gaps import posed
from hanet.estimators.images import detector as people
from hanet.estimators.images.adapters import Estimator
from hanet.estimators.images.batches import Estimated, PersonTrack, run
from hanet.estimators.images.boxes import chosen, without_gaps
from hanet.estimators.images.detector import PersonDetector
from hanet.estimators.images.footage import Footage
from hanet.estimators.images.weights import BodySpec, EstimatorSpec
from hanet.files.atomic import whole_file
from hanet.files.hashing import json_hash
from hanet.poses.rotations import rotation_6d_to_matrix
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import LSP14, SMPL24
from hanet.smpl.body import Body
from hanet.smpl.tracks import CACHE_LAYOUT

ROWS = 256
"""Frames per call of the body model."""
NOBODY = "no box: nobody was found here"


@dataclass(frozen=True)
class Plan:
    """A track to estimate, with the person's boxes or, with a detector, the expected boxes.

    Attributes:
        name, track, start, fps: as in `PoseSequence`.
        boxes: (T, 4), NaN where unknown. A detector searches for people near them.
        anybody: with a detector, use the person of the highest score in each frame and ignore `boxes`.
    """

    name: str
    track: int
    start: int
    fps: float
    boxes: Float[np.ndarray, "T 4"]
    anybody: bool = False


@dataclass(frozen=True)
class Shard:
    """Tracks of one split, and the file for their poses."""

    split: str
    plans: tuple[Plan, ...]
    path: Path

    @property
    def frames(self) -> int:
        """Number of frames over all tracks."""
        return sum(len(plan.boxes) for plan in self.plans)

    @property
    def rotations(self) -> Path:
        """Path of body estimators' rotations: a cache of the same frames."""
        return self.path.with_name(f"{self.path.stem}-smpl.parquet")

    @property
    def betas(self) -> Path:
        """Path of body estimators' shapes: an array of one row per frame."""
        return self.path.with_name(f"{self.path.stem}-betas.npy")


@dataclass(frozen=True)
class Tools:
    """Everything one process needs to compute a shard.

    Attributes:
        estimator: with its network on `device`.
        footage: the images.
        body: converts rotations to joints, and names the joints; for body estimators.
        detector: detects people, where boxes are not given.
        batch: crops per batch.
        device: PyTorch's name.
        half: half precision.
    """

    estimator: Estimator
    footage: Footage
    body: Body | None = None
    joints: str = "smpl24"
    detector: PersonDetector | None = None
    batch: int = 32
    device: str = "cpu"
    half: bool = False


@dataclass(frozen=True, kw_only=True)
class ToolSpec:
    """Specification of `Tools` that can be sent to another process and built there; fields as in `Tools`.

    Attributes:
        key: of the settings and inputs, see `fingerprint`; files with other content give another key.
        detector: the file of the detector's weights.
        min_score: minimum score of a detected person.
    """

    key: str
    estimator: EstimatorSpec
    footage: Footage
    body: BodySpec | None = None
    detector: Path | None = None
    min_score: float = 0.5
    batch: int = 32
    half: bool = False

    def build(self, device: str) -> Tools:
        """Build the tools, with networks on the device; raises as their builders do."""
        return Tools(
            estimator=self.estimator.build(device),
            footage=self.footage,
            body=None if self.body is None else self.body.build(device),
            joints="smpl24" if self.body is None else self.body.joints,
            detector=None
            if self.detector is None
            else people.load(self.detector, device=device, min_score=self.min_score),
            batch=self.batch,
            device=device,
            half=self.half,
        )


def shards(plans: Iterable[Plan], *, split: str, size: int, folder: Path) -> Iterator[Shard]:
    """Group the plans into shards of `size` tracks, in order."""
    rest, number = iter(plans), 0
    while part := tuple(islice(rest, size)):
        yield Shard(split, part, folder / f"{split}-{number:06d}.parquet")
        number += 1


def fingerprint(settings: Mapping[str, Any]) -> str:
    """Name of the shards' folder for these settings and inputs; equal settings give equal names."""
    return json_hash(settings)[:16]


def make(shard: Shard, tools: Tools, *, dataset: str) -> Path:
    """Estimate a shard's tracks and write its files; the poses are written last and mark the shard as
    complete.

    Missing poses are NaN in the cache, with the reason in the metadata (`missing`).

    Raises:
        ValueError, OSError: as `hanet.estimators.images.batches.run`.
    """
    tracks = [_track(plan, tools) for plan in shard.plans]
    ahead = 2 * tools.batch
    found = list(
        run(tools.estimator, tracks, batch=tools.batch, device=tools.device, half=tools.half, ahead=ahead)
    )
    poses = [one.poses for one in found]
    reasons = [reason for one in found for reason in _reasons(one, tools.footage)]
    provenance = {"missing": reasons, "empty": sum(not posed(sequence).any() for sequence in poses)}
    described = {"dataset": dataset, "split": shard.split, "estimator": "shard", "provenance": provenance}
    if tools.body is not None:
        betas = np.concatenate([_betas(one) for one in found])
        _save(betas, shard.betas)
        _write(shard.rotations, poses, described)
        poses = [joints_of(one, tools.body, tools.joints) for one in found]
    _write(shard.path, poses, described)
    return shard.path


def missing(path: Path) -> tuple[list[list[Any]], int]:
    """Sequence, track, frame and reason of each frame of a shard without a pose; and tracks without any."""
    found = PoseCache.open(path).metadata.provenance
    return found["missing"], found["empty"]


def _write(path: Path, poses: list[PoseSequence], described: dict[str, Any]) -> None:
    with CacheWriter(path, CacheMetadata.of(poses[0], **described)) as writer:
        for sequence in poses:
            writer.write(sequence)


def _save(array: np.ndarray, path: Path) -> None:
    with whole_file(path) as temporary, temporary.open("xb") as file:
        np.save(file, array)


def _track(plan: Plan, tools: Tools) -> PersonTrack:
    """The plan's track, with boxes from the detector if needed, and its images."""
    boxes = plan.boxes if tools.detector is None else _detected(plan, tools.footage, tools.detector)
    clip = tools.footage.clip(plan.name, plan.start, len(boxes), plan.fps)
    return PersonTrack(
        name=plan.name,
        frames=clip.frames,
        boxes=without_gaps(boxes),
        fps=plan.fps,
        track=plan.track,
        start=plan.start,
        lead=clip.lead,
        tail=clip.tail,
    )


def _detected(plan: Plan, footage: Footage, detector: PersonDetector) -> Float[np.ndarray, "T 4"]:
    boxes = np.full(plan.boxes.shape, np.nan, dtype=np.float32)
    clip = footage.clip(plan.name, plan.start, len(boxes), plan.fps)
    near = without_gaps(plan.boxes)
    for row, frame in enumerate(islice(clip.frames, clip.lead, clip.lead + len(boxes))):
        if frame.image is not None:
            boxes[row] = chosen(*detector(frame.image), None if plan.anybody else near[row])
    return boxes


def _reasons(found: Estimated, footage: Footage) -> Iterator[list[Any]]:
    poses = found.poses
    for row in np.flatnonzero(~posed(poses)).tolist():
        yield [poses.name, poses.track, poses.start + row, footage.reason(found.unread.get(row, NOBODY))]


def _betas(found: Estimated) -> Float[np.ndarray, "T 10"]:
    none = np.full((len(found.poses), 10), np.nan, dtype=np.float32)
    return none if found.betas is None else found.betas


def joints_of(found: Estimated, body: Body, joints: str) -> PoseSequence:
    """A body estimator's joints, metres, root-relative in the camera's frame; NaN where missing.

    Args:
        found: rotations and shapes.
        body: the body model.
        joints: ``smpl24``, or ``lsp14`` as regressed from the vertices.
    """
    poses, betas = found.poses, torch.from_numpy(_betas(found))
    rotations = rotation_6d_to_matrix(torch.from_numpy(poses.values), layout=CACHE_LAYOUT)
    skeleton = SMPL24 if joints == "smpl24" else LSP14
    values = np.full((len(poses), len(skeleton), 3), np.nan, dtype=np.float32)
    known = np.flatnonzero(posed(poses))
    for first in range(0, len(known), ROWS):
        rows = known[first : first + ROWS]
        turned, shape = rotations[rows].to(body.device), betas[rows].to(body.device)
        if joints == "smpl24":
            placed = body.joints(turned, shape)
        else:
            placed = body.joint_set(body(turned, shape), "lsp14")
        values[rows] = placed.cpu().numpy()
    return replace(
        poses,
        values=values,
        skeleton=skeleton,
        representation="3d",
        unit="m",
        frame_of_reference="camera",
        labelled=None if poses.labelled is None else poses.labelled[:, :1].repeat(len(skeleton), axis=1),
    ).root_relative()
