"""Files of this project: caches, checkpoints, states of trainings, parameters, records between stages."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
import yaml

from hanet.cache.files import PoseCache
from hanet.cache.frame_kinds import read_kinds, write_kinds
from hanet.cache.video_labels import read_labels, write_labels
from hanet.datasets.posetrack import year2018
from hanet.download.verify import HashRecord
from hanet.estimators.fcn import network as fcn
from hanet.methods import calibrate, calibration_files
from hanet.models import checkpoints
from hanet.models.export import export
from hanet.models.exported import SEAL, ExportedNetwork
from hanet.models.general_export import load_general
from hanet.models.smoothnet import SmoothNet, SmoothNetConfig
from hanet.models.trained_on import PoseKind
from hanet.poses.sequence import PoseSequence
from hanet.results.records import Receipt
from hanet.results.records import read as read_record
from hanet.results.tallies import Tallies, tally_writer
from hanet.smpl.side_table import SideTable, side_path, write_side_table
from hanet.smpl.tracks import SmplTrack
from hanet.training.state import load_state, save_state
from stages.params.load import load as load_params
from stages.publish import read_lock
from tests.faults.reader import BYTES, JSON, SAFETENSORS, Reader
from tests.support import posetrack_files, tiny
from tests.support.cache_files import J, make, write
from tests.support.mutations import edit_json
from tests.support.paths import ROOT


def _poses() -> list[PoseSequence]:
    first = make(frames=12, scores=np.full((12, J), 0.5, np.float32), image_size=(64, 48))
    return [first, make("b", frames=9, start=3, labelled=np.eye(9, J, dtype=bool))]


def _unsealed(path: Path) -> None:
    """As a release before seals wrote it."""
    data = path.read_bytes()
    at = data.index(b"hanet seal")
    path.write_bytes(data[:at] + data[at + 80 :])


def _cache(folder: Path) -> list[Path]:
    return [write(folder / "c.parquet", _poses()).path]


def _old_cache(folder: Path) -> list[Path]:
    _unsealed(path := _cache(folder)[0])
    return [path]


def _read_cache(folder: Path) -> Any:
    cache = PoseCache.open(folder / "c.parquet")
    return cache.read(), list(cache.sequences())


def _side(folder: Path) -> list[Path]:
    poses = PoseSequence.rotations("a", np.zeros((5, 24, 6), np.float32), fps=25.0)
    path = side_path(folder / "c.parquet")
    write_side_table(path, [SmplTrack(poses, np.ones((5, 10), np.float32))])
    _unsealed(path)
    return [path]


def _read_side(folder: Path) -> Any:
    poses = PoseSequence.rotations("a", np.zeros((5, 24, 6), np.float32), fps=25.0)
    return SideTable(folder / "c.side").attach(poses)


def _labels(folder: Path) -> list[Path]:
    path = posetrack_files.write18(folder, posetrack_files.scene())
    write_labels(folder / "labels.jsonl", [year2018.read_video(path)[0]])
    return [folder / "labels.jsonl"]


def _checkpoint(folder: Path) -> list[Path]:
    kind = PoseKind("h36m17", "3d", "m", "camera_root_relative", 60.0).to_dict()
    checkpoints.save(SmoothNet(SmoothNetConfig(8, 16, 8, 1)), folder, metadata={"poses": kind})
    return [folder / checkpoints.DESCRIPTION]


def _weights(folder: Path) -> list[Path]:
    _checkpoint(folder)
    return [folder / checkpoints.WEIGHTS]


def _read_checkpoint(folder: Path) -> Any:
    return checkpoints.load(folder).state_dict(), PoseKind.of_checkpoint(folder)


def _read_weights(folder: Path) -> Any:
    """With a description of these very bytes, as an attacker would write it."""
    path = folder / checkpoints.DESCRIPTION
    described = json.loads(path.read_text())
    described["weights_sha256"] = hashlib.sha256((folder / checkpoints.WEIGHTS).read_bytes()).hexdigest()
    path.write_text(json.dumps(described))
    return checkpoints.load(folder).state_dict()


def _exported(folder: Path) -> list[Path]:
    """Without a seal, as a release before seals wrote it, and anyone can."""
    _checkpoint(folder / "model")
    export(folder / "model", folder / "m.onnx", PoseKind.of_checkpoint(folder / "model"))
    model = onnx.load(str(folder / "m.onnx"))
    onnx.helper.set_model_props(model, {p.key: p.value for p in model.metadata_props if p.key != SEAL})
    onnx.save(model, str(folder / "m.onnx"))
    return [folder / "m.onnx"]


def edit_onnx(rng: random.Random, data: bytes) -> bytes:
    """An export whose description is edited."""
    model = onnx.load_from_string(data)
    for entry in model.metadata_props:
        entry.value = edit_json(rng, entry.value.encode()).decode("utf-8", "replace")
    return model.SerializeToString()


def _read_exported(folder: Path) -> Any:
    network = ExportedNetwork.open(folder / "m.onnx")
    return network.config, network.poses


def _state(folder: Path) -> list[Path]:
    save_state(folder / "state.safetensors", {"w": torch.ones(20), "n": torch.ones(3)}, "mine", {"epoch": 2})
    return [folder / "state.safetensors"]


def _fcn(folder: Path) -> list[Path]:
    network = fcn.FCN()
    size_in, size_out = network.w1.in_features, network.w2.out_features
    scale = fcn.Standardisation(*(torch.ones(n) for n in (size_in, size_in, size_out, size_out)))
    fcn.save(network, scale, folder / "f.safetensors")
    return [folder / "f.safetensors"]


def _calibration(name: str) -> Callable[[Path], list[Path]]:
    def write_it(folder: Path) -> list[Path]:
        offset, centre, weight = np.ones((3, 2)), np.zeros(4), np.ones((4, 6))
        made = calibrate.Calibration(
            ("a", "b", "c"), ((0, 1), (1, 2)), 2, "px", offset, centre, weight, 3.0, {"input": 1.0}
        )
        calibration_files.save_calibration(folder / "c", made)
        description = folder / "c" / calibration_files.DESCRIPTION
        content = json.loads(description.read_text())
        del content[calibration_files.HASH]
        description.write_text(json.dumps(content))
        return [folder / "c" / name]

    return write_it


def _read_calibration(folder: Path) -> calibrate.Calibration:
    return calibration_files.load_calibration(folder / "c")


def _params(folder: Path) -> list[Path]:
    content = json.loads(json.dumps(tiny.PARAMS))
    (folder / "params.yaml").write_text(json.dumps(content))
    return [folder / "params.yaml"]


def _kinds(folder: Path) -> list[Path]:
    poses = [make(frames=12), make("b", frames=9, start=3)]
    write_kinds(folder / "kinds.parquet", [(one, np.arange(len(one)) % 3) for one in poses])
    return [folder / "kinds.parquet"]


def _tallies(folder: Path) -> list[Path]:
    from tests.results.test_tallies import scores

    with tally_writer(folder / "t.parquet") as writer:
        for seed in (1, 2):
            writer.write("net", seed, scores(seed))
    return [folder / "t.parquet"]


def _read_tallies(folder: Path) -> Any:
    tallies = Tallies(folder / "t.parquet")
    return tallies.of("net", "mpjpe_mm"), tallies.clusters.of


def _general(name: str) -> Callable[[Path], list[Path]]:
    def make_files(folder: Path) -> list[Path]:
        for path in (ROOT / "hanet/weights").glob("general.*"):
            (folder / path.name).write_bytes(path.read_bytes())
        return [folder / name]

    return make_files


def _json(name: str, content: Any) -> Callable[[Path], list[Path]]:
    def make_files(folder: Path) -> list[Path]:
        (folder / name).write_text(json.dumps(content))
        return [folder / name]

    return make_files


RECEIPT = {
    "tracking_ui": "http://127.0.0.1:5000",
    "runs": {"input": {"lock_hash": "0" * 64, "run_id": "a", "experiment_id": "7"}},
    "tables": {"all": {"run_id": "b", "experiment_id": "8", "children": {"input": "c"}}},
}
LOCK = yaml.safe_dump({"schema": "2.0", "stages": {"filter@a": {"cmd": "python", "deps": [{"path": "x"}]}}})


def _lock(folder: Path) -> list[Path]:
    (folder / "dvc.lock").write_text(LOCK)
    return [folder / "dvc.lock"]


OWN: dict[str, Reader] = {
    "cache": Reader(_cache, _read_cache),
    "cache-unsealed": Reader(_old_cache, _read_cache),
    "side-table": Reader(_side, _read_side),
    "labels": Reader(_labels, lambda f: list(read_labels(f / "labels.jsonl")), JSON),
    "checkpoint-json": Reader(_checkpoint, _read_checkpoint, JSON),
    "checkpoint-weights": Reader(_weights, _read_weights, SAFETENSORS),
    "exported": Reader(_exported, _read_exported, (*BYTES, edit_onnx)),
    "training-state": Reader(_state, lambda f: load_state(f / "state.safetensors", "mine"), SAFETENSORS),
    "fcn": Reader(_fcn, lambda f: fcn.load(f / "f.safetensors"), SAFETENSORS, share=0.02),
    "calibration-json": Reader(_calibration("calibration.json"), _read_calibration, JSON),
    "calibration": Reader(_calibration("calibration.safetensors"), _read_calibration, SAFETENSORS),
    "frame-kinds": Reader(_kinds, lambda f: list(read_kinds(f / "kinds.parquet").items())),
    "tallies": Reader(_tallies, _read_tallies),
    "general-json": Reader(_general("general.json"), load_general, JSON, share=0.1),
    "general-weights": Reader(_general("general.safetensors"), load_general, SAFETENSORS, share=0.1),
    "receipt": Reader(_json("r.json", RECEIPT), lambda f: read_record(f / "r.json", Receipt), JSON),
    "hash-record": Reader(_json("h.json", {"a.zip": "0" * 64}), lambda f: HashRecord(f / "h.json"), JSON),
    "dvc-lock": Reader(_lock, lambda f: read_lock(f / "dvc.lock"), share=0.2),
    "params": Reader(_params, lambda f: load_params(f / "params.yaml"), JSON, share=0.05),
}
