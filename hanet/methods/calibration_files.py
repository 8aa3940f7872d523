"""Calibrations on disk: a folder of numbers as safetensors and all else as JSON, with a hash over both."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from hanet.files.atomic import fresh_folder
from hanet.files.json_text import read_json
from hanet.methods.calibrate import REMEDY, Calibration

ARRAYS = ("offset", "centre", "weight")
TENSORS, DESCRIPTION = "calibration.safetensors", "calibration.json"
HASH = "sha256"
"""Key of the description: SHA-256 of the numbers and of all else in the description."""


def save_calibration(folder: Path, calibration: Calibration) -> None:
    """Write a folder, whole or not at all: numbers as safetensors, all else as JSON."""
    from safetensors.numpy import save

    tensors = {name: np.ascontiguousarray(getattr(calibration, name)) for name in ARRAYS}
    description = {
        "joints": calibration.joints,
        "bones": calibration.bones,
        "dimensions": calibration.dimensions,
        "unit": calibration.unit,
        "strength": f"{calibration.strength:g}",
        "errors": calibration.errors,
        "bias": calibration.bias if np.isfinite(calibration.bias) else None,
    }
    content = save(tensors)
    description[HASH] = _hash(content, description)
    with fresh_folder(folder) as made:
        (made / TENSORS).write_bytes(content)
        (made / DESCRIPTION).write_text(json.dumps(description, indent=1) + "\n")


def _hash(tensors: bytes, description: dict[str, Any]) -> str:
    """SHA-256 of the bytes of the tensors and of the description, in one order of its keys."""
    return hashlib.sha256(tensors + json.dumps(description, sort_keys=True).encode()).hexdigest()


def load_calibration(folder: Path) -> Calibration:
    """Read such a folder.

    Raises:
        FileNotFoundError: no such files.
        ValueError: damaged files.
    """
    from safetensors.numpy import load

    said: dict[str, Any] = read_json(folder / DESCRIPTION, dict, remedy=REMEDY)
    try:
        content = (folder / TENSORS).read_bytes()
        noted = said.pop(HASH, None)  # calibrations of before 0.3 have none
        if noted not in (None, _hash(content, said)):
            raise ValueError("SHA-256 of its numbers and description is not the one noted")
        tensors = load(content)
        made = Calibration(
            joints=tuple(map(str, said["joints"])),
            bones=tuple((int(a), int(b)) for a, b in said["bones"]),
            dimensions=int(said["dimensions"]),
            unit=str(said["unit"]),
            strength=float(said["strength"]),
            errors={str(name): float(error) for name, error in said["errors"].items()},
            bias=_noted_bias(said.get("bias")),
            **{name: tensors[name] for name in ARRAYS},
        )
    except FileNotFoundError:
        raise
    # A header that lies makes the parser fail in ways of its own.
    except Exception as error:
        raise ValueError(f"{folder}: not a whole calibration ({error}); {REMEDY}") from error
    J, D = len(made.joints), made.dimensions
    F = (len(made.bones) or J) * D
    arrays = [getattr(made, name) for name in ARRAYS]
    shapes = [array.shape for array in arrays]
    sound = all(array.dtype.kind == "f" and np.isfinite(array).all() for array in arrays)
    bones = all(0 <= joint < J for bone in made.bones for joint in bone)
    if not (sound and bones) or shapes != [(J, D), (F,), (F, J * D)]:
        raise ValueError(f"{folder}: {TENSORS} does not fit {DESCRIPTION}; {REMEDY}")
    return made


def _noted_bias(value: Any) -> float:
    """NaN where there is none, as in calibrations of earlier releases."""
    if value is None:
        return float("nan")
    if not 0 <= float(value) < np.inf:
        raise ValueError(f"bias must be a finite number from 0, got {value}")
    return float(value)
