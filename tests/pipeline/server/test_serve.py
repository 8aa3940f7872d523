"""`make prefect` on a project of shell commands: who may reach it, and its runs."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from uuid import UUID

import pytest
from playwright.sync_api import expect
from prefect.client.orchestration import SyncPrefectClient
from prefect.states import Cancelling

from tests.support.browser import FOREIGN, LACKING, chromium, page_text
from tests.support.foreign_site import attack, foreign_site
from tests.support.graph_of_shell import shell
from tests.support.served import (
    Served,
    artifact,
    at_work,
    messages,
    served_project,
    serving,
    state,
    tasks,
    trains,
)
from tests.support.waiting import ended, until

FOUR = ("small", "large", "wide", "deep")
"""More than one worker has room for beside the run that starts them."""
pytestmark = pytest.mark.slow(minutes=3)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return served_project(tmp_path_factory.mktemp("served") / "project")


def one_at_a_time(client: SyncPrefectClient, run: UUID) -> None:
    """Each task of a run begins when the one before it ended."""
    times = sorted((task.start_time, task.end_time) for task in tasks(client, run))
    assert len(times) == 5
    assert all(before[1] <= after[0] for before, after in pairwise(times))


@pytest.fixture(scope="class")
def served_client(project: Path) -> Iterator[tuple[Served, SyncPrefectClient]]:
    with serving(project, workers=2) as both:
        yield both


@pytest.fixture
def served(served_client: tuple[Served, SyncPrefectClient]) -> Served:
    return served_client[0]


@pytest.fixture
def client(served_client: tuple[Served, SyncPrefectClient]) -> SyncPrefectClient:
    return served_client[1]


class TestServed:
    """These share a server, whose start takes many seconds. The last test ends it."""

    def test_the_api_needs_the_auth_string(self, served: Served) -> None:
        assert served.ask("/api/health")[0] == 200
        for auth in ("", "hanet:wrong", served.auth + "x", served.auth.partition(":")[2]):
            assert served.ask("/api/admin/version", auth=auth)[0] == 401
            assert served.ask("/api/deployments/filter", {}, auth=auth)[0] == 401
        status, _, text = served.ask("/api/deployments/filter", {}, auth=served.auth)
        assert (status, len(json.loads(text))) == (200, 4)
        assert (served.tree / ".prefect/auth-string").read_text().strip() == served.auth

    def test_unknown_host_names_are_refused(self, served: Served) -> None:
        port = served.address.rpartition(":")[2]
        for host, expected in ((f"{FOREIGN}:{port}", 400), ("", 400), (f"localhost:{port}", 200)):
            for path in ("/api/health", "/ui-settings", "/open"):
                assert served.ask(path, headers={"Host": host})[0] == expected
            assert served.ask("/api/admin/version", auth=served.auth, headers={"Host": host})[0] == expected
        with pytest.raises(HTTPError, match="400"):
            urlopen(Request(f"{served.results}/x", headers={"Host": FOREIGN}))
        with pytest.raises(HTTPError, match="404"):
            urlopen(Request(f"{served.results}/x"))

    def test_other_origins_get_no_permission(self, served: Served) -> None:
        for origin, expected in (
            (f"http://{FOREIGN}", None),
            ("null", None),
            (served.address, served.address),
        ):
            _, headers, _ = served.ask("/api/health", headers={"Origin": origin})
            assert {k.lower(): v for k, v in headers.items()}.get("access-control-allow-origin") == expected

    def test_a_run_cannot_bring_a_command_or_an_environment(
        self, served: Served, client: SyncPrefectClient
    ) -> None:
        deployment = client.read_deployment_by_name("reproduce/reproduce").id
        for variables in (
            {"command": "touch X"},
            {"env": {"PATH": "/tmp"}},
            {"env.PATH": "/tmp"},
            {"working_dir": "/"},
        ):
            body = {"parameters": {"targets": ["first"]}, "job_variables": variables}
            status, _, text = served.ask(
                f"/api/deployments/{deployment}/create_flow_run", body, auth=served.auth
            )
            assert (status, next(iter(variables)) in text) == (422, True)
        assert client.read_flow_runs() == []
        worker = served.part("prefect", "worker", "start")
        assert worker.environ()["CUDA_VISIBLE_DEVICES"] == ""

    @pytest.mark.skipif(bool(LACKING), reason=LACKING)
    def test_a_page_of_another_origin_gets_nothing(self, served: Served, client: SyncPrefectClient) -> None:
        run = f"/deployments/{client.read_deployment_by_name('reproduce/reproduce').id}/create_flow_run"
        with foreign_site(run) as (site, reached):
            # The same page reads and starts runs where a server lets it.
            found = attack(site, site)
            assert found == {"list": "200 open", "plain": "200 open", "run": "200 open", "blind": "opaque"}
            assert reached.count(f"/api{run}") == 2
            found = attack(site, served.address)
            blocked = "TypeError: Failed to fetch"
            assert found == {"list": blocked, "plain": blocked, "run": blocked, "blind": "opaque"}
            # A name of the attacker that leads here: the page then has the server's origin.
            rebound = served.address.replace("127.0.0.1", FOREIGN)
            assert page_text(f"{rebound}/deployments").count("Invalid host header") == 1
        assert client.read_flow_runs() == []

    @pytest.mark.skipif(bool(LACKING), reason=LACKING)
    def test_the_printed_link_opens_the_pages(self, served: Served) -> None:
        assert "train-on-node" in page_text(served.link)
        assert "train-on-node" in page_text(served.link.replace("127.0.0.1", "localhost"))
        wrong = page_text(f"{served.address}/open#hanet:of-yesterday")
        assert "The server does not accept this link" in wrong
        assert "train-on-node" not in page_text(f"{served.address}/deployments")

    def test_an_override_cannot_become_shell(
        self, project: Path, served: Served, client: SyncPrefectClient
    ) -> None:
        before = (project / "params.yaml").read_bytes()
        run = served.run(client, "reproduce/reproduce", overrides=['run.ablations=["x; id > X #"]'])
        until(lambda: client.read_flow_run(run).state.is_final())
        assert state(client, run) == "Failed"
        assert "run.ablations.0: 'x; id > X #'" in client.read_flow_run(run).state.message
        assert (project / "params.yaml").read_bytes() == before
        assert len(shell(project, "git", "worktree", "list").splitlines()) == 1
        assert not list(project.rglob("X"))

    @pytest.mark.skipif(bool(LACKING), reason=LACKING)
    def test_a_run_s_page_draws_its_graph(self, served: Served, client: SyncPrefectClient) -> None:
        """Prefect's graph needs `unsafe-eval` in the Content-Security-Policy."""
        run = served.run(client, "reproduce/reproduce")
        until(lambda: client.read_flow_run(run).state.is_final())
        errors: list[str] = []
        with chromium() as browser:
            page = browser.new_page()
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.goto(served.link)
            page.wait_for_url("**/deployments")
            page.goto(f"{served.address}/runs/flow-run/{run}")
            expect(page.locator("canvas").first).to_be_attached()
        assert not errors

    def test_ablations_on_two_workers_and_a_cancelled_run(
        self, project: Path, served: Served, client: SyncPrefectClient
    ) -> None:
        ablations = served.run(client, "ablation/ablation", ablations=FOUR)
        until(lambda: client.read_flow_run(ablations).state.is_final())
        assert state(client, ablations) == "Completed"
        saved = shell(project, sys.executable, "-m", "dvc", "exp", "list", "--name-only").split()
        assert {name.rpartition("-")[0] for name in saved} == {f"ablation-{name}" for name in FOUR}
        runs = [run for run in client.read_flow_runs() if run.parent_task_run_id]
        assert len(runs) == len(FOUR)
        workers = {re.search(r"Worker '(cpu-\d)", "".join(messages(client, run.id)))[1] for run in runs}
        assert workers == {"cpu-1", "cpu-2"}
        page = artifact(client, "ablations-tiny")
        assert all(f"| {name} | 2.0 |" in page for name in FOUR)
        compared = "%2C".join(f"%22of-{name}%22" for name in FOUR)
        link = f"#/compare-runs?runs=%5B{compared}%5D&experiments=%5B%227%22%5D"
        assert f"[4 runs compared](http://127.0.0.1:5000/{link})" in page
        with urlopen(f"{served.results}/{runs[0].id}/tiny/metrics.json") as answer:
            assert b"mm" in answer.read()

        settings = {"targets": ["train"], "overrides": ["train.sleep=1"]}
        cancelled = served.run(client, "reproduce/reproduce", **settings)
        family = at_work(served)
        until(lambda: any((project / ".dvc/tmp/runs").glob("*/scratch/a")))
        client.set_flow_run_state(cancelled, Cancelling())  # what the page's Cancel does
        assert until(lambda: ended(trains(family))) < 10
        assert until(lambda: ended(family)) < 10
        until(lambda: state(client, cancelled) == "Cancelled")

        settings["targets"] = ["train", "compare"]
        again = served.run(client, "reproduce/reproduce", **settings, gpu=True, jobs=3)
        until(lambda: client.read_flow_run(again).state.is_final())
        assert state(client, again) == "Completed"
        until(lambda: any(re.search("resuming after epoch [1-9]", line) for line in messages(client, again)))
        one_at_a_time(client, again)

        (project / "params.yaml").write_text((project / "params.yaml").read_text().replace("p: 0}", "p: 3}"))
        shell(project, "git", "commit", "--quiet", "--all", "--message", "Slow")
        ablations = served.run(client, "ablation/ablation", ablations=["small", "large"])
        family = at_work(served)
        client.set_flow_run_state(ablations, Cancelling())
        until(lambda: state(client, ablations) == "Cancelled")
        until(lambda: all(run.state.is_final() for run in client.read_flow_runs()))
        cancelled = [run.name for run in client.read_flow_runs() if run.state.is_cancelled()]
        assert {"small", "large"} <= {name.rpartition("-")[0] for name in cancelled}
        assert ended(trains(family))
        everything = served.family()
        served.interrupt()
        assert until(lambda: ended(everything)) < 20
        assert "exited unexpectedly" not in served.log.read_text()
