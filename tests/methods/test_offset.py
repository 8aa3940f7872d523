"""The constant offset, learned from hand-made pairs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hanet.methods.offset import ConstantOffset
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17, JHMDB15, LIMBS12


def track(name: str, values: np.ndarray, **changes) -> PoseSequence:
    kind = {
        "skeleton": LIMBS12,
        "representation": "3d",
        "fps": 30.0,
        "unit": "m",
        "frame_of_reference": "world",
    }
    return PoseSequence(name, values.astype(np.float32), **{**kind, **changes})


def test_mean_over_frames_of_all_tracks() -> None:
    """Errors 1, 1, 1 and 5: frames count, not tracks, so the offset is 2."""
    detected = [track("a", np.zeros((3, 12, 3))), track("b", np.ones((1, 12, 3)))]
    gt = [track("a", np.ones((3, 12, 3))), track("b", np.full((1, 12, 3), 6.0))]
    method = ConstantOffset.fit(detected, gt)
    np.testing.assert_allclose(method.offset, np.full((12, 3), 2.0))
    np.testing.assert_allclose(method.refine(detected[1]).values, 3.0)


def test_each_joint_and_axis_has_its_own(rng) -> None:
    bias = rng.normal(size=(12, 3))
    values = rng.normal(size=(50, 12, 3))
    gt = track("a", values + bias)
    detected = track("a", values)
    refined = ConstantOffset.fit([detected], [gt]).refine(detected)
    np.testing.assert_allclose(refined.values, gt.values, atol=1e-6)


def test_only_trusted_frames_count() -> None:
    values = np.zeros((4, 12, 3))
    truth = np.ones((4, 12, 3))
    truth[0] = 100.0  # unlabelled
    truth[1, 0] = np.nan
    values[2, 1] = np.nan
    truth[3, 2] = 7.0  # not detected: a placeholder
    truth[:, 5] = np.nan  # never labelled
    labelled = np.ones((4, 12), dtype=bool)
    labelled[0] = False
    found = np.ones((4, 12), dtype=bool)
    found[3, 2] = False
    detected = track("a", values, labelled=found)
    method = ConstantOffset.fit([detected], [track("a", truth, labelled=labelled)])
    expected = np.ones((12, 3))
    expected[5] = 0.0
    np.testing.assert_allclose(method.offset, expected)


def test_tracks_must_pair_up() -> None:
    a, b = track("a", np.zeros((3, 12, 3))), track("b", np.zeros((3, 12, 3)))
    with pytest.raises(ValueError, match="at least one; got 0 and 0"):
        ConstantOffset.fit([], [])
    with pytest.raises(ValueError, match="at least one; got 1 and 2"):
        ConstantOffset.fit([a], [a, b])
    with pytest.raises(ValueError, match="ground truth has key"):
        ConstantOffset.fit([a], [b])


@pytest.mark.parametrize(
    ("came", "field"),
    [
        ({"values": np.zeros((3, 17, 3)), "skeleton": H36M17}, "skeleton limbs12, got h36m17"),
        ({"frame_of_reference": "camera"}, "frame_of_reference world, got camera"),
        (
            {
                "values": np.zeros((3, 15, 2)),
                "skeleton": JHMDB15,
                "representation": "2d",
                "unit": "px",
                "frame_of_reference": "image",
            },
            "skeleton limbs12, got jhmdb15",
        ),
        ({"values": np.zeros((3, 12, 2)), "representation": "2d", "unit": "px"}, "representation 3d, got 2d"),
        ({"unit": "px"}, "unit m, got px"),
    ],
)
def test_other_poses_are_refused(came: dict, field: str) -> None:
    good = track("a", np.zeros((3, 12, 3)))
    method = ConstantOffset.fit([good], [good])
    other = replace(good, **came)
    with pytest.raises(ValueError, match=f"a: the method was fitted to poses of {field}"):
        method.refine(other)
    with pytest.raises(ValueError, match="the method was fitted to poses of"):
        ConstantOffset.fit([good, other], [good, other])
