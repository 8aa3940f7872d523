"""Changed clips: bones as long as drawn, limbs turned as one, the same change in every frame."""

from __future__ import annotations

import numpy as np
import pytest

from hanet.datasets.mocap.clips import Clip
from hanet.datasets.mocap.options import Variation
from hanet.datasets.mocap.variation import varied
from hanet.poses.skeletons import H36M17

PARENT, CHILD = np.array(H36M17.bones).T


def clip(frames: int = 5) -> Clip:
    joints = np.random.default_rng(1).normal(size=(frames, 17, 3))
    return Clip("walk", joints, 30.0, np.arange(frames))


def lengths(joints: np.ndarray) -> np.ndarray:
    return np.linalg.norm(joints[:, CHILD] - joints[:, PARENT], axis=-1)


def change(bones: float = 0.0, limbs: float = 0.0, tilt: float = 0.0) -> Variation:
    return Variation(bones=bones, limb_degrees=limbs, tilt_degrees=tilt)


def test_nothing_asked_for_changes_nothing():
    np.testing.assert_allclose(varied(clip(), change(), seed=1, view=0).joints, clip().joints, atol=1e-12)


def test_bones_change_by_one_share_of_both_sides_in_all_frames():
    made = varied(clip(), change(bones=0.2), seed=1, view=0)
    share = lengths(made.joints) / lengths(clip().joints)
    np.testing.assert_allclose(share, share[:1].repeat(5, axis=0), rtol=1e-9)
    assert 0.8 <= share.min() < 0.95 and 1.05 < share.max() <= 1.2
    bone = {H36M17.joints[child]: k for k, child in enumerate(CHILD)}
    for part in ("knee", "ankle", "elbow", "wrist"):
        np.testing.assert_allclose(share[:, bone[f"l_{part}"]], share[:, bone[f"r_{part}"]], rtol=1e-9)
    np.testing.assert_allclose(made.joints[:, H36M17.root], clip().joints[:, H36M17.root], atol=1e-12)


@pytest.mark.parametrize(("options", "moved"), [(change(limbs=50.0), False), (change(tilt=50.0), True)])
def test_turns_keep_lengths_and_stay_within_their_angle(options, moved):
    made = varied(clip(), options, seed=1, view=0)
    np.testing.assert_allclose(lengths(made.joints), lengths(clip().joints), rtol=1e-9)
    before, after = (j[:, CHILD] - j[:, PARENT] for j in (clip().joints, made.joints))
    cosine = (before * after).sum(-1) / lengths(clip().joints) ** 2
    angle = np.rad2deg(np.arccos(np.clip(cosine, -1, 1)))
    once = [k for k, child in enumerate(CHILD) if H36M17.joints[child][2:] in ("knee", "elbow")]
    assert 5 < angle[:, once].max() <= 50 + 1e-6
    torso = [k for k, child in enumerate(CHILD) if H36M17.joints[child] in ("spine", "thorax", "l_hip")]
    assert (angle[:, torso].max() > 5) == moved


def test_a_shin_goes_along_with_its_thigh():
    """Where the shin itself does not turn, it has turned with the thigh: the angle at the knee stays."""
    straight = clip()
    hip, knee, ankle = (H36M17.index(f"l_{part}") for part in ("hip", "knee", "ankle"))
    straight.joints[:, ankle] = 2 * straight.joints[:, knee] - straight.joints[:, hip]
    made = varied(straight, change(limbs=1e-6), seed=1, view=0).joints
    np.testing.assert_allclose(made[:, ankle] - made[:, knee], made[:, knee] - made[:, hip], atol=1e-6)
    turned = varied(straight, change(limbs=90.0), seed=1, view=0).joints
    assert np.abs(turned[:, ankle] - straight.joints[:, ankle]).max() > 0.1


def test_seed_name_and_view_decide():
    options = change(0.1, 20.0, 20.0)
    first = varied(clip(), options, seed=1, view=0).joints
    np.testing.assert_array_equal(first, varied(clip(), options, seed=1, view=0).joints)
    for seed, view in ((1, 1), (2, 0)):
        assert np.abs(first - varied(clip(), options, seed=seed, view=view).joints).max() > 0.01
