"""Programs that `test_kills` starts in processes of their own and kills; what they import is loaded once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch._dynamo  # which every process that makes an optimizer imports: a second

from hanet.cache.files import CacheMetadata, CacheWriter, PoseCache
from hanet.formats import exports
from hanet.methods.apply import refine_cache
from hanet.methods.calibrate import calibrate
from hanet.methods.calibration_files import save_calibration
from hanet.methods.trained import TrainedNetwork
from hanet.models import checkpoints
from hanet.models.smoothnet import SmoothNet, SmoothNetConfig
from hanet.models.trained_on import PoseKind
from tests.faults.graph import graph
from tests.poses.test_plausible import person
from tests.support.small_training import make


def prepare(folder: Path) -> None:
    """Write a cache of some megabytes and a model."""
    poses = person(4000)
    metadata = CacheMetadata.of(poses, dataset="d", split="test", estimator="e")
    with CacheWriter(folder / "in.parquet", metadata) as writer:
        writer.write(poses)
    torch.manual_seed(0)
    model = SmoothNet(SmoothNetConfig(8, 16, 8, 1))
    checkpoints.save(model, folder / "model", metadata={"poses": PoseKind.of(metadata).to_dict()})


def refine(folder: Path) -> None:
    """`hanet refine` to out.parquet."""
    network = TrainedNetwork.open(folder / "model")
    cache = PoseCache.open(folder / "in.parquet")
    refine_cache(network.over_gaps(0), cache, folder / "out.parquet", parameters=network.settings)


def export(folder: Path) -> None:
    """`hanet export` to out.json."""
    exports.export(PoseCache.open(folder / "in.parquet"), folder / "out.json")


def train(folder: Path) -> None:
    """A training of some epochs, whose state is kept, to out/model.safetensors."""
    trainer = make(folder / "training", epochs=8)
    checkpoints.save(trainer.run(), folder / "out")


def calibration(folder: Path) -> None:
    """`hanet calibrate` to the folder out."""
    truth = person(1200)
    bias = np.linspace(-0.1, 0.1, truth.values.size // len(truth)).reshape(truth.values.shape[1:])
    detected = replace(truth, values=truth.values + bias.astype(np.float32))
    save_calibration(folder / "out", calibrate([detected], [truth]))


PROGRAMS = {
    "refine": (refine, "out.parquet"),
    "export": (export, "out.json"),
    "train": (train, "out/model.safetensors"),
    "calibrate": (calibration, "out/calibration.safetensors"),
    "graph": (graph, "out.json"),
}
"""Each program and the file that it ends with."""
