"""Columns: what values a metric can have."""

from __future__ import annotations

import math

import pytest

from hanet.results.columns import COLUMNS, SHARES, possible


@pytest.mark.parametrize(
    ("key", "interval", "expected"),
    [
        ("mpjpe_mm", (-3.0, 250.0), (0.0, 250.0)),
        ("bone_length_cv", (-0.1, 1.7), (0.0, 1.7)),
        ("no_harm", (-0.2, 1.2), (0.0, 1.0)),
        ("pck_010", (0.4, 0.6), (0.4, 0.6)),
    ],
)
def test_intervals_end_where_values_do(key, interval, expected):
    assert possible(key, *interval) == expected


def test_an_interval_that_is_not_there_stays_so():
    assert all(math.isnan(end) for end in possible("no_harm", math.nan, math.nan))


def test_shares_are_metrics_in_percent():
    assert {c.key for c in COLUMNS if c.unit == "%"} - SHARES == {"bone_length_cv"}
    assert {c.key for c in COLUMNS} >= SHARES
