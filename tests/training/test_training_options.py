"""Every option of a training does what it says, and what cannot be is refused."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import pytest
import torch

from hanet.poses.skeletons import H36M17_LEFT_FIRST, JHMDB15
from hanet.training.options import Augmentation, TrainingOptions
from hanet.training.trainer import STATE_FILE, DivergenceError
from tests.support.small_training import CHANGES, CONFIG, OPTIONS, assert_same, flat, make, rows


def test_the_average_of_the_weights_by_hand(tmp_path):
    trainer = make(tmp_path, average=0.75, epochs=2)
    mean = flat(trainer.model)

    def follow(*_) -> None:
        nonlocal mean
        mean = 0.75 * mean + 0.25 * flat(trainer.model)

    trainer.optimizer.register_step_post_hook(follow)
    model = trainer.run()
    torch.testing.assert_close(flat(trainer.averaged), mean)
    assert trainer.progress.best_epoch == 2
    assert_same(model, trainer.averaged)  # which is what was validated and kept
    assert not torch.equal(flat(model), flat(trainer.model))
    assert trainer.validate() == trainer.progress.best_error


def test_the_acceleration_term_joins_the_loss(tmp_path):
    plain = make(tmp_path / "plain", epochs=1, ohkm=False)
    weighted = make(tmp_path / "weighted", epochs=1, ohkm=False, acceleration_weight=0.5)
    weighted.run()
    plain.run()
    (row,) = weighted.progress.history
    parts = row["loss_decoder"] + row["loss_encoder"] + row["loss_mutual"]
    assert row["loss_acceleration"] > 0
    assert row["loss"] == pytest.approx(parts + 0.5 * row["loss_acceleration"], rel=1e-5)
    assert "loss_acceleration" not in plain.progress.history[0]


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> torch.Tensor:
    return flat(make(tmp_path_factory.mktemp("plain")).run())


@pytest.mark.parametrize("option", [f.name for f in fields(TrainingOptions) if f.name != "joint_weight"])
def test_every_option_changes_the_weights(tmp_path, plain, option):
    assert not torch.equal(flat(make(tmp_path, **{option: CHANGES[option]}).run()), plain)


def test_stop_gradient_is_an_option_too(tmp_path, plain):
    assert not torch.equal(flat(make(tmp_path, oml="stop_gradient").run()), plain)


def test_gradients_are_clipped(tmp_path):
    trainer = make(tmp_path, epochs=1, clip_norm=1e-3)
    norms: list[float] = []
    trainer.optimizer.register_step_post_hook(
        lambda *_: norms.append(
            math.sqrt(sum(p.grad.square().sum().item() for p in trainer.model.parameters()))
        )
    )
    trainer.run()
    assert norms == pytest.approx([1e-3] * trainer.steps_per_epoch, rel=1e-3)


# --- refusals


def test_a_diverging_training_stops_and_keeps_the_last_good_epoch(tmp_path, monkeypatch):
    trainer = make(tmp_path, epochs=3)
    trainer_errors = iter([7.0, math.nan])
    monkeypatch.setattr(trainer, "validate", lambda: next(trainer_errors))
    with pytest.raises(
        DivergenceError, match=r"epoch 2: validation error is nan; .*lower learning_rate \(0\.005\)"
    ):
        trainer.run()
    assert make(tmp_path, epochs=3).progress.epoch == 1


def test_a_learning_rate_that_is_far_too_high_diverges(tmp_path):
    with pytest.raises(
        DivergenceError, match=r"epoch 1: validation error is (nan|inf); the training diverged"
    ):
        make(tmp_path, learning_rate=1e30).run()
    assert not (tmp_path / STATE_FILE).exists()


def test_rows_that_do_not_fit_are_refused(tmp_path):
    flat_rows = rows(skeleton=JHMDB15, dims=2)
    with pytest.raises(ValueError, match="training rows have 30 channels, the model reads 51"):
        make(tmp_path, train=flat_rows)
    with pytest.raises(ValueError, match="validation rows have 30 channels, the model reads 51"):
        make(tmp_path, validation=flat_rows)
    with pytest.raises(ValueError, match="training is on h36m17, validation on h36m17_left_first"):
        make(tmp_path, validation=rows(skeleton=H36M17_LEFT_FIRST))


def test_keypoints_are_not_augmented(tmp_path):
    keypoints = rows(skeleton=JHMDB15, dims=2)
    config = replace(CONFIG, channels=30)
    assert make(tmp_path, train=keypoints, validation=keypoints, config=config)
    reverse = Augmentation(reverse=True)
    with pytest.raises(ValueError, match="augmentation is for root-relative 3D joints only; leave it out"):
        make(tmp_path, train=keypoints, validation=keypoints, config=config, augmentation=reverse)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"batch": 0}, "batch must be at least 1, got 0"),
        ({"stride": 0}, "stride must be at least 1, got 0"),
        ({"average": 1.0}, r"average must be in \[0, 1\), got 1.0"),
        ({"learning_rate": -0.1}, "learning_rate must be at least 0, got -0.1"),
        ({"loss_weight": float("inf")}, "loss_weight must be at least 0, got inf"),
        ({"warmup_epochs": -1}, "warmup_epochs must be at least 0, got -1"),
        ({"clip_norm": 0.0}, "clip_norm must be above 0, or null for no clipping, got 0.0"),
    ],
)
def test_options_that_cannot_be_are_refused(option, message):
    with pytest.raises(ValueError, match=message):
        replace(OPTIONS, **option)
