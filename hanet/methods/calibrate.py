"""Calibrate: learn an estimator's bias from a minute of its poses with their truth.

The bias of a joint is a constant offset and a linear function of the body's pose, fitted by ridge regression
(Hoerl and Kennard 1970) towards the constant offset alone. The pose enters as the directions of its bones,
which differ little between people. Predictions of pieces of time that were left out choose the strength; it
is never below `STRENGTHS[0]`, which unseen people need.

The errors on these pieces also say how far off a joint may be after calibration: `Calibration.intervals`.

Axes: T frames, J joints, D coordinates, N frames of all tracks, F features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from hanet.methods.general import refine_general
from hanet.methods.intervals import Intervals, Known, packaged
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
OTHER_PEOPLE = 1.4
"""Factor on the bias of pieces left out, for people who were not calibrated on. Chosen on people 1 to 8 of
UI-PRMD: calibrated on a minute of one of them, radii then hold nine of ten errors of the seven others."""
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
        bias: body scales that calibrated poses of other people may be off all the time, see
            `hanet.methods.intervals.Intervals`; NaN where nothing could be left out.
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
    bias: float = float("nan")

    @property
    def intervals(self) -> Intervals:
        """The model of radii around calibrated poses.

        Raises:
            ValueError: nothing is known of errors after calibration.
        """
        if not np.isfinite(self.bias):
            raise ValueError(
                "the calibration does not know how far off its poses may be: it was made from less than ten "
                f"seconds, or by an older release; {REMEDY} from a minute of poses"
            )
        return replace(packaged(), bias=self.bias)

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
    rows, wrong, piece, radii = [], [], [], []
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
        radii.append(packaged().radii(poses.values.astype(np.float64), refined, poses.fps) / _unit(poses))
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
    left = np.linalg.norm(_residuals(x, y, pieces % PARTS, strength), axis=2)
    stops = np.cumsum([len(each) for each in rows])[:-1]
    sequences = [
        Known(error, radius, body_scale(poses.values.astype(np.float64)) / _unit(poses))
        for poses, error, radius in zip(detected, np.split(left, stops), radii, strict=True)
    ]
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
        _bias(sequences),
    )


def _bias(left: Sequence[Known]) -> float:
    """The bias for other people; NaN where no error is known."""
    if not any(np.isfinite(one.error).any() for one in left):
        return float("nan")
    return OTHER_PEOPLE * packaged().widened(left).bias


def _left_out(
    x: Float[np.ndarray, "N F"], y: Float[np.ndarray, "N J D"], part: np.ndarray
) -> dict[str, float]:
    """Mean errors of each strength on parts that it was not fitted to, and of no correction."""
    left = {"input": [_length(y)]}
    for strength in STRENGTHS if _parts(y, part) else ():
        wrong = _residuals(x, y, part, strength)
        left[f"{strength:g}"] = [_length(wrong[part == p]) for p in _parts(y, part)]
    return {name: float(np.nanmean(errors)) for name, errors in left.items()}


def _parts(y: Float[np.ndarray, "N J D"], part: np.ndarray) -> list[int]:
    """Parts without which some error is still known."""
    return [int(p) for p in np.unique(part) if np.isfinite(y[part != p]).any()]


def _residuals(
    x: Float[np.ndarray, "N F"], y: Float[np.ndarray, "N J D"], part: np.ndarray, strength: float
) -> Float[np.ndarray, "N J D"]:
    """What is left of `y` on each part after a fit to the others; NaN where there is none."""
    wrong = np.full_like(y, np.nan)
    for p in _parts(y, part):
        offset, centre, weight = _fit(x[part != p], y[part != p], strength)
        shown = (x[part == p] - centre) @ weight
        wrong[part == p] = y[part == p] - offset - shown.reshape(-1, *y.shape[1:])
    return wrong


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
