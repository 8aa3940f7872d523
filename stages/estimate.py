"""Stage estimate: run an experiment's estimator over its data set.

data/pairs/<experiment> then holds, split by split, detected poses and their ground truth: all that training,
filters and evaluation read.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from rich.progress import Progress

from hanet.data.cache import CacheMetadata, CacheWriter, PoseCache
from hanet.data.leakage import clip_of
from hanet.estimators import fcn, fcn_official
from hanet.estimators.detections import detect
from hanet.estimators.lifting import HUMAN36M, Lifting
from hanet.poses import PoseSequence
from stages import _images, _keypoints, _regressor, _run
from stages._smpl import copy_cache, note_body
from stages.params import load
from stages.schema.estimates import (
    Estimate,
    FCNEstimate,
    ImagesEstimate,
    KeypointsEstimate,
    RegressorEstimate,
    ReleasedEstimate,
)
from stages.schema.local_data import Released
from stages.schema.section import SPLITS

Pairs = list[tuple[PoseSequence, PoseSequence]]


def main(experiment: str) -> None:
    """Write one cache of detected poses a split, and the estimator's weights where it is trained here."""
    with _run.stage("estimate", experiment):
        params = load()
        described = params.experiment(experiment)
        dataset = params.dataset(described.dataset)
        poses = _run.POSES / described.dataset
        with _run.fresh_folder(_run.PAIRS / experiment) as folder:
            if isinstance(described.estimate, FCNEstimate):
                with_fcn(poses, folder, described.estimate)
            elif isinstance(described.estimate, KeypointsEstimate):
                keypoints(poses, folder, described.estimate)
            elif isinstance(described.estimate, RegressorEstimate):
                _regressor.pairs(poses, folder, described.estimate)
            elif isinstance(described.estimate, ImagesEstimate):
                _images.estimate(experiment, poses, folder, described.estimate)
            elif isinstance(dataset, Released):
                released(poses, folder, dataset.download.estimator, described.estimate)
            else:
                recorded(poses, folder)
            for split in SPLITS:
                if not (folder / f"gt-{split}.parquet").is_file():  # else people without detections are out
                    copy_cache(poses / f"gt-{split}.parquet", folder / f"gt-{split}.parquet")
        for split in SPLITS:
            cache = PoseCache.open(_run.detected_path(experiment, split))
            _run.console.print(f"  {split}: {cache.num_frames} frames by {cache.metadata.estimator}")


def write(
    path: Path,
    sequences: Sequence[PoseSequence],
    truth: CacheMetadata,
    estimator: str,
    provenance: dict[str, Any],
) -> None:
    """A cache of detected poses beside its ground truth's metadata."""
    described = CacheMetadata.of(
        sequences[0], dataset=truth.dataset, split=truth.split, estimator=estimator, provenance=provenance
    )
    with CacheWriter(path, described) as writer:
        for sequence in sequences:
            writer.write(sequence)


# --- FCN


def with_fcn(poses: Path, folder: Path, options: FCNEstimate) -> None:
    """Detector-like keypoints, lifted by an FCN of the source clips (or of the target's, out of fold)."""
    splits = SPLITS if options.train_on == "target" else ("source", *SPLITS)
    pairs = {split: detections(poses, split, options) for split in splits}
    folds = folds_of(pairs["train"], options.out_of_fold) if options.out_of_fold else []
    basis = pairs["source"] if options.train_on == "source" else pairs["train"]
    if options.training is None:
        network, scale, source = official(basis, options)
    else:
        network, scale = train(basis, options.training, options.seed, "estimator", Lifting.of(basis))
        source = {"training": asdict(options.training) | {"seed": options.seed, "train_on": options.train_on}}
    weights_hash = fcn.save(network, scale, folder / "fcn.safetensors")
    provenance = {
        "detector": asdict(options.detector),
        **source,
        "weights_sha256": weights_hash,
        "out_of_fold": options.out_of_fold,
    }
    for split in SPLITS:
        if split == "train" and folds and options.training is not None:
            estimates = out_of_fold(pairs[split], folds, options.training, options.seed, network.lifting)
        else:
            estimates = [fcn.estimate(network, scale, keypoints) for keypoints, _ in pairs[split]]
        truth = PoseCache.open(poses / f"gt-{split}.parquet").metadata
        write(folder / f"detected-{split}.parquet", estimates, truth, "fcn", provenance)


def detections(poses: Path, split: str, options: FCNEstimate) -> Pairs:
    """(detected keypoints, true joints) of every sequence of a split."""
    keypoints = PoseCache.open(poses / f"keypoints-{split}.parquet", representation="2d").sequences()
    joints = PoseCache.open(poses / f"gt-{split}.parquet", representation="3d").sequences()
    return [
        (detect(found, options.detector, seed=options.seed), truth)
        for found, truth in zip(keypoints, joints, strict=True)
    ]


def official(pairs: Pairs, options: FCNEstimate) -> tuple[fcn.FCN, fcn.Standardisation, dict[str, Any]]:
    """The network of the official port's files, with the statistics of these keypoints; for the record."""
    weights, statistics = (_images.find(str(where)) for where in (options.weights, options.statistics))
    inputs = torch.cat([HUMAN36M.inputs(keypoints) for keypoints, _ in pairs])
    network, scale, sha256 = fcn_official.load(weights, statistics, inputs)
    hashes = {"weights_sha256": sha256, "statistics_sha256": _run.file_hash(statistics)}
    return network, scale, {"official": hashes | {"keypoints_of": options.train_on}}


def train(
    pairs: Pairs, options: fcn.FCNTraining, seed: int, title: str, lifting: Lifting
) -> tuple[fcn.FCN, fcn.Standardisation]:
    """Train one network with a progress bar."""
    with Progress(console=_run.console) as progress:
        task = progress.add_task(f"  {title}", total=options.steps)
        return fcn.train_fcn(
            pairs,
            options,
            seed=seed,
            lifting=lifting,
            on_step=lambda step, loss: progress.update(task, completed=step + 1),
        )


def folds_of(pairs: Pairs, count: int) -> list[list[int]]:
    """Indices of the sequences of every fold: whole clips, dealt out in turn."""
    clips = sorted({clip_of(keypoints.name) for keypoints, _ in pairs})
    if not 2 <= count <= len(clips):
        raise ValueError(f"out_of_fold must be from 2 to the {len(clips)} training clips, got {count}")
    fold = {clip: i % count for i, clip in enumerate(clips)}
    return [[k for k, (found, _) in enumerate(pairs) if fold[clip_of(found.name)] == i] for i in range(count)]


def out_of_fold(
    pairs: Pairs, folds: list[list[int]], options: fcn.FCNTraining, seed: int, lifting: Lifting
) -> list[PoseSequence]:
    """Estimates for training sequences, each by a network that has not seen its clip."""
    estimates: dict[int, PoseSequence] = {}
    for number, held_out in enumerate(folds):
        rest = [pair for k, pair in enumerate(pairs) if k not in set(held_out)]
        network, scale = train(rest, options, seed, f"fold {number + 1} of {len(folds)}", lifting)
        estimates |= {k: fcn.estimate(network, scale, pairs[k][0]) for k in held_out}
    return [estimates[k] for k in range(len(pairs))]


# --- poses that were recorded with the data


def recorded(poses: Path, folder: Path) -> None:
    """The Kinect's own skeletons, which the data set carries beside its ground truth."""
    for split in SPLITS:
        found = PoseCache.open(poses / f"kinect-{split}.parquet")
        write(
            folder / f"detected-{split}.parquet",
            list(found.sequences()),
            found.metadata,
            "kinect",
            dict(found.metadata.provenance),
        )


# --- poses that others released


def released(poses: Path, folder: Path, estimator: str, options: Estimate) -> None:
    """The release's detected poses, which the data set carries beside its ground truth."""
    for split in SPLITS:
        copy_cache(poses / f"{estimator}-{split}.parquet", folder / f"detected-{split}.parquet")
    if isinstance(options, ReleasedEstimate) and options.body is not None:
        note_body(options.body, folder)


# --- keypoints of the user's own estimator


def keypoints(poses: Path, folder: Path, options: KeypointsEstimate) -> None:
    """Detected tracks of the annotated people; in train and val those who were never found are left out."""
    caches = {split: PoseCache.open(poses / f"gt-{split}.parquet", representation="2d") for split in SPLITS}
    videos = _keypoints.read(options, fps=caches["test"].metadata.fps)
    hashes = _keypoints.hashes(options)
    for split, cache in caches.items():
        pairs, found = _keypoints.pairs(list(cache.sequences()), videos, options, keep=split == "test")
        _run.console.print(f"  {split}: {found.found} of {found.people} people found")
        provenance = {"sources_sha256": hashes, "format": options.format, **asdict(found)}
        estimator = f"keypoints-{options.format}"
        write(
            folder / f"detected-{split}.parquet", [p for p, _ in pairs], cache.metadata, estimator, provenance
        )
        if len(pairs) < found.people:
            with CacheWriter(folder / f"gt-{split}.parquet", cache.metadata) as writer:
                for _, truth in pairs:
                    writer.write(truth)


if __name__ == "__main__":
    main(*sys.argv[1:])
