"""Windows of real detections: what is in them, and which are refused."""

from __future__ import annotations

import numpy as np
import pytest

from hanet.poses.pair import Pair
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import LIMBS12
from hanet.training.pair_windows import draw_pair_windows


def pair(rng: np.random.Generator, frames: int = 90, fps: float = 60.0, root: tuple[int, ...] = ()) -> Pair:
    gt = rng.normal(size=(1, 12, 3)) + 0.01 * np.arange(frames)[:, None, None]
    detected = gt + np.array([0.0, 0.5, 0.0])
    shown = PoseSequence.joints("a", detected, LIMBS12, fps=fps, frame_of_reference="camera")
    return Pair("a", "b", shown, gt, root)


def test_constant_errors_are_taken_away_and_windows_repeat(rng: np.random.Generator) -> None:
    pairs = [pair(rng), pair(rng, 120)]
    one, two = (draw_pair_windows(pairs, 20, 28, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one.detected, two.detected)
    assert one.gt.shape == (20, 12, 28, 3)
    np.testing.assert_allclose(one.gt, one.detected, atol=1e-5)
    # At 60 frames per second a window has every frame, or every second or third one.
    steps = np.linalg.norm(np.diff(one.gt[:, 0], axis=1), axis=2).mean(axis=1)
    pace = np.exp(one.inputs[:, 0, 0, -2]) * 30
    assert set(np.round(pace).astype(int)) == {20, 30, 60}
    assert steps[pace < 25].min() > 1.5 * steps[pace > 50].max()


def test_gaps_are_marked_and_roots_are_taken_away(rng: np.random.Generator) -> None:
    given = pair(rng, 40, 30.0, root=(6, 9))
    given.detected.values[10:14, 2] = np.nan
    windows = draw_pair_windows([given], 8, 36, rng)
    gaps = (windows.known == 0).sum(axis=2)
    assert (gaps[:, 2] == 4).all() and gaps.sum() == 32
    middle = windows.detected[:, [6, 9]].mean(axis=1)
    np.testing.assert_allclose(middle, middle[:, :1] + np.zeros_like(middle), atol=1e-5)


def test_unusable_pairs_are_refused(rng: np.random.Generator) -> None:
    with pytest.raises(ValueError, match="some of at least 28 frames, got 1 pairs, 0"):
        draw_pair_windows([pair(rng, 20)], 1, 28, rng)
    other = Pair("a", "b", pair(rng).detected, np.zeros((90, 5, 3)))
    with pytest.raises(ValueError, match="the same number of joints"):
        draw_pair_windows([pair(rng), other], 1, 28, rng)
    blind = pair(rng)
    blind.detected.values[:, 4] = np.nan
    with pytest.raises(ValueError, match="give other pairs"):
        draw_pair_windows([blind], 1, 28, rng)
