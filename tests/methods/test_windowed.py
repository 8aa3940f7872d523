"""Sequences are cut, refined and merged: by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from hanet.methods.learned import refine_windows
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17, JHMDB15


def joints(T: int) -> PoseSequence:
    values = np.broadcast_to(np.arange(T, dtype=np.float32)[:, None, None], (T, 17, 3)).copy()
    return PoseSequence("walk", values, H36M17, "3d", 50.0, "m", "camera_root_relative", start=3)


def test_windows_are_averaged_and_end_at_the_last_frame():
    seen: list[list[float]] = []

    def add_rank(windows: Tensor) -> Tensor:
        """Window i of a call gets i more."""
        seen.extend(windows[:, :, 0].tolist())
        return windows + torch.arange(len(windows))[:, None, None]

    refined = refine_windows(joints(8), add_rank, window=5, stride=2)
    assert seen == [[0, 1, 2, 3, 4], [2, 3, 4, 5, 6], [3, 4, 5, 6, 7]]
    added = refined.values[:, 0, 0] - np.arange(8)
    np.testing.assert_allclose(added, [0, 0, 0.5, 1, 1, 1.5, 1.5, 2], atol=1e-6)
    assert refined.key == ("walk", 0) and refined.start == 3


def test_a_stride_of_several_intervals_and_small_batches():
    sizes: list[int] = []

    def count(windows: Tensor) -> Tensor:
        sizes.append(len(windows))
        assert torch.is_inference(windows) and windows.dtype == torch.float32
        return windows

    sequence = joints(14)
    refined = refine_windows(sequence, count, window=5, stride=4, batch=2)
    assert sizes == [2, 2]  # at 0, 4, 8 and the last at 9
    np.testing.assert_allclose(refined.values, sequence.values)


def test_a_short_sequence_repeats_its_last_frame():
    def check(windows: Tensor) -> Tensor:
        assert windows[:, :, 0].tolist() == [[0, 1, 1, 1, 1]]
        return windows

    assert len(refine_windows(joints(2), check, window=5, stride=2)) == 2


def test_keypoints_are_shares_of_the_image():
    values = np.full((5, 15, 2), [160.0, 60])
    sequence = PoseSequence("a", values, JHMDB15, "2d", 25.0, "px", "image", image_size=(320, 240))

    def check(windows: Tensor) -> Tensor:
        assert windows[0, 0, :2].tolist() == [0.5, 0.25]
        return 2 * windows

    np.testing.assert_allclose(refine_windows(sequence, check, window=5, stride=2).values, 2 * values)


def test_poses_that_cannot_be_refined():
    sequence = joints(5)
    sequence.values[2, 0] = np.nan
    with pytest.raises(ValueError, match="walk: frame 5 has NaN; fill missing poses"):
        refine_windows(sequence, lambda w: w, window=5, stride=2)
    keypoints = PoseSequence("a", np.zeros((5, 15, 2)), JHMDB15, "2d", 25.0, "px", "image")
    with pytest.raises(ValueError, match="a: keypoints are refined as shares of the image; give image_size"):
        refine_windows(keypoints, lambda w: w, window=5, stride=2)
