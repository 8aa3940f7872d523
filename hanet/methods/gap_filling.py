"""Fill gaps from the joint's own motion and from the joints that were seen meanwhile.

Four estimates are averaged. A straight line and a cubic curve with the velocity at both ends lead over
the gap; the same two lead over what a linear function of the other joints leaves, fitted by ridge regression
to the frames of the track in which all were seen (as Gløersen and Federolf, PLOS ONE 2016, fill markers).
Each counts by how well it predicts the middle of such gaps where the joint was seen.

Axes: T frames, J joints, D coordinates, K other joints.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from hanet.poses.gaps import interpolate, runs
from hanet.poses.scale import known_joints, squared_lengths

RIDGE = 1e-2
"""Penalty, in mean variances of the other joints' coordinates."""
ROWS = 60
"""Fewest frames to fit other joints to."""
SEEN = 0.5
"""Least share of the track in which another joint is seen."""
TRIED = 100
"""Gaps that are tried where the joint was seen."""
SLOPE = 0.08
"""Seconds on both sides of a gap that give the velocity there."""


def fill_by_motion(
    values: Float[np.ndarray, "T J D"], fps: float, longest: int
) -> Float[np.ndarray, "T J D"]:
    """The track with gaps of at most `longest` frames filled; at its ends nothing is.

    Args:
        values: poses; NaN where a joint is missing.
        fps: frames per second.
        longest: frames.
    """
    known = known_joints(values)
    result = values.astype(np.float64)
    missing = np.flatnonzero(~known.all(axis=0) & known.any(axis=0)).tolist()
    if not missing:
        return result
    rows = np.arange(len(result))
    lines = interpolate(result.reshape(len(result), -1), rows, rows).reshape(values.shape)
    reach = max(1, round(SLOPE * fps))
    for joint in missing:
        for gap in runs(np.asarray(~known[:, joint])):
            if gap.start == 0 or gap.stop == len(values) or gap.stop - gap.start > longest:
                continue
            result[gap, joint] = _filled(lines, known, joint, gap, reach)
    return result


def _filled(
    lines: Float[np.ndarray, "T J D"], known: Bool[np.ndarray, "T J"], joint: int, gap: slice, reach: int
) -> Float[np.ndarray, "L D"]:
    """A joint's poses in a gap; `lines` are all poses, gaps filled by straight lines."""
    course, length = lines[:, joint], gap.stop - gap.start
    others = _others(known, joint, gap)
    whole = known[:, joint] & known[:, others].all(axis=1)
    predictions = [np.zeros_like(course)]
    if len(others) and whole.sum() >= ROWS:
        predictions.append(_from_others(lines, others, joint, whole))
    tries = _tries(whole, length, reach)
    middle = (length + 1) // 2
    estimates, errors = [], []
    for predicted in predictions:
        wrong = course - predicted
        for curve in (_line, _cubic):
            estimates.append(predicted[gap] + curve(wrong, np.array([gap.start - 1]), length, reach)[0])
            tried = curve(wrong, tries, length, reach)[:, middle - 1]
            errors.append(squared_lengths(tried - wrong[tries + middle]).mean() if len(tries) else 1.0)
    weights = 1 / np.maximum(errors, 1e-150 + 1e-9 * max(errors)) ** 2
    return np.tensordot(weights / weights.sum(), np.stack(estimates), axes=1)


def _tries(whole: Bool[np.ndarray, " T"], length: int, reach: int) -> np.ndarray:
    """Frames after which a gap of this length could be, with the joint seen around it and in its middle."""
    before = np.arange(reach, len(whole) - length - 1 - reach)
    after, middle = before + length + 1, before + (length + 1) // 2
    usable = before[
        whole[before] & whole[middle] & whole[after] & whole[before - reach] & whole[after + reach]
    ]
    return usable[:: max(1, len(usable) // TRIED)]


def _others(known: Bool[np.ndarray, "T J"], joint: int, gap: slice) -> np.ndarray:
    """Joints seen throughout the gap and at its ends, and in most of the track."""
    there = known[gap.start - 1 : gap.stop + 1].all(axis=0) & (known.mean(axis=0) >= SEEN)
    there[joint] = False
    return np.flatnonzero(there)


def _from_others(
    lines: Float[np.ndarray, "T J D"], others: np.ndarray, joint: int, whole: Bool[np.ndarray, " T"]
) -> Float[np.ndarray, "T D"]:
    """The joint as a linear function of the others, all relative to the others' mean."""
    middle = lines[:, others].mean(axis=1)
    shown = (lines[:, others] - middle[:, None]).reshape(len(lines), -1)
    wanted = lines[:, joint] - middle
    centre, mean = shown[whole].mean(axis=0), wanted[whole].mean(axis=0)
    rows = shown[whole] - centre
    square = rows.T @ rows / len(rows)
    square += (RIDGE * np.trace(square) / len(square) + 1e-12) * np.eye(len(square))
    weight = np.linalg.solve(square, rows.T @ (wanted[whole] - mean) / len(rows))
    return (shown - centre) @ weight + mean + middle


def _line(
    course: Float[np.ndarray, "T D"], before: np.ndarray, length: int, reach: int
) -> Float[np.ndarray, "N L D"]:
    """Straight lines over gaps that begin after the frames `before`, between means of `reach` frames."""
    last = len(course) - 1
    steps = np.arange(max(1, reach // 2))
    start = course[np.maximum(before[:, None] - steps, 0)].mean(axis=1)
    stop = course[np.minimum(before[:, None] + length + 1 + steps, last)].mean(axis=1)
    u = (np.arange(1, length + 1) / (length + 1))[None, :, None]
    return (1 - u) * start[:, None] + u * stop[:, None]


def _cubic(
    course: Float[np.ndarray, "T D"], before: np.ndarray, length: int, reach: int
) -> Float[np.ndarray, "N L D"]:
    """Cubic Hermite curves over gaps that begin after the frames `before`."""
    after = before + length + 1
    start, stop = course[before], course[after]
    out = (start - course[np.maximum(before - reach, 0)]) / np.maximum(np.minimum(before, reach), 1)[:, None]
    last = len(course) - 1
    there = np.minimum(after + reach, last)
    into = (course[there] - stop) / np.maximum(there - after, 1)[:, None]
    span = length + 1
    u = (np.arange(1, length + 1) / span)[None, :, None]
    return (
        (1 + 2 * u) * (1 - u) ** 2 * start[:, None]
        + u * (1 - u) ** 2 * span * out[:, None]
        + u**2 * (3 - 2 * u) * stop[:, None]
        - u**2 * (1 - u) * span * into[:, None]
    )
