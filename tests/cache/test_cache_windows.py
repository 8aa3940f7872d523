"""Tables of caches: windows of their sequences, and rows that are or are not aligned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hanet.cache.files import GROUND_TRUTH, check_aligned
from hanet.poses.windows import WindowSet
from tests.support.cache_files import META, J, make, sequences, write


def naive_windows(made, window, stride, tail):
    """Windows frame by frame, straight from the protocol's words: (poses, True where not repeated)."""
    gathered = []
    for sequence in made:
        T = len(sequence)
        starts = [s for s in range(0, T, stride) if s + window <= T] or [0]
        if tail and window < T and starts[-1] + window < T:
            starts.append(T - window)
        for s in starts:
            rows = [min(s + t, T - 1) for t in range(window)]
            poses = np.stack([sequence.values[r].reshape(-1) for r in rows])
            gathered.append((poses, [s + t < T for t in range(window)]))
    return gathered


@settings(max_examples=40, deadline=None)
@given(made=sequences(), window=st.integers(1, 7), stride=st.integers(1, 4), tail=st.booleans())
def test_gathered_windows_equal_those_made_one_by_one(tmp_path_factory, made, window, stride, tail):
    """Sequences are separated by a gap, another track or another name: no window crosses any of them."""
    table = write(tmp_path_factory.mktemp("cache") / "c.parquet", made, row_group=6).read()
    windows = WindowSet.over(table.offsets, window=window, stride=stride, tail=tail)
    expected = naive_windows(made, window, stride, tail)
    assert len(windows) == len(expected)
    everything = torch.arange(len(windows))
    (poses,) = windows.gather(everything, torch.from_numpy(table.values))
    inside = windows.inside(everything)
    for i, (values, real) in enumerate(expected):
        np.testing.assert_array_equal(poses[i].numpy(), values)
        assert inside[i].tolist() == real


def test_two_aligned_tables_share_an_index(tmp_path):
    gt = [make("a", frames=6, seed=1), make("b", frames=5, seed=2)]
    detected = [replace(s, values=s.values + 100) for s in gt]
    a = write(tmp_path / "gt.parquet", gt, replace(META, estimator=GROUND_TRUTH)).read()
    b = write(tmp_path / "detected.parquet", detected, row_group=4).read()
    check_aligned(a, b)
    windows = WindowSet.over(a.offsets, window=3, stride=2, tail=True)
    x, y, frame = windows.gather(
        torch.tensor([4, 0]), *(torch.from_numpy(array) for array in (a.values, b.values, a.frame))
    )
    assert x.shape == y.shape == (2, 3, 2 * J)
    assert frame.tolist() == [[2, 3, 4], [0, 1, 2]]  # a: 0 2 3, b: 0 2
    torch.testing.assert_close(y, x + 100)


@pytest.mark.parametrize(
    ("other", "row", "first", "second"),
    [
        ([make("a"), make("b", track=1)], 4, "'b', track 0, frame 0", "sequence 'b', track 1, frame 0"),
        ([make("b"), make("a")], 0, "'a', track 0, frame 0", "sequence 'b', track 0, frame 0"),
        ([make("a"), make("c")], 4, "'b', track 0, frame 0", "sequence 'c', track 0, frame 0"),
        ([make("a", start=2), make("b")], 0, "'a', track 0, frame 0", "sequence 'a', track 0, frame 2"),
        ([make("a")], 4, "'b', track 0, frame 0", "only 4 rows"),
        ([make("a"), make("b", frames=5)], 8, "only 8 rows", "sequence 'b', track 0, frame 4"),
        ([], 0, "'a', track 0, frame 0", "only 0 rows"),
    ],
)
def test_tables_that_are_not_aligned(tmp_path, other, row, first, second):
    a = write(tmp_path / "a.parquet", [make("a"), make("b")], replace(META, estimator=GROUND_TRUTH)).read()
    b = write(tmp_path / "b.parquet", other).read()
    with pytest.raises(ValueError, match=f"not aligned at row {row}: gt has .*{first}; walker has {second};"):
        check_aligned(a, b)


def test_segment_out_of_range(tmp_path):
    table = write(tmp_path / "c.parquet", [make()]).read()
    with pytest.raises(IndexError, match="segment 1 of a table with 1 segments"):
        table.sequence(1)
