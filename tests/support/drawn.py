"""A tiny data set with images: ground-truth caches, an image a frame, parameters of an experiment on it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from hanet.cache.files import CacheMetadata, CacheWriter
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17, JHMDB15, LSP14, Skeleton
from tests.support import tiny

SIZE = (120, 100)
"""Width and height of the images."""
DATASETS: dict[str, dict[str, Any]] = {
    "sub_jhmdb": {"download": {}, "ingest": {"protocol": "pooled", "seed": 1}},
    "posetrack18": {"download": {"folder": "."}, "ingest": {"seed": 1}},
    "pw3d": {"download": {"folder": "."}, "ingest": {}},
}
SMALL: dict[str, dict[str, Any]] = {
    "simplebaseline": {"layers": 50, "pixels": [64, 64], "flip": False},
    "dcpose": {"pixels": [64, 96]},
    "spin": {"body": "files/body.npz", "regressor": "files/J_regressor_h36m.npy"},
    "pare": {"body": "files/body.npz", "regressor": "files/J_regressor_h36m.npy"},
}
"""Settings that make each estimator quick."""


def keypoints(name: str, T: int, skeleton: Skeleton, *, track: int = 0, start: int = 0) -> PoseSequence:
    """Someone who stands in the middle of the image and moves a little."""
    rng = np.random.default_rng(len(name) + 10 * track + ord(name[0]))
    values = rng.uniform(25, 80, (1, len(skeleton), 2)) + rng.normal(size=(T, len(skeleton), 2))
    return PoseSequence(
        name,
        values.astype(np.float32),
        skeleton,
        "2d",
        25.0,
        "px",
        "image",
        track=track,
        start=start,
        image_size=SIZE,
    )


def joints(seen: PoseSequence) -> PoseSequence:
    """Joints in the camera's frame for the same frames."""
    rng = np.random.default_rng(3)
    values = rng.normal(size=(len(seen), len(LSP14), 3)).astype(np.float32)
    values -= values[:, list(LSP14.root)].mean(axis=1, keepdims=True)
    return replace(
        seen,
        values=values,
        skeleton=LSP14,
        representation="3d",
        unit="m",
        frame_of_reference="camera_root_relative",
        image_size=None,
    )


def write_cache(name: str, split: str, sequences: list[PoseSequence]) -> None:
    """One cache of the data set ``drawn``."""
    described = CacheMetadata.of(sequences[0], dataset="drawn", split=split, estimator="gt")
    with CacheWriter(Path("data/poses/drawn") / f"{name}-{split}.parquet", described) as writer:
        for sequence in sequences:
            writer.write(sequence)


def draw(name: str, frames: range, seed: int = 0) -> None:
    """An image of noise for each frame of a clip, numbered from 1."""
    rng = np.random.default_rng([seed, *name.encode()])
    for frame in frames:
        path = Path("frames/walk") / name / f"{frame + 1:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (SIZE[1], SIZE[0], 3)).astype(np.uint8)).save(path)


def write_data(splits: dict[str, dict[str, int]], *, skeleton: Skeleton = JHMDB15) -> None:
    """Clips by split, each with so many frames; with LSP14 also the keypoints that say where people are."""
    for split, clips in splits.items():
        if skeleton == LSP14:
            seen = [keypoints(name, T, COCO17) for name, T in clips.items()]
            write_cache("openpose", split, seen)
            write_cache("gt", split, [joints(one) for one in seen])
        else:
            write_cache("gt", split, [keypoints(name, T, skeleton) for name, T in clips.items()])
        for name, T in clips.items():
            draw(name, range(T))


def write_params(kind: str, dataset: str, **settings: Any) -> None:
    """params.yaml with the experiment ``drawn``: an estimator, small, on the data set ``drawn``."""
    params = json.loads(json.dumps(tiny.PARAMS))
    params["datasets"]["drawn"] = {"kind": dataset, **DATASETS[dataset]}
    params["experiments"]["drawn"] = {
        "dataset": "drawn",
        "estimate": {
            "kind": kind,
            "weights": f"files/{kind}.pth",
            "images": "frames/*/{name}/{frame:05d}.png",
            "first_frame": 1,
            "batch": 4,
            "shard": 2,
            "workers": 0,
            **SMALL[kind],
            **settings,
        },
        "filters": {"input": {}},
        "models": {"hanet-paper": tiny.MODEL},
    }
    Path("params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
