"""The linear map per frame: what it recovers, what it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hanet.methods.ridge import fitting
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import LIMBS12
from hanet.training.options import Augmentation
from hanet.training.ridge_options import RidgeOptions

PLAIN = RidgeOptions()


def joints(values: np.ndarray, name: str = "a") -> PoseSequence:
    return PoseSequence.joints(name, values, LIMBS12, fps=30.0, frame_of_reference="camera_root_relative")


def pair(rng: np.random.Generator, T: int = 200) -> tuple[PoseSequence, PoseSequence, np.ndarray, np.ndarray]:
    """Detections and a truth that an affine map of them gives."""
    detected = rng.normal(scale=0.3, size=(T, 12, 3))
    weight, shift = rng.normal(scale=0.05, size=(36, 36)), rng.normal(scale=0.1, size=36)
    flat = detected.reshape(T, -1)
    truth = (flat + flat @ weight + shift).reshape(T, 12, 3)
    return joints(detected), joints(truth), weight, shift


def test_an_affine_error_is_recovered(rng) -> None:
    detected, truth, weight, shift = pair(rng)
    ridge = fitting([detected], [truth], PLAIN)(alpha=1e-12)
    np.testing.assert_allclose(ridge.weight, weight, atol=1e-6)
    np.testing.assert_allclose(ridge.shift, shift, atol=1e-6)
    np.testing.assert_allclose(ridge.refine(detected).values, truth.values, atol=1e-6)


def test_one_channel_by_hand() -> None:
    """x = -1, 0, 1 in one coordinate, the truth 3 x + 2: variance 2/3, penalty alpha · 2/3 · 1/36."""
    values = np.zeros((3, 12, 3))
    values[:, 0, 0] = [-1, 0, 1]
    truth = values.copy()
    truth[:, 0, 0] = 3 * values[:, 0, 0] + 2
    ridge = fitting([joints(values)], [joints(truth)], PLAIN)(alpha=36.0)
    # Slope of the correction 2 x + 2: (2 · 2/3) / (2/3 + 2/3).
    assert ridge.weight[0, 0] == pytest.approx(1.0)
    assert ridge.shift[0] == pytest.approx(2.0)


def test_a_large_penalty_leaves_the_constant_offset(rng) -> None:
    detected, truth, _, _ = pair(rng)
    ridge = fitting([detected], [truth], PLAIN)(alpha=1e9)
    offset = (truth.values - detected.values).mean(axis=0)
    np.testing.assert_allclose(ridge.refine(detected).values, detected.values + offset, atol=1e-6)


def test_frames_and_joints_that_are_not_trusted_teach_nothing(rng) -> None:
    detected, truth, _, _ = pair(rng)
    labelled = np.ones((200, 12), dtype=bool)
    labelled[:, 3] = False  # never
    labelled[7] = False
    values = truth.values.copy()
    values[7], values[:, 3] = 99.0, 99.0
    ridge = fitting([detected], [replace(truth, values=values, labelled=labelled)], PLAIN)(alpha=1e-12)
    expected = truth.values.copy()
    expected[:, 3] = detected.values[:, 3]
    np.testing.assert_allclose(ridge.refine(detected).values, expected, atol=1e-5)


def test_augmentation_and_mirror_images_make_it_symmetric(rng) -> None:
    """With mirrored copies and use, a mirrored pose gets the mirrored correction."""
    detected, truth, _, _ = pair(rng)
    options = RidgeOptions(copies=4, augmentation=Augmentation(mirror_axis=0, scale=0.1), mirror_axis=0)
    ridge = fitting([detected], [truth], options)(alpha=0.01)
    mirrored = detected.values[:, LIMBS12.mirror] * np.array([-1.0, 1.0, 1.0])
    one, other = ridge.refine(detected).values, ridge.refine(detected.with_values(mirrored)).values
    np.testing.assert_allclose(other[:, LIMBS12.mirror] * np.array([-1.0, 1.0, 1.0]), one, atol=1e-12)
    again = fitting([detected], [truth], options)(alpha=0.01)
    np.testing.assert_array_equal(again.weight, ridge.weight)


def test_what_cannot_be_fitted_or_refined(rng) -> None:
    detected, truth, _, _ = pair(rng)
    unknown = truth.with_values(np.full_like(truth.values, np.nan))
    with pytest.raises(ValueError, match="no training frame has a whole detection"):
        fitting([detected], [unknown], PLAIN)
    with pytest.raises(ValueError, match="alpha must be positive, got 0"):
        fitting([detected], [truth], PLAIN)(alpha=0.0)
    ridge = fitting([detected], [truth], PLAIN)(alpha=0.1)
    other = replace(detected, frame_of_reference="world_root_relative")
    with pytest.raises(ValueError, match="fitted to poses of frame_of_reference camera_root_relative"):
        ridge.refine(other)
