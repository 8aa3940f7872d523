"""The general refiner's network: what its decisions may and may not depend on, and its files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from scipy.spatial.transform import Rotation

from hanet.models.general import General, general_loss
from hanet.models.general_export import ONNX, load_general, write_weights
from hanet.models.general_inputs import FEATURES, features
from hanet.models.general_options import GeneralConfig
from hanet.models.self_tuning import tuned_periods

CONFIG = GeneralConfig(stem=8, hidden=12, blocks=2)


@pytest.fixture
def model() -> General:
    torch.manual_seed(0)
    made = General(CONFIG)
    with torch.no_grad():  # heads that start near 0 would hide differences
        for parameter in made.parameters():
            parameter.copy_(0.2 * torch.randn_like(parameter))
    return made.eval()


def inputs(poses: np.ndarray) -> np.ndarray:
    return features(poses, np.ones(poses.shape[:2], dtype=bool), 30.0, tuned_periods(poses))


def decisions(model: General, poses: np.ndarray) -> np.ndarray:
    shown = inputs(poses)
    weights, periods = model(torch.from_numpy(shown))
    return torch.cat([weights[:, None], periods], dim=1).detach().numpy()


def poses(rng: np.random.Generator, T: int = 48, J: int = 5) -> np.ndarray:
    return np.cumsum(0.1 * rng.normal(size=(T, J, 3)), axis=0)


def test_decisions_do_not_change_with_rotation_and_shift(model: General, rng: np.random.Generator) -> None:
    track = poses(rng)
    turned = track @ Rotation.random(rng=rng).as_matrix() + rng.normal(size=3)
    np.testing.assert_allclose(decisions(model, turned), decisions(model, track), atol=1e-3)


def test_reversed_time_reverses_the_decisions(model: General, rng: np.random.Generator) -> None:
    track = poses(rng)
    np.testing.assert_allclose(decisions(model, track[::-1]), decisions(model, track)[..., ::-1], atol=1e-3)


def test_order_of_joints_does_not_matter(model: General, rng: np.random.Generator) -> None:
    track, order = poses(rng), rng.permutation(5)
    np.testing.assert_allclose(decisions(model, track[:, order]), decisions(model, track)[order], atol=1e-4)


def test_context_is_the_body_and_nothing_else(model: General, rng: np.random.Generator) -> None:
    one, other = poses(rng), poses(rng)
    alone = decisions(model, one)
    shown = [inputs(p) for p in (one, other)]
    weights, _ = model(torch.from_numpy(np.concatenate(shown)), bodies=2)
    np.testing.assert_allclose(weights[:5].detach().numpy(), alone[:, 0], atol=1e-5)
    changed = one.copy()
    changed[:, 0] *= 5
    assert np.abs(decisions(model, changed)[1:] - alone[1:]).max() > 1e-3
    isolated = General(replace(CONFIG, context=False))
    isolated.load_state_dict(model.state_dict(), strict=False)
    np.testing.assert_allclose(decisions(isolated, changed)[1:], decisions(isolated, one)[1:], atol=1e-6)


def test_files_hold_the_same_network(model: General, tmp_path: Path, rng: np.random.Generator) -> None:
    write_weights(tmp_path, model, {"seed": 1})
    again = load_general(tmp_path)
    session = onnxruntime.InferenceSession(tmp_path / ONNX, providers=["CPUExecutionProvider"])
    for joints, frames in ((1, 4), (5, 64), (17, 128)):
        shown = rng.normal(size=(joints, frames, len(FEATURES))).astype(np.float32)
        expected = [part.detach().numpy() for part in model(torch.from_numpy(shown))]
        for found, part, loaded in zip(
            session.run(None, {"features": shown.transpose(0, 2, 1)}),
            expected,
            again(torch.from_numpy(shown)),
            strict=True,
        ):
            np.testing.assert_allclose(found, part, atol=1e-5, rtol=1e-5)
            np.testing.assert_array_equal(loaded.detach().numpy(), part)


def test_damaged_weights_are_refused(model: General, tmp_path: Path) -> None:
    write_weights(tmp_path, model, {})
    description = tmp_path / "general.json"
    description.write_text(description.read_text().replace('"hidden": 12', '"hidden": 16'))
    with pytest.raises(ValueError, match=r"general.safetensors: does not fit general.json"):
        load_general(tmp_path)


def test_loss_counts_log_ratios(rng: np.random.Generator) -> None:
    gt = torch.from_numpy(rng.normal(size=(2, 20, 3)))
    noise = torch.from_numpy(rng.normal(size=(2, 20, 3)))
    same = general_loss(gt + noise, gt + noise, gt, acceleration=0.5, harm=1.0)
    assert float(same["loss"]) == pytest.approx(0.0, abs=1e-12)
    half = general_loss(gt + noise / 2, gt + noise, gt, acceleration=0.5, harm=1.0)
    assert float(half["loss_position"]) == pytest.approx(np.log(0.5), abs=0.01)
    assert float(half["loss"]) == pytest.approx(1.5 * np.log(0.5), abs=0.01)
    double = general_loss(gt + 2 * noise, gt + noise, gt, acceleration=0.5, harm=1.0)
    assert float(double["loss"]) == pytest.approx((1.5 + 1.5) * np.log(2), abs=0.01)


def test_features_of_tracks_shorter_than_their_reach(rng: np.random.Generator) -> None:
    for T in (1, 2, 5):
        assert np.isfinite(inputs(rng.normal(size=(T, 3, 2)))).all()
