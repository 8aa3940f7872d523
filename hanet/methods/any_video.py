"""What stands between a method and poses of any video: frames without a person, and another frame rate.

Both wrap a method and are methods themselves: ``OverGaps(AtRate(method, 60.0), longest=15)``.

Axes: T frames, J joints, D numbers a joint.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline

from hanet.methods.base import Method, require_frames
from hanet.methods.learned import LearnedMethod
from hanet.models import checkpoints
from hanet.models.trained_on import PoseKind
from hanet.poses.gaps import fill_gaps, runs
from hanet.poses.sequence import PoseSequence


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
        for run in runs(np.asarray(whole)):
            values[run] = self.method.refine(filled.part(run)).values
        labelled = known if sequence.labelled is None else known & sequence.labelled
        return replace(sequence.with_values(values), labelled=labelled)


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


@dataclass(frozen=True, eq=False)
class Trained:
    """A checkpoint as a method for tracks with gaps and of any frame rate.

    Attributes:
        method: what refines.
        parameters: settings and the weights' SHA-256, for a cache's metadata.
    """

    method: OverGaps
    parameters: dict[str, Any]


def trained_method(
    folder: Path, kind: PoseKind, *, stride: int | None, mirror: bool, longest_gap: int
) -> Trained:
    """Load a checkpoint.

    Args:
        folder: the checkpoint.
        kind: what it was trained on.
        stride: frames (of the model's rate) between windows; None takes the published evaluations': the
            interval between watched frames, or 1 for a network without.
        mirror: refine the mirror image too and average; of poses in a camera's frame.
        longest_gap: frames (of the poses' rate) of a gap that is filled.

    Raises:
        FileNotFoundError, ValueError: as `checkpoints.load` and `LearnedMethod`.
    """
    if mirror and not kind.frame_of_reference.startswith("camera"):
        raise ValueError(
            "--mirror needs 3D joints in a camera's frame, whose first axis goes from left to right; "
            f"{folder} was trained on {kind.representation} poses in frame {kind.frame_of_reference}"
        )
    model = checkpoints.load(folder)
    every: int = getattr(model.config, "interval", 1) if stride is None else stride
    learned = LearnedMethod(model, stride=every, mirror_axis=0 if mirror else None, name=folder.name)
    weights = (folder / checkpoints.WEIGHTS).read_bytes()
    return Trained(
        OverGaps(AtRate(learned, kind.fps), longest=longest_gap),
        {
            "stride": every,
            "mirror": mirror,
            "longest_gap": longest_gap,
            "trained_fps": kind.fps,
            "weights_sha256": hashlib.sha256(weights).hexdigest(),
        },
    )
