"""Find and mend left-right swaps: frames in which an estimator gives left joints as right ones.

Where left and right are swapped, the difference between both joints changes its sign. So for each pair of
joints, and for arms, legs, head and the whole body together, dynamic programming looks for the signs that
make this difference move most smoothly: the sum of squared second differences over time, in units of the
pair's own noise and motion, plus a cost per change of sign and a small one per frame of changed sign. A swap
of more than about half of a track looks the same as a swap of the rest, and is taken for that.

Axes: T frames, J joints, D coordinates, P pairs of joints, U units of pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from hanet.poses.gaps import interpolate, runs
from hanet.poses.scale import body_scale, known_joints, squared_lengths
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import Skeleton

CHANGE = 10.0
"""Cost of a change of sign, per pair of the unit."""
SWAPPED = 0.01
"""Cost of a frame of changed sign, as a share of a change's."""
FLOOR = 0.02
"""Body scales below which second differences of a pair are noise."""
APART = 1.0
"""How far apart a swapped pair's joints are at least, in the same unit: closer ones are left alone."""
PARTS = {
    "legs": ("hip", "knee", "ankle", "heel", "toe", "foot"),
    "arms": ("shoulder", "elbow", "wrist", "hand", "thumb", "finger", "pinky", "index"),
    "head": ("eye", "ear", "mouth"),
}


@dataclass(frozen=True)
class Swap:
    """Frames in which joints were swapped.

    Attributes:
        what: ``body``, ``legs``, ``arms``, ``head`` or a pair's name, as ``knee``.
        start: first frame, as a row of the track.
        stop: the frame after the last one.
    """

    what: str
    start: int
    stop: int


def mend_swaps(sequence: PoseSequence) -> tuple[PoseSequence, list[Swap]]:
    """The track with left and right swapped back, and where.

    Nothing changes for joints without names, rotations, and tracks of fewer than four frames.
    """
    pairs = _pairs(sequence.skeleton)
    known = np.asarray(known_joints(sequence.values).any(axis=0))
    pairs = {name: pair for name, pair in pairs.items() if known[list(pair)].all()}
    T = len(sequence)
    if not pairs or T < 4 or sequence.unit == "rot6d":
        return sequence, []
    rows = np.arange(T)
    values = interpolate(sequence.values.reshape(T, -1).astype(np.float64), rows, rows)
    values = values.reshape(sequence.values.shape)
    left, right = (np.array(side) for side in zip(*pairs.values(), strict=True))
    apart = (values[:, right] - values[:, left]) / body_scale(sequence.values)
    names = list(pairs)
    found: list[Swap] = []
    swapped = np.zeros((T, len(pairs)), dtype=bool)
    for level in _levels(names):
        signs = _signs(apart, list(level.values()))
        for (what, unit), flips in zip(level.items(), signs.T, strict=True):
            swapped[:, unit] ^= flips[:, None]
            found += [Swap(what, run.start, run.stop) for run in runs(flips)]
            apart[:, unit] *= np.where(flips, -1.0, 1.0)[:, None, None]
    return _exchanged(sequence, swapped, left, right), sorted(found, key=lambda swap: swap.start)


def _pairs(skeleton: Skeleton) -> dict[str, tuple[int, int]]:
    """Left and right joints by their common name."""
    index = {name: j for j, name in enumerate(skeleton.joints)}
    return {
        name[2:]: (j, index["r_" + name[2:]])
        for name, j in index.items()
        if name.startswith("l_") and "r_" + name[2:] in index
    }


def _levels(names: Sequence[str]) -> list[dict[str, list[int]]]:
    """Units of pairs that swap together, by name: the body, its parts, single pairs."""
    parts = {
        part: [i for i, name in enumerate(names) if any(word in name for word in words)]
        for part, words in PARTS.items()
    }
    several = {part: unit for part, unit in parts.items() if len(unit) > 1}
    single = {name: [i] for i, name in enumerate(names)}
    return [level for level in ({"body": list(range(len(names)))}, several, single) if level]


def _signs(apart: Float[np.ndarray, "T P D"], units: Sequence[Sequence[int]]) -> Bool[np.ndarray, "T U"]:
    """Where each unit's difference has the wrong sign."""
    second = np.diff(apart, 2, axis=0)
    scale = np.median(squared_lengths(second), axis=0) + FLOOR**2

    def cost(changed: float | Float[np.ndarray, "S P D"]) -> Float[np.ndarray, "S U"]:
        # At most a change's cost, so that a change for several pairs needs most of them.
        each = np.minimum(squared_lengths(second + changed) / scale, CHANGE)
        return np.stack([each[:, unit].sum(axis=1) for unit in units], axis=1)

    # By whether the sign changes before and after the middle frame of a second difference.
    costs = np.stack(
        [[cost(0.0), cost(-2 * apart[2:])], [cost(-2 * apart[:-2]), cost(4 * apart[1:-1])]], axis=0
    )
    price = CHANGE * np.array([len(unit) for unit in units], dtype=float)
    result = np.zeros((len(apart), len(units)), dtype=bool)
    doubtful = np.flatnonzero(_doubtful(costs, price))
    if len(doubtful):
        result[:, doubtful] = _path(costs[..., doubtful], price[doubtful])
    for u in doubtful.tolist():
        far = np.sqrt(squared_lengths(apart[:, units[u]]) / scale[units[u]])
        for run in runs(np.asarray(result[:, u])):
            if np.median(far[run]) < APART:
                result[run, u] = False
    return result


def _doubtful(costs: Float[np.ndarray, "2 2 S U"], price: Float[np.ndarray, " U"]) -> Bool[np.ndarray, " U"]:
    """Units of which some change of sign, or that of a single frame, may pay for itself."""
    stay, after, before, middle = costs[0, 0], costs[0, 1], costs[1, 0], costs[1, 1]
    step = stay[:-1] + stay[1:] - after[:-1] - before[1:]
    blink = stay[:-2] + stay[1:-1] + stay[2:] - after[:-2] - middle[1:-1] - before[2:]
    ends = np.stack([stay[0] - before[0], stay[-1] - after[-1]])
    return np.any([(gain > 0.5 * price).any(axis=0) for gain in (step, blink, ends) if len(gain)], axis=0)


def _path(costs: Float[np.ndarray, "2 2 S U"], price: Float[np.ndarray, " U"]) -> Bool[np.ndarray, "T U"]:
    """The cheapest signs (Viterbi 1967); a state is the signs of two frames in a row."""
    S, U = costs.shape[2:]
    states = np.arange(2)
    differ = states[:, None] != states[None]
    change, frame = differ[..., None] * price, states[:, None] * SWAPPED * price
    best = change + frame[None] + frame[:, None]
    # step[a, b, c]: from signs (a, b) to (b, c)
    first, then = differ[:, :, None].astype(int), differ[None].astype(int)
    first, then = np.broadcast_arrays(first, then)
    origin = np.empty((S, 2, 2, U), dtype=np.int8)
    for s in range(S):
        total = best[:, :, None] + costs[first, then, s] + change[None] + frame[None, None]
        origin[s] = total.argmin(axis=0)
        best = total.min(axis=0)
    signs = np.empty((S + 2, U), dtype=int)
    units = np.arange(U)
    signs[-2], signs[-1] = np.divmod(best.reshape(4, U).argmin(axis=0), 2)
    for s in reversed(range(S)):
        signs[s] = origin[s, signs[s + 1], signs[s + 2], units]
    return signs.astype(bool)


def _exchanged(
    sequence: PoseSequence, swapped: Bool[np.ndarray, "T P"], left: np.ndarray, right: np.ndarray
) -> PoseSequence:
    if not swapped.any():
        return sequence
    order = np.tile(np.arange(sequence.values.shape[1]), (len(sequence), 1))
    order[:, left] = np.where(swapped, right, left)
    order[:, right] = np.where(swapped, left, right)
    rows = np.arange(len(sequence))[:, None]
    changed = {
        name: None if (array := getattr(sequence, name)) is None else array[rows, order]
        for name in ("values", "scores", "labelled")
    }
    return replace(sequence, **changed)
