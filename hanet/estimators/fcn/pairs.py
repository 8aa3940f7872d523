"""Pairs of estimates of kind `fcn`: keypoints with a detector's errors, lifted to 3D by an FCN."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from rich.progress import Progress

from hanet.cache.files import PoseCache
from hanet.estimators.common.weight_files import WeightStore
from hanet.estimators.common.writing import Pairs, write
from hanet.estimators.fcn import network as fcn
from hanet.estimators.fcn import port
from hanet.estimators.fcn.detector_errors import detect
from hanet.estimators.fcn.lifting import HUMAN36M, Lifting
from hanet.estimators.fcn.options import FCNEstimate
from hanet.files.hashing import file_hash
from hanet.options import SPLITS
from hanet.poses.names import clip_of
from hanet.poses.sequence import PoseSequence
from hanet.progress import console


def with_fcn(poses: Path, folder: Path, options: FCNEstimate, weights: WeightStore) -> None:
    """Detector-like keypoints, lifted by an FCN of the source clips (or of the target's, out of fold)."""
    splits = SPLITS if options.train_on == "target" else ("source", *SPLITS)
    pairs = {split: detections(poses, split, options) for split in splits}
    folds = folds_of(pairs["train"], options.out_of_fold) if options.out_of_fold else []
    basis = pairs["source"] if options.train_on == "source" else pairs["train"]
    if options.training is None:
        network, scale, source = official(basis, options, weights)
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


def official(
    pairs: Pairs, options: FCNEstimate, store: WeightStore
) -> tuple[fcn.FCN, fcn.Standardisation, dict[str, Any]]:
    """The network of the official port's files, with the statistics of these keypoints; for the record."""
    weights, statistics = (store.find(str(where)) for where in (options.weights, options.statistics))
    inputs = torch.cat([HUMAN36M.inputs(keypoints) for keypoints, _ in pairs])
    network, scale, sha256 = port.load(weights, statistics, inputs)
    hashes = {"weights_sha256": sha256, "statistics_sha256": file_hash(statistics)}
    return network, scale, {"official": hashes | {"keypoints_of": options.train_on}}


def train(
    pairs: Pairs, options: fcn.FCNTraining, seed: int, title: str, lifting: Lifting
) -> tuple[fcn.FCN, fcn.Standardisation]:
    """Train one network with a progress bar."""
    with Progress(console=console) as progress:
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
