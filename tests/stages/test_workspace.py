"""What stages share: their frame, whole files, and MLflow, present or not."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

from hanet.download.unpack import ArchiveError
from hanet.models.hanet import HANetConfig
from hanet.options import flatten
from hanet.poses.skeletons import LIMBS12
from hanet.training.options import TrainingOptions
from hanet.training.pairs import PoseRows
from hanet.training.trainer import Trainer
from stages import workspace
from stages.tracking.client import LiveRun, experiment_id, mlflow_client, open_run, tracking_uri, training_key
from stages.train import EpochLog, as_csv
from tests.support import tiny
from tests.support.paths import ROOT
from tests.support.waiting import ended, until


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for it")
def test_a_stage_dies_with_its_parent(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    child = (
        "import os, time; from pathlib import Path; from stages.workspace import die_with_parent;"
        "die_with_parent();"
        f"p = Path({str(pid)!r}); p.with_suffix('.new').write_text(str(os.getpid()));"
        "p.with_suffix('.new').rename(p); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"],
        cwd=ROOT,
    )
    try:
        until(pid.exists, 60)
        started = psutil.Process(int(pid.read_text()))
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        until(lambda: ended([started]), 15)
    finally:
        parent.kill()


@pytest.mark.parametrize(
    "error", [ValueError("no such key"), FileNotFoundError("gone"), ArchiveError("cut off")]
)
def test_what_a_user_can_mend_is_one_message(
    project: Path, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    with pytest.raises(SystemExit) as caught, workspace.stage("sing", "loudly"):
        raise error
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert out.startswith("sing loudly on ") and "PyTorch" in out and "commit unknown" in out
    assert err == f"Error: {error}\n"


def test_a_bug_keeps_its_traceback(project: Path) -> None:
    with pytest.raises(ZeroDivisionError), workspace.stage("sing"):
        raise ZeroDivisionError


def test_a_stage_of_an_unknown_name_ends_with_2(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "stages.compare", "nothing"], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (
        2,
        "Error: data/reports/nothing/scores.json: no such file; run dvc repro\n",
    )


def test_the_commit_is_dirty_by_code_not_by_what_runs_write(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)

    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=tester", "-c", "user.email=tester@invalid"]
        return subprocess.run(
            ["git", *identity, *arguments], capture_output=True, text=True, check=True
        ).stdout

    assert workspace.commit() == "unknown"
    git("init", "--quiet")
    assert workspace.commit() == "unknown"  # no commit yet
    (project / "data").mkdir()
    for name in ("code.py", "dvc.lock", "data/report.json"):
        (project / name).write_text("old")
    git("add", ".")
    git("commit", "--quiet", "-m", "first")
    head = git("rev-parse", "--short", "HEAD").strip()
    for name in ("dvc.lock", "data/report.json", "untracked.txt"):
        (project / name).write_text("new")
    assert workspace.commit() == head
    (project / "code.py").write_text("new")
    assert workspace.commit() == f"{head}-dirty"
    monkeypatch.setenv("PATH", "")
    assert workspace.commit() == "unknown"  # no git


def test_flatten() -> None:
    assert flatten({"a": 1, "b": {"c": {"d": 2}, "e": []}}) == {"a": 1, "b.c.d": 2, "b.e": []}


# --- MLflow


ROW = {"epoch": 1, "loss": 0.5, "validation_error": 9.0}


def test_a_resumed_run_repeats_no_point(tracked: Path) -> None:
    first = LiveRun("tiny", "first-1", "f" * 64, {"model": {"hidden": 8}})
    first.log(ROW)
    first.log(ROW | {"epoch": 2, "loss": 0.25})
    # Killed here; the training goes on after epoch 2 and hands over its whole history first.
    resumed = LiveRun("tiny", "first-1", "f" * 64, {"model": {"hidden": 8}})
    for epoch in (1, 2, 3):
        resumed.log(ROW | {"epoch": epoch, "loss": 1 / 2**epoch})
    resumed.end("FINISHED")
    client = mlflow_client()
    runs = client.search_runs([experiment_id(client, "tiny")])
    assert [(run.info.status, run.data.params) for run in runs] == [("FINISHED", {"model.hidden": "8"})]
    points = client.get_metric_history(runs[0].info.run_id, "loss")
    assert [(point.step, point.value) for point in points] == [(1, 0.5), (2, 0.25), (3, 0.125)]


def test_runs_are_told_apart_by_name_data_and_lock(tracked: Path) -> None:
    client = mlflow_client()

    def opened(name: str, fingerprint: str, lock_hash: str | None = None) -> str:
        return open_run(client, "tiny", name, training_key(name, fingerprint), {}, lock_hash=lock_hash)

    live = opened("first-1", "a")
    assert opened("second-1", "a") != live  # set up alike, and yet another
    assert opened("first-1", "b") != live
    assert opened("first-1", "a", "lock") == live  # publish finds what the training opened
    client.set_tag(live, "lock_hash", "lock")
    assert opened("first-1", "a", "lock") == live
    assert opened("first-1", "a", "of changed code") != live
    client.delete_run(live)
    assert opened("first-1", "a", "lock") != live


def test_a_deleted_experiment_is_restored(tracked: Path) -> None:
    """MLflow's page has a bin; publishing the results of DVC again brings the experiment back."""
    client = mlflow_client()
    there = experiment_id(client, "tiny")
    client.delete_experiment(there)
    assert experiment_id(client, "tiny") == there
    assert client.get_experiment(there).lifecycle_stage == "active"


def test_another_process_may_make_the_experiment(tracked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = mlflow_client()
    there = experiment_id(client, "tiny")
    found, asked = client.get_experiment_by_name("tiny"), []

    def late(name: str):
        asked.append(name)
        return found if len(asked) > 1 else None

    monkeypatch.setattr(client, "get_experiment_by_name", late)
    assert experiment_id(client, "tiny") == there
    monkeypatch.setattr(client, "get_experiment_by_name", lambda name: None)
    with pytest.raises(Exception, match="already exists"):
        experiment_id(client, "tiny")


def test_a_server_named_by_the_environment_wins(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tracking_uri() == f"sqlite:///{project / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert tracking_uri() == "http://127.0.0.1:9"


def trainer(folder: Path) -> Trainer:
    """Two epochs of a very small model on noise."""
    generator = torch.Generator().manual_seed(1)
    gt = torch.randn(20, 36, generator=generator)
    rows = PoseRows(detected=gt + 0.1, gt=gt, offsets=torch.tensor([0, 20]).numpy(), skeleton=LIMBS12)
    config = HANetConfig.from_dict(tiny.MODEL["model"] | {"channels": 36})
    return Trainer(config, TrainingOptions(**tiny.MODEL["training"]), rows, rows, folder=folder)


def test_without_mlflow_a_training_goes_on(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as free:  # a port that nobody listens on
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free.getsockname()[1]}")
    training = trainer(project / "scratch")
    started = time.monotonic()
    with (log := EpochLog("tiny", "first-1", training, {})):
        training.run(log)
    assert time.monotonic() - started < 30
    out = capsys.readouterr().out
    assert out.count("MLflow failed, training on without it: ") == 1
    assert "epoch 2: loss " in out


def test_a_server_lost_on_the_way_stops_no_training(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    training = trainer(project / "scratch")

    class Lost:
        def __init__(self, *_: object) -> None: ...

        def log(self, row: object) -> None:
            raise ConnectionError("[/lost] line")

    monkeypatch.setattr("stages.train.LiveRun", Lost)
    with (log := EpochLog("tiny", "first-1", training, {})):
        training.run(log)
    assert training.progress.epoch == 2
    assert capsys.readouterr().out.count("training on without it: [/lost] line") == 1


def test_a_failed_training_is_marked(tracked: Path) -> None:
    training = trainer(tracked / "scratch")
    with pytest.raises(KeyboardInterrupt), EpochLog("tiny", "first-1", training, {"a": 1}):
        raise KeyboardInterrupt
    client = mlflow_client()
    runs = client.search_runs([experiment_id(client, "tiny")])
    assert [run.info.status for run in runs] == ["FAILED"]


def test_history_as_csv() -> None:
    assert as_csv([{"loss": 0.5, "epoch": 1}, {"loss": 0.25, "epoch": 2}], "mm") == (
        "epoch,loss,unit\n1,0.5,mm\n2,0.25,mm\n"
    )


def test_artifacts_lie_beside_the_database_wherever_the_run_is(
    tracked: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A work tree of a run may be gone when somebody opens its artifacts."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tracked / 'mlflow.db'}")
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    client = mlflow_client()
    found = client.get_experiment(experiment_id(client, "beside"))
    assert found.artifact_location == f"file://{tracked / 'mlartifacts' / 'beside'}"
