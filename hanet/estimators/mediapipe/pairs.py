"""Run MediaPipe's pose model over a data set's images: shards, computed side by side, streamed into caches.

A shard is a number of consecutive tracks, as of the other image estimators
(`hanet.estimators.images.shards`), and joined like theirs (`hanet.estimators.images.join`): a killed run
resumes with the missing ones. Each shard has its own session (`hanet.estimators.mediapipe.engine`); tracking
starts afresh with every track.

Besides ``detected-<split>`` there is ``keypoints-detected-<split>``: COCO's keypoints of the same tracks,
pixels, NaN where nobody was detected; and ``detection.json``, see
`hanet.estimators.mediapipe.quality`.

Axes: T frames, 33 landmarks.
"""

from __future__ import annotations

import os
import shutil
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from hanet.cache.files import CacheMetadata, CacheWriter, PoseCache
from hanet.estimators.common.gaps import posed
from hanet.estimators.common.joint_mixes import JointMix, mix_between
from hanet.estimators.images import join
from hanet.estimators.images.footage import Footage
from hanet.estimators.images.job import check_images, no_boxes
from hanet.estimators.images.shards import Plan, Shard, fingerprint, shards
from hanet.estimators.mediapipe.blazepose import LiteRT
from hanet.estimators.mediapipe.engine import Worker, find_python, session
from hanet.estimators.mediapipe.models import ModelName
from hanet.estimators.mediapipe.options import MediaPipeEstimate
from hanet.estimators.mediapipe.pose import LANDMARKS33, TO_COCO17, TO_H36M17
from hanet.estimators.mediapipe.quality import quality
from hanet.estimators.mediapipe.worker import LANDMARKS, NUMBERS
from hanet.files.atomic import write_json
from hanet.files.hashing import file_hash
from hanet.options import SPLITS
from hanet.poses.sequence import PoseSequence, SequenceFields
from hanet.poses.skeletons import COCO17, H36M17
from hanet.progress import console

NOBODY = "MediaPipe detects nobody here"
_KEYPOINTS = "-keypoints"


@dataclass(frozen=True)
class Tools:
    """What computes a shard.

    Attributes:
        python: the interpreter with MediaPipe; None for LiteRT.
        model: which network places the landmarks.
        smooth: let MediaPipe filter its landmarks.
        footage: the images.
        dataset: its name.
        representation: of the data set's poses, ``2d`` or ``3d``.
        mix: from COCO's keypoints or Human3.6M's joints to the data set's; None where they are equal.
    """

    python: Path | None
    model: ModelName
    smooth: bool
    footage: Footage
    dataset: str
    representation: str
    mix: JointMix | None


def estimate(poses: Path, folder: Path, options: MediaPipeEstimate, *, scratch: Path) -> None:
    """Write ``detected``, ``keypoints-detected``, its ground truth and ``missing`` of every split.

    Raises:
        MediaPipeError: MediaPipe's environment is missing, or its process ended.
        ModuleNotFoundError: LiteRT is missing.
        FileNotFoundError: missing images.
        ValueError: a data set of rotations or of joints that MediaPipe does not have.
    """
    python = find_python()
    caches = {split: PoseCache.open(poses / f"gt-{split}.parquet") for split in SPLITS}
    truth = caches["train"].metadata
    tools = Tools(
        python,
        options.model,
        options.smooth,
        Footage(options.images, options.first_frame, Path.cwd()),
        truth.dataset,
        truth.representation,
        conversion(truth),
    )
    check_images(caches.values(), tools.footage)
    with session(python, (2, 2), smooth=options.smooth, model=options.model) as worker:
        about = worker.about
    settings = {
        "kind": options.kind,
        **options.model_dump(include={"images", "first_frame", "model", "smooth", "shard"}),
        "conversion": (TO_COCO17 if truth.representation == "2d" else TO_H36M17).name,
        "body": None,
        **about,
    }
    inputs = {path.name: file_hash(path) for path in sorted(poses.glob("gt-*.parquet"))}
    scratch = (scratch / fingerprint({**settings, "inputs": inputs})).resolve()
    planned = {split: _shards(cache, split, options.shard, scratch) for split, cache in caches.items()}
    _make_all(planned, tools, options.workers or os.cpu_count() or 1)
    paths = {split: [shard.path for shard in some] for split, some in planned.items()}
    join.join(paths, caches, folder, estimator="mediapipe", settings=settings, calibrated=False)
    report = {}
    for split in SPLITS:
        detected = folder / f"keypoints-detected-{split}.parquet"
        _keypoints(paths[split], detected, truth.dataset, split)
        report[split] = quality(detected, poses / f"keypoints-{split}.parquet", caches[split].num_frames)
    write_json(folder / "detection.json", report)
    shutil.rmtree(scratch.parent)


def conversion(truth: CacheMetadata) -> JointMix | None:
    """From COCO's keypoints (2D) or Human3.6M's joints (3D) to the data set's skeleton; None where equal.

    Raises:
        ValueError: a data set of rotations, or joints without a counterpart.
    """
    if truth.representation == "smpl":
        raise ValueError(
            f"{truth.dataset} has rotations, MediaPipe gives keypoints and joints; take spin or pare"
        )
    return mix_between(COCO17 if truth.representation == "2d" else H36M17, truth.skeleton)


def _shards(cache: PoseCache, split: str, size: int, scratch: Path) -> list[Shard]:
    plans = (Plan(gt.name, gt.track, gt.start, gt.fps, no_boxes(gt)) for gt in cache.sequences())
    return list(shards(plans, split=split, size=size, folder=scratch))


def _make_all(planned: dict[str, list[Shard]], tools: Tools, workers: int) -> None:
    """Compute every missing shard; threads wait for MediaPipe's processes. The first error ends the rest."""
    everything = [shard for some in planned.values() for shard in some]
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console) as progress, ThreadPoolExecutor(workers) as pool:
        task = progress.add_task("  mediapipe, frames", total=sum(shard.frames for shard in everything))
        for shard in everything:
            if shard.path.is_file():
                progress.advance(task, shard.frames)
        running = {pool.submit(make, shard, tools): shard for shard in everything if not shard.path.is_file()}
        try:
            while running:
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for one in done:
                    one.result()
                    progress.advance(task, running.pop(one).frames)
        finally:
            pool.shutdown(cancel_futures=True)


def make(shard: Shard, tools: Tools) -> Path:
    """Estimate a shard's tracks and write its files; the poses are written last and mark it as complete.

    Raises:
        MediaPipeError: the process cannot start or ended.
        ValueError: frames of several sizes.
    """
    with ExitStack() as stack:
        process = _Process(tools, stack)
        found = [_track(plan, tools, process) for plan in shard.plans]
    reasons = [reason for one in found for reason in one.reasons]
    empty = sum(not posed(one.poses).any() for one in found)
    described = {
        "dataset": tools.dataset,
        "split": shard.split,
        "estimator": "shard",
        "provenance": {"missing": reasons, "empty": empty},
    }
    _write(_beside(shard.path), [one.keypoints for one in found], described)
    _write(shard.path, [one.poses for one in found], described)
    return shard.path


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.stem}{_KEYPOINTS}.parquet")


def _write(path: Path, sequences: list[PoseSequence], described: dict[str, Any]) -> None:
    with CacheWriter(path, CacheMetadata.of(sequences[0], **described)) as writer:
        for sequence in sequences:
            writer.write(sequence)


@dataclass(frozen=True)
class _Track:
    """Poses on the data set's skeleton, COCO's keypoints, and the reasons of missing frames."""

    poses: PoseSequence
    keypoints: PoseSequence
    reasons: list[list[Any]]


class _Process:
    """The session of a shard's tracks, started with the first frame."""

    def __init__(self, tools: Tools, stack: ExitStack) -> None:
        self._tools, self._stack = tools, stack
        self._worker: Worker | LiteRT | None = None

    def begin(self, size: tuple[int, int], frames: int) -> Worker | LiteRT:
        """The session, ready for a video."""
        if self._worker is None:
            tools = self._tools
            worker = session(tools.python, size, smooth=tools.smooth, model=tools.model, frames=frames)
            self._worker = self._stack.enter_context(worker)
        else:
            self._worker.follow(size, frames)
        return self._worker


def _track(plan: Plan, tools: Tools, process: _Process) -> _Track:
    found, size, unread = _landmarks(plan, tools.footage, process)
    seen = np.asarray(np.isfinite(found).all(axis=(1, 2)))
    common: SequenceFields = {
        "scores": np.nan_to_num(found[..., 6]).astype(np.float32),
        "labelled": np.asarray(np.repeat(seen[:, None], LANDMARKS, axis=1)),
        "image_size": size,
    }
    pixels = (found[..., 3:5] * np.array(size or (1, 1))).astype(np.float32)
    keypoints = TO_COCO17(PoseSequence.keypoints(plan.name, pixels, LANDMARKS33, fps=plan.fps, **common))
    if tools.representation == "2d":
        poses = keypoints
    else:
        world = found[..., :3].astype(np.float32)
        joints = PoseSequence.joints(
            plan.name, world, LANDMARKS33, fps=plan.fps, frame_of_reference="camera", **common
        )
        poses = TO_H36M17(joints).root_relative()
    placed = {"track": plan.track, "start": plan.start}
    return _Track(
        replace(poses if tools.mix is None else tools.mix(poses), **placed),
        replace(keypoints, **placed),
        [
            [plan.name, plan.track, plan.start + row, tools.footage.reason(unread.get(row, NOBODY))]
            for row in np.flatnonzero(~seen).tolist()
        ],
    )


def _landmarks(
    plan: Plan, footage: Footage, process: _Process
) -> tuple[Float[np.ndarray, "T 33 8"], tuple[int, int] | None, dict[int, str]]:
    """Landmarks of a track, NaN where missing; size of its frames; reasons of unreadable ones by row."""
    count = len(plan.boxes)
    found = np.full((count, LANDMARKS, NUMBERS), np.nan, np.float32)
    unread: dict[int, str] = {}
    worker: Worker | LiteRT | None = None
    size: tuple[int, int] | None = None
    clip = footage.clip(plan.name, plan.start, count, plan.fps)
    for row, frame in enumerate(islice(clip.frames, clip.lead, clip.lead + count)):
        if frame.image is None:
            unread[row] = frame.reason
            if worker is not None and size is not None:  # MediaPipe's process counts frames
                worker.detect(np.zeros((size[1], size[0], 3), np.uint8))
            continue
        given = frame.image.shape[1], frame.image.shape[0]
        if worker is None:
            size, worker = given, process.begin(given, count - row)
        if given != size:
            raise ValueError(
                f"{plan.name}: frame {plan.start + row} has {given} pixels, the frames before have {size}; "
                "MediaPipe needs frames of one size"
            )
        found[row] = worker.detect(frame.image)
    return found, size, unread


def _keypoints(paths: list[Path], path: Path, dataset: str, split: str) -> None:
    """Join the shards' keypoints, without the tracks in which nobody was detected."""
    first = next(PoseCache.open(_beside(paths[0])).sequences())
    described = CacheMetadata.of(first, dataset=dataset, split=split, estimator="mediapipe", provenance={})
    with CacheWriter(path, described) as writer:
        for one in paths:
            for sequence in PoseCache.open(_beside(one)).sequences():
                if posed(sequence).any():
                    writer.write(sequence)
