"""The stage train in two processes: as a user starts it, when one of them fails, and when it is killed."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from hanet.models import checkpoints
from stages import train, workspace
from stages.params.execution import NODE, Execution
from stages.params.load import ParamsError, load
from tests.support.kinect_files import write
from tests.support.paths import ROOT
from tests.support.waiting import ended, until

COMMAND = [sys.executable, "-m", "stages.train", "kinect", "first", "1"]
HISTORY = workspace.REPORTS / "kinect" / "training" / "first-1.csv"


@pytest.fixture
def settings(tracked: Path, params: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The experiment `kinect` before training, without dropout; what `save` writes is params.yaml."""
    params["run"] = {
        "datasets": ["uiprmd"], "estimates": {"kinect": "uiprmd"}, "experiments": ["kinect"],
        "models": ["first"], "ablations": [], "seeds": [1],
    }  # fmt: skip
    params["experiments"]["kinect"]["models"]["first"]["model"]["dropout"] = 0.0
    for split in ("train", "val"):
        write(workspace.truth_path("kinect", split), 0.0, "gt")
        write(workspace.detected_path("kinect", split), 0.05, "kinect")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return params


def save(params: dict[str, Any], *, training: dict[str, Any] | None = None, **execution: Any) -> None:
    params["train"] = execution
    params["experiments"]["kinect"]["models"]["first"]["training"].update(training or {})
    Path("params.yaml").write_text(yaml.safe_dump(params))


def history() -> list[dict[str, str]]:
    return list(csv.DictReader(HISTORY.open()))


@pytest.mark.slow
def test_two_processes_write_what_one_does(settings: dict[str, Any]) -> None:
    save(settings)
    train.main("kinect", "first", "1")
    alone = history()
    HISTORY.unlink()
    save(settings, devices=2, accumulate=2)
    done = subprocess.run(COMMAND, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("train kinect first seed 1 on ")
    for process in range(2):
        assert f"train kinect first seed 1 process {process} on 1 CPU threads" in done.stdout
    assert done.stdout.count("best epoch ") == 1
    for row, other in zip(history(), alone, strict=True):
        assert float(row["loss"]) == pytest.approx(float(other["loss"]), rel=1e-3)
        assert float(row["validation_error"]) == pytest.approx(float(other["validation_error"]), rel=1e-2)
    metadata = checkpoints.read_metadata(workspace.MODELS / "kinect" / "first-1")
    assert metadata["machine"].endswith(", 2 processes")
    assert not list(workspace.SCRATCH.rglob("*.safetensors"))


@pytest.mark.slow
def test_a_failure_ends_the_stage_with_its_reason(settings: dict[str, Any]) -> None:
    save(settings, training={"learning_rate": 1e30}, devices=2)
    done = subprocess.run(COMMAND, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Error: epoch 1: validation error is " in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("Error: process ") and last.endswith(
        " of 2 ended with exit code 2; see its output above"
    )
    assert not (workspace.MODELS / "kinect" / "first-1").exists()


@pytest.mark.slow
def test_killed_in_two_it_leaves_nobody_and_goes_on_in_one(
    settings: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed by SIGKILL, as DVC's child may be, somewhere in a training of very many epochs."""
    save(settings, training={"epochs": 100_000, "warmup_epochs": 0}, devices=2)
    state = workspace.SCRATCH / "training" / "kinect" / "first-1" / "training.safetensors"
    said = Path("said.txt")
    with said.open("w") as handle:
        stage = subprocess.Popen(COMMAND, stdout=handle, stderr=handle)
    try:
        until(lambda: state.exists() or stage.poll() is not None, 300)
        assert stage.poll() is None, said.read_text()
        processes = psutil.Process(stage.pid).children(recursive=True)
        assert len(processes) >= 2
    finally:
        stage.send_signal(signal.SIGKILL)
    stage.wait()
    until(lambda: ended(processes), 60)
    # It goes on in this process, which ends it soon.
    stopped = RuntimeError("seen")

    def log(*_: object) -> None:
        raise stopped

    with pytest.MonkeyPatch.context() as patch, pytest.raises(RuntimeError, match="seen"):
        patch.setattr(train.EpochLog, "__call__", log)
        save(settings)
        train.main("kinect", "first", "1")
    assert "resuming after epoch " in capsys.readouterr().out


# --- settings


def test_machines_are_numbered(monkeypatch: pytest.MonkeyPatch) -> None:
    several = Execution(devices=4, nodes=2, rendezvous="first:29500")
    assert several.processes == 8 and Execution().processes == 1
    monkeypatch.delenv(NODE, raising=False)
    assert Execution().node == 0
    for wrong in (None, "", "2", "-1", "first"):
        if wrong is not None:
            monkeypatch.setenv(NODE, wrong)
        with pytest.raises(ValueError, match=r"train\.nodes is 2: set HANET_NODE_RANK to .* number, 0 to 1"):
            assert several.node
    monkeypatch.setenv(NODE, "1")
    assert several.node == 1


@pytest.mark.parametrize(
    ("execution", "message"),
    [
        ({"nodes": 2}, "train: nodes is 2, so rendezvous is required: host:port of the first machine"),
        ({"devices": 0}, "train.devices"),
        ({"rendezvous": "first"}, "train.rendezvous"),
        ({"gpus": 2}, "train.gpus: unknown key; known here: accumulate, devices, nodes, rendezvous"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    tmp_path: Path, params: dict[str, Any], execution: dict[str, Any], message: str
) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(params | {"train": execution}))
    with pytest.raises(ParamsError, match=message):
        load(path)


def test_processes_are_launched_as_the_parameters_say(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    save(settings, devices=4, nodes=2, rendezvous="first:29500")
    monkeypatch.setenv(NODE, "1")
    told: list[Any] = []
    monkeypatch.setattr(train, "launch", lambda *args, **options: told.append((args, options)))
    train.main("kinect", "first", "1")
    options = {"devices": 4, "nodes": 2, "node": 1, "rendezvous": "first:29500"}
    assert told == [(("stages.train", ("kinect", "first", "1")), options)]
