"""Flows on a project of shell commands, with a real server, real DVC and real processes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName, LogFilter, LogFilterFlowRunId
from prefect.settings import PREFECT_API_URL
from prefect.testing.utilities import prefect_test_harness
from prefect.variables import Variable

from pipeline.server.sweep import sweep
from pipeline.stage import EpochProgress
from pipeline.variables import create_variables, setting
from tests.support.graph_of_shell import shell, write_project
from tests.support.paths import ROOT
from tests.support.waiting import command, ended, until

pytestmark = pytest.mark.slow(minutes=3)


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    with prefect_test_harness(server_startup_timeout=180):
        yield


@pytest.fixture
def project(tmp_path: Path) -> Path:
    tree = write_project(tmp_path / "project")
    (tree / "mlflow.db").touch()  # nothing here writes to MLflow
    return tree


def start(tree: Path, run_name: str, **parameters: Any) -> subprocess.Popen[str]:
    """A flow run of that name in a process of its own, whose output goes to a file beside the tree."""
    program = (
        "import json, sys; from pipeline.reproduce import reproduce\n"
        f"reproduce.with_options(flow_run_name={run_name!r})(**json.loads(sys.argv[1]))"
    )
    env = {**os.environ, "PREFECT_API_URL": PREFECT_API_URL.value() or "", "PYTHONPATH": str(ROOT)}
    with output(tree, run_name).open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-c", program, json.dumps(parameters)],
            cwd=tree,
            env=env,
            start_new_session=True,
            text=True,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def output(tree: Path, run_name: str) -> Path:
    return tree.with_name(f"{run_name}.log")


def run_of(name: str) -> Any:
    with get_client(sync_client=True) as client:
        return client.read_flow_runs(flow_run_filter=FlowRunFilter(name=FlowRunFilterName(any_=[name])))[0]


def tasks_of(name: str) -> dict[str, Any]:
    with get_client(sync_client=True) as client:
        where = FlowRunFilter(name=FlowRunFilterName(any_=[name]))
        return {run.name: run for run in client.read_task_runs(flow_run_filter=where)}


def names(name: str) -> dict[str, str]:
    return {stage: run.state.name for stage, run in tasks_of(name).items()}


def test_variables_are_the_defaults_of_runs() -> None:
    create_variables()
    assert (setting("hanet_jobs", 0), setting("hanet_jobs", 5)) == (2, 5)
    Variable.set("hanet_jobs", 3, overwrite=True)
    create_variables()
    assert setting("hanet_jobs", 0) == 3
    for wrong in ("many", 0, True):
        Variable.set("hanet_jobs", wrong, overwrite=True)
        with pytest.raises(ValueError, match=r"variable hanet_jobs: expected a number from 1 to 64, got"):
            setting("hanet_jobs", 0)
    Variable.unset("hanet_jobs")
    assert setting("hanet_jobs", 0) == 2


def test_success_then_nothing_to_do_then_a_failure(project: Path) -> None:
    assert start(project, "all", jobs=3).wait(180) == 0
    until(lambda: set(names("all").values()) == {"Completed"})
    tasks = tasks_of("all")
    ids = {run.id: stage for stage, run in tasks.items()}
    drawn = {
        stage: {ids[up.id] for up in run.task_inputs.get("wait_for", [])} for stage, run in tasks.items()
    }
    assert drawn == {
        "first": set(),
        "left": {"first"},
        "right": {"first"},
        "train@a-1": {"first"},
        "compare@tiny": {"left", "right"},
        "publish@tiny": {"compare@tiny"},
    }
    assert (project / "last.txt").read_text() == "left\nright\n"

    (project / "params.yaml").write_text(
        (project / "params.yaml").read_text().replace("text: right", "text: wrong")
    )
    assert start(project, "wrong", jobs=3).wait(180) != 0
    until(lambda: "publish@tiny" in names("wrong"))
    assert names("wrong") == {
        "first": "Unchanged",
        "left": "Unchanged",
        "right": "Failed",
        "train@a-1": "Unchanged",
        "compare@tiny": "NotRun",
        "publish@tiny": "NotRun",
    }
    assert "right says wrong" in tasks_of("wrong")["right"].state.message
    assert tasks_of("wrong")["publish@tiny"].state.message == "not run: compare@tiny did not complete"
    assert run_of("wrong").state.message == "1 Failed, 2 NotRun, 3 Unchanged. Failed: right"
    assert run_of("wrong").state.name == "Failed"


def test_only_a_download_is_tried_again(project: Path) -> None:
    once = "test -e ../{0} || {{ touch ../{0}; echo {0} failed; exit 1; }}\n"
    (project / "download.sh").write_text("echo fetched > fetched.txt\n")
    with (project / "dvc.yaml").open("a") as graph:
        graph.write("  download:\n    cmd: sh download.sh\n    outs: [fetched.txt]\n")
    for name in ("train", "download"):
        script = project / f"{name}.sh"
        script.write_text(once.format(name) + script.read_text())
    assert start(project, "flaky", jobs=2).wait(180) != 0
    until(lambda: names("flaky").get("train@a-1") == "Failed")
    assert names("flaky")["download"] == "Completed"
    tried = {stage: run.run_count for stage, run in tasks_of("flaky").items()}
    assert tried.pop("download") == 2
    assert set(tried.values()) == {1}
    assert (project / "fetched.txt").read_text() == "fetched\n"


def test_two_runs_at_once_are_saved_as_experiments(project: Path) -> None:
    before = shell(project, "git", "status", "--porcelain")
    runs = [
        start(project, f"with-{text}", overrides=[f"right.text={text}"], name=text, jobs=2)
        for text in ("good", "better")
    ]
    codes = [run.wait(180) for run in runs]
    assert codes == [0, 0], "\n".join(output(project, f"with-{t}").read_text() for t in ("good", "better"))
    saved = shell(project, sys.executable, "-m", "dvc", "exp", "list", "--name-only").split()
    assert sorted(saved) == ["better", "good"]
    assert shell(project, "git", "status", "--porcelain") == before
    assert len(shell(project, "git", "worktree", "list").splitlines()) == 1
    shell(project, sys.executable, "-m", "dvc", "exp", "apply", "better")
    assert (project / "last.txt").read_text() == "left\nbetter\n"


def test_a_run_beside_another_leaves_alone_what_that_one_writes_to_the_cache(project: Path) -> None:
    assert start(project, "before", overrides=["right.text=good"]).wait(180) == 0
    listed = sorted((project / ".dvc/cache/runs").glob("*/*"))
    assert len(listed) == 5  # of all stages but the first, which reads nothing
    # Half an entry of each, as another run may be writing it; where DVC looks it deletes such a file.
    half = [folder / ".half-written.tmp" for folder in listed]
    for path in half:
        path.write_text("cmd: [")
    assert start(project, "beside", overrides=["right.text=better"]).wait(180) == 0
    cached = {"left", "train@a-1", "publish@tiny"}  # by what the run before made known to the main tree
    until(lambda: {stage for stage, state in names("beside").items() if state == "Cached"} == cached)
    assert all(path.read_text() == "cmd: [" for path in half)
    assert len(list((project / ".dvc/cache/runs").glob("*/*/[!.]*"))) == 7
    assert (project / ".dvc/cache/files").is_dir()  # removing the tree did not follow its link


def test_a_late_then_a_killed_run_leave_no_process_and_are_gone_on_with(project: Path) -> None:
    settings = {"targets": ["train"], "overrides": ["train.sleep=2"]}
    assert start(project, "late", **settings, stage_timeout_minutes=0.1).wait(180) != 0
    assert names("late") == {"first": "Completed", "train@a-1": "Failed"}
    assert "exceeded its time limit of 6 s" in tasks_of("late")["train@a-1"].state.message
    [scratch] = (project / ".dvc/tmp/runs").glob("*/scratch/a")
    reached = int(scratch.read_text())
    assert reached >= 1

    flow = start(project, "killed", **settings)
    until(lambda: scratch.exists() and int(scratch.read_text() or 0) > reached)
    family = psutil.Process(flow.pid).children(recursive=True)
    assert any("train.sh" in command(p) for p in family)
    flow.kill()
    assert until(lambda: ended(family)) < 10
    flow.wait(30)
    assert "train@a-1" not in (scratch.parents[1] / "dvc.lock").read_text()  # what is half done is not cached
    assert run_of("killed").state.name == "Running"
    assert [line.endswith("Crashed") for line in sweep(project)] == [True]
    assert names("killed")["train@a-1"] == "Crashed"
    assert run_of("killed").state.name == "Crashed"
    assert sweep(project) == []

    assert start(project, "again", **settings, name="again").wait(180) == 0
    # DVC applies what the targets made, and complains of the stages that the run left out.
    subprocess.run([sys.executable, "-m", "dvc", "exp", "apply", "again"], cwd=project, check=False)
    assert (project / "model-a/weights").read_text() == "whole\n"
    resumed = re.compile(r"resuming after epoch [1-9]")
    until(lambda: any(resumed.search(message) for message in messages("again")))


def messages(name: str) -> list[str]:
    """Log lines of a run."""
    found = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run_of(name).id]))
    with get_client(sync_client=True) as client:
        return [log.message for log in client.read_logs(found)]


def test_progress_counts_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[float] = []
    monkeypatch.setattr(
        "pipeline.stage.create_progress_artifact", lambda progress, **_: told.append(progress) or 1
    )
    monkeypatch.setattr(
        "pipeline.stage.update_progress_artifact", lambda _, progress, **__: told.append(progress)
    )
    progress = EpochProgress("train@a-1", 4, clock=iter(range(100)).__next__)
    for line in ("  resuming after epoch 0", "  epoch 1: loss 1", "  epoch 2: loss 1", "  epoch 4: loss 1"):
        progress.update(line)
    progress.finish()
    assert told[0] == 25.0
    assert told[-1] == 100.0
    assert told == sorted(told)
