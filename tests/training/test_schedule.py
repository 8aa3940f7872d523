"""The learning rate by hand; that a training follows it is in test_training."""

from __future__ import annotations

import pytest

from hanet.training.trainer import learning_rate


def test_up_in_a_line_and_down_in_a_cosine():
    rates = [learning_rate(step, peak=0.8, warmup=4, last=8) for step in range(9)]
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8])
    assert rates[6] == pytest.approx(0.4)  # halfway down
    assert rates[8] == pytest.approx(1e-8)


def test_without_warm_up_it_starts_at_the_peak():
    assert learning_rate(0, peak=0.5, warmup=0, last=3) == 0.5
