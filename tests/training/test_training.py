"""Training: it learns, it repeats itself to the bit, and validates as it refines."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from hanet.models.hanet import HANet
from hanet.training.pairs import PoseRows
from hanet.training.trainer import Trainer, refine_rows
from tests.support.small_training import CONFIG, EVERYTHING, TRAIN, VALIDATION, assert_same, flat, make, rows

# --- learning


def test_it_learns_the_bias(tmp_path):
    told: list[dict[str, float]] = []
    trainer = make(tmp_path, epochs=12, stride=1, learning_rate=0.02)
    assert not trainer.resumed
    model = trainer.run(told.append)
    assert told == trainer.progress.history
    assert [row["epoch"] for row in told] == list(range(1, 13))
    assert told[-1]["loss"] < 0.6 * told[0]["loss"]
    before = VALIDATION.error(VALIDATION.detected)
    assert before == pytest.approx(1000 * 0.2 * math.sqrt(3), rel=0.1)
    assert trainer.progress.best_error < 0.7 * before
    assert not model.training
    # Every part of the loss is told, and all fall.
    for name in ("loss_decoder", "loss_encoder"):
        assert 0 < told[-1][name] < told[0][name]


def test_two_runs_are_identical(tmp_path):
    runs = [make(tmp_path / name, **EVERYTHING) for name in "ab"]
    models = [run.run() for run in runs]
    assert_same(*models)
    assert runs[0].progress == runs[1].progress
    assert not torch.equal(flat(models[0]), flat(make(tmp_path / "c", **EVERYTHING | {"seed": 1}).run()))


def test_the_kept_model_is_that_of_the_least_validation_error(tmp_path, monkeypatch):
    trainer = make(tmp_path, epochs=4)
    errors = iter([5.0, 3.0, 4.0, 3.0])
    monkeypatch.setattr(trainer, "validate", lambda: next(errors))
    seen = []
    model = trainer.run(lambda row: seen.append(flat(trainer.model)))
    assert (trainer.progress.best_epoch, trainer.progress.best_error) == (2, 3.0)
    assert torch.equal(flat(model), seen[1])
    assert not torch.equal(flat(model), seen[3])


def test_validation_scores_every_known_joint_once(tmp_path):
    """The middle segment is shorter than a window; gaps do not count."""
    validation = rows((40, 3, 31), seed=1, gaps=0.3)
    trainer = make(tmp_path, validation=validation)
    refined = refine_rows(trainer.model, validation, stride=2)
    distance = (refined - validation.gt).unflatten(1, (17, 3)).norm(dim=-1)
    assert trainer.validate() == pytest.approx(1000 * distance[~distance.isnan()].mean().item(), rel=1e-5)
    model = trainer.run()
    assert trainer.progress.best_error == pytest.approx(
        validation.error(refine_rows(model, validation, stride=2))
    )


# --- the schedule


def test_warm_up_and_cosine_by_hand(tmp_path):
    """One step an epoch: two of warm-up, then a cosine over four that would end at 1e-8 here."""
    trainer = make(
        tmp_path, epochs=6, batch=1000, warmup_epochs=2, learning_rate=0.1, last_learning_rate=1e-8
    )
    assert trainer.steps_per_epoch == 1
    trainer.run()
    half = math.sqrt(0.5)
    expected = [0.05, 0.1, 0.1, 0.1 * (1 + half) / 2, 0.05, 0.1 * (1 - half) / 2]
    rates = [row["learning_rate"] for row in trainer.progress.history]
    assert rates == pytest.approx(expected, rel=1e-6)


def test_the_schedule_goes_by_steps(tmp_path):
    trainer = make(tmp_path, epochs=3, batch=20, warmup_epochs=1, learning_rate=0.1, last_learning_rate=1e-8)
    rates: list[float] = []
    trainer.optimizer.register_step_post_hook(lambda o, *_: rates.append(o.param_groups[0]["lr"]))
    trainer.run()
    steps = trainer.steps_per_epoch
    assert steps == math.ceil(len(trainer.windows) / 20) == 3 and len(rates) == 9
    assert rates[:4] == pytest.approx([0.1 / 3, 0.2 / 3, 0.1, 0.1])
    assert rates[3:] == pytest.approx([0.05 * (1 + math.cos(math.pi * i / 6)) for i in range(6)], abs=1e-7)


def test_without_warm_up_it_starts_at_the_peak(tmp_path):
    trainer = make(tmp_path, epochs=1, batch=1000, warmup_epochs=0, learning_rate=0.1)
    trainer.run()
    assert trainer.progress.history[0]["learning_rate"] == 0.1


# --- windows and labels


def starts(trainer: Trainer, epoch: int) -> np.ndarray:
    """First rows of an epoch's windows, in the order of training; checks that each stays in its segment."""
    seen: list[torch.Tensor] = []
    with trainer.model.register_forward_pre_hook(lambda _, args: seen.append(args[0][:, :, 0])):
        trainer._epoch(epoch)
    windows = torch.cat(seen).round().long().numpy()
    segment = np.searchsorted(TRAIN.offsets, windows, side="right")
    assert (segment == segment[:, :1]).all()
    assert (np.diff(windows, axis=1) == 1).all()
    return windows[:, 0]


def numbered() -> PoseRows:
    """Rows whose first channel is the row's number."""
    detected = TRAIN.detected.clone()
    detected[:, 0] = torch.arange(len(detected))
    return replace(TRAIN, detected=detected)


def test_windows_are_shuffled_anew_in_every_epoch(tmp_path):
    trainer = make(tmp_path, train=numbered(), learning_rate=0.0)
    first, second = (starts(trainer, epoch) for epoch in (0, 1))
    expected = [*range(0, 56, 4), *range(60, 116, 4), *range(120, 177, 4)]
    assert sorted(first) == sorted(second) == expected
    assert first.tolist() != second.tolist() != expected
    assert starts(trainer, 0).tolist() == first.tolist()


def test_jittered_windows_reach_every_frame(tmp_path):
    trainer = make(tmp_path, train=numbered(), learning_rate=0.0, jitter_starts=True)
    epochs = [np.sort(starts(trainer, epoch)) for epoch in range(40)]
    assert (epochs[0] != epochs[1]).any()
    for begin in epochs:
        shift = begin - np.sort(trainer.windows.start.numpy())
        assert (shift >= 0).all() and (shift <= 3).all()
    assert set(np.concatenate(epochs)) == {b + s for b, n in ((0, 56), (60, 56), (120, 57)) for s in range(n)}


@pytest.mark.parametrize(
    "options", [{}, {"oml": "stop_gradient"}, EVERYTHING], ids=["plain", "stop", "everything"]
)
def test_unlabelled_joints_teach_nothing(tmp_path, options):
    """Also where windows are mirrored, so that a label has to change sides, and rotated."""
    train = rows(gaps=0.4)
    trainer = make(tmp_path, train=train, **options)
    before = trainer.validate()
    trainer.run()
    assert all(math.isfinite(v) for row in trainer.progress.history for v in row.values())
    assert trainer.progress.best_error < before


def test_a_joint_without_any_label_gets_no_gradient(tmp_path):
    train = rows()
    train.gt[:, :3] = torch.nan
    trainer = make(tmp_path, train=train)
    trainer.model.zero_grad()
    trainer._losses(train.detected[None, :5], train.gt[None, :5])["loss"].backward()
    gradient = trainer.model.decoder_offset.bias.grad
    assert (gradient[:3] == 0).all() and (gradient[3:] != 0).all()


# --- refining rows


@torch.no_grad()
def test_rows_are_refined_segment_by_segment():
    """Against a loop; the segment of 3 frames repeats its last one to fill a window of 5."""
    torch.manual_seed(0)
    model, poses = HANet(CONFIG).train(), rows((8, 3, 5))
    got = refine_rows(model, poses, stride=2, batch=2)
    assert model.training  # as it was
    model.eval()
    total, count = torch.zeros_like(got), torch.zeros(len(got), 1)
    for start, end in ((0, 8), (2, 8), (3, 8), (8, 11), (11, 16)):
        index = torch.arange(start, start + 5).clamp(max=end - 1)
        refined, inside = model(poses.detected[index][None]).decoder_pose[0], min(5, end - start)
        total[start : start + inside] += refined[:inside]
        count[start : start + inside] += 1
    torch.testing.assert_close(got, total / count)
