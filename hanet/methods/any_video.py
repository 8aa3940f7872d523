"""Adapt a method to poses of any video: frames without a person, and other frame rates.

Both wrap a method and are methods themselves: ``OverGaps(AtRate(method, 60.0), longest=15)``.

Axes: T frames, J joints, D numbers per joint.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import CubicSpline

from hanet.formats.missing import LARGEST
from hanet.methods.base import Method, require_frames
from hanet.poses.gaps import fill_gaps, interpolate, runs
from hanet.poses.plausible import NoPosesError
from hanet.poses.sequence import PoseSequence

_MOST_FRAMES = 20_000_000
"""Frames of one track at a method's rate: 93 hours at 60 per second."""


@dataclass(frozen=True)
class Around:
    """Base of wrappers: called like their method, with its share of frames read."""

    method: Method

    @property
    def name(self) -> str:
        """The method's name."""
        return self.method.name

    @property
    def observed(self) -> float:
        """The method's share of frames read."""
        return self.method.observed


@dataclass(frozen=True)
class OverGaps(Around):
    """Fill short gaps joint by joint, and refine frames with a person without those without.

    A joint that is NaN for at most `longest` frames, with known frames on both sides, is interpolated
    linearly first. A joint that is still unknown where others are known is given to the method as a stand-in
    (interpolated, held at the ends; the mean of the known joints where it is never known) and is NaN again in
    the result: the known joints of the frame are refined and kept. The method refines the runs between frames
    without any joint as separate tracks. `labelled` is False where there was no detection, filled or not.

    Attributes:
        method: refines the pieces.
        longest: maximum length of a filled gap in frames; 0 fills none.
    """

    longest: int

    def __post_init__(self) -> None:
        if self.longest < 0:
            raise ValueError(f"longest must be at least 0 frames, got {self.longest}")

    def refine(self, sequence: PoseSequence) -> PoseSequence:
        """Refined poses of the same frames; NaN where a joint is unknown for longer than `longest` frames.

        Raises:
            NoPosesError: no joint is known in any frame.
            ValueError: the track is empty.
        """
        require_frames(sequence)
        known = np.asarray((np.abs(sequence.values) < LARGEST).all(axis=2))  # NaN compares as False
        if known.all():
            return self.method.refine(sequence)
        if not known.any():
            raise NoPosesError(
                f"{sequence.name}, track {sequence.track}: no joint is known in any frame, so there is "
                "nothing to refine"
            )
        seen = replace(sequence, values=np.where(known[..., None], sequence.values, np.nan))
        filled = fill_gaps(seen, self.longest)
        there = np.asarray(np.isfinite(filled.values).all(axis=2))
        values = np.full_like(sequence.values, np.nan)
        for run in runs(np.asarray(there.any(axis=1))):
            values[run] = self.method.refine(_with_stand_ins(filled.part(run))).values
        values[~there] = np.nan
        labelled = known if sequence.labelled is None else known & sequence.labelled
        return replace(sequence.with_values(values), labelled=labelled)


def _with_stand_ins(sequence: PoseSequence) -> PoseSequence:
    """The poses with a number for every joint; each frame has at least one known joint."""
    T, J, D = sequence.values.shape
    frames = np.arange(T)
    values = interpolate(sequence.values.reshape(T, -1).astype(np.float64), frames, frames).reshape(T, J, D)
    never = np.isnan(values).any(axis=(0, 2))
    values[:, never] = values[:, ~never].mean(axis=1, keepdims=True)
    return replace(sequence, values=values.astype(sequence.values.dtype))


@dataclass(frozen=True)
class AtRate(Around):
    """Run a method at another frame rate and resample the result to the original one.

    A network's windows are counted in frames, but it has learned motion in time: at half the frame rate,
    motion appears twice as fast. So a track of another rate is resampled by natural cubic splines, before and
    after the method. First and last frame are kept, and the number of frames between them is the one nearest
    to `fps`; the effective rate is off by at most half a frame over the track. Where `fps` is a multiple of
    the track's rate, all its frames are among the resampled ones. There is no anti-aliasing filter: a track
    with a higher rate than `fps` loses the motion in between.

    Attributes:
        method: refines at `fps`.
        fps: frames per second.
    """

    fps: float

    def __post_init__(self) -> None:
        if not 0 < self.fps < np.inf:
            raise ValueError(f"fps must be positive and finite, got {self.fps}")

    def refine(self, sequence: PoseSequence) -> PoseSequence:
        """Refined poses of the same frames, at the sequence's own rate.

        Raises:
            ValueError: the track is empty, or what the method raises.
        """
        require_frames(sequence)
        T = len(sequence)
        count = round((T - 1) * self.fps / sequence.fps) + 1
        if np.isclose(sequence.fps, self.fps, rtol=1e-3) or T == 1:
            return self.method.refine(sequence)
        if count > _MOST_FRAMES:
            raise ValueError(
                f"{sequence.name}, track {sequence.track}: {T} frames at {sequence.fps:g} per second are "
                f"{count} at the model's {self.fps:g}, more than {_MOST_FRAMES}; check the frame rate"
            )
        # A spline needs two points, even for a track shorter than one frame of the method.
        there = np.linspace(0.0, T - 1.0, max(count, 2))
        frames = np.arange(T, dtype=np.float64)
        shown = replace(
            sequence,
            values=_resampled(sequence.values, frames, there),
            fps=self.fps,
            start=0,
            scores=None,
            labelled=None,
            boxes=None,
        )
        refined = self.method.refine(shown).values
        return sequence.with_values(_resampled(refined, there, frames))


def _resampled(values: np.ndarray, at: np.ndarray, to: np.ndarray) -> np.ndarray:
    """Values at times `to`, by natural cubic splines through those at times `at`."""
    spline = CubicSpline(at, values.astype(np.float64), axis=0, bc_type="natural")
    return spline(to).astype(values.dtype)
