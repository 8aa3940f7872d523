"""A kill at any moment costs nothing but time, and a state is taken up by its own training alone."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hanet.training.trainer import STATE_FILE, fingerprint
from tests.support.paths import ROOT
from tests.support.small_training import (
    CHANGES,
    CONFIG,
    EVERYTHING,
    OPTIONS,
    TRAIN,
    VALIDATION,
    assert_same,
    make,
    rows,
)

KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from tests.support import small_training as tests
from hanet.files import atomic

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
            atomic.os.fsync = kill
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
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
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
        ValueError, match=rf"{STATE_FILE}: not a whole training state .*; delete it to start over"
    ):
        make(tmp_path, epochs=1)
