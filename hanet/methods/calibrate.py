"""Calibrate: learn an estimator's bias from a minute of its poses with their truth.

The bias of a joint is a constant offset and a linear function of the body's pose, fitted by ridge regression
(Hoerl and Kennard 1970) towards the constant offset alone. The pose enters as the directions of its bones,
which differ little between people. Predictions of pieces of time that were left out choose the strength; it
is never below `STRENGTHS[0]`, which unseen people need.

Axes: T frames, J joints, D coordinates, N frames of all tracks, F features.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from hanet.files.atomic import fresh_folder
from hanet.files.json_text import read_json
from hanet.methods.general import refine_general
from hanet.poses.errors import NoPosesError
from hanet.poses.gaps import interpolate
from hanet.poses.scale import body_scale, known_joints
from hanet.poses.sequence import PoseSequence

STRENGTHS = (1.0, 3.0, 10.0, 30.0, np.inf)
"""Ridge penalties that are tried, in mean variances of the features; infinite: a constant offset."""
PIECE = 5.0
"""Seconds of a piece of time that is left out at once."""
PARTS = 5
"""Groups of pieces that are left out in turn."""
ARRAYS = ("offset", "centre", "weight")
TENSORS, DESCRIPTION = "calibration.safetensors", "calibration.json"
HASH = "sha256"
"""Key of the description: SHA-256 of the numbers and of all else in the description."""
REMEDY = "make it again by `hanet calibrate`"


@dataclass(frozen=True, eq=False)
class Calibration:
    """The bias of an estimator.

    Attributes:
        joints: names.
        bones: pairs of their indices whose directions are the features.
        dimensions: D.
        unit: of the offset; for ``px`` it is in body scales.
        offset: (J, D) mean of truth minus detection.
        centre: (F,) mean features.
        weight: (F, J·D) from features to corrections.
        strength: the penalty chosen.
        errors: mean error per penalty on pieces of time that were left out; the key ``input`` is the input's,
            alone where the recording is one piece.
    """

    joints: tuple[str, ...]
    bones: tuple[tuple[int, int], ...]
    dimensions: int
    unit: str
    offset: Float[np.ndarray, "J D"]
    centre: Float[np.ndarray, " F"]
    weight: Float[np.ndarray, "F C"]
    strength: float
    errors: dict[str, float]

    def correct(self, sequence: PoseSequence) -> Float[np.ndarray, "T J D"]:
        """The poses without the bias; NaN stays NaN.

        Raises:
            ValueError: other joints, another number of dimensions, or another unit.
        """
        names = sequence.skeleton.joints
        lost = [joint for joint in self.joints if joint not in names]
        came = (sequence.values.shape[2], sequence.unit)
        if lost or came != (self.dimensions, self.unit):
            raise ValueError(
                f"{sequence.name}: the calibration is for {self.dimensions}D poses in {self.unit} with the "
                f"joints {', '.join(self.joints)}; got {came[0]}D poses in {came[1]}"
                + (f" without {', '.join(lost)}" if lost else "")
            )
        values = sequence.values.astype(np.float64)
        index = [names.index(joint) for joint in self.joints]
        if np.isfinite(values[:, index]).any():
            shown = _features(values[:, index], self.bones) - self.centre
            learned = (shown @ self.weight).reshape(len(values), len(index), -1)
            values[:, index] += _unit(sequence) * (self.offset + learned)
        return values


def calibrate(detected: Sequence[PoseSequence], gt: Sequence[PoseSequence]) -> Calibration:
    """Fit the bias that is left after the general refiner.

    Args:
        detected: tracks of an estimator.
        gt: their truth, of the same frames, joints and unit; where it is not `labelled` it does not count.

    Raises:
        NoPosesError: no frame in which a joint is detected and true.
        ValueError: tracks of different joints.
    """
    first = detected[0]
    bones = _bones(first)
    rows, wrong, piece = [], [], []
    for poses, truth in zip(detected, gt, strict=True):
        if poses.skeleton.joints != first.skeleton.joints or poses.values.shape[2] != first.values.shape[2]:
            raise ValueError(
                f"{poses.name}: its joints differ from those of {first.name}; calibrate one kind"
            )
        refined = refine_general(poses.values.astype(np.float64), poses.fps, poses.scores)
        known = known_joints(poses.values) & known_joints(truth.values)
        if truth.labelled is not None:
            known &= truth.labelled
        difference = (truth.values - refined) / _unit(poses)
        rows.append(_features(refined, bones))
        wrong.append(np.where(known[..., None], difference, np.nan))
        number = np.arange(len(poses)) // max(1, round(PIECE * poses.fps))
        piece.append(number + (piece[-1][-1] + 1 if piece else 0))
    x, y, pieces = (np.concatenate(parts) for parts in (rows, wrong, piece))
    if not np.isfinite(y).any():
        raise NoPosesError(
            "no joint is detected and true in the same frame, so there is nothing to calibrate"
        )
    errors = _left_out(x, y, pieces % PARTS)
    # Of a single piece nothing can be left out: a constant offset is the safe choice.
    tried = [strength for strength in STRENGTHS if f"{strength:g}" in errors] or [np.inf]
    strength = min(tried, key=lambda strength: errors.get(f"{strength:g}", np.inf))
    offset, centre, weight = _fit(x, y, strength)
    return Calibration(
        first.skeleton.joints,
        bones,
        first.values.shape[2],
        first.unit,
        offset,
        centre,
        weight,
        strength,
        errors,
    )


def _left_out(
    x: Float[np.ndarray, "N F"], y: Float[np.ndarray, "N J D"], part: np.ndarray
) -> dict[str, float]:
    """Mean errors of each strength on parts that it was not fitted to, and of no correction."""
    parts = [p for p in np.unique(part) if np.isfinite(y[part != p]).any()]
    left = {"input": [_length(y)]}
    for strength in STRENGTHS if parts else ():
        errors = []
        for p in parts:
            offset, centre, weight = _fit(x[part != p], y[part != p], strength)
            shown = (x[part == p] - centre) @ weight
            errors.append(_length(y[part == p] - offset - shown.reshape(-1, *y.shape[1:])))
        left[f"{strength:g}"] = errors
    return {name: float(np.nanmean(errors)) for name, errors in left.items()}


def _length(wrong: Float[np.ndarray, "N J D"]) -> float:
    lengths = np.linalg.norm(wrong, axis=2)
    return float(lengths[np.isfinite(lengths)].mean()) if np.isfinite(lengths).any() else np.nan


def _fit(
    x: Float[np.ndarray, "N F"], y: Float[np.ndarray, "N J D"], strength: float
) -> tuple[Float[np.ndarray, "J D"], Float[np.ndarray, " F"], Float[np.ndarray, "F C"]]:
    """Offset, mean features and weights; a joint counts in the frames in which it is known."""
    known = known_joints(y)
    count = np.maximum(known.sum(axis=0), 1)[:, None]
    offset = np.where(known[..., None], y, 0.0).sum(axis=0) / count
    centre = x.mean(axis=0)
    weight = np.zeros((x.shape[1], y[0].size))
    if np.isinf(strength):
        return offset, centre, weight
    shown = x - centre
    left = np.where(known[..., None], y - offset, 0.0)
    for joint in range(y.shape[1]):
        each = shown[known[:, joint]]
        if len(each):
            square = each.T @ each / len(each)
            penalty = strength * np.trace(square) / len(square) + 1e-12
            product = each.T @ left[known[:, joint], joint] / len(each)
            solved = np.linalg.solve(square + penalty * np.eye(len(square)), product)
            weight[:, joint * y.shape[2] : (joint + 1) * y.shape[2]] = solved
    return offset, centre, weight


def _bones(sequence: PoseSequence) -> tuple[tuple[int, int], ...]:
    """Bones, and the lines from left to right shoulder and hip."""
    names = sequence.skeleton.joints
    across = [
        (names.index(f"l_{part}"), names.index(f"r_{part}"))
        for part in ("shoulder", "hip")
        if {f"l_{part}", f"r_{part}"} <= set(names)
    ]
    return (*sequence.skeleton.bones, *across)


def _features(
    values: Float[np.ndarray, "T J D"], bones: Sequence[tuple[int, int]]
) -> Float[np.ndarray, "T F"]:
    """Directions of bones, or of joints from their mean where no bone is known; 0 where one is missing."""
    T = len(values)
    rows = np.arange(T)
    filled = interpolate(values.reshape(T, -1), rows, rows).reshape(values.shape)
    filled = np.where(np.isfinite(filled), filled, 0.0)
    if bones:
        start, stop = (list(ends) for ends in zip(*bones, strict=True))
        vectors = filled[:, stop] - filled[:, start]
    else:
        vectors = filled - filled.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(vectors, axis=2, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0).reshape(T, -1)


def _unit(sequence: PoseSequence) -> float:
    """What corrections are measured in: metres, or the body's scale in an image."""
    return body_scale(sequence.values.astype(np.float64)) if sequence.unit == "px" else 1.0


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
