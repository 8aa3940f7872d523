"""What stands between a method and poses of any video: frames without a person, and another frame rate.

Both wrap a method and are methods themselves: ``OverGaps(AtRate(method, 60.0), longest=15)``.

Axes: T frames, J joints, D numbers a joint.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool
from scipy.interpolate import CubicSpline

from hanet.methods.base import Method, require_frames
from hanet.poses import PoseSequence


@dataclass(frozen=True)
class Around:
    """What both are: called like their method, and reading the share that it reads of the frames it sees."""

    method: Method

    @property
    def name(self) -> str:
        """The method's."""
        return self.method.name

    @property
    def observed(self) -> float:
        """The method's."""
        return self.method.observed


@dataclass(frozen=True)
class OverGaps(Around):
    """Fills short gaps, and refines what lies between long ones piece by piece.

    A joint that is NaN for at most `longest` frames, with known ones on both sides, is drawn on a straight
    line between them before the method sees it. Frames in which a joint is still unknown are left out: the
    method sees the runs between them as tracks of their own, and these frames come back as NaN as a whole,
    also joints that were known. `labelled` is False where there was no detection, filled or not.

    Attributes:
        method: refines the pieces.
        longest: frames that a filled gap may have; 0 fills none.
    """

    longest: int

    def __post_init__(self) -> None:
        if self.longest < 0:
            raise ValueError(f"longest must be at least 0 frames, got {self.longest}")

    def refine(self, sequence: PoseSequence) -> PoseSequence:
        """Refined poses of the same frames; NaN where a joint is unknown for longer than `longest` frames.

        Raises:
            ValueError: the track is empty, or no frame has all its joints.
        """
        require_frames(sequence)
        known = np.isfinite(sequence.values).all(axis=2)
        if known.all():
            return self.method.refine(sequence)
        filled = fill_gaps(sequence, self.longest)
        whole = np.isfinite(filled.values).all(axis=(1, 2))
        if not whole.any():
            raise ValueError(
                f"{sequence.name}, track {sequence.track}: no frame has all {len(sequence.skeleton)} joints, "
                "so there is nothing to refine"
            )
        values = np.full_like(sequence.values, np.nan)
        for start, stop in runs(np.asarray(whole)):
            values[start:stop] = self.method.refine(part(filled, start, stop)).values
        labelled = known if sequence.labelled is None else known & sequence.labelled
        return replace(sequence.with_values(values), labelled=labelled)


def fill_gaps(sequence: PoseSequence, longest: int) -> PoseSequence:
    """NaN for at most `longest` frames, joint by joint, replaced by the line between its neighbours."""
    values = sequence.values.copy()
    frames = np.arange(len(values))
    for joint in range(values.shape[1]):
        known = np.isfinite(values[:, joint]).all(axis=1)
        for start, stop in runs(np.asarray(~known)):
            if start > 0 and stop < len(values) and stop - start <= longest:
                ends = [start - 1, stop]
                for axis in range(values.shape[2]):
                    values[start:stop, joint, axis] = np.interp(
                        frames[start:stop], ends, values[ends, joint, axis]
                    )
    return replace(sequence, values=values)


def runs(mask: Bool[np.ndarray, " T"]) -> list[tuple[int, int]]:
    """(first row, row after the last) of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def part(sequence: PoseSequence, start: int, stop: int) -> PoseSequence:
    """Rows `start` to `stop` (left out) of a track."""
    cut = {
        field: array[start:stop]
        for field in ("values", "scores", "labelled", "boxes")
        if (array := getattr(sequence, field)) is not None
    }
    return replace(sequence, start=sequence.start + start, **cut)


@dataclass(frozen=True)
class AtRate(Around):
    """Shows a method poses at another frame rate than they have, and brings the result back.

    A network's windows are frames, but what it learned are motions in time: at half the frame rate everything
    seems twice as fast to it. So a track of another rate goes through natural cubic splines over time, to the
    method and back. From first to last frame it gets the whole number of frames nearest to `fps`, so that
    both ends stay where they are; the rate the method sees is off by at most half a frame over the track.
    Where `fps` is a multiple of the track's rate, all its frames are among those the method sees. Nothing is
    filtered: a track of more frames per second than `fps` loses what is between.

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
        # A curve needs two points, also where the track is shorter than a frame of the method's.
        there = np.linspace(0.0, T - 1.0, max(count, 2))
        frames = np.arange(T, dtype=np.float64)
        shown = PoseSequence(
            name=sequence.name,
            values=_resampled(sequence.values, frames, there),
            skeleton=sequence.skeleton,
            representation=sequence.representation,
            fps=self.fps,
            unit=sequence.unit,
            frame_of_reference=sequence.frame_of_reference,
            track=sequence.track,
            image_size=sequence.image_size,
        )
        refined = self.method.refine(shown).values
        return sequence.with_values(_resampled(refined, there, frames))


def _resampled(values: np.ndarray, at: np.ndarray, to: np.ndarray) -> np.ndarray:
    """Values at times `to`, by natural cubic splines through those at times `at`."""
    spline = CubicSpline(at, values.astype(np.float64), axis=0, bc_type="natural")
    return spline(to).astype(values.dtype)
