"""Windows: against loops written from the definition, and against numbers worked out by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hanet.poses.segments import window_starts
from hanet.poses.windows import WindowSet, inside, merge_mean, watched_frames, window_index
from tests.poses.test_segments import LENGTHS, offsets_of


@given(lengths=LENGTHS, window=st.integers(1, 9), stride=st.integers(1, 9))
def test_tail_windows_reach_every_frame(lengths, window, stride):
    """With a stride no longer than the window; and each window stays in its segment."""
    offsets = offsets_of(lengths)
    windows = WindowSet.over(offsets, window=window, stride=min(stride, window), tail=True)
    rows = windows.rows(torch.arange(len(windows)))
    assert set(rows.flatten().tolist()) == set(range(offsets[-1]))
    segment = np.repeat(np.arange(len(lengths)), lengths)
    assert all(len(set(segment[r].tolist())) == 1 for r in rows.numpy())


def test_short_segment_repeats_its_last_frame():
    windows = WindowSet.over(np.array([0, 2, 7]), window=4, stride=4, tail=False)
    batch = torch.tensor([0, 1])
    assert windows.rows(batch).tolist() == [[0, 1, 1, 1], [2, 3, 4, 5]]
    assert windows.inside(batch).tolist() == [[True, True, False, False], [True] * 4]


def test_watched_frames():
    assert watched_frames(31, 10).tolist() == [0, 10, 20, 30]
    assert watched_frames(4, 1).tolist() == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="30 frames do not fit interval 10, but 21 and 31 do"):
        watched_frames(30, 10)
    with pytest.raises(ValueError, match="interval must be at least 1, got 0"):
        watched_frames(30, 0)


def test_merge_mean_by_hand():
    """Rows 0..4, windows 0..2 and 2..4; row 2 is the mean of 30 and 50; row 5 is never reached."""
    windows = torch.tensor([[10.0, 20, 30], [50, 60, 70]])[..., None]
    merged = merge_mean(windows, torch.tensor([0, 2]), torch.tensor([5, 5]), rows=6)
    assert merged[:5, 0].tolist() == [10, 20, 40, 60, 70]
    assert merged[5].isnan().all()
    assert merged.dtype == torch.float32


def test_merge_mean_does_not_count_repeated_frames():
    """A window of 4 over 2 frames: its last two values repeat frame 1 and are dropped, whatever they are."""
    windows = torch.tensor([[[1.0], [2.0], [99.0], [-99.0]]])
    assert merge_mean(windows, torch.tensor([0]), torch.tensor([2]), rows=2).tolist() == [[1.0], [2.0]]


@settings(max_examples=50)
@given(lengths=LENGTHS, window=st.integers(1, 9), stride=st.integers(1, 9), seed=st.integers(0, 99))
def test_merging_gathered_windows_gives_the_poses_back(lengths, window, stride, seed):
    offsets = offsets_of(lengths)
    poses = torch.from_numpy(np.random.default_rng(seed).normal(size=(int(offsets[-1]), 3)))
    windows = WindowSet.over(offsets, window=window, stride=min(stride, window), tail=True)
    (gathered,) = windows.gather(torch.arange(len(windows)), poses)
    merged = merge_mean(gathered, windows.start, windows.end, rows=len(poses))
    torch.testing.assert_close(merged, poses)


@settings(max_examples=50)
@given(lengths=LENGTHS, seed=st.integers(0, 99))
def test_merge_mean_equals_a_loop(lengths, seed):
    """Differing predictions for one frame, among them windows with repeated frames."""
    r = np.random.default_rng(seed)
    start, end = map(torch.from_numpy, window_starts(offsets_of(lengths), window=5, stride=2, tail=True))
    predicted = r.normal(size=(len(start), 5, 2)).astype(np.float32)
    found: list[list[np.ndarray]] = [[] for _ in range(sum(lengths))]
    for w in range(len(start)):
        for t in range(5):
            if start[w] + t < end[w]:
                found[int(start[w]) + t].append(predicted[w, t])
    expected = np.array([np.mean(values, axis=0) for values in found]).reshape(-1, 2)
    merged = merge_mean(torch.from_numpy(predicted), start, end, rows=sum(lengths))
    np.testing.assert_allclose(merged.numpy(), expected, rtol=1e-5, atol=1e-6)


def test_gather_keeps_every_columns_type_and_trailing_axes():
    windows = WindowSet.over(np.array([0, 4]), window=2, stride=1, tail=False)
    assert len(windows) == 3
    number, flag, pose = windows.gather(
        torch.tensor([2, 0]),
        torch.arange(4),
        torch.tensor([True, False, True, False]),
        torch.arange(24.0).reshape(4, 3, 2),
    )
    assert number.tolist() == [[2, 3], [0, 1]]
    assert flag.tolist() == [[True, False], [True, False]]
    assert pose.shape == (2, 2, 3, 2)
    assert pose[1, 1].tolist() == [[6, 7], [8, 9], [10, 11]]


def test_index_and_inside_agree_with_each_other():
    start, end = torch.tensor([0, 3]), torch.tensor([3, 5])
    index, real = window_index(start, end, 4), inside(start, end, 4)
    assert index.tolist() == [[0, 1, 2, 2], [3, 4, 4, 4]]
    assert real.tolist() == [[True, True, True, False], [True, True, False, False]]
