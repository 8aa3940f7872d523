"""DeciWatch and SmoothNet as methods: against a loop over windows, and how much of the video they read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from hanet.methods.learned import LearnedMethod
from hanet.models.deciwatch import DeciWatch, DeciWatchConfig
from hanet.models.smoothnet import SmoothNet, SmoothNetConfig
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17, JHMDB15

CONFIG = DeciWatchConfig(channels=51, interval=2, window=5, hidden=8, encoder_layers=1, decoder_layers=1)


def deciwatch(stride: int, config: DeciWatchConfig = CONFIG) -> LearnedMethod:
    torch.manual_seed(0)
    return LearnedMethod(DeciWatch(config), stride)


def smoothnet(stride: int = 1) -> LearnedMethod:
    torch.manual_seed(0)
    return LearnedMethod(SmoothNet(SmoothNetConfig(window=5, hidden=8, residual_hidden=4)), stride)


METHODS = pytest.mark.parametrize("method", [deciwatch, smoothnet])


def joints(T: int) -> PoseSequence:
    values = np.random.default_rng(0).normal(size=(T, 17, 3)).astype(np.float32)
    return PoseSequence("walk", values, H36M17, "3d", 50.0, "m", "camera_root_relative")


def refine_window(method: LearnedMethod, window: np.ndarray) -> np.ndarray:
    """One window (T, J, 3), SmoothNet coordinate by coordinate."""
    x = torch.from_numpy(window)
    with torch.no_grad():
        if isinstance(method.model, DeciWatch):
            return method.model.eval()(x.flatten(1)[None]).recovered_pose.numpy().reshape(window.shape)
        refined = torch.zeros_like(x)
        for joint in range(x.shape[1]):
            for axis in range(x.shape[2]):
                refined[:, joint, axis] = method.model.eval()(x[None, None, :, joint, axis])[0, 0]
        return refined.numpy()


@METHODS
@pytest.mark.parametrize(
    ("T", "stride", "starts"),
    [
        (8, 1, [0, 1, 2, 3]),
        (12, 4, [0, 4, 7]),  # the last window ends at the last frame
        (5, 1, [0]),
        (3, 1, [0]),  # shorter than a window: the last frame stands in for those after it
        (1, 3, [0]),
    ],
)
def test_windows_are_refined_and_averaged(method, T, stride, starts):
    refiner, sequence = method(stride), joints(T)
    total, count = np.zeros((T, 17, 3)), np.zeros((T, 1, 1))
    for start in starts:
        window = refine_window(refiner, sequence.values[np.minimum(np.arange(start, start + 5), T - 1)])
        inside = slice(start, min(start + 5, T))
        total[inside] += window[: inside.stop - start]
        count[inside] += 1
    np.testing.assert_allclose(refiner.refine(sequence).values, total / count, atol=1e-6)


@METHODS
def test_a_model_in_training_is_put_into_evaluation(method):
    refiner, sequence = method(2), joints(20)
    expected = refiner.refine(sequence).values
    refiner.model.train()
    np.testing.assert_array_equal(refiner.refine(sequence).values, expected)
    assert not refiner.model.training


@METHODS
@pytest.mark.parametrize("stride", [0, 6])
def test_a_stride_that_leaves_frames_out_is_refused(method, stride):
    with pytest.raises(ValueError, match=f"stride must be from 1 to the window's 5 frames, got {stride}"):
        method(stride)


def test_poses_of_other_channels_are_for_smoothnet_alone():
    values = np.random.default_rng(0).uniform(0, 100, size=(9, 15, 2)).astype(np.float32)
    keypoints = PoseSequence("a", values, JHMDB15, "2d", 25.0, "px", "image", image_size=(320, 240))
    with pytest.raises(ValueError, match="a: this model was trained on 51 channels, got jhmdb15 2d with 30"):
        deciwatch(2).refine(keypoints)
    assert smoothnet().refine(keypoints).values.shape == (9, 15, 2)


def read(method: LearnedMethod) -> float:
    """By trying: the share of a long track's middle frames whose change changes any refined pose."""
    window, stride = method.model.config.window, method.stride
    sequence = joints(4 * window)
    # As many frames as windows take to repeat their pattern, away from both ends.
    frames = range(window + 5, window + 5 + stride)
    whole, changed = method.refine(sequence).values, 0
    for frame in frames:
        values = sequence.values.copy()
        values[frame] += 1
        changed += not np.array_equal(method.refine(sequence.with_values(values)).values, whole)
    return changed / stride


@pytest.mark.parametrize(
    ("interval", "window", "stride", "expected"),
    [
        (1, 5, 1, 1.0),
        (5, 11, 5, 1 / 5),
        (5, 11, 10, 1 / 5),
        (10, 21, 20, 1 / 10),
        (10, 21, 5, 2 / 10),  # windows watch 0, 10, … and 5, 15, …
        (5, 11, 3, 1.0),
        (5, 11, 11, 3 / 11),  # windows side by side: 0 5 10 of each
    ],
)
def test_observed_by_hand_and_by_trying(interval, window, stride, expected):
    method = deciwatch(stride, replace(CONFIG, interval=interval, window=window))
    assert method.observed == pytest.approx(expected)
    assert read(method) == pytest.approx(expected)


@pytest.mark.parametrize("stride", [1, 5])
def test_smoothnet_observes_all_frames(stride):
    assert smoothnet(stride).observed == 1.0 == read(smoothnet(stride))


@pytest.mark.parametrize(
    ("phases", "expected"), [((0,), 1 / 5), ((0, 1), 2 / 5), ((0, 1, 4), 3 / 5), ((0, 1, 2, 3, 4), 1.0)]
)
def test_phases_read_more_of_the_video_by_hand_and_by_trying(phases, expected):
    """At 0, 1 and 4 of 5 DeciWatch reads the frames that HANet does: watched ones and their neighbours."""
    method = replace(deciwatch(5, replace(CONFIG, interval=5, window=11)), phases=phases)
    assert method.observed == pytest.approx(expected)
    assert read(method) == pytest.approx(expected)


def test_windows_of_all_phases_are_averaged():
    """Ten frames, windows of five: from 0 and 4 and the tail, from 1 and 5, and from 3."""
    sequence, refiner = joints(10), replace(deciwatch(4), phases=(0, 1, 3))
    total, count = np.zeros((10, 17, 3)), np.zeros((10, 1, 1))
    for start in (0, 4, 5, 1, 5, 3):
        total[start : start + 5] += refine_window(refiner, sequence.values[start : start + 5])
        count[start : start + 5] += 1
    np.testing.assert_allclose(refiner.refine(sequence).values, total / count, atol=1e-6)


@pytest.mark.parametrize("phases", [(), (1,), (0, 0), (0, 5), (0, -1)])
def test_phases_that_are_none_are_refused(phases):
    message = "phases must be distinct, from 0 to the stride's 3, and 0 first, got "
    with pytest.raises(ValueError, match=message):
        replace(deciwatch(4), phases=phases)
