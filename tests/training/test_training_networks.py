"""DeciWatch and SmoothNet are trained as HANet is."""

from __future__ import annotations

import pytest
import torch

from tests.support.small_training import DECIWATCH, SMOOTHNET, VALIDATION, assert_same, make, rows


@pytest.mark.parametrize(
    ("config", "parts"),
    [(DECIWATCH, ("recover", "denoise")), (SMOOTHNET, ("position", "acceleration"))],
    ids=["deciwatch", "smoothnet"],
)
def test_the_other_networks_learn_resume_and_repeat_themselves(tmp_path, config, parts):
    options = {"epochs": 8, "stride": 1, "learning_rate": 0.01, "acceleration_weight": 0.5, "average": 0.9}
    whole = make(tmp_path / "whole", config=config, **options)
    model = whole.run()
    history = whole.progress.history
    assert set(history[0]) >= {f"loss_{part}" for part in parts}
    assert history[-1]["loss"] < 0.7 * history[0]["loss"]
    assert whole.progress.best_error < VALIDATION.error(VALIDATION.detected)
    # Killed after its fourth epoch.
    first = make(tmp_path / "cut", config=config, **options)
    with pytest.raises(KeyboardInterrupt):
        first.run(lambda row: stop_at(row, 4))
    second = make(tmp_path / "cut", config=config, **options)
    assert second.resumed and second.progress.epoch == 4
    assert_same(second.run(), model)


def stop_at(row: dict[str, float], epoch: int) -> None:
    if row["epoch"] == epoch:
        raise KeyboardInterrupt


def test_losses_of_the_other_networks_by_hand(tmp_path):
    """Their parts add up as the papers say, acceleration beyond DeciWatch's."""
    trainer = make(tmp_path, config=DECIWATCH, loss_weight=3.0, acceleration_weight=0.5)
    detected, gt = VALIDATION.detected[:5][None], VALIDATION.gt[:5][None]
    output = trainer.model(detected)
    losses = trainer.network.losses(output, gt, DECIWATCH, trainer.options, None)
    recover = (output.recovered_pose - gt).abs().mean()
    denoise = (output.denoised_pose - gt[:, ::2]).abs().mean()
    bend = torch.diff(output.recovered_pose - gt, n=2, dim=1).abs().mean()
    assert losses["loss"].item() == pytest.approx((3 * recover + denoise + 0.5 * bend).item(), rel=1e-5)

    trainer = make(tmp_path, config=SMOOTHNET, loss_weight=3.0, acceleration_weight=0.5)
    refined = trainer.network.refine(trainer.model.eval(), detected)
    losses = trainer.network.losses(refined, gt, SMOOTHNET, trainer.options, None)
    bend = torch.diff(refined - gt, n=2, dim=1).abs().mean()
    expected = 3 * (refined - gt).abs().mean() + 0.5 * bend
    assert losses["loss"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_unlabelled_frames_teach_the_other_networks_nothing(tmp_path):
    for config in (DECIWATCH, SMOOTHNET):
        trainer = make(tmp_path, config=config, train=rows(gaps=0.3), acceleration_weight=0.5)
        detected, gt = trainer.train_rows.detected[:5][None], trainer.train_rows.gt[:5][None]
        trainer.model.eval()
        output, mask = trainer.network.output(trainer.model, detected), gt.isfinite()
        losses = [
            trainer.network.losses(output, truth, config, trainer.options, mask)["loss"].item()
            for truth in (gt, torch.where(mask, gt, 99.0))
        ]
        assert losses[0] == losses[1] == trainer._losses(detected, gt)["loss"].item() < 10


@pytest.mark.parametrize("option", [{"oml": "off"}, {"ohkm": False}])
def test_parts_of_hanets_loss_are_refused_elsewhere(tmp_path, option):
    with pytest.raises(ValueError, match=r"oml and ohkm are parts .*, which deciwatch does not use"):
        make(tmp_path, config=DECIWATCH, **option)


def test_a_state_of_another_network_is_not_taken_up(tmp_path):
    make(tmp_path, epochs=1, config=DECIWATCH).run()
    assert not make(tmp_path, epochs=1).resumed
