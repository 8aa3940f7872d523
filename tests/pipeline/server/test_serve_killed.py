"""`make prefect` on a project of shell commands, when a part of it is killed."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import psutil
import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType

from tests.support.served import Served, at_work, served_project, serving
from tests.support.waiting import command, ended, until

pytestmark = pytest.mark.slow(minutes=3)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return served_project(tmp_path / "project")


def killed(served: Served, client: SyncPrefectClient, victim: psutil.Process, seconds: float = 20) -> UUID:
    """Kill a part while a training runs: the run, then all that was served end soon. Returns the run."""
    lost = served.run(client, "reproduce/reproduce", targets=["train"], overrides=["train.sleep=2"])
    family = at_work(served)
    everything = served.family()
    victim.kill()
    assert until(lambda: ended(family)) < 10
    assert until(lambda: ended(everything)) < seconds
    return lost


def test_a_part_that_is_killed_ends_all_and_leaves_nothing_behind(project: Path) -> None:
    """A worker, the server, `make` and its program, in turn; the next start knows that the run was lost."""
    with serving(project) as (served, client):
        lost = killed(served, client, served.part("prefect", "worker", "start"))
        assert "the worker cpu-1 exited unexpectedly (code 137)" in served.log.read_text()
    with serving(project) as (served, client):
        until(lambda: client.read_flow_run(lost).state.type is StateType.CRASHED, 100)
        lost = killed(served, client, served.part("pipeline.server.app"), seconds=15)
        assert "the server exited unexpectedly (code 137)" in served.log.read_text()
    with serving(project) as (served, client):
        lost = killed(served, client, psutil.Process(served.make.pid))
    with serving(project) as (served, client):
        was_lost(client, lost)
        itself = ["-m", "pipeline.server.serve"]
        lost = killed(served, client, next(p for p in served.family() if command(p)[1:] == itself))
    with serving(project) as (served, client):
        was_lost(client, lost)


def was_lost(client: SyncPrefectClient, run: UUID) -> None:
    """Wait until a run of yesterday's server is known to have ended."""
    until(lambda: client.read_flow_run(run).state.is_final(), 100)
    assert client.read_flow_run(run).state.type in (StateType.CRASHED, StateType.CANCELLED)
