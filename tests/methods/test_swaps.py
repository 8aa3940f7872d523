"""Left-right swaps: found, mended and listed; clean motion is left alone. The report of changes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from hanet.methods.changes import Noted, listed, outliers
from hanet.methods.smoothing import General
from hanet.methods.swaps import Swap, mend_swaps
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17, H36M17, Skeleton

LEGS = ("hip", "knee", "ankle")


def motion(rng: np.random.Generator, T: int = 200) -> PoseSequence:
    """A body whose left is about 30 cm from its right, moving smoothly, with jitter."""
    rest = np.array(
        [[0.15 * (1 - 2 * name.startswith("l_")), 0.1 * j, 0] for j, name in enumerate(COCO17.joints)]
    )
    values = rest + 0.15 * gaussian_filter1d(rng.normal(size=(T, 17, 3)), 12.0, axis=0)
    values += 0.005 * rng.normal(size=values.shape)
    scores = rng.uniform(0.5, 1.0, (T, 17))
    return PoseSequence.joints("a", values, COCO17, fps=30.0, frame_of_reference="world", scores=scores)


def swapped(sequence: PoseSequence, names: tuple[str, ...], start: int, stop: int) -> PoseSequence:
    values, scores = sequence.values.copy(), sequence.scores.copy()
    for name in names:
        left, right = COCO17.index(f"l_{name}"), COCO17.index(f"r_{name}")
        for array in (values, scores):
            array[start:stop, [left, right]] = array[start:stop, [right, left]]
    return PoseSequence.joints("a", values, COCO17, fps=30.0, frame_of_reference="world", scores=scores)


PAIRS = tuple(name[2:] for name in COCO17.joints if name.startswith("l_"))


@pytest.mark.parametrize(
    ("names", "what"), [(PAIRS, "body"), (LEGS, "legs"), (("wrist",), "wrist"), (("eye", "ear"), "head")]
)
@pytest.mark.parametrize(("start", "stop"), [(50, 51), (50, 80), (0, 20), (180, 200)])
def test_a_swap_is_found_and_mended(
    names: tuple[str, ...], what: str, start: int, stop: int, rng: np.random.Generator
) -> None:
    clean = motion(rng)
    mended, found = mend_swaps(swapped(clean, names, start, stop))
    assert found == [Swap(what, start, stop)]
    np.testing.assert_array_equal(mended.values, clean.values)
    np.testing.assert_array_equal(mended.scores, clean.scores)


def test_swaps_of_different_parts_at_once(rng: np.random.Generator) -> None:
    clean = motion(rng)
    mended, found = mend_swaps(swapped(swapped(clean, LEGS, 50, 90), ("elbow",), 70, 75))
    assert found == [Swap("legs", 50, 90), Swap("elbow", 70, 75)]
    np.testing.assert_array_equal(mended.values, clean.values)


def test_clean_motion_is_left_alone(rng: np.random.Generator) -> None:
    clean = motion(rng)
    assert mend_swaps(clean) == (clean, [])
    crossing = clean.values.copy()  # the wrists change places, as in motion
    left, right = COCO17.index("l_wrist"), COCO17.index("r_wrist")
    way = np.clip((np.arange(200) - 90) / 20, 0, 1)[:, None]
    middle = (crossing[:, left] + crossing[:, right]) / 2
    half = (crossing[:, right] - crossing[:, left]) / 2 * (1 - 2 * way)
    crossing[:, left], crossing[:, right] = middle - half, middle + half
    assert mend_swaps(clean.with_values(crossing))[1] == []


def test_joints_that_are_missing_or_nameless(rng: np.random.Generator) -> None:
    clean = motion(rng)
    seen = swapped(clean, LEGS, 50, 80)
    values = seen.values.copy()
    values[:, COCO17.index("l_ear")] = np.nan
    values[120:125, COCO17.index("l_knee")] = np.nan
    mended, found = mend_swaps(seen.with_values(values))
    assert found == [Swap("legs", 50, 80)]
    np.testing.assert_array_equal(np.isnan(mended.values), np.isnan(values))
    nameless = Skeleton("j17", tuple(f"joint{j}" for j in range(17)), (-1,) * 17, (0,))
    plain = PoseSequence.joints("a", seen.values, nameless, fps=30.0, frame_of_reference="world")
    assert mend_swaps(plain) == (plain, [])
    for T in (1, 3):
        short = H36M17
        track = PoseSequence.keypoints("a", rng.normal(size=(T, 17, 2)), short, fps=30.0)
        assert mend_swaps(track) == (track, [])


def test_outliers_are_far_in_the_joints_own_noise(rng: np.random.Generator) -> None:
    refined = np.zeros((100, 2, 2)) + np.array([[0.0, 0.0], [10.0, 0.0]])
    detected = refined + rng.normal(size=refined.shape) * np.array([[[0.1], [1.0]]])
    detected[40, 0] = [2.0, 0.0]
    detected[41, 1] = [12.0, 0.0]
    detected[42, 1] = np.nan
    np.testing.assert_array_equal(np.argwhere(outliers(detected, refined)), [[40, 0]])


def test_the_report_lists_what_was_done(rng: np.random.Generator) -> None:
    clean = motion(rng)
    values = swapped(clean, LEGS, 50, 80).values.copy()
    values[100, 9] += 2.0
    values[120:123, 4] = values[140:180, 5] = values[:, 6] = np.nan
    seen = PoseSequence.joints("a", values, COCO17, fps=30.0, frame_of_reference="world", start=1000, track=7)
    result = Noted.of(General(), mend=True).smooth(seen)
    (report,) = listed([result])
    assert report == {
        "name": "a",
        "track": 7,
        "frames": [1000, 1199],
        "swapped": [{"what": "legs", "frames": [1050, 1079]}],
        "outliers": {COCO17.joints[9]: [[1100, 1100]]},
        "filled": {COCO17.joints[4]: [[1120, 1122]]},
        "missing": {COCO17.joints[5]: [[1140, 1179]], COCO17.joints[6]: [[1000, 1199]]},
    }
    assert Noted.of(General(), mend=True).describe([result]).startswith("1 left-right swap mended, then gen")
    assert listed([Noted.of(General(), mend=False).smooth(seen)])[0]["swapped"] == []
