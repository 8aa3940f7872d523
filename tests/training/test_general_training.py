"""Training of the general refiner: windows, what is learned, what is kept."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter1d

from hanet.models.general_options import GeneralConfig
from hanet.poses.scale import body_scale
from hanet.training.general import Checked, GeneralTraining, train_general
from hanet.training.general_windows import Motion, draw_windows
from hanet.training.noise_bank import NoiseOptions

SMALL = GeneralConfig(stem=8, hidden=12, blocks=2)


def clips(rng: np.random.Generator, count: int = 2) -> list[Motion]:
    def clip() -> np.ndarray:
        return rng.normal(size=(1, 5, 3)) + gaussian_filter1d(rng.normal(size=(400, 5, 3)), 12.0, axis=0)

    return [Motion(clip(), 60.0, (0, 2, 1, 4, 3)) for _ in range(count)]


def test_windows_are_in_body_scales_and_repeat(rng: np.random.Generator) -> None:
    motions = clips(rng)
    one, two = (draw_windows(motions, 6, 32, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one.detected, two.detected)
    np.testing.assert_array_equal(one.inputs, two.inputs)
    assert one.gt.shape == one.detected.shape == (6, 5, 32, 3)
    assert np.isfinite(one.inputs).all()
    clean = draw_windows(motions, 6, 32, rng, NoiseOptions(clean=1.0))
    np.testing.assert_array_equal(clean.detected, clean.gt)
    for window in clean.gt:
        assert body_scale(window.transpose(1, 0, 2)) == pytest.approx(1.0, rel=1e-5)
    flat = (clean.gt[..., 2] == 0).all(axis=(1, 2))
    assert 0 < flat.sum() < 6  # some as a camera sees them


def test_clips_that_are_too_short_are_refused(rng: np.random.Generator) -> None:
    with pytest.raises(ValueError, match="longer clips"):
        draw_windows([Motion(np.zeros((10, 5, 3)), 60.0, (0, 1, 2, 3, 4))], 2, 32, rng)


def test_training_learns_and_keeps_the_best(rng: np.random.Generator) -> None:
    motions = clips(rng)
    train = [draw_windows(motions, 30, frames, rng) for frames in (28, 44)]
    options = GeneralTraining(steps=40, batch=6, joints=3, every=10, frames=(28, 44), learning_rate=2e-2)
    seen: list[Checked] = []
    _, history = train_general(SMALL, options, train, train, report=seen.append)
    assert seen == history
    assert [checked.step for checked in history] == [10, 20, 30, 40]
    assert history[-1].loss < history[0].loss - 0.03


def test_equal_seeds_give_equal_weights(rng: np.random.Generator) -> None:
    windows = [draw_windows(clips(rng), 6, 28, rng)]
    options = GeneralTraining(steps=3, batch=2, joints=3, every=3, frames=(28,))
    one, two = (train_general(SMALL, options, windows, windows)[0].state_dict() for _ in range(2))
    torch.testing.assert_close(one, two, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("changes", "message"), [({"frames": (30,)}, "four"), ({"steps": 0}, "steps"), ({"harm": -1.0}, "harm")]
)
def test_refuses_invalid_options(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GeneralTraining(**changes)  # pyright: ignore[reportArgumentType]
