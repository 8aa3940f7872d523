"""Weights, archives and files of numbers that come from anywhere, and other programs' pose files."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hanet.download.unpack import extract
from hanet.files.torch_file import read_torch
from hanet.files.unpickle import read_npy, read_npz, read_pickle
from hanet.formats import ReadOptions
from hanet.formats import read as read_format
from hanet.models import checkpoints
from hanet.models.hanet import HANet, HANetConfig
from hanet.poses.skeletons import SMPL24
from hanet.smpl.body_files import read_regressor, read_smpl
from tests.faults.reader import BYTES, JSON, Reader
from tests.formats.test_array_formats import CASES as ARRAYS
from tests.formats.test_rotation_formats import CASES as ROTATIONS
from tests.formats.test_round_trips import CASES as KEYPOINTS
from tests.formats.test_round_trips import options
from tests.formats.test_tables_and_arrays import CASES as TABLES
from tests.formats.test_tables_and_arrays import positions
from tests.support import archive_files, array_files, keypoint_writers
from tests.support.cache_files import make, write
from tests.support.smpl_release_files import objects

CONFIG = HANetConfig(channels=4, interval=2, window=5, hidden=8, layers=1, heads=2)


def _released(folder: Path, *, zipped: bool) -> list[Path]:
    model = HANet(CONFIG)
    own = model.state_dict()
    state = {
        name: torch.cat([own[part] for part in parts])
        for name, parts in checkpoints.released_names(model).items()
    }
    state |= {name: torch.ones(shape) for name, shape in checkpoints._unread_shapes(model).items()}
    torch.save({"state_dict": state}, folder / "r.pth", _use_new_zipfile_serialization=zipped)
    return [folder / "r.pth"]


def _npz(folder: Path) -> list[Path]:
    np.savez_compressed(
        folder / "a.npz",
        x=objects([np.ones((3, 2), np.float32), np.arange(4)]),
        y=np.eye(3),
        z=np.array(["a"]),
    )
    return [folder / "a.npz"]


def _npy(folder: Path) -> list[Path]:
    np.save(folder / "a.npy", np.arange(12.0).reshape(3, 4))
    return [folder / "a.npy"]


def _pickle(folder: Path) -> list[Path]:
    content = {"a": np.eye(3), "b": [1, 2.5, "x", None], "c": {"d": (np.arange(3), True)}}
    (folder / "a.pkl").write_bytes(pickle.dumps(content, protocol=2))
    return [folder / "a.pkl"]


def _body(folder: Path) -> list[Path]:
    V = 9
    np.savez(
        folder / "body.npz",
        v_template=np.ones((V, 3)), shapedirs=np.ones((V, 3, 10)), posedirs=np.ones((V, 3, 207)),
        J_regressor=np.ones((24, V)), weights=np.ones((V, 24)), f=np.zeros((4, 3), np.int64),
        kintree_table=_tree(),
    )  # fmt: skip
    return [folder / "body.npz"]


def _tree() -> np.ndarray:
    return np.array([SMPL24.parents, range(24)])


def _keypoints(name: str) -> Reader:
    case = KEYPOINTS[name]

    def make_files(folder: Path) -> list[Path]:
        path = case.write(folder / "source", keypoint_writers.bodies(case.names, frames=3))
        (folder / "where").write_text(str(path.relative_to(folder)))
        return [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())

    def read(folder: Path) -> Any:
        path = folder / (folder / "where").read_text()
        return list(read_format(path, options(case), format=case.format).tracks)

    return Reader(make_files, read, BYTES if name == "ultralytics-text" else JSON)


def _table(name: str) -> Reader:
    format, write_file, _ = TABLES[name]
    return Reader(
        lambda folder: [write_file(folder / name, positions())],
        lambda folder: list(read_format(folder / name, format=format).tracks),
    )


def _share(name: str) -> float:
    """HDF5 files are read in a fork first, which takes long beside all else."""
    return 0.2 if name.startswith(("deeplabcut", "sleap", "movement")) else 1.0


def _found(write_file: Callable[[Path], Path], *, share: float = 1.0) -> Reader:
    """A file that is found by its ending and content, as commands find it."""

    def make_files(folder: Path) -> list[Path]:
        path = write_file(folder)
        (folder / "where").write_text(path.name)
        return [path]

    def read(folder: Path) -> Any:
        return list(read_format(folder / (folder / "where").read_text()).tracks)

    return Reader(make_files, read, share=share)


def _npy_poses(folder: Path) -> list[Path]:
    np.save(folder / "poses.npy", positions())
    return [folder / "poses.npy"]


def _cache_poses(folder: Path) -> list[Path]:
    return [write(folder / "c.parquet", [make(frames=12), make("b", frames=9, start=3)]).path]


def _regressor(folder: Path) -> list[Path]:
    np.save(folder / "r.npy", np.ones((5, 9)))
    return [folder / "r.npy"]


def _torch(*, zipped: bool) -> Callable[[Path], list[Path]]:
    def make_files(folder: Path) -> list[Path]:
        content = {"state_dict": {"w": torch.ones(3, 4), "b": torch.arange(3)}, "epoch": 3}
        torch.save(content, folder / "t.pt", _use_new_zipfile_serialization=zipped)
        return [folder / "t.pt"]

    return make_files


def _extracted(folder: Path) -> Any:
    return extract(folder / "a.archive", ["p/demo/*.txt"], folder / "out")


def _archive(form: Callable[..., Path]) -> Callable[[Path], list[Path]]:
    return lambda folder: [form(folder / "a.archive")]


POSE_FILES: dict[str, Reader] = {
    **{name: _keypoints(name) for name in (
        "coco", "coco-wholebody", "coco-annotations", "openpose", "alphapose", "alphapose-cmu",
        "alphapose-open", "mmpose", "mmpose-images", "ultralytics", "ultralytics-text",
    )},
    **{name: _table(name) for name in TABLES},
    **{name: _found(case.write, share=_share(name)) for name, case in ARRAYS.items()},
    "bvh": _found(array_files.write_bvh),
    **{f"smpl-{name}": _found(case.write) for name, case in ROTATIONS.items()},
    "numpy": Reader(_npy_poses, lambda f: list(read_format(f / "poses.npy", ReadOptions(fps=30.0)).tracks)),
    "cache-poses": Reader(_cache_poses, lambda f: list(read_format(f / "c.parquet").tracks)),
}  # fmt: skip
"""Other programs' pose files; `test_mutations` checks that every format of `hanet.formats` is here."""

FILES: dict[str, Reader] = {
    "released-zip": Reader(
        lambda f: _released(f, zipped=True),
        lambda f: checkpoints.load_released(f / "r.pth", CONFIG),
        share=0.1,
    ),
    "released-legacy": Reader(
        lambda f: _released(f, zipped=False),
        lambda f: checkpoints.load_released(f / "r.pth", CONFIG),
        share=0.1,
    ),
    "npz": Reader(_npz, lambda f: read_npz(f / "a.npz")),
    "npy": Reader(_npy, lambda f: read_npy(f / "a.npy")),
    "pickle": Reader(_pickle, lambda f: read_pickle(f / "a.pkl")),
    "smpl-body": Reader(_body, lambda f: read_smpl(f / "body.npz")),
    "zip": Reader(_archive(archive_files.make_zip), _extracted),
    "tar": Reader(_archive(archive_files.make_tar), _extracted),
    "regressor": Reader(
        _regressor, lambda f: read_regressor(f / "r.npy", joints=5, vertices=9, source="mine")
    ),
    "torch-zip": Reader(_torch(zipped=True), lambda f: read_torch(f / "t.pt")),
    "torch-legacy": Reader(_torch(zipped=False), lambda f: read_torch(f / "t.pt")),
}
