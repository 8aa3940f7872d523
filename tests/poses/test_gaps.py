"""Runs of known frames, and interpolation over the others."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hanet.poses.gaps import consecutive, interpolate, long_runs, runs

NAN = float("nan")


def test_interpolate() -> None:
    values = np.array([[1.0, NAN, 5.0], [NAN, NAN, NAN], [2.0, NAN, NAN]])
    got = interpolate(values, np.array([0, 2, 4]), np.arange(6))
    np.testing.assert_allclose(got[:, 0], [1.0, 1.25, 1.5, 1.75, 2.0, 2.0])
    assert np.isnan(got[:, 1]).all()
    np.testing.assert_allclose(got[:, 2], 5.0)


@given(st.lists(st.booleans(), max_size=30))
def test_runs_are_the_mask(mask: list[bool]) -> None:
    again = np.zeros(len(mask), dtype=bool)
    found = runs(np.array(mask, dtype=bool))
    for run in found:
        again[run] = True
    assert again.tolist() == mask
    assert all(a.stop < b.start for a, b in pairwise(found))


def test_short_runs_are_left_out() -> None:
    mask = np.array([1, 1, 0, 1, 1, 1, 0, 0, 1], dtype=bool)
    assert long_runs(mask, 1).tolist() == mask.tolist()
    assert np.flatnonzero(long_runs(mask, 3)).tolist() == [3, 4, 5]
    assert not long_runs(mask, 4).any()


def test_numbers_split_where_one_is_missing() -> None:
    assert consecutive(np.array([3, 4, 7, 9, 10])) == [slice(0, 2), slice(2, 3), slice(3, 5)]
    assert consecutive(np.array([5])) == [slice(0, 1)]
    assert consecutive(np.array([], dtype=int)) == []
