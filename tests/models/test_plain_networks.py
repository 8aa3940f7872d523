"""Per-frame MLP and TCN: what they see, where they start, that they train and come back from disk."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hanet.models import checkpoints
from hanet.models.frame_options import MLPConfig, TCNConfig
from hanet.models.mlp import FrameMLP, position_loss
from hanet.models.registry import network_of
from hanet.models.tcn import TCN

MLP = MLPConfig(channels=6, window=9, hidden=16, blocks=2)
CONVOLUTIONS = TCNConfig(channels=6, window=9, hidden=16, blocks=2)
BOTH = pytest.mark.parametrize("config", [MLP, CONVOLUTIONS], ids=["mlp", "tcn"])


def trained(config: MLPConfig | TCNConfig) -> FrameMLP | TCN:
    """A network whose last layer is no longer zero."""
    torch.manual_seed(3)
    model = network_of(config).build(config).eval()
    assert isinstance(model, FrameMLP | TCN)
    torch.nn.init.normal_(model.leave.weight)
    return model


def frames_read(model: FrameMLP | TCN, frame: int) -> list[int]:
    """The input frames that an output frame depends on."""
    x = torch.randn(1, 9, 6, requires_grad=True)
    model(x)[0, frame].sum().backward()
    assert x.grad is not None
    return x.grad[0].abs().sum(dim=1).nonzero().flatten().tolist()


@BOTH
def test_training_starts_from_the_input(config: MLPConfig | TCNConfig) -> None:
    model, x = network_of(config).build(config), torch.randn(2, 9, 6)
    torch.testing.assert_close(network_of(config).refine(model, x), x)


def test_the_mlp_sees_one_frame() -> None:
    model = trained(MLP)
    for frame in range(9):
        assert frames_read(model, frame) == [frame]


def test_the_tcn_sees_as_far_as_its_dilations_reach() -> None:
    """Two blocks: one frame and two frames to either side."""
    model = trained(CONVOLUTIONS)
    assert frames_read(model, 4) == [1, 2, 3, 4, 5, 6, 7]
    assert frames_read(model, 0) == [0, 1, 2, 3]  # the first frame repeats before it


@pytest.mark.parametrize(
    ("config", "count"),
    [
        (MLP, (6 * 16 + 16) + 2 * (16 * 16 + 16) + (16 * 6 + 6)),
        (CONVOLUTIONS, (6 * 16 + 16) + 2 * (3 * 16 * 16 + 16 + 16 * 16 + 16) + (16 * 6 + 6)),
    ],
)
def test_parameters_by_hand(config: MLPConfig | TCNConfig, count: int) -> None:
    assert sum(parameter.numel() for parameter in trained(config).parameters()) == count


@BOTH
def test_checkpoints_come_back(config: MLPConfig | TCNConfig, tmp_path: Path) -> None:
    model, x = trained(config), torch.randn(2, 9, 6)
    checkpoints.save(model, tmp_path)
    loaded = checkpoints.load(tmp_path)
    assert loaded.config == config
    torch.testing.assert_close(loaded(x), model(x))


@BOTH
def test_other_channels_are_refused(config: MLPConfig | TCNConfig) -> None:
    with pytest.raises(ValueError, match=r"reads windows \(B, T, 6\), got \(2, 9, 7\)"):
        trained(config)(torch.zeros(2, 9, 7))
    with pytest.raises(ValueError, match="hidden: expected a number of at least 1, got 0"):
        type(config)(channels=6, window=9, hidden=0)
    with pytest.raises(ValueError, match=r"dropout: expected a number below 1, got 1\.0"):
        type(config)(channels=6, window=9, hidden=4, dropout=1.0)


def test_the_loss_counts_labelled_values_alone() -> None:
    gt = torch.tensor([[[1.0, 2.0], [torch.nan, 5.0]]])
    refined = torch.zeros(1, 2, 2)
    assert float(position_loss(refined, gt, weight=2.0, mask=gt.isfinite())) == pytest.approx(2 * 8 / 3)
