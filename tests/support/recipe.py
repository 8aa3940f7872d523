"""Reproducible weights and inputs out of names, so that reference outputs need no stored weights.

A name's CRC-32 seeds a counter-based generator; what a number becomes depends on the name's ending and shape.
The numbers in tests/reference were computed with the authors' implementations filled this way.
"""

from __future__ import annotations

import hashlib
import json
import math
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tests.support.paths import REFERENCE

_GOLDEN, _STEP = 0x9E3779B97F4A7C15, 0xD1B54A32D192ED03
_MIX = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))

_MEANS = {
    "init_pose": ([1.0, 0, 0, 1, 0, 0], 0.1),
    "init_shape": ([0.0], 0.1),
    "init_cam": ([0.9, 0, 0], 0.05),
}
"""SMPL regressors' mean pose, shape and camera, and how far each is varied."""


def noise(name: str, shape: Sequence[int]) -> np.ndarray:
    """Float64 in [-1, 1): splitmix64 over a counter that starts where the name's CRC-32 says."""
    start = np.uint64(zlib.crc32(name.encode()) * _GOLDEN % 2**64)
    word = np.arange(1, math.prod(shape) + 1, dtype=np.uint64) * np.uint64(_STEP) + start
    for shift, factor in _MIX:
        word = (word ^ (word >> np.uint64(shift))) * np.uint64(factor)
    word ^= word >> np.uint64(31)
    # The upper 53 bits fill a double's mantissa.
    return ((word >> np.uint64(11)) * 2.0**-53 * 2 - 1).reshape(shape)


def tensor(key: str, shape: Sequence[int], gain: float = 1.0) -> np.ndarray:
    """Float32 values of a tensor: small biases, norms' scales near 0.7, matrices of unit gain.

    A batch norm's running mean is small, its variance from 1 to 1.25; its count of batches, an int64, is 0.
    """
    kind, values = key.rpartition(".")[2].removeprefix("in_proj_"), noise(key, shape)
    if kind == "num_batches_tracked":
        return np.zeros(shape, dtype=np.int64)
    if kind in ("bias", "running_mean"):
        values = 0.1 * values
    elif kind == "running_var":
        values = 1 + 0.25 * np.abs(values)
    elif kind == "weight" and len(shape) == 1:
        values = 0.7 + 0.1 * values
    elif kind == "weight":
        # Six axes: a layer of its own for each part (PARE); its inputs are the third axis.
        values = values * math.sqrt(6 / (shape[2] if len(shape) == 6 else math.prod(shape[1:])))
    elif kind == "temperature":
        values = np.ones(shape)
    elif kind in _MEANS:
        mean, size = _MEANS[kind]
        values = np.resize(mean, shape) + size * values
    else:
        raise KeyError(f"the recipe has no rule for {key}")
    return np.asarray(values * gain, dtype=np.float32)


def weights(manifest: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """All tensors of a manifest, by released name."""
    gains = manifest["gains"]
    return {key: tensor(key, shape, gains.get(key, 1.0)) for key, shape in manifest["shapes"].items()}


def sha256(tensors: Mapping[str, np.ndarray]) -> str:
    """Digest of names and bytes, in the order of names."""
    digest = hashlib.sha256()
    for key in sorted(tensors):
        digest.update(key.encode() + b"\0" + tensors[key].tobytes())
    return digest.hexdigest()


def network_weights(
    shapes: Mapping[str, Sequence[int]], manifest: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    """Tensors for a network of these names and shapes, where they are exactly the published network's.

    Names and shapes of networks with thousands of tensors are stored as a digest.
    """
    listed = sorted((name, list(shape)) for name, shape in shapes.items())
    assert len(listed) == manifest["keys"]
    assert hashlib.sha256(json.dumps(listed).encode()).hexdigest() == manifest["shapes_sha256"]
    filled = weights({"shapes": dict(listed), "gains": manifest["gains"]})
    assert sha256(filled) == manifest["weights_sha256"]
    return filled


def model_input(manifest: Mapping[str, Any], name: str) -> np.ndarray:
    """One of a manifest's inputs."""
    spec = manifest["inputs"][name]
    return (noise("input:" + spec["tag"], spec["shape"]) * spec["scale"]).astype(np.float32)


def read(folder: str, name: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """A manifest and its outputs."""
    manifest = json.loads((REFERENCE / folder / f"{name}.json").read_text())
    with np.load(REFERENCE / folder / f"{name}.npz") as outputs:
        return manifest, dict(outputs)
