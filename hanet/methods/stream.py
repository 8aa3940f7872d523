"""Refine poses while they come in: each frame is given back after a fixed lag, from what was seen until then.

Penalised least squares over the last frames (Whittaker 1923, see `hanet.models.penalised`) is a fixed linear
combination of them for each strength of smoothing. Every strength predicts each observation without using
it (leave-one-out cross-validation, as in `hanet.models.self_tuning`); a joint's pose is the mean of all
strengths, weighted by how well they predicted it over the last seconds. A detection that is far from where
the joint was heading counts as missing until it lasts.

`python -m stages.lag` chose the constants on motion capture with drawn errors and measured the result, see
docs/results/lag.md.

Axes: W frames kept, J joints, D numbers per joint, K strengths.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from hanet.methods.smoothing import DEFAULT_GAP
from hanet.methods.window_stream import Window
from hanet.poses.scale import known_joints, squared_lengths
from hanet.poses.sequence import check_fps

PERIODS = np.arange(-2.0, 3.3, 0.35)
"""Log periods of the strengths, in frames at up to `FASTEST` frames per second; above they grow with it."""
KEPT = 64
"""Frames before the one that is given back which its pose depends on; more above `FASTEST`."""
FASTEST = 75.0
CAUTION = 1.05
"""Factor on an observation's own share in the fit, as `hanet.models.self_tuning.CAUTION`."""
MEMORY, SCALE_MEMORY = 2.0, 1.0
"""Time constants, in seconds, of the means of prediction errors and of the size of steps."""
SHARPNESS = 5.0
"""How quickly a strength's weight falls with its prediction error, relative to the best strength's."""
FAR, LASTING = 12.0, 0.25
"""Distance from the predicted pose, in its usual size, that makes a detection count as missing, and seconds
after which it counts nevertheless."""
MOMENTUM = 0.2
"""Share of the predicted step that a joint takes in a frame without a detection."""
PREDICTOR = 1.0
"""Log period of the prediction of the next frame."""
FEW = 8
"""Observations of a joint below which nothing is chosen from them."""


class Stream:
    """The general refiner for poses that come in one by one, of any skeleton in 2D or 3D.

    >>> stream = hanet.Stream(fps=30, joints=17, lag=100)
    >>> for frame in camera:
    ...     refined = stream.push(frame)  # the pose of 100 ms ago; None for the first three frames
    >>> rest = stream.finish()

    A joint without a detection moves on for `max_gap` seconds, and then is NaN until it is detected again.
    """

    def __init__(
        self,
        fps: int | float,
        joints: int,
        lag: int | float = 100.0,
        *,
        max_gap: int | float = DEFAULT_GAP,
        network: bool = False,
    ) -> None:
        """Start a track.

        Args:
            fps: frames per second.
            joints: number of joints.
            lag: milliseconds, rounded to whole frames.
            max_gap: seconds.
            network: refine the last frames by the network, see `hanet.methods.window_stream`: more accurate
                from 33 ms on, for 1 to 2 ms per frame.

        Raises:
            ValueError: a number out of range.
        """
        check_fps(fps)
        if not (joints >= 1 and 0 <= lag <= 1000 and 0 <= max_gap <= sys.float_info.max):
            raise ValueError(
                "expected at least one joint, a lag of 0 to 1000 ms and max_gap of at least 0 s, "
                f"got joints={joints}, lag={lag}, max_gap={max_gap}"
            )
        self.fps, self.joints = float(fps), int(joints)
        self.lag = round(lag * fps / 1000)
        self._bank = _bank(self.lag, max(1, int(np.ceil(fps / FASTEST))))
        self._longest = int(max_gap * fps + 1e-6)
        self._dimensions: int | None = None
        self._state: _State | None = None
        self._network = network
        self._window = self._fresh()

    def _fresh(self) -> Window | None:
        return Window(self.fps, self.lag, self._longest) if self._network else None

    def push(self, frame: np.ndarray, scores: np.ndarray | None = None) -> Float[np.ndarray, "J D"] | None:
        """Take the next frame and give back the refined one of `lag` frames before it.

        Args:
            frame: (J, D) in any unit; NaN where a joint was not detected.
            scores: (J,) confidences; 0 or less marks a joint that was not detected.

        Returns:
            A refined frame, NaN where a joint is missing; None while the first frames come in.

        Raises:
            ValueError: another number of joints or of numbers per joint than before, or infinite values.
        """
        values = np.asarray(frame, dtype=np.float64)
        D = values.shape[-1] if self._dimensions is None else self._dimensions
        if values.ndim != 2 or values.shape != (self.joints, D) or D < 1:
            raise ValueError(f"expected a frame of shape ({self.joints}, {D}), got {values.shape}")
        if np.isinf(values).any():
            raise ValueError("expected finite numbers, or NaN where there is none, got infinite ones")
        detected = known_joints(values)
        if scores is not None:
            if np.shape(scores) != (self.joints,):
                raise ValueError(f"expected {self.joints} scores, one per joint, got {np.shape(scores)}")
            detected &= ~(np.asarray(scores) <= 0)
        self._dimensions = D
        if self._window is not None:
            return self._window.push(values, detected)
        if self._state is None:
            self._state = _State.empty(self._bank.strengths.shape, self.joints, D, self.lag)
        self._take(self._state, values, detected)
        return self._given(self._state) if self._state.taken > self.lag else None

    def finish(self) -> list[Float[np.ndarray, "J D"]]:
        """The refined frames that are still to come; the stream then starts again."""
        rest: list[np.ndarray] = []
        if self._window is not None:
            rest, self._window = self._window.finish(), self._fresh()
        elif self._state is not None:
            nothing = np.full(self._state.values.shape[1:], np.nan)
            pushed = [self.push(nothing) for _ in range(self.lag)]
            rest = [frame for frame in pushed if frame is not None]
        self._state = self._dimensions = None
        return rest

    def _take(self, state: _State, values: np.ndarray, detected: np.ndarray) -> None:
        """Append a frame to what is kept."""
        state.taken += 1
        state.begin(values, detected)
        values = np.where(detected[:, None], values - state.origin, 0.0)
        last = state.values[-1]
        expected = np.tensordot(self._bank.predictor, state.values, axes=1)
        trusted, lasting = state.judged(values, expected, detected, self.fps)
        filled = last + MOMENTUM * (expected - last)
        for kept, new in (
            (state.values, np.where(trusted[:, None], values, filled)),
            (state.raw, np.where(detected[:, None], values, filled)),
            (state.trusted, trusted),
            (state.detected, detected),
        ):
            kept[:-1] = kept[1:]
            kept[-1] = new
        for joint in np.flatnonzero(trusted & (state.gap > 0)).tolist():
            state.close_gap(joint, keep=bool(lasting[joint]))
        state.gap = np.where(trusted, 0, state.gap + 1)

    def _given(self, state: _State) -> Float[np.ndarray, "J D"]:
        """The frame of `lag` frames ago."""
        bank, at = self._bank, len(state.values) - 1 - self.lag
        K, J = len(bank.strengths), self.joints
        fits = (bank.strengths @ state.values.reshape(len(state.values), -1)).reshape(K, J, -1)
        errors = squared_lengths(fits - state.values[at]) * bank.left_out[:, None] * state.trusted[at]
        decay = np.exp(-1 / (MEMORY * self.fps))
        state.errors = decay * state.errors + errors
        best = state.errors.min(axis=0)
        excess = (state.errors - best) / np.maximum(best, 1e-300)
        weights = np.exp(-SHARPNESS * excess)
        weights[:, state.seen < FEW] = np.eye(K)[:, :1]  # hardly any smoothing
        given = (weights[..., None] * fits).sum(axis=0) / weights.sum(axis=0)[:, None] + state.origin
        given[state.age[0] > self._longest] = np.nan
        return given


@dataclass(frozen=True, eq=False)
class _Bank:
    """Combinations of the kept frames.

    Attributes:
        strengths: (K, W) that give the pose of `lag` frames ago.
        left_out: (K,) squared residual with, over without, the observation itself.
        predictor: (W,) that gives the next pose.
    """

    strengths: Float[np.ndarray, "K W"]
    left_out: Float[np.ndarray, " K"]
    predictor: Float[np.ndarray, " W"]


@lru_cache(maxsize=8)
def _bank(lag: int, thin: int) -> _Bank:
    W = KEPT * thin + lag
    at = W - 1 - lag
    difference = np.diff(np.eye(W), 2, axis=0)
    roughness = difference.T @ difference
    periods = np.concatenate([PERIODS, PERIODS[-1] + np.arange(0.35, np.log(thin) + 0.35, 0.35)])
    rows = [np.linalg.solve(np.eye(W) + np.exp(4 * p) * roughness, np.eye(W)[at]) for p in periods]
    strengths = np.stack(rows)
    usable = 1 - CAUTION * strengths[:, at] > 0.02
    strengths = strengths[usable]
    ahead = np.diff(np.eye(W + 1), 2, axis=0)
    observed = np.diag([1.0] * W + [0.0])
    system = observed + np.exp(4 * PREDICTOR) * ahead.T @ ahead
    predictor = np.linalg.solve(system, np.eye(W + 1)[-1])[:W]
    return _Bank(strengths, 1 / (1 - CAUTION * strengths[:, at]) ** 2, predictor)


@dataclass(eq=False)
class _State:
    """What a stream remembers.

    Attributes:
        origin: (J, D) first pose of each joint, to which all others are relative.
        values: (W, J, D) last frames, filled where they are not trusted.
        raw: (W, J, D) the same, with detections that are not trusted.
        detected: (W, J) where there was a detection.
        trusted: (W, J) detections that count.
        errors: (K, J) mean squared prediction errors.
        age: (lag + 1, J) frames since the last detection.
        missed: (J,) frames without a detection before this one.
        gap: (J,) frames since the last one that counts.
        far: (J,) of them, frames with a detection that is too far away.
        steps: (J,) mean squared distance of detections from where they were expected.
        seen: (J,) detections so far.
        taken: frames so far.
    """

    origin: Float[np.ndarray, "J D"]
    values: Float[np.ndarray, "W J D"]
    raw: Float[np.ndarray, "W J D"]
    detected: Bool[np.ndarray, "W J"]
    trusted: Bool[np.ndarray, "W J"]
    errors: Float[np.ndarray, "K J"]
    age: Float[np.ndarray, "L J"]
    missed: Any
    gap: Any
    far: Any
    steps: Float[np.ndarray, " J"]
    seen: Any
    taken: int = 0

    @classmethod
    def empty(cls, shape: tuple[int, ...], J: int, D: int, lag: int) -> _State:
        K, W = shape
        return cls(
            origin=np.full((J, D), np.nan),
            values=np.zeros((W, J, D)),
            raw=np.zeros((W, J, D)),
            detected=np.zeros((W, J), dtype=bool),
            trusted=np.zeros((W, J), dtype=bool),
            errors=np.zeros((K, J)),
            age=np.full((lag + 1, J), np.inf),
            missed=np.zeros(J),
            gap=np.zeros(J, dtype=int),
            far=np.zeros(J, dtype=int),
            steps=np.zeros(J),
            seen=np.zeros(J, dtype=int),
        )

    def begin(self, values: np.ndarray, detected: np.ndarray) -> None:
        """Start joints that are detected for the first time, and count detections."""
        new = detected & (self.seen == 0)
        if new.any():
            self.origin[new] = values[new]
            self.values[:, new] = self.raw[:, new] = 0.0
            self.gap[new] = 0
        self.seen = self.seen + detected
        self.missed = np.where(np.isfinite(self.age[-1]), self.age[-1], 0)
        self.age[:-1] = self.age[1:]
        self.age[-1] = np.where(detected, 0, self.age[-1] + 1)

    def judged(
        self, values: np.ndarray, expected: np.ndarray, detected: np.ndarray, fps: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Which detections count, and which of them count because they lasted.

        After some frames without a detection, one may be that many times as far away.
        """
        distance = squared_lengths(values - expected)
        usual = np.where(self.seen > FEW, FAR**2 * self.steps, np.inf)
        limit = usual * (1 + self.missed) ** 2
        far = detected & (distance > limit)
        decay = np.exp(-1 / (SCALE_MEMORY * fps))
        step = decay * self.steps + (1 - decay) * np.minimum(distance, usual)
        self.steps = np.where(detected, step, self.steps)
        self.far = np.where(far, self.far + 1, np.where(detected, 0, self.far))
        lasting = far & (self.far > LASTING * fps)
        self.far[lasting] = 0
        return detected & (~far | lasting), lasting

    def close_gap(self, joint: int, *, keep: bool) -> None:
        """Replace a gap by a straight line, or by its detections where they are to `keep`."""
        length = min(int(self.gap[joint]), len(self.values) - 2)
        gap = slice(len(self.values) - 1 - length, len(self.values) - 1)
        if keep:
            self.values[gap, joint] = self.raw[gap, joint]
            self.trusted[gap, joint] = self.detected[gap, joint]
        else:
            ends = self.values[gap.start - 1, joint], self.values[-1, joint]
            share = (np.arange(1, length + 1) / (length + 1))[:, None]
            self.values[gap, joint] = (1 - share) * ends[0] + share * ends[1]
