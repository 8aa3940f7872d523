"""The general refiner: poses of any skeleton, in 2D or 3D, of any estimator and frame rate, without training.

Weights come with the package (`hanet/weights/general.onnx`, its card beside it) and run on the CPU by ONNX
Runtime. What the network decides, and how poses follow from it, is in `hanet.models.general`.

Axes: T frames, J joints, D numbers per joint.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from hanet.methods.base import require_frames
from hanet.methods.self_tuned import smoothed
from hanet.methods.trust_region import gate, nearest
from hanet.models import penalised
from hanet.models.general_inputs import WATCHED, features
from hanet.models.self_tuning import tuned_periods
from hanet.poses.gaps import interpolate
from hanet.poses.scale import body_scale, known_joints
from hanet.poses.sequence import PoseSequence

FASTEST = 75.0
"""Frames per second that the network sees at most; of faster tracks it sees every second, third, … frame."""
PIECE = 1344
"""Frames that are refined at a time, to bound memory."""
OVERLAP = 96
"""Frames that the network sees before and after a piece; its decisions depend on 92, the smoother on
fewer."""
TRUST = 0.5
"""Default of `trust`, see `refine_general`."""


def refine_general(
    values: Float[np.ndarray, "T J D"],
    fps: float,
    scores: Float[np.ndarray, "T J"] | None = None,
    adjacency: Sequence[tuple[int, int]] | Int[np.ndarray, "E 2"] | None = None,
    *,
    trust: float = TRUST,
    bones: float = 0.0,
    weights: Path | None = None,
) -> Float[np.ndarray, "T J D"]:
    """Refined poses of the same frames.

    A joint's gaps between detections are filled. Before its first and after its last detection a joint stays
    NaN, and so does a joint that was never detected. Tracks of fewer than four frames come back with their
    gaps filled by straight lines.

    No pose moves further than the trust region allows: `trust` times the joint's own high-frequency energy,
    the root mean square of third differences over about half a second, in the scale of white noise. So
    noise-free poses come back as they were, whatever the network says.

    The result commutes with rotations, reflections, shifts and scalings of the poses and with the order of
    joints, to rounding; with reversal of time exactly where T is a multiple of four and no faster than 75
    frames per second, else approximately.

    Args:
        values: poses in any unit and frame of reference; NaN where there is none.
        fps: frames per second.
        scores: confidences; 0 or less marks a joint that was not detected. Other values are not used:
            detectors mean different things by them, and training on drawn ones did harm. None where there are
            none.
        adjacency: bones as pairs of joints. Accepted for callers that know them; these weights do not use
            them.
        trust: size of the trust region; 0 leaves the self-tuned smoother, infinity removes the bound.
        bones: in 3D the same by how much distances between neighbouring joints change, which shows errors
            that last for some frames too, see `hanet.methods.trust_region`; 1 is the noise seen so. The
            larger of both bounds counts.
        weights: ONNX file to refine with; None takes those of the package.

    Raises:
        ValueError: arrays of another shape, infinite values, a frame rate, trust or bones out of range, or a
            bone of a joint that does not exist.
    """
    _require(values, fps, scores, adjacency)
    if not trust >= 0 or not 0 <= bones < np.inf:
        raise ValueError(f"trust and bones must be at least 0 and bones finite, got {trust} and {bones}")
    T, J, D = values.shape
    result = np.full((T, J, D), np.nan)
    known = known_joints(values)
    if scores is not None:
        known &= ~(scores <= 0)
    joints = np.flatnonzero(known.any(axis=0))
    if not len(joints):
        return result.astype(values.dtype, copy=False)
    if known.all():
        kept = filled = values.astype(np.float64, copy=False)
    else:
        rows = np.arange(T)
        kept = values[:, joints].astype(np.float64)
        kept[~known[:, joints]] = np.nan
        filled = interpolate(kept.reshape(T, -1), rows, rows).reshape(T, len(joints), D)
    if T >= WATCHED:
        track = _Track(filled, known[:, joints], fps, body_scale(kept), weights)
        refined = track.refined(trust, bones)
    else:
        refined = filled
    result[:, joints] = refined
    forward, backward = (np.logical_or.accumulate(mask) for mask in (known, known[::-1]))
    result[~(forward & backward[::-1])] = np.nan
    return result.astype(values.dtype, copy=False)


def _require(values: Any, fps: float, scores: Any, adjacency: Any) -> None:
    if values.ndim != 3 or values.shape[2] < 1:
        raise ValueError(f"expected poses (frames, joints, numbers per joint), got shape {values.shape}")
    if np.isinf(values).any():
        raise ValueError("expected finite poses, or NaN where there is none, got infinite values")
    if not 0 < fps < np.inf:
        raise ValueError(f"fps must be positive and finite, got {fps}")
    if scores is not None and scores.shape != values.shape[:2]:
        raise ValueError(f"scores must be {values.shape[:2]}, as the poses, got {scores.shape}")
    J = values.shape[1]
    if adjacency is not None and any(not 0 <= joint < J for bone in adjacency for joint in bone):
        raise ValueError(f"adjacency must name joints from 0 to {J - 1}, got {list(adjacency)}")


@dataclass(frozen=True, eq=False)
class _Track:
    """A track whose gaps are filled.

    Attributes:
        values: finite poses (T, J, D).
        known: where there was a detection.
        fps: frames per second.
        scale: `body_scale`.
        weights: of the network.
    """

    values: Float[np.ndarray, "T J D"]
    known: Bool[np.ndarray, "T J"]
    fps: float
    scale: float
    weights: Path | None

    def refined(self, trust: float, bones: float) -> Float[np.ndarray, "T J D"]:
        """Poses of all frames, piece by piece."""
        T = len(self.values)
        centre = self.values.reshape(-1, self.values.shape[2]).mean(axis=0)
        # Tracks one after another, the numbers of a joint apart: as the solver takes them. Always a copy, as
        # arrays in Fortran's order have this layout already.
        columns = np.array(self.values.transpose(2, 1, 0), order="C")
        columns -= centre[:, None, None]
        columns /= self.scale
        scaled = columns.transpose(2, 1, 0)
        tuned = self._tuned(scaled)
        stiff = bones > 0 and scaled.shape[1] > 1 and scaled.shape[2] == 3
        partners = nearest(scaled.transpose(1, 0, 2)) if stiff else None
        result = np.empty_like(self.values)
        for start in range(0, T, PIECE):
            stop = min(start + PIECE, T)
            # Pieces begin at the same phase, so that a frame is among the same thinned frames in all.
            first, last = max(start - OVERLAP * self.thin, 0), min(stop + OVERLAP * self.thin, T)
            rows = slice(first, last)
            piece = self._piece(scaled[rows], self.known[rows], tuned[rows], trust, bones, partners)
            result[start:stop] = piece[start - first : stop - first]
        result *= self.scale
        result += centre
        return result

    @property
    def thin(self) -> int:
        """Frames from one to the next of those that the network sees at once."""
        return max(1, int(np.ceil(self.fps / FASTEST)))

    def _tuned(self, scaled: Float[np.ndarray, "T J D"]) -> Float[np.ndarray, "T J"]:
        """Self-tuned log periods, in frames of the track."""
        tuned = np.empty(scaled.shape[:2])
        for phase in range(min(self.thin, len(scaled))):
            every = slice(phase, None, self.thin)
            tuned[every] = tuned_periods(scaled[every]) + np.log(self.thin)
        return tuned

    def _piece(
        self,
        scaled: Float[np.ndarray, "T J D"],
        known: Bool[np.ndarray, "T J"],
        tuned: Float[np.ndarray, "T J"],
        trust: float,
        bones: float,
        partners: Int[np.ndarray, "J P"] | None,
    ) -> Float[np.ndarray, "T J D"]:
        tracks = scaled.transpose(1, 0, 2)
        base = smoothed(scaled, tuned).transpose(1, 0, 2)
        weights, periods = self._decisions(scaled, known, tuned)
        learned = penalised.smooth(tracks, np.exp(weights) * known.T + penalised.FLOOR, periods)
        correction = np.subtract(learned, base, out=learned)
        correction *= gate(tracks, correction, known.T, self.fps, trust, bones, partners)
        return np.add(base, correction, out=correction).transpose(1, 0, 2)

    def _decisions(
        self,
        scaled: Float[np.ndarray, "T J D"],
        known: Bool[np.ndarray, "T J"],
        tuned: Float[np.ndarray, "T J"],
    ) -> tuple[Float[np.ndarray, "J T"], Float[np.ndarray, "J 2 T"]]:
        """Log weights and log periods, in frames of the track."""
        T, J = known.shape
        thin = self.thin
        weights, periods = np.zeros((J, T)), np.zeros((J, 2, T))
        for phase in range(min(thin, T)):
            every = slice(phase, None, thin)
            shown = features(scaled[every], known[every], self.fps / thin, tuned[every] - np.log(thin))
            weights[:, every], periods[..., every] = _network(shown, self.weights)
        if thin > 1:
            from scipy.ndimage import uniform_filter1d

            # The phases' decisions differ a little: average them, and count in frames of the track.
            for _ in range(2):
                periods = uniform_filter1d(periods, thin, axis=2, mode="nearest")
            periods += np.log(thin)
        return weights, periods


def _network(
    shown: Float[np.ndarray, "J T F"], weights: Path | None
) -> tuple[Float[np.ndarray, "J T"], Float[np.ndarray, "J 2 T"]]:
    """The network's outputs for a track of any length."""
    T = shown.shape[1]
    before = (-T) % WATCHED // 2
    if T % WATCHED:
        padded = np.pad(shown, ((0, 0), (before, (-T) % WATCHED - before), (0, 0)), mode="edge")
    else:
        padded = shown
    decided, periods = session(weights).run(
        None, {"features": np.ascontiguousarray(padded.transpose(0, 2, 1))}
    )
    return decided[:, before : before + T], periods[..., before : before + T]


@lru_cache(maxsize=4)
def session(weights: Path | None = None) -> Any:
    """An ONNX file, or the weights that come with the package, loaded once; one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    own = files("hanet") / "weights" / "general.onnx"
    with as_file(own) if weights is None else nullcontext(weights) as path:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


@dataclass(frozen=True)
class GeneralRefiner:
    """`refine_general` as a method. A joint's first and last pose are held before and after.

    Attributes:
        trust: size of the trust region, see `refine_general`.
        bones, weights: as there.
    """

    name = "general"
    observed = 1.0
    trust: float = TRUST
    bones: float = 0.0
    weights: Path | None = None

    def refine(self, sequence: PoseSequence) -> PoseSequence:
        """Refined poses of the same frames."""
        require_frames(sequence)
        refined = refine_general(
            sequence.values,
            sequence.fps,
            sequence.scores,
            sequence.skeleton.bones,
            trust=self.trust,
            bones=self.bones,
            weights=self.weights,
        )
        rows = np.arange(len(refined))
        held = interpolate(refined.reshape(len(refined), -1), rows, rows).reshape(refined.shape)
        return sequence.with_values(held.astype(refined.dtype))
