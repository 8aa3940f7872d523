"""Angles of known poses, and agreement by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hanet.metrics.angles import agreement, joint_angles
from hanet.poses.skeletons import LIMBS12


def test_angles_of_known_poses() -> None:
    values = np.zeros((3, 12, 3))
    for side in "lr":
        hip, ankle = (LIMBS12.index(f"{side}_{part}") for part in ("hip", "ankle"))
        values[:, hip] = [0, 1, 0]
        values[0, ankle] = [0, -1, 0]  # straight
        values[1, ankle] = [0, 0, 2]  # a right angle, whatever the length
        values[2, ankle] = [0, 0.5, 0]  # folded
    values[2, LIMBS12.index("r_knee")] = np.nan
    found = joint_angles(values, LIMBS12, "knee")
    np.testing.assert_allclose(found[:, 0], [180, 90, 0], atol=1e-6)
    assert np.isnan(found[2, 1])


def test_agreement_by_hand() -> None:
    found = agreement([np.array([1.0, 3.0]), np.array([[2.0, np.nan]])])
    assert (found.bias, found.count) == (2.0, 3)
    assert (found.low, found.high) == pytest.approx((2 - 1.96, 2 + 1.96))
    with pytest.raises(ValueError, match="two or more differences of angles, got 1"):
        agreement([np.array([1.0])])
