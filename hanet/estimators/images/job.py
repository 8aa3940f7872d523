"""Run an estimator over a data set's images: Dask computes shards, which are streamed into pose caches.

`hanet.estimators.images.shards` makes one shard, `hanet.estimators.images.join` joins them. Shards are stored
in data/scratch/estimate under a fingerprint of weights, settings and caches until the stage is done, so a
killed run resumes with the missing ones. DVC does not track images and weights, which are outside the
project: after a change run ``dvc repro --force estimate@<experiment>``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from hanet.cache.files import CacheMetadata, PoseCache
from hanet.estimators.common.weight_files import WeightStore
from hanet.estimators.images import join
from hanet.estimators.images.boxes import of_poses, read_boxes
from hanet.estimators.images.footage import Footage
from hanet.estimators.images.options import ImagesEstimate
from hanet.estimators.images.shards import Plan, Shard, Tools, ToolSpec, fingerprint, make, shards
from hanet.estimators.images.weights import BodySpec, EstimatorSpec
from hanet.files.hashing import file_hash
from hanet.models.device import device
from hanet.options import SPLITS
from hanet.poses.sequence import PoseSequence
from hanet.progress import console

SCHEDULER = "HANET_DASK_SCHEDULER"
"""Environment variable with the address of a Dask scheduler; overridden by parameters."""


@dataclass(frozen=True)
class Job:
    """Settings common to an experiment's shards."""

    options: ImagesEstimate
    poses: Path
    tools: ToolSpec
    settings: dict[str, Any]
    """Provenance of the poses."""
    scratch: Path

    def truth(self, split: str) -> PoseCache:
        """The ground truth of a split."""
        return PoseCache.open(self.poses / f"gt-{split}.parquet")

    def shards(self, split: str) -> Iterator[Shard]:
        """The shards of a split, planned lazily."""
        yield from shards(self._plans(split), split=split, size=self.options.shard, folder=self.scratch)

    def _plans(self, split: str) -> Iterator[Plan]:
        source, truth = self.options.boxes, self.truth(split)
        anybody = source.source == "detector" and source.near is None
        name = source.near if source.source == "detector" else source.source
        if name is not None and is_file(name):
            listed = read_boxes(Path(name))
            placed: Iterator[PoseSequence] = truth.sequences()
            boxes_of = listed.of
        else:
            placed = PoseCache.open(self.poses / f"{'gt' if anybody else name}-{split}.parquet").sequences()
            boxes_of = no_boxes if anybody else of_poses
        for gt, where in zip(truth.sequences(), placed, strict=True):
            if (gt.key, gt.start, len(gt)) != (where.key, where.start, len(where)):
                raise ValueError(
                    f"{gt.name}, track {gt.track}: boxes are of {where.name}, track {where.track}, or of "
                    "other frames; ingest the data set again"
                )
            yield Plan(gt.name, gt.track, gt.start, gt.fps, boxes_of(where), anybody)


def estimate(
    poses: Path, folder: Path, options: ImagesEstimate, *, scratch: Path, weights: WeightStore
) -> None:
    """Write ``detected-<split>``, its ground truth and ``missing-<split>.csv`` into `folder`.

    Raises:
        FileNotFoundError: missing weights, images or boxes.
        ValueError: weights of another network, or poses that do not match the data set's.
    """
    job = plan(poses, options, scratch, weights)
    caches = {split: job.truth(split) for split in SPLITS}
    check_images(caches.values(), job.tools.footage)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console) as progress:
        total = sum(cache.num_frames for cache in caches.values())
        task = progress.add_task(f"  {options.kind}, frames", total=total)
        todo = (shard for split in SPLITS for shard in job.shards(split))
        make_all(todo, job, on_done=lambda shard: progress.advance(task, shard.frames))
    join.join(
        {split: [shard.path for shard in job.shards(split)] for split in SPLITS},
        caches,
        folder,
        estimator=options.kind,
        settings=job.settings,
        calibrated=options.calibrate,
    )
    shutil.rmtree(scratch)


def plan(poses: Path, options: ImagesEstimate, scratch: Path, weights: WeightStore) -> Job:
    """Plan the job: find or fetch its files, hash them and test them."""
    spec = EstimatorSpec(
        kind=options.kind,
        weights=weights.find(options.weights, options.sha256),
        **{
            name: getattr(options, name)
            for name in ("skeleton", "layers", "pixels", "flip", "padding", "resize", "layout", "channels")
        },
    )
    truth = PoseCache.open(poses / "gt-train.parquet").metadata
    body = body_of(options, truth)
    source = options.boxes
    detector = None if source.weights is None else weights.find(source.weights, source.sha256)
    settings: dict[str, Any] = spec.settings() | {
        "images": options.images,
        "first_frame": options.first_frame,
        "boxes": source.model_dump(exclude={"weights", "sha256"}),
        "boxes_sha256": file_hash(Path(source.source)) if is_file(source.source) else None,
        "detector_sha256": None if detector is None else file_hash(detector),
        "body": None if body is None else body.settings(),
        "precision": "half" if half(options) else "single",
        "batch": options.batch,
        "shard": options.shard,
    }
    inputs = {path.name: file_hash(path) for path in sorted(poses.glob("*.parquet"))}
    key = fingerprint({**settings, "inputs": inputs, "computed_by": [torch.__version__, device().type]})
    tools = ToolSpec(
        key=key,
        estimator=spec,
        # Workers on other machines have other working folders.
        footage=Footage(options.images, options.first_frame, Path.cwd()),
        body=body,
        detector=detector,
        min_score=source.min_score,
        batch=options.batch,
        half=half(options),
    )
    # Before any worker starts, so that a wrong file is reported here.
    tried = _tools(tools, 0) if options.workers == 0 else tools.build("cpu")
    join.check(tried.estimator, body, truth)
    return Job(options, poses, tools, settings, (scratch / key).resolve())


def body_of(options: ImagesEstimate, truth: CacheMetadata) -> BodySpec | None:
    """The body model of SPIN and PARE, for the data set's joints."""
    if options.body is None:
        return None
    regressor = None if options.regressor is None else Path(options.regressor).resolve()
    joints = "lsp14" if truth.skeleton.name == "lsp14" else "smpl24"
    return BodySpec(model=Path(options.body).resolve(), regressor=regressor, joints=joints)


def half(options: ImagesEstimate) -> bool:
    """Half precision is for GPUs; it is slower on CPUs."""
    return options.half and torch.cuda.is_available()


def is_file(boxes: str | None) -> bool:
    """True where the source of boxes is a file and not one of the data set's caches."""
    return boxes is not None and boxes.endswith((".csv", ".json"))


def no_boxes(sequence: PoseSequence) -> np.ndarray:
    """No boxes: the detector's best person is used."""
    return np.full((len(sequence), 4), np.nan, dtype=np.float32)


def check_images(truths: Iterable[PoseCache], footage: Footage) -> None:
    """Raise where sequences have no image at all, naming the first paths.

    Raises:
        FileNotFoundError: lists the sequences of all splits.
    """
    absent, count = [], 0
    for truth in truths:
        for gt in truth.sequences():
            count += 1
            path = footage.absent(gt.name, gt.start, len(gt))
            absent += [] if path is None else [str(path)]
    if absent:
        shown = ", ".join(dict.fromkeys(absent[:5]))
        raise FileNotFoundError(
            f"{len(absent)} of {count} tracks have no image; first paths searched: {shown}. Correct images "
            "or first_frame of the estimate in params.yaml, or get the images"
        )


# --- distribution of shards


def make_all(todo: Iterator[Shard], job: Job, *, on_done: Callable[[Shard], None]) -> None:
    """Compute every missing shard, in this process or by Dask's workers."""
    dataset = job.truth("train").metadata.dataset
    if job.options.workers == 0:
        threads = torch.get_num_threads()
        # as in workers: the number of threads changes the order of sums, and so the last digits
        torch.set_num_threads(1)
        try:
            for shard in todo:
                if not shard.path.is_file():
                    make(shard, _tools(job.tools, 0), dataset=dataset)
                on_done(shard)
        finally:
            torch.set_num_threads(threads)
        return
    with workers(job.options) as client:
        submit(client, todo, partial(work, spec=job.tools, dataset=dataset), on_done)


def work(shard: Shard, spec: ToolSpec, dataset: str) -> Shard:
    """Compute one shard in a worker."""
    from distributed import get_worker

    torch.set_num_threads(1)
    make(shard, _tools(spec, get_worker().name), dataset=dataset)
    return shard


@lru_cache(maxsize=1)
def _tools(spec: ToolSpec, worker: Any) -> Tools:
    """Tools, built once per process: reading weights takes as long as some hundred frames."""
    kind = device().type
    return spec.build(f"cuda:{gpu_of(worker, torch.cuda.device_count())}" if kind == "cuda" else kind)


def gpu_of(worker: Any, count: int) -> int:
    """A worker's GPU: workers are assigned in turn by number; those with other names use the first."""
    return worker % count if isinstance(worker, int) else 0


@contextmanager
def workers(options: ImagesEstimate) -> Iterator[Any]:
    """A client of the given scheduler, or of processes on this machine."""
    from dask.system import CPU_COUNT
    from distributed import Client, LocalCluster, Security

    address = options.scheduler or os.environ.get(SCHEDULER)
    if address:
        with Client(address) as client:
            yield client
        return
    count = options.workers or torch.cuda.device_count() or CPU_COUNT
    settings: dict[str, Any] = {"n_workers": count, "threads_per_worker": 1, "dashboard_address": None}
    # Anyone who can connect can run code in the workers: only these processes have the certificate.
    settings |= {"protocol": "tls://", "security": Security.temporary()}
    # No limit: a worker needs the memory of the network and a batch, and a paused one never resumes.
    with (
        LocalCluster(**settings, processes=True, memory_limit=0) as cluster,
        Client(cluster) as client,
    ):
        yield client


def submit(
    client: Any, todo: Iterator[Shard], task: Callable[[Shard], Shard], on_done: Callable[[Shard], None]
) -> None:
    """Submit missing shards to workers, few at a time: all plans may not fit in memory."""
    from distributed import as_completed

    most = 4 * max(1, sum(client.nthreads().values()))
    running = as_completed()
    for shard in todo:
        if shard.path.is_file():
            on_done(shard)
            continue
        running.add(client.submit(task, shard, pure=False))
        if running.count() >= most:
            on_done(next(running).result())
    for future in running:
        on_done(future.result())
