"""Conversions of joints that names do not give: the guessed rule, masks, and calibration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hanet.estimators.common.joint_mixes import MPII_TO_JHMDB, JointMix, calibrate, joint_mix
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import JHMDB15, MPII16


def poses(values, skeleton=MPII16, **fields) -> PoseSequence:
    return PoseSequence("catch", values, skeleton, "2d", 25.0, "px", "image", **fields)


def test_limbs_are_those_of_the_published_list(rng):
    values = rng.normal(size=(3, 16, 2))
    converted = MPII_TO_JHMDB(poses(values))
    assert converted.skeleton == JHMDB15
    limbs = [12, 13, 2, 3, 11, 14, 1, 4, 10, 15, 0, 5]
    np.testing.assert_array_equal(converted.values[:, 3:], values[:, limbs])
    np.testing.assert_allclose(converted.values[:, 0], values[:, 8])
    np.testing.assert_allclose(converted.values[:, 1], (values[:, 6] + values[:, 7]) / 2)
    np.testing.assert_allclose(converted.values[:, 2], (values[:, 8] + values[:, 9]) / 2)
    assert MPII_TO_JHMDB.named.tolist() == [False] * 3 + [True] * 12


def test_a_missing_joint_spoils_only_what_is_made_of_it(rng):
    values = rng.normal(size=(2, 16, 2))
    values[0, MPII16.index("pelvis")] = np.nan
    scores = np.full((2, 16), 0.9)
    scores[1, MPII16.index("head_top")] = 0.2
    labelled = np.ones((2, 16), dtype=bool)
    labelled[0, MPII16.index("pelvis")] = False
    converted = MPII_TO_JHMDB(poses(values, scores=scores, labelled=labelled))
    assert np.isnan(converted.values[:, :, 0]).nonzero() == ([0], [JHMDB15.index("belly")])
    assert (~converted.labelled).nonzero() == ([0], [JHMDB15.index("belly")])
    assert (converted.scores < 0.9).nonzero() == ([1], [JHMDB15.index("face")])


def test_calibration_finds_the_weights(rng):
    truth = joint_mix(
        "true",
        MPII16,
        JHMDB15,
        {
            "neck": {"thorax": 0.7, "upper_neck": 0.3},
            "belly": {"pelvis": 0.6, "thorax": 0.4},
            "face": {"upper_neck": 0.35, "head_top": 0.75, "thorax": -0.1},
        },
    )
    pairs = []
    for _ in range(2):
        detected = poses(rng.normal(size=(20, 16, 2)))
        gt = truth(detected)
        gt.values[3] = 1e6  # unlabelled
        gt.values[4, 0] = np.nan
        labelled = np.ones((20, 15), dtype=bool)
        labelled[3] = False
        pairs.append((replace(gt, labelled=labelled), detected))
    found = calibrate(MPII_TO_JHMDB, pairs)
    np.testing.assert_allclose(found.weights, truth.weights, atol=1e-9)
    assert found.name == "mpii16_to_jhmdb15_calibrated"
    assert (found.named == MPII_TO_JHMDB.named).all()


def test_calibration_beats_the_guess_on_noisy_truth(rng):
    detected = poses(rng.normal(size=(200, 16, 2)))
    gt = MPII_TO_JHMDB(detected)
    neck = JHMDB15.index("neck")
    gt.values[:, neck] = detected.values[:, MPII16.index("thorax")] + 0.1 * rng.normal(size=(200, 2))

    def error(mix):
        return np.abs(mix(detected).values[:, neck] - gt.values[:, neck]).mean()

    assert error(calibrate(MPII_TO_JHMDB, [(gt, detected)])) < 0.1 < error(MPII_TO_JHMDB)


def test_too_little_to_calibrate_on(rng):
    with pytest.raises(ValueError, match="0 labelled coordinates do not determine the weights of neck"):
        calibrate(MPII_TO_JHMDB, [])
    detected = poses(rng.normal(size=(1, 16, 2)))
    with pytest.raises(ValueError, match="2 labelled coordinates do not determine"):
        calibrate(MPII_TO_JHMDB, [(MPII_TO_JHMDB(detected), detected)])


def test_pairs_must_fit(rng):
    detected = poses(rng.normal(size=(5, 16, 2)))
    gt = MPII_TO_JHMDB(poses(rng.normal(size=(4, 16, 2))))
    with pytest.raises(ValueError, match="ground truth has 4 frames, the poses to compare have 5"):
        calibrate(MPII_TO_JHMDB, [(gt, detected)])


def test_wrong_skeletons_and_rules_are_refused(rng):
    with pytest.raises(ValueError, match="converts keypoints and joints on mpii16, got 2d on jhmdb15"):
        MPII_TO_JHMDB(poses(rng.normal(size=(2, 15, 2)), JHMDB15))
    with pytest.raises(ValueError, match="no rule for belly, face, which mpii16 lacks"):
        joint_mix("partial", MPII16, JHMDB15, {"neck": {"upper_neck": 1.0}})
    with pytest.raises(KeyError, match="has no joint 'tail'"):
        joint_mix("odd", MPII16, JHMDB15, {"neck": {"tail": 1.0}})
    mix = MPII_TO_JHMDB
    with pytest.raises(ValueError, match=r"weights must be \(15, 16\) and named \(15,\), got \(2, 2\)"):
        JointMix("bad", mix.source, mix.target, np.ones((2, 2)), np.ones(2, dtype=bool))
    with pytest.raises(ValueError, match="must sum to 1"):
        JointMix("bad", mix.source, mix.target, 2 * mix.weights, mix.named)
