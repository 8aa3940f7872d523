"""Spectra of errors whose frequencies are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hanet.estimators.measured.spectrum import spectra
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import LIMBS12

FPS, T = 60.0, 3600
RNG = np.random.default_rng(2)


def truth(fps: float = FPS) -> PoseSequence:
    values = np.zeros((T, 12, 3), np.float32)
    return PoseSequence.joints("a", values, LIMBS12, fps=fps, frame_of_reference="world_root_relative")


def detected(errors: np.ndarray) -> PoseSequence:
    return replace(truth(), values=errors.astype(np.float32))


def test_a_wave_is_at_its_frequency():
    wave = 0.01 * np.sin(2 * np.pi * 8 * np.arange(T) / FPS)
    found = spectra([(detected(np.broadcast_to(wave[:, None, None], (T, 12, 3))), truth())])["elbow"]
    assert found.hertz[found.power.argmax()] == 8
    assert found.share(7.0, 10.0) > 0.99 and found.numbers()["above_5_hz"] > 0.99
    # All of its power: the mean square of three axes.
    assert found.power.sum() * found.hertz[1] == pytest.approx(3 * 0.01**2 / 2, rel=0.05)


def test_white_noise_is_flat_and_forgets_at_once():
    found = spectra([(detected(0.02 * RNG.normal(size=(T, 12, 3))), truth())])["wrist"]
    assert found.share(5.0, float("inf")) == pytest.approx(26 / 30, abs=0.02)  # 5 to 30 of 1 to 30 hertz
    assert found.correlation_time < 1 / FPS


def test_drift_is_remembered_as_long_as_it_is_drawn():
    decay, errors = np.exp(-1 / (0.2 * FPS)), np.zeros((T, 12, 3))
    for t in range(1, T):
        errors[t] = decay * errors[t - 1] + RNG.normal(size=(12, 3))
    found = spectra([(detected(errors), truth())])
    assert set(found) == {"shoulder", "elbow", "wrist", "hip", "knee", "ankle"}
    times = [one.correlation_time for one in found.values()]
    assert np.mean(times) == pytest.approx(0.2, rel=0.15)


def test_short_spans_and_several_rates():
    errors = RNG.normal(size=(T, 12, 3))
    errors[::30] = np.nan
    assert spectra([(detected(errors), truth())]) == {}
    other = replace(truth(), fps=30.0)
    with pytest.raises(ValueError, match="of one frame rate, got 60 and 30"):
        spectra([(truth(), truth()), (other, other)])
