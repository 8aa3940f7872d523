"""HANet's frame path: fitted before training, an affine map of each frame, motion alone for the network."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from hanet.models import checkpoints
from hanet.models.frame_options import TCNConfig
from hanet.models.hanet import HANet, HANetConfig
from hanet.models.registry import network_of
from hanet.models.tcn import TCN
from hanet.poses.skeletons import LIMBS12
from hanet.training.frame_map import ALPHAS, fit_frame_path
from hanet.training.options import Augmentation, TrainingOptions
from hanet.training.pairs import PoseRows
from hanet.training.trainer import Trainer

CONFIG = HANetConfig(
    channels=36, interval=2, window=5, hidden=8, layers=1, heads=2, residual=True, frame_path=True
)
OPTIONS = TrainingOptions(epochs=1, batch=8, stride=2, learning_rate=1e-4, loss_weight=1.0)


def biased(rng: np.random.Generator, rows: int = 80) -> PoseRows:
    """Detections and a truth that an affine map of them gives."""
    weight = np.random.default_rng(5).normal(scale=0.05, size=(36, 36))
    detected = rng.normal(scale=0.3, size=(rows, 36))
    truth = detected + detected @ weight + 0.2
    pair = (torch.from_numpy(values.astype(np.float32)) for values in (detected, truth))
    return PoseRows(*pair, offsets=np.array([0, rows]), skeleton=LIMBS12)


def test_the_penalty_that_validation_prefers_is_kept(rng: np.random.Generator) -> None:
    train, validation = biased(rng), biased(rng)
    model = HANet(CONFIG)
    assert model.frame_path is not None
    best = fit_frame_path(model.frame_path, train, validation, OPTIONS)
    assert best == min(ALPHAS)  # the bias is affine and without noise: no penalty is wanted
    corrected = model.frame_path(validation.detected[None])[0]
    assert validation.error(corrected) < 0.2 * validation.error(validation.detected)


def test_the_networks_see_motion_alone() -> None:
    """Moving a whole window moves the result as far."""
    hanet = HANet(CONFIG).eval()
    tcn = TCN(TCNConfig(channels=36, window=5, hidden=8, blocks=2, frame_path=True)).eval()
    torch.nn.init.normal_(hanet.decoder_offset.weight, std=0.1)
    torch.nn.init.normal_(tcn.leave.weight, std=0.1)
    window, moved = torch.randn(1, 5, 36), torch.randn(1, 1, 36)
    for model in (hanet, tcn):
        refine = partial(network_of(model.config).refine, model)
        assert (refine(window) - window).abs().max() > 0.01
        torch.testing.assert_close(refine(window + moved), refine(window) + moved, rtol=0, atol=1e-5)
    assert CONFIG.reads == tuple(range(5))


def test_it_is_not_trained_and_comes_back_with_the_checkpoint(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    trainer = Trainer(CONFIG, OPTIONS, biased(rng), biased(rng), folder=tmp_path / "state")
    assert isinstance(trainer.model, HANet) and trainer.model.frame_path is not None
    before = trainer.model.frame_path.weight.clone()
    assert before.abs().sum() > 0
    best = trainer.run()
    assert isinstance(best, HANet) and best.frame_path is not None
    torch.testing.assert_close(best.frame_path.weight, before, rtol=0, atol=0)
    checkpoints.save(best, tmp_path / "model")
    again = checkpoints.load(tmp_path / "model")
    window = torch.randn(2, 5, 36)
    torch.testing.assert_close(again.eval()(window).decoder_pose, best.eval()(window).decoder_pose)


def test_no_whole_ground_truth_is_refused(rng: np.random.Generator) -> None:
    rows = biased(rng)
    rows.gt[:, 0] = torch.nan
    path = HANet(CONFIG).frame_path
    assert path is not None
    with pytest.raises(ValueError, match="no training frame has whole ground truth"):
        fit_frame_path(path, rows, rows, OPTIONS)


def test_a_fit_sees_augmented_frames_too(rng: np.random.Generator) -> None:
    """Mirror images teach the map of the other side."""
    options = TrainingOptions(
        epochs=1, batch=8, stride=2, learning_rate=1e-4, loss_weight=1.0,
        augmentation=Augmentation(mirror_axis=0),
    )  # fmt: skip
    weights = []
    for chosen in (OPTIONS, options):
        path = HANet(CONFIG).frame_path
        assert path is not None
        fit_frame_path(path, biased(np.random.default_rng(1)), biased(np.random.default_rng(2)), chosen)
        weights.append(path.weight.clone())
    assert (weights[0] - weights[1]).abs().max() > 1e-3
