"""The networks that the general refiner is compared with."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hanet.models.general_baselines import Baseline, build
from hanet.models.general_export import load_general, write_weights
from hanet.models.general_inputs import FEATURES
from hanet.models.general_options import BaselineConfig

CONFIGS = [
    BaselineConfig("tcn", width=6, blocks=2),
    BaselineConfig("smoothnet", width=6, blocks=2, window=12),
]


def network(config: BaselineConfig) -> Baseline:
    torch.manual_seed(0)
    model = build(config)
    assert isinstance(model, Baseline)
    return model.eval()


def louder(model: Baseline) -> Baseline:
    with torch.no_grad():
        for parameter in model.leave.parameters():  # type: ignore[union-attr, operator]
            parameter.normal_(0.0, 0.3)
    return model


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("frames", [5, 12, 30])
def test_starts_as_the_identity_for_tracks_of_any_length(config: BaselineConfig, frames: int) -> None:
    poses = torch.randn(4, frames, 2)
    inputs = torch.zeros(4, frames, len(FEATURES))
    torch.testing.assert_close(network(config).refined(poses, torch.ones(4, frames), inputs), poses)


@pytest.mark.parametrize("config", CONFIGS)
def test_shifts_and_unseen_ends_stay(config: BaselineConfig) -> None:
    model = louder(network(config))
    poses, inputs, known = torch.randn(4, 40, 3), torch.zeros(4, 40, len(FEATURES)), torch.ones(4, 40)
    known[:, :3] = 0
    refined = model.refined(poses, known, inputs)
    assert (refined - poses)[:, 3:].abs().max() > 0.01
    torch.testing.assert_close(refined[:, :3], poses[:, :3])
    shifted = model.refined(poses + 3.0, known, inputs)
    torch.testing.assert_close(shifted, refined + 3.0, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("config", CONFIGS)
def test_weights_on_disk_without_onnx(config: BaselineConfig, tmp_path: Path) -> None:
    model = louder(network(config))
    write_weights(tmp_path, model, {"seed": 1})
    assert not (tmp_path / "general.onnx").exists()
    again = load_general(tmp_path)
    assert again.config == config
    torch.testing.assert_close(again.state_dict(), model.state_dict())
