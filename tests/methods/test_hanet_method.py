"""HANet as a method: against a loop over windows, and how much of the video it reads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from hanet.methods.learned import LearnedMethod
from hanet.models.hanet import HANet, HANetConfig
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17, JHMDB15

CONFIG = HANetConfig(channels=51, interval=2, window=5, hidden=8, layers=1)


def method(stride: int, config: HANetConfig = CONFIG) -> LearnedMethod:
    torch.manual_seed(0)
    return LearnedMethod(HANet(config), stride)


def joints(T: int, seed: int = 0) -> PoseSequence:
    values = np.random.default_rng(seed).normal(size=(T, 17, 3)).astype(np.float32)
    return PoseSequence("walk", values, H36M17, "3d", 50.0, "m", "camera_root_relative")


@torch.no_grad()
def naive(model: HANet, values: np.ndarray, starts: list[int]) -> np.ndarray:
    """Window by window, in float64 where they are averaged."""
    T, W = len(values), model.config.window
    total, count = np.zeros((T, values[0].size)), np.zeros((T, 1))
    for start in starts:
        index = np.minimum(np.arange(start, start + W), T - 1)
        window = torch.from_numpy(values[index].reshape(1, W, -1))
        refined = model(window).decoder_pose[0].double().numpy()
        for t, frame in enumerate(refined):
            if start + t < T:
                total[start + t] += frame
                count[start + t] += 1
    return (total / count).reshape(values.shape)


@pytest.mark.parametrize(
    ("T", "stride", "starts"),
    [
        (13, 1, list(range(9))),
        (13, 2, [0, 2, 4, 6, 8]),
        (14, 4, [0, 4, 8, 9]),  # the last window ends at the last frame
        (12, 5, [0, 5, 7]),
        (5, 1, [0]),
        (3, 1, [0]),  # shorter than a window: the last frame stands in for those after it
        (1, 3, [0]),
    ],
)
def test_windows_are_refined_and_averaged(T, stride, starts):
    refiner, sequence = method(stride), joints(T)
    expected = naive(refiner.model.eval(), sequence.values, starts)
    np.testing.assert_allclose(refiner.refine(sequence).values, expected, rtol=1e-5, atol=3e-6)


def test_a_model_in_training_is_put_into_evaluation():
    refiner, sequence = method(2), joints(20)
    expected = refiner.refine(sequence).values
    refiner.model.train()
    np.testing.assert_array_equal(refiner.refine(sequence).values, expected)
    assert not refiner.model.training


def test_keypoints_are_refined_as_shares_of_the_image():
    """A picture twice as large gives poses twice as large."""
    refiner = method(2, replace(CONFIG, channels=30))
    values = np.random.default_rng(0).uniform(0, 100, size=(9, 15, 2)).astype(np.float32)
    small = PoseSequence("a", values, JHMDB15, "2d", 25.0, "px", "image", image_size=(320, 240))
    large = replace(small, values=2 * values, image_size=(640, 480))
    np.testing.assert_allclose(refiner.refine(large).values, 2 * refiner.refine(small).values, rtol=1e-5)


def read(config: HANetConfig, stride: int) -> float:
    """By trying: the share of a long track's middle frames whose change changes any refined pose."""
    refiner, T = method(stride, config), 4 * config.window
    sequence = joints(T)
    # As many frames as windows take to repeat their pattern, away from both ends.
    frames = range(config.window + 5, config.window + 5 + stride)
    whole, changed = refiner.refine(sequence).values, 0
    for frame in frames:
        values = sequence.values.copy()
        values[frame] += 1
        changed += not np.array_equal(refiner.refine(sequence.with_values(values)).values, whole)
    return changed / stride


@pytest.mark.parametrize(
    ("interval", "window", "stride", "expected"),
    [
        (1, 5, 1, 1.0),
        (2, 5, 2, 1.0),  # every frame is watched or next to one
        (5, 11, 5, 3 / 5),
        (5, 11, 10, 3 / 5),
        (10, 21, 10, 3 / 10),
        (10, 21, 20, 3 / 10),
        (10, 21, 5, 6 / 10),  # windows watch 0, 10, … and 5, 15, …
        (5, 11, 1, 1.0),
        (5, 11, 3, 1.0),
        (5, 11, 6, 5 / 6),  # 0 1 4 5 6 9 10 of each window, every 6 frames: all but 2 mod 6
        (5, 11, 11, 7 / 11),  # windows side by side: nothing is read twice
        (10, 21, 1, 1.0),
        (10, 21, 21, 7 / 21),
        (10, 11, 7, 4 / 7),  # 0 1 9 10: 0 1 2 3 mod 7
    ],
)
def test_observed_by_hand_and_by_trying(interval, window, stride, expected):
    config = replace(CONFIG, interval=interval, window=window)
    assert method(stride, config).observed == pytest.approx(expected)
    assert read(config, stride) == pytest.approx(expected)


def test_without_kinematics_neighbours_are_not_read():
    bare = replace(CONFIG, interval=5, window=11, flow=False, velocity=False, acceleration=False)
    assert method(5, bare).observed == pytest.approx(1 / 5) == read(bare, 5)
    for part in ("flow", "velocity", "acceleration"):
        config = replace(bare, **{part: True})
        assert method(5, config).observed == pytest.approx(3 / 5) == read(config, 5)


@pytest.mark.parametrize("stride", [0, -1, 6])
def test_a_stride_that_leaves_frames_out_is_refused(stride):
    with pytest.raises(ValueError, match=f"stride must be from 1 to the window's 5 frames, got {stride}"):
        method(stride)


def test_poses_of_other_channels_are_refused():
    keypoints = PoseSequence("a", np.zeros((9, 15, 2)), JHMDB15, "2d", 25.0, "px", "image", image_size=(9, 9))
    with pytest.raises(ValueError, match="a: this model was trained on 51 channels, got jhmdb15 2d with 30"):
        method(2).refine(keypoints)


def image(sequence: PoseSequence, axis: int) -> PoseSequence:
    values = sequence.values[:, H36M17.mirror].copy()
    values[..., axis] *= -1
    return replace(sequence, values=values)


@pytest.mark.parametrize("axis", [0, 1])
def test_with_its_mirror_image_a_track_is_refined_without_handedness(axis):
    """The mean of a track's refinement and its image's refinement, mirrored back; so a mirror commutes."""
    plain, track = method(1), joints(9)
    both = replace(plain, mirror_axis=axis)
    straight, back = plain.refine(track), image(plain.refine(image(track, axis)), axis)
    np.testing.assert_allclose(both.refine(track).values, (straight.values + back.values) / 2, atol=1e-6)
    assert np.abs(straight.values - back.values).max() > 1e-3
    np.testing.assert_allclose(
        both.refine(image(track, axis)).values, image(both.refine(track), axis).values, atol=1e-6
    )


def test_keypoints_have_no_mirror_image_here():
    config = replace(CONFIG, channels=30)
    keypoints = PoseSequence(
        "a", np.zeros((5, 15, 2), np.float32), JHMDB15, "2d", 25.0, "px", "image", image_size=(320, 240)
    )
    with pytest.raises(
        ValueError, match="a: only 3D joints have a mirror image here, set mirror_axis to None"
    ):
        replace(method(1, config), mirror_axis=0).refine(keypoints)
