"""Grid search: what decides, ties, order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from hanet.methods.filters import Gaussian, SavitzkyGolay
from hanet.methods.tuning import tune
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import LIMBS12


def track(values: np.ndarray, name: str = "a") -> PoseSequence:
    return PoseSequence(name, values.astype(np.float32), LIMBS12, "3d", 30.0, "m", "world")


@dataclass(frozen=True)
class Shift:
    """Adds x to every number; y does nothing."""

    x: float
    y: str = "plain"
    name = "shift"
    observed = 1.0

    def refine(self, sequence: PoseSequence) -> PoseSequence:
        return sequence.with_values((sequence.values + self.x).astype(np.float32))


def distance(refined, gt) -> dict[str, float]:
    return {
        "mpjpe": float(
            np.mean([np.abs(r.values - g.values).mean() for r, g in zip(refined, gt, strict=True)])
        )
    }


DETECTED, GT = [track(np.zeros((4, 12, 3)))], [track(np.full((4, 12, 3), 2.0))]


def test_the_lowest_first_score_wins() -> None:
    found = tune(Shift, {"x": [0.0, 3.0, 2.0, 1.0]}, DETECTED, GT, distance)
    assert found.best == {"x": 2.0}
    assert found.table == (
        {"x": 0.0, "mpjpe": 2.0},
        {"x": 3.0, "mpjpe": 1.0},
        {"x": 2.0, "mpjpe": 0.0},
        {"x": 1.0, "mpjpe": 1.0},
    )


def test_ties_go_to_the_next_score_then_to_the_first_tried() -> None:
    def score(refined, gt) -> dict[str, float]:
        return {"mpjpe": 1.0, "accel": -float(refined[0].values[0, 0, 0] > 0)}

    found = tune(Shift, {"x": [-1.0, 1.0, 2.0], "y": ["a", "b"]}, DETECTED, GT, score)
    assert found.best == {"x": 1.0, "y": "a"}
    assert [(row["x"], row["y"]) for row in found.table] == [
        (-1.0, "a"),
        (-1.0, "b"),
        (1.0, "a"),
        (1.0, "b"),
        (2.0, "a"),
        (2.0, "b"),
    ]


def test_a_real_filter_on_noise(rng) -> None:
    """Noise on a slow wave: some smoothing beats none and beats far too much, and the answer repeats."""
    wave = np.sin(np.linspace(0, 6, 200))[:, None, None] * np.ones((200, 12, 3))
    detected, gt = [track(wave + 0.1 * rng.normal(size=wave.shape))], [track(wave)]
    grid = {"sigma": [0.1, 4.0, 60.0]}
    first = tune(Gaussian, grid, detected, gt, distance)
    assert first.best == {"sigma": 4.0}
    assert first == tune(Gaussian, grid, detected, gt, distance)


def test_wrong_input() -> None:
    with pytest.raises(ValueError, match="every parameter of the grid needs at least one value"):
        tune(Shift, {}, DETECTED, GT, distance)
    with pytest.raises(ValueError, match=r"at least one value, got \{'x': \[\]\}"):
        tune(Shift, {"x": []}, DETECTED, GT, distance)
    with pytest.raises(ValueError, match="at least one; got 0 and 0"):
        tune(Shift, {"x": [1.0]}, [], [], distance)
    with pytest.raises(ValueError, match="ground truth has key"):
        tune(Shift, {"x": [1.0]}, DETECTED, [track(np.zeros((4, 12, 3)), "b")], distance)
    with pytest.raises(ValueError, match=r"shift with \{'x': nan\} returned no comparable score"):
        tune(Shift, {"x": [1.0, float("nan")]}, DETECTED, GT, distance)
    with pytest.raises(ValueError, match="returned no comparable score"):
        tune(Shift, {"x": [1.0]}, DETECTED, GT, lambda refined, gt: {})
    with pytest.raises(ValueError, match="order must be"):
        tune(SavitzkyGolay, {"window": [5, 3], "order": [3]}, DETECTED, GT, distance)
