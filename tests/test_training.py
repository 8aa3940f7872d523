"""Training: it learns, it repeats itself to the bit, and a kill at any moment costs nothing but time."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hanet.augmentation import Augmentation
from hanet.deciwatch import DeciWatchConfig
from hanet.model import HANet, HANetConfig
from hanet.rows import PoseRows
from hanet.skeletons import H36M17, H36M17_LEFT_FIRST, JHMDB15, Skeleton
from hanet.smoothnet import SmoothNetConfig
from hanet.training import STATE_FILE, DivergenceError, Trainer, TrainingOptions, fingerprint, refine_rows

CONFIG = HANetConfig(channels=51, interval=2, window=5, hidden=8, layers=1, heads=2)
OPTIONS = TrainingOptions(epochs=3, batch=16, stride=4, learning_rate=5e-3, loss_weight=2.0, warmup_epochs=1)
EVERYTHING = {
    "epochs": 5,
    "augmentation": Augmentation(mirror_axis=0, rotation_degrees=20.0, scale=0.1, reverse=True),
    "jitter_starts": True,
    "average": 0.9,
    "acceleration_weight": 0.5,
    "clip_norm": 0.5,
}


def rows(lengths=(60, 60, 61), seed=0, gaps=0.0, skeleton: Skeleton = H36M17, dims=3) -> PoseRows:
    """Smooth motions, detected with a bias (0.2) and jitter (0.05)."""
    rng = np.random.default_rng(seed)
    N, J = sum(lengths), len(skeleton)
    gt = np.sin(np.arange(N)[:, None] / 9 + rng.uniform(0, 6, size=J * dims)) / 2
    detected = gt + 0.2 + 0.05 * rng.normal(size=gt.shape)
    # A joint is known or not, each side of the body for itself.
    gt[(rng.random((N, J)) < gaps).repeat(dims, axis=1)] = np.nan
    return PoseRows(
        detected=torch.from_numpy(detected).float(),
        gt=torch.from_numpy(gt).float(),
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        skeleton=skeleton,
    )


TRAIN, VALIDATION = rows(), rows((40, 3, 31), seed=1)


def make(folder: Path, *, train=TRAIN, validation=VALIDATION, config=CONFIG, **options) -> Trainer:
    return Trainer(config, replace(OPTIONS, **options), train, validation, folder=folder)


def assert_same(a: torch.nn.Module, b: torch.nn.Module) -> None:
    left, right = a.state_dict(), b.state_dict()
    assert left.keys() == right.keys()
    for name in left:
        assert torch.equal(left[name], right[name]), name


def flat(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


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
    """One step an epoch: two of warm-up, then a cosine over four that would end at 1e-8."""
    trainer = make(tmp_path, epochs=6, batch=1000, warmup_epochs=2, learning_rate=0.1)
    assert trainer.steps_per_epoch == 1
    trainer.run()
    half = math.sqrt(0.5)
    expected = [0.05, 0.1, 0.1, 0.1 * (1 + half) / 2, 0.05, 0.1 * (1 - half) / 2]
    rates = [row["learning_rate"] for row in trainer.progress.history]
    assert rates == pytest.approx(expected, rel=1e-6)


def test_the_schedule_goes_by_steps(tmp_path):
    trainer = make(tmp_path, epochs=3, batch=20, warmup_epochs=1, learning_rate=0.1)
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


# --- options


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


CHANGES = {
    "epochs": 4,
    "batch": 8,
    "stride": 3,
    "learning_rate": 1e-3,
    "loss_weight": 1.0,
    "warmup_epochs": 0,
    "weight_decay": 0.5,
    "oml": "off",
    "ohkm": False,
    "clip_norm": 1e-3,
    "seed": 1,
    "acceleration_weight": 1.0,
    "augmentation": Augmentation(rotation_degrees=10.0),
    "jitter_starts": True,
    "average": 0.5,
}


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


# --- resuming

KILLED = """
import os, shutil, signal, sys
from pathlib import Path
import test_training as tests
from hanet import training_state

def kill(*_):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

folder = Path(sys.argv[1])
tests.make(folder)  # whatever torch imports late is imported once
for index, point in enumerate(sys.argv[2:]):
    place, left = point.split(":")[0], int(point.split(":")[1])
    child = os.fork()
    if not child:
        trainer = tests.make(folder, train=tests.rows(gaps=0.2), **tests.EVERYTHING)
        if place == "step":
            trainer.optimizer.register_step_post_hook(kill)
        if place == "rename":
            training_state.os.fsync = kill
        trainer.run(kill if place == "saved" else lambda row: None)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, (point, status)
    if folder.exists():
        shutil.copytree(folder, folder.with_name(str(index)))
"""


def test_a_killed_run_ends_with_the_weights_of_an_unbroken_one(tmp_path):
    train = rows(gaps=0.2)
    unbroken = make(tmp_path / "unbroken", train=train, **EVERYTHING)
    expected = unbroken.run()
    assert unbroken.steps_per_epoch == 3
    points = [  # where each start is killed, and how many epochs its state then holds
        ("step:2", 0),  # within the first epoch: nothing to resume from
        ("saved:1", 1),  # right after the first epoch's state was written
        ("step:4", 2),  # at the first step of the third epoch
        ("rename:1", 2),  # while the third epoch's state is written, before it takes its name
        ("step:6", 3),  # after the fourth epoch's last step, before its state is written
        ("saved:1", 4),
    ]
    tests = Path(__file__).parent
    environment = os.environ | {
        "PYTHONPATH": f"{tests.parent}{os.pathsep}{tests}",
        "OMP_NUM_THREADS": str(torch.get_num_threads()),
    }
    command = [sys.executable, "-c", KILLED, str(tmp_path / "killed"), *(point for point, _ in points)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for index, (_, epochs) in enumerate(points):
        left = make(tmp_path / str(index), train=train, **EVERYTHING)
        assert (left.resumed, left.progress.epoch) == (epochs > 0, epochs)
        assert left.progress.history == unbroken.progress.history[:epochs]

    resumed = make(tmp_path / "killed", train=train, **EVERYTHING)
    assert resumed.progress.epoch == 4
    assert_same(resumed.run(), expected)
    for name in ("model", "averaged", "best"):
        assert_same(getattr(resumed, name), getattr(unbroken, name))
    assert resumed.progress == unbroken.progress
    moments, others = (t.optimizer.state_dict()["state"] for t in (resumed, unbroken))
    assert moments.keys() == others.keys()
    for key, values in moments.items():
        assert values.keys() == others[key].keys() == {"step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"}
        assert all(torch.equal(value, others[key][name]) for name, value in values.items())


def test_a_finished_training_is_not_run_again(tmp_path):
    expected = make(tmp_path).run()
    again = make(tmp_path)
    assert again.resumed and again.progress.epoch == 3
    torch.manual_seed(99)
    assert_same(again.run(lambda row: pytest.fail("ran an epoch")), expected)


def test_resuming_without_an_average_keeps_the_model_itself(tmp_path):
    unbroken = make(tmp_path / "unbroken").run()
    trainer = make(tmp_path / "stopped")

    def stop(row: dict[str, float]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trainer.run(stop)
    again = make(tmp_path / "stopped")
    assert again.resumed and again.averaged is again.model
    assert_same(again.run(), unbroken)


@pytest.mark.parametrize(
    "change",
    [
        {"train": rows(seed=5)},
        {"validation": rows(seed=5)},
        {"config": replace(CONFIG, dropout=0.2)},
        *({name: value} for name, value in CHANGES.items()),
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_state_of_another_training_is_not_resumed(finished, change):
    assert not make(finished, **change).resumed


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    make(folder).run()
    assert make(folder).resumed
    return folder


def test_fingerprints_are_of_all_four():
    same = fingerprint(CONFIG, OPTIONS, TRAIN, VALIDATION)
    assert same == fingerprint(CONFIG, replace(OPTIONS), rows(), rows((40, 3, 31), seed=1))
    others = {
        fingerprint(replace(CONFIG, window=7), OPTIONS, TRAIN, VALIDATION),
        fingerprint(CONFIG, replace(OPTIONS, seed=1), TRAIN, VALIDATION),
        fingerprint(CONFIG, OPTIONS, VALIDATION, VALIDATION),
        fingerprint(CONFIG, OPTIONS, TRAIN, TRAIN),
    }
    assert len(others | {same}) == 5


def test_a_damaged_state_is_refused(tmp_path):
    make(tmp_path, epochs=1).run()
    path = tmp_path / STATE_FILE
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(
        ValueError, match=rf"{STATE_FILE}: not a whole training state .*; delete it to start afresh"
    ):
        make(tmp_path, epochs=1)


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
    ],
)
def test_options_that_cannot_be_are_refused(option, message):
    with pytest.raises(ValueError, match=message):
        replace(OPTIONS, **option)


# --- the other networks

DECIWATCH = DeciWatchConfig(channels=51, interval=2, window=5, hidden=8, encoder_layers=1, decoder_layers=1)
SMOOTHNET = SmoothNetConfig(window=5, hidden=16, residual_hidden=8)


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
    with pytest.raises(ValueError, match="oml and ohkm are parts of HANet's loss, deciwatch has none"):
        make(tmp_path, config=DECIWATCH, **option)


def test_a_state_of_another_network_is_not_taken_up(tmp_path):
    make(tmp_path, epochs=1, config=DECIWATCH).run()
    assert not make(tmp_path, epochs=1).resumed
