"""Scores of generated pose files equal those that the authors' evaluation printed for them."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch import Tensor

from hanet.datasets.pose_files.joints import released_pair
from hanet.methods.filters import released_interpolation
from hanet.methods.learned import refine_windows
from hanet.metrics import Refine, Scores, evaluate
from hanet.models.checkpoints import load_released
from hanet.models.hanet import HANetConfig
from hanet.poses.segments import window_length
from hanet.poses.sequence import PoseSequence
from tests.support import recipe
from tests.support.paths import REFERENCE

LAYOUT = REFERENCE / "release_layout"
EXPECTED: dict[str, Any] = json.loads((LAYOUT / "expected_scores.json").read_text())

NAMES = {
    "mpjpe": "mpjpe_mm",
    "pampjpe": "pa_mpjpe_mm",
    "accel": "accel_mm_per_frame2",
    "pck_005": "pck_005",
    "pck_01": "pck_010",
    "pck_02": "pck_020",
}


def score(dataset: str, refine: Refine | None) -> Scores:
    case = EXPECTED[dataset]
    gt, detected = released_pair(LAYOUT / case["gt"], LAYOUT / case["detected"], dataset)
    windows = {key: case[key] for key in ("interval", "q", "step_q")}
    return evaluate(gt, detected, refine, "released", **windows, resamples=10)


def check(scores: Scores, dataset: str, row: str, *, rel: float) -> None:
    printed = {
        NAMES[key.removeprefix(row)]: value
        for key, value in EXPECTED[dataset]["scores"].items()
        if key.startswith(row)
    }
    assert len(printed) == 3
    assert {name: scores.means[name] for name in printed} == pytest.approx(printed, rel=rel)


@pytest.mark.parametrize("dataset", EXPECTED)
def test_input(dataset):
    check(score(dataset, None), dataset, "input_", rel=1e-6)


@pytest.mark.parametrize("dataset", EXPECTED)
def test_linear_interpolation(dataset):
    refine = released_interpolation(EXPECTED[dataset]["interval"])
    check(score(dataset, refine), dataset, "linear_interp_", rel=1e-6)


@pytest.mark.parametrize("dataset", EXPECTED)
def test_hanet(dataset):
    case = EXPECTED[dataset]
    weights = recipe.weights(case)
    assert recipe.sha256(weights) == case["weights_sha256"]
    config = HANetConfig.from_dict(case["config"])
    model = load_released({key: torch.from_numpy(value) for key, value in weights.items()}, config)

    def decoder_pose(windows: Tensor) -> Tensor:
        return model(windows).decoder_pose

    def refine(sequence: PoseSequence) -> PoseSequence:
        return refine_windows(
            sequence,
            decoder_pose,
            window=window_length(case["interval"], case["q"]),
            stride=case["interval"] * case["step_q"],
        )

    check(score(dataset, refine), dataset, "output_", rel=1e-5)


def test_full_scores_the_frames_that_the_releases_drop():
    case = EXPECTED["pw3d"]
    gt, detected = released_pair(LAYOUT / case["gt"], LAYOUT / case["detected"], "pw3d")
    assert evaluate(gt, detected, resamples=10).frames == sum(len(truth) for truth in gt) == 587
    assert score("pw3d", None).frames == 146 + 261 + 101 + 101
