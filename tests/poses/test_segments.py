"""Segments and window starts: against loops written from the definition, and numbers worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanet.poses.segments import segment_offsets, window_length, window_starts

LENGTHS = st.lists(st.integers(0, 25), max_size=6)


def naive_starts(lengths, window, stride, tail):
    """(start, end of segment) of every window, one segment after another."""
    found, begin = [], 0
    for length in lengths:
        end = begin + length
        first, last = begin, None
        while length and (first + window <= end or last is None):
            found.append((first, end))
            last, first = first, first + stride
        if tail and last is not None and last + window < end:
            found.append((end - window, end))
        begin = end
    return found


def offsets_of(lengths) -> np.ndarray:
    return np.cumsum([0, *lengths])


@given(lengths=LENGTHS, window=st.integers(1, 9), stride=st.integers(1, 12), tail=st.booleans())
def test_window_starts_equal_a_loop(lengths, window, stride, tail):
    start, end = window_starts(offsets_of(lengths), window=window, stride=stride, tail=tail)
    assert list(zip(start.tolist(), end.tolist(), strict=True)) == naive_starts(lengths, window, stride, tail)


def test_window_starts_by_hand():
    """Segments of 10, 2 and 7 frames, windows of 4 every 3 frames; a tail is added where frames are left."""
    offsets = np.array([0, 10, 12, 19])
    start, end = window_starts(offsets, window=4, stride=3, tail=False)
    assert start.tolist() == [0, 3, 6, 10, 12, 15]
    assert end.tolist() == [10, 10, 10, 12, 19, 19]
    start, _ = window_starts(np.array([0, 11]), window=4, stride=3, tail=False)
    assert start.tolist() == [0, 3, 6]  # frame 10 is left out
    start, _ = window_starts(np.array([0, 11]), window=4, stride=3, tail=True)
    assert start.tolist() == [0, 3, 6, 7]


@pytest.mark.parametrize("bad", [{"window": 0, "stride": 1}, {"window": 1, "stride": 0}])
def test_window_starts_refuses(bad):
    message = f"window and stride must be at least 1, got window={bad['window']}, stride={bad['stride']}"
    with pytest.raises(ValueError, match=message):
        window_starts(np.array([0, 5]), **bad, tail=True)


def test_segment_offsets_cut_at_gaps_and_changes():
    frame = np.array([0, 1, 3, 4, 5, 6, 6])
    track = np.array([0, 0, 0, 0, 1, 1, 1])
    name = np.array([0, 0, 0, 0, 0, 1, 1])
    assert segment_offsets(name, track, frame=frame).tolist() == [0, 2, 4, 5, 6, 7]
    assert segment_offsets(frame=frame).tolist() == [0, 2, 6, 7]
    assert segment_offsets(frame=np.zeros(0, dtype=int)).tolist() == [0]


def test_window_length():
    assert window_length(10, 3) == 31
    with pytest.raises(ValueError, match="must be at least 1, got interval=0, q=3"):
        window_length(0, 3)
    with pytest.raises(ValueError, match="must be at least 1, got interval=3, q=0"):
        window_length(3, 0)
