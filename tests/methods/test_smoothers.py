"""Smoothers: numbers of Pose2Sim's functions, choices without truth, joints and gaps each for themselves."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hanet.methods.parsing import RANGES, parse
from hanet.methods.smoothers import Smoother
from hanet.methods.state_space import SMOOTHERS, Kalman, _smoothed
from hanet.methods.tuned import smooth_runs
from hanet.poses.gaps import runs
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import LIMBS12

# Pose2Sim 0.10.49 (BSD-3-Clause), its functions called on 120 frames of three channels at 60 a second.
POSE2SIM = Path(__file__).parents[1] / "reference" / "smoothers" / "pose2sim_filters.npz"
FPS = 60.0


@pytest.fixture(scope="module")
def vectors() -> dict[str, np.ndarray]:
    with np.load(POSE2SIM) as file:
        return dict(file)


def apply(smoother: Smoother, values: np.ndarray) -> np.ndarray:
    """Each run between gaps; runs that are too short as they are."""
    result = values.copy()
    for run in runs(np.isfinite(values[:, 0])):
        if run.stop - run.start >= smoother.shortest(FPS):
            result[run] = smoother.smooth(values[run], FPS)
    return result


@pytest.mark.parametrize(
    ("name", "key", "options", "gaps"),
    [
        ("butterworth", "butterworth", {"cutoff": 6.0}, True),
        ("butterworth_on_speed", "butterworth_on_speed", {"cutoff": 10.0}, False),
        ("gaussian", "gaussian", {"sigma": 2 / FPS}, False),
        ("loess", "loess", {"window": 7 / FPS}, True),
        ("gcv_spline", "gcv_spline_auto", {}, True),
        ("gcv_spline", "gcv_spline_auto_smoother", {"smoothness": 5.0}, True),
        ("gcv_spline", "gcv_spline_6hz", {"cutoff": 6.0}, True),
        ("one_euro", "one_euro", {"min_cutoff": 2.5, "beta": 0.9}, True),
        ("hampel", "hampel", {}, False),
    ],
)
def test_agrees_with_pose2sim(vectors, name: str, key: str, options: dict[str, Any], gaps: bool):
    values = vectors["input_with_gaps" if gaps else "input"]
    result = apply(SMOOTHERS[name](**options), values)
    assert np.abs(vectors[key] - values)[np.isfinite(values)].max() > 0.01
    # GCV's minimum is flat: where it chooses the penalty, rounding of another processor shows a thousandfold.
    close = 1e-7 if "auto" in key else 1e-9
    np.testing.assert_allclose(result, vectors[key], rtol=close, atol=close)


def test_median_agrees_with_pose2sim_but_for_the_ends(vectors):
    """SciPy's medfilt, which Pose2Sim calls, takes frames beyond the ends for zeros."""
    result = apply(SMOOTHERS["median"](window=5 / FPS), vectors["input"])
    np.testing.assert_array_equal(result[2:-2], vectors["median"][2:-2])
    assert np.abs(result - vectors["input"]).max() <= 91


def test_kalman_agrees_with_pose2sim_from_the_same_start(vectors):
    """Pose2Sim begins with speeds per frame and trusts them; from there on the recursion is the same."""
    dt, values = 1 / FPS, vectors["input_with_gaps"]
    turn = np.array([[1, dt, dt**2 / 2], [0, 1, dt], [0, 0, 1]])
    push = np.array([dt**2 / 2, dt, 1.0])
    for run in runs(np.isfinite(values[:, 0])):
        part = values[run]
        start = np.stack([part[0], np.diff(part[:2], axis=0)[0], np.diff(part[:3], n=2, axis=0)[0]])
        result = _smoothed(part, turn, np.outer(push, push) * 500**2, start, np.eye(3) * 20 / 400)
        np.testing.assert_allclose(result, vectors["kalman"][run], rtol=1e-9, atol=1e-9)
    whole = Kalman(trust_ratio=500.0).smooth(values[:50], FPS)
    np.testing.assert_allclose(whole[40:], vectors["kalman"][40:50], rtol=1e-4)


@pytest.mark.parametrize("fps", [10.0, 30.0, 60.0, 240.0])
@pytest.mark.parametrize("name", SMOOTHERS)
def test_keeps_still_people_still_and_lines_straight(name: str, fps: float):
    """At every rate: constants come back; straight motion away from the ends too."""
    t = np.arange(round(4 * fps)) / fps
    flat = np.column_stack([np.full_like(t, 7.0), 100 + 50 * t])
    if name == "gcv_spline":
        flat = flat[:40]
    t = t[: len(flat)]
    for smoother in SMOOTHERS[name]().candidates(fps)[::5]:
        result = smoother.smooth(flat, fps)
        np.testing.assert_allclose(result[:, 0], 7.0, atol=1e-6)
        middle = slice(len(t) // 2 - 2, len(t) // 2 + 2)
        slope = np.diff(result[middle, 1]) * fps if "speed" in name else result[middle, 1]
        expected = 50.0 if "speed" in name else flat[middle, 1]  # summed speeds keep an offset
        np.testing.assert_allclose(slope, expected, atol=0.5)


def noisy(fps: float, noise: float, seconds: float = 6.0) -> tuple[np.ndarray, ...]:
    """Arm-like motion of two joints in metres and what a detector sees of it."""
    rng = np.random.default_rng(3)
    t = np.arange(round(seconds * fps)) / fps
    truth = np.stack(
        [0.3 * np.sin(2 * np.pi * f * t + p) for f, p in [(0.5, 0), (0.7, 1), (1.4, 2), (1.1, 0.5)]], axis=1
    ).reshape(len(t), 2, 2)
    error = rng.normal(0, noise, truth.shape)
    error = (error + np.roll(error, 1, axis=0)) / np.sqrt(2)
    return truth, truth + error


ACCURATE = {"butterworth", "savitzky_golay", "kalman"}
"""The others round fast motion off."""


@pytest.mark.parametrize("fps", [30.0, 60.0])
@pytest.mark.parametrize(
    "name", [name for name in SMOOTHERS if name not in ("hampel", "gcv_spline", "butterworth_on_speed")]
)
def test_the_choice_needs_no_truth(name: str, fps: float):
    """More noise is smoothed more, and the result is nearer to the truth than the input."""
    errors, chosen = [], []
    for noise in (0.002, 0.02):
        truth, seen = noisy(fps, noise)
        found = smooth_runs(SMOOTHERS[name](), [seen], fps)
        errors.append(np.abs(found.values[0] - truth).mean() / np.abs(seen - truth).mean())
        chosen.append(found.parameter)
    heavier = SMOOTHERS[name]().tuned in ("window", "sigma")
    assert ((chosen[1] >= chosen[0]) if heavier else (chosen[1] <= chosen[0])).all(), chosen
    assert errors[1] < 1.1 and errors[0] < (1.1 if name in ACCURATE else 2.0), errors


def test_joints_get_their_own_parameter():
    truth, seen = noisy(60.0, 0.02)
    seen[:, 0] = truth[:, 0]  # one joint without noise
    found = smooth_runs(SMOOTHERS["butterworth"](), [seen], 60.0)
    assert found.parameter[0] > 2 * found.parameter[1]
    assert np.abs(found.values[0][:, 0] - truth[:, 0]).max() < 0.01


def track(values: np.ndarray, fps: float = 60.0, **fields: Any) -> PoseSequence:
    whole = np.zeros((len(values), 12, 3), dtype=np.float32)
    whole[:, : values.shape[1], :2] = values
    return PoseSequence.joints("a", whole, LIMBS12, fps=fps, frame_of_reference="camera", **fields)


@pytest.mark.parametrize("name", [*(name for name in SMOOTHERS if name != "gcv_spline"), "hampel+loess"])
def test_gaps_are_filled_up_to_the_longest_and_cost_no_other_joint_anything(name: str):
    _, seen = noisy(60.0, 0.01)
    whole = track(seen)
    values = whole.values.copy()
    values[100:110, 0] = np.nan  # 1/6 s
    values[200:230, 0] = np.nan  # 1/2 s
    values[:, 1] = np.nan  # never seen
    values[:5, 2] = np.nan  # not yet
    values[300, 3, 1] = np.inf
    values[310, 3] = 3e38
    holes = replace(whole, values=values)
    method = parse(name, 0.25)
    result = method.smooth(holes)
    assert result.sequence.values.dtype == np.float32 and len(result.sequence) == len(whole)
    missing = np.zeros((len(whole), 12), dtype=bool)
    missing[200:230, 0] = missing[:, 1] = missing[:5, 2] = True
    np.testing.assert_array_equal(np.isnan(result.sequence.values).any(axis=2), missing)
    np.testing.assert_array_equal(result.missing, missing)
    filled = np.zeros_like(missing)
    filled[100:110, 0] = filled[300, 3] = filled[310, 3] = True
    np.testing.assert_array_equal(result.filled, filled)
    assert result.sequence.labelled is not None
    np.testing.assert_array_equal(~result.sequence.labelled, filled | missing)
    others = method.refine(whole).values[:, 4:]
    np.testing.assert_array_equal(result.sequence.values[:, 4:], others)


def test_max_gap_is_seconds():
    _, seen = noisy(60.0, 0.01)
    for fps, frames in ((30.0, 15), (60.0, 30)):
        values = track(seen).values.copy()
        values[20 : 20 + frames, 0] = np.nan
        values[100 : 101 + frames, 1] = np.nan
        result = parse("gaussian", 0.5).smooth(track(values[:, :, :2], fps))
        assert result.filled[:, 0].sum() == frames and not result.filled[:, 1].any()


@pytest.mark.parametrize("name", [*SMOOTHERS, "hampel+loess"])
@pytest.mark.parametrize("length", [1, 2, 3, 4, 6, 9, 12])
def test_short_tracks_stay_finite(name: str, length: int):
    _, seen = noisy(60.0, 0.01)
    result = parse(name).smooth(track(seen[:length]))
    assert np.isfinite(result.sequence.values).all()
    assert parse(name).describe([result])


def test_description_names_what_was_chosen():
    _, seen = noisy(60.0, 0.01)
    method = parse("hampel+butterworth")
    text = method.describe([method.smooth(track(seen))])
    assert text.startswith("hampel (n_sigma 2), then butterworth (cutoff ")
    assert "Hz chosen per joint" in text and "order 4" in text
    assert parse("butterworth:cutoff=6,order=2").describe([]) == "butterworth (cutoff 6 Hz; order 2)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("smooth", "unknown method 'smooth'; expected general or one of butterworth, "),
        ("butterworth:6", "butterworth: expected cutoff=NUMBER or order=NUMBER, got '6'"),
        ("butterworth:cutoff=x", "cutoff must be a number, got 'x'"),
        ("butterworth:cutoff=-1", "cutoff must be from 0.001 to 10000, got -1"),
        ("butterworth:cutoff=1e999", "cutoff must be from 0.001 to 10000, got 1e999"),
        ("gaussian:sigma=1e9", "sigma must be from 1e-05 to 10, got 1e9"),
        ("gaussian:sigma=1e-300", "sigma must be from 1e-05 to 10, got 1e-300"),
        ("median:window=99999999999", "window must be from 1e-05 to 10, got 99999999999"),
        ("butterworth:order=99999999", "order must be from 0 to 20, got 99999999"),
        ("general:bones=-1", "bones must be from 0 to 1e+06, got -1"),
        (f"general:trust={'9' * 400}", f"trust must be from 0 to 1e+06, got {'9' * 40}…"),
        ("butterworth:order=2.5", "order must be a whole number, got '2.5'"),
        ("butterworth:order=3", "order must be an even number of at least 2, got 3"),
        ("gaussian:sigma=True", "sigma must be a number, got 'True'"),
        ("", "unknown method ''"),
    ],
)
def test_methods_that_cannot_be_are_refused(text: str, message: str):
    with pytest.raises(ValueError, match=message.replace("(", r"\(").replace("+", r"\+")):
        parse(text)


@pytest.mark.parametrize("name", SMOOTHERS)
def test_at_its_bounds_every_parameter_gives_numbers_or_a_message(name: str):
    """Beyond them a Gaussian of 1e9 s asked for terabytes, and one of 1e-300 s divided by 0."""
    _, seen = noisy(60.0, 0.01)
    poses = track(seen[:60, :2])
    for option in fields(SMOOTHERS[name]):  # type: ignore[arg-type]
        for number in RANGES[option.name]:
            value = int(number) if option.type == "int" else number
            try:
                refined = parse(f"{name}:{option.name}={value}").refine(poses)
            except ValueError as error:
                assert option.name in str(error)
            else:
                assert np.isfinite(refined.values).all(), (option.name, value)


def test_a_cutoff_beyond_the_frame_rate_is_refused():
    _, seen = noisy(60.0, 0.01)
    with pytest.raises(ValueError, match="cutoff must be below half of the frame rate, 5 Hz, got 6"):
        parse("butterworth:cutoff=6").refine(track(seen, 10.0))
    with pytest.raises(ValueError, match="the longest gap must be a finite number of seconds, got inf"):
        parse("gaussian", float("inf"))
