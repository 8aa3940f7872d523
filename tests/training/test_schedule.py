"""The learning rate by hand; that a training follows it is in test_training."""

from __future__ import annotations

import pytest

from hanet.training.schedule import learning_rate


def test_up_in_a_line_and_down_in_a_cosine():
    rates = [learning_rate(step, peak=0.8, warmup=4, last=8) for step in range(9)]
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8])
    assert rates[6] == pytest.approx(0.4)  # halfway down
    assert rates[8] == pytest.approx(1e-8)


def test_without_warm_up_it_starts_at_the_peak():
    assert learning_rate(0, peak=0.5, warmup=0, last=3) == 0.5


def test_the_cosine_ends_at_the_floor_or_at_a_lower_peak():
    assert learning_rate(8, peak=0.8, warmup=4, last=8, floor=0.2) == pytest.approx(0.2)
    assert learning_rate(6, peak=0.8, warmup=4, last=8, floor=0.2) == pytest.approx(0.5)  # halfway down
    assert learning_rate(6, peak=0.1, warmup=4, last=8, floor=0.2) == pytest.approx(0.1)
