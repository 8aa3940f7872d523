"""Pairs of estimates of kind `fcn`: keypoints with a detector's errors, lifted to 3D by an FCN."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from rich.progress import Progress

from hanet.cache.files import PoseCache
from hanet.cache.frame_kinds import write_kinds
from hanet.estimators.common.weight_files import WeightStore
from hanet.estimators.common.writing import Pairs, write
from hanet.estimators.fcn import network as fcn
from hanet.estimators.fcn import port, pretrained
from hanet.estimators.fcn.detection import describe, detect, frame_kinds
from hanet.estimators.fcn.lifting import HUMAN36M, Lifting
from hanet.estimators.fcn.options import FCNEstimate
from hanet.files.hashing import file_hash
from hanet.options import SPLITS
from hanet.poses.bodies import same_body
from hanet.poses.names import clip_of
from hanet.poses.sequence import PoseSequence
from hanet.progress import console


def with_fcn(poses: Path, folder: Path, options: FCNEstimate, weights: WeightStore) -> None:
    """Simulated detections of the existing splits, lifted by an FCN as `FCNEstimate` describes.

    Raises:
        ValueError: pretrained weights, or weights of the source clips, that were trained on one of the
            people to estimate.
    """
    splits = [split for split in SPLITS if (poses / f"gt-{split}.parquet").is_file()]
    basis = [] if options.pretrained else ["source" if options.train_on == "source" else "train"]
    pairs = {split: detections(poses, split, options) for split in dict.fromkeys([*basis, *splits])}
    folds = folds_of(pairs["train"], options.out_of_fold) if options.out_of_fold else []
    network, scale, source = _network(
        [pair for split in basis for pair in pairs[split]], poses, folder, options, weights
    )
    provenance = {"detector": describe(options.detector), **source, "out_of_fold": options.out_of_fold}
    for split in splits:
        if split == "train" and folds and options.training is not None:
            estimates = out_of_fold(pairs[split], folds, options.training, options.seed, network.lifting)
        else:
            estimates = [fcn.estimate(network, scale, keypoints) for keypoints, _ in pairs[split]]
        truth = PoseCache.open(poses / f"gt-{split}.parquet").metadata
        write(folder / f"detected-{split}.parquet", estimates, truth, "fcn", provenance)
    keypoints = PoseCache.open(poses / "keypoints-test.parquet", representation="2d").sequences()
    kinds = ((found, frame_kinds(found, options.detector, seed=options.seed)) for found in keypoints)
    write_kinds(folder / "kinds-test.parquet", kinds)


def _network(
    basis: Pairs, poses: Path, folder: Path, options: FCNEstimate, weights: WeightStore
) -> tuple[fcn.FCN, fcn.Standardisation, dict[str, Any]]:
    """The network, its statistics, and where they are from; weights that the package lacks go to `folder`."""
    if options.pretrained is not None:
        path = pretrained.find(options.pretrained)
        network, scale, bodies = fcn.load(path)
        check_people(bodies, bodies_of(poses))
        return network, scale, {"pretrained": options.pretrained, "weights_sha256": file_hash(path)}
    bodies, half = {}, False
    if options.training is None:
        network, scale, source = official(basis, options, weights)
    else:
        half = options.training.half
        network, scale = train(basis, options.training, options.seed, "estimator", Lifting.of(basis))
        source = {"training": asdict(options.training) | {"seed": options.seed, "train_on": options.train_on}}
        if options.train_on == "source":
            bodies = bodies_of(poses).get("source", {})
    weights_hash = fcn.save(network, scale, folder / "fcn.safetensors", bodies=bodies, half=half)
    return network, scale, {**source, "weights_sha256": weights_hash}


def bodies_of(poses: Path) -> dict[str, dict[str, Float[np.ndarray, " L"]]]:
    """Limb lengths of a data set's people by split and name, metres; nothing where it knows no people."""
    report = poses / "report.json"
    content = json.loads(report.read_text()) if report.is_file() else {}
    return {
        split: {name: np.array(limbs) for name, limbs in people.items()}
        for split, people in content.get("bodies", {}).items()
    }


def check_people(
    learned: Mapping[str, Float[np.ndarray, " L"]],
    estimated: Mapping[str, Mapping[str, Float[np.ndarray, " L"]]],
) -> None:
    """Refuse an estimator that was trained on people that it is to estimate, as their limbs tell.

    Args:
        learned: limb lengths of the people that it was trained on, by name.
        estimated: those of the data set's people, by split and name.

    Raises:
        ValueError: naming the first person of both.
    """
    for split in SPLITS:
        for person, limbs in estimated.get(split, {}).items():
            for name, body in learned.items():
                if limbs.shape == body.shape and same_body(limbs, body[None]).all():
                    raise ValueError(
                        f"{person} of {split} has the body of {name}, whom the estimator was trained on; "
                        "leave one of them out, or use another estimator"
                    )


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
    """Load the official port with the statistics of these keypoints; also return its record."""
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
    """Indices of the sequences of every fold: complete clips, assigned in turn."""
    clips = sorted({clip_of(keypoints.name) for keypoints, _ in pairs})
    if not 2 <= count <= len(clips):
        raise ValueError(f"out_of_fold must be from 2 to the {len(clips)} training clips, got {count}")
    fold = {clip: i % count for i, clip in enumerate(clips)}
    return [[k for k, (found, _) in enumerate(pairs) if fold[clip_of(found.name)] == i] for i in range(count)]


def out_of_fold(
    pairs: Pairs, folds: list[list[int]], options: fcn.FCNTraining, seed: int, lifting: Lifting
) -> list[PoseSequence]:
    """Estimate training sequences, each with a network that was trained without its clip."""
    estimates: dict[int, PoseSequence] = {}
    for number, held_out in enumerate(folds):
        rest = [pair for k, pair in enumerate(pairs) if k not in set(held_out)]
        network, scale = train(rest, options, seed, f"fold {number + 1} of {len(folds)}", lifting)
        estimates |= {k: fcn.estimate(network, scale, pairs[k][0]) for k in held_out}
    return [estimates[k] for k in range(len(pairs))]
