"""One definition of a missing joint, over the codes of many writers."""

from __future__ import annotations

import numpy as np
import pytest

from hanet.formats.missing import missing, present

NAN, INF = np.nan, np.inf


@pytest.mark.parametrize(
    ("writer", "x", "y", "score", "gone"),
    [
        ("OpenPose, AlphaPose, COCO", 0, 0, 0, True),
        ("Ultralytics keeps the confidence", 0, 0, 0.93, True),
        ("COCO annotations: labelled at the corner does not exist", 0, 0, 2, True),
        ("OpenPose's COCO results", -1, -1, 0, True),
        ("−1 with a score", -1, -1, 0.8, True),
        ("pandas, MATLAB", NAN, NAN, NAN, True),
        ("DeepLabCut filtered: place unknown, likelihood kept", NAN, NAN, 0.2, True),
        ("one coordinate unknown", 5.0, NAN, 0.9, True),
        ("division by zero", INF, 3.0, 0.9, True),
        ("overflow, memory never written", -3.4e38, 3.0, 0.9, True),
        ("far outside, in nanometres", 9.9e8, 3.0, 0.9, False),
        ("RTMLib: nothing above zero in the SimCC", 217.5, 80.1, -0.003, True),
        ("score sentinel", 217.5, 80.1, -1, True),
        ("score unknown", 217.5, 80.1, NAN, True),
        ("seen", 217.5, 80.1, 0.5, False),
        ("seen, score rounded to 0, or filled by a refiner", 217.5, 80.1, 0, False),
        ("occluded in PoseTrack", 217.5, 80.1, 0, False),
        ("on the left border", 0, 80.1, 0.5, False),
        ("on the upper border", 217.5, 0, 0.5, False),
        ("left of the image", -1, 80.1, 0.5, False),
        ("outside of the image", -20.0, -3.0, 0.5, False),
    ],
)  # fmt: skip
def test_codes_of_writers(writer: str, x: float, y: float, score: float, gone: bool) -> None:
    assert missing(np.array([x, y], float), np.array(score, float)) == gone, writer


def test_without_scores_and_in_three_dimensions() -> None:
    values = np.array([[0, 0, 0], [-1, -1, -1], [0, 0, 2], [NAN, 1, 1], [3, 4, 5]], float)
    assert missing(values).tolist() == [True, True, False, True, False]
    # A root-relative pose has its root in the origin.
    assert missing(values, zeros=False).tolist() == [False, True, False, True, False]
    assert present(values).tolist() == [True, True, True, False, True]
