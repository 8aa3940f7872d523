"""A detector's errors as an experiment gives them: numbers, or the name of measured ones."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from hanet.estimators.fcn import detection, detector_errors
from hanet.estimators.fcn.options import FCNEstimate
from hanet.estimators.measured import simulate
from hanet.estimators.measured.model import TABLES, find, load
from hanet.files.hashing import file_hash
from hanet.poses.skeletons import H36M17
from tests.estimators.fcn.test_detector_errors import NONE, make

GIVEN = asdict(NONE) | {"jitter": 0.01, "swap_rate": 0.5}


def options(detector: object) -> FCNEstimate:
    return FCNEstimate.model_validate({"kind": "fcn", "seed": 1, "detector": detector, "pretrained": "cmu-1"})


def test_given_errors_are_the_simulated_detectors() -> None:
    truth, errors = make(), options(GIVEN).detector
    assert isinstance(errors, detector_errors.DetectorErrors)
    found = detection.detect(truth, errors, seed=3)
    np.testing.assert_array_equal(found.values, detector_errors.detect(truth, errors, seed=3).values)
    kinds = detection.frame_kinds(truth, errors, seed=3)
    np.testing.assert_array_equal(kinds, detector_errors.frame_kinds(truth, errors, seed=3))
    assert detection.describe(errors) == GIVEN


@pytest.mark.parametrize("name", sorted(path.stem for path in TABLES.glob("*.json")))
def test_tables_of_the_package(name: str) -> None:
    """They open, state what they are of, and those of keypoints fit FCN's skeleton."""
    table = load(name)
    assert {"detections", "truth", "licence", "frames", "tracks", "people"} <= set(table.provenance)
    assert 0 < table.of_joint("l_wrist").jitter + table.of_joint("l_wrist").drift < 0.05
    if table.unit == "size":
        assert all(table.of_joint(joint) for joint in H36M17.joints)


def test_measured_errors_by_name() -> None:
    truth, errors = make(), options("aist-1").detector
    assert errors == "aist-1"
    found = detection.detect(truth, errors, seed=3)
    np.testing.assert_array_equal(found.values, simulate.detect(truth, load("aist-1"), seed=3).values)
    assert len(detection.frame_kinds(truth, errors, seed=3)) == len(truth)
    assert detection.describe(errors) == {"measured": "aist-1", "sha256": file_hash(find("aist-1"))}


def test_neither_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        options({"measured": "aist-1"})
    with pytest.raises(ValueError, match="no measured errors are called 'mine'; the package has aist-1"):
        detection.detect(make(), "mine", seed=1)
