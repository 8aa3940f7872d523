"""The pictures of docs/prefect.md, taken in headless Chromium of real runs; what a page shows is asserted.

    python -m docs.tools.screenshots

Clones the commit into a temporary folder, with settings so small that a training takes seconds, on this
tree's DVC cache; starts MLflow and `make prefect` with two workers there; then does what a user does: clicks
Quick run, fills in the form, starts four ablations, follows the links. A quarter of an hour on two idle
cores.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import urlopen

from playwright.sync_api import Page, expect, sync_playwright

from docs.tools.pictures import ROOT, write_picture
from pipeline.repository.overrides import apply
from pipeline.server.access import AUTH, choose_auth, login_link

CHROMIUM = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
SEED = int(time.time())  # a new one, so that DVC's cache has no such training
SMALL = (
    f"run.seeds=[{SEED}]",
    "run.models=[hanet-paper]",
    "run.ablations=[]",
    "evaluate.resamples=100",
    "models.hanet-paper.training.epochs=3",
    "models.hanet-paper.training.stride=25",
    "filters.savitzky_golay={window: [9], order: [2]}",
    "filters.gaussian={sigma: [2.0]}",
    "filters.one_euro={min_cutoff: [1.0], beta: [0.5], d_cutoff: [1.0]}",
    "figures.methods=[input, hanet-paper]",
)
ABLATIONS = ("oml-off", "oml-stop-gradient", "one-scale", "ohkm-off")
FIELDS = (
    "targets",
    "experiments",
    "overrides",
    "seeds",
    "force",
    "jobs",
    "revision",
    "stage_timeout_minutes",
)
PATIENCE = 3600.0
"""Seconds a run may take; a busy machine is slow."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="which browser (chromium)")
    parser.add_argument("--cache", type=Path, help="DVC cache to work on (this tree's)")
    chosen = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="hanet-screenshots-")))
        tree = small_clone(folder / "hanet", chosen.cache or ROOT / run(ROOT, "dvc", "cache", "dir").strip())
        mlflow, prefect, results = (f"http://127.0.0.1:{number}" for number in free_ports(3))
        database = f"sqlite:///{tree / 'mlflow.db'}"
        command = [
            sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", port(mlflow),
            "--backend-store-uri", database,
        ]  # fmt: skip
        quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        stack.enter_context(serving(command, tree, quiet, f"{mlflow}/health"))
        auth = os.environ[AUTH] = choose_auth({})
        settings = {
            "MLFLOW_TRACKING_URI": mlflow,
            "PREFECT_PORT": port(prefect),
            "RESULTS_PORT": port(results),
            "CPU_WORKERS": "2",
        }
        make = ["make", "-o", "env", "prefect"]
        stack.enter_context(serving(make, tree, settings, f"{prefect}/api/health"))
        playwright = stack.enter_context(sync_playwright())
        browser = stack.enter_context(
            playwright.chromium.launch(executable_path=chosen.chromium, args=list(CHROMIUM))
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(60_000)
        page.goto(login_link(prefect, auth))
        page.wait_for_url("**/deployments")
        expect(page.locator("html")).to_have_class(
            re.compile("dark")
        )  # a page that is left sooner has no colours
        stages = run(tree, "dvc", "stage", "list", "--name-only").splitlines()
        take(page, prefect, f"{len(stages)} Task runs")


def take(page: Page, prefect: str, tasks: str) -> None:
    """Do what a user does; the pictures on the way."""
    step("Quick run of reproduce")
    quick_run(page, prefect, "reproduce")
    show_run(page, tasks)

    step("Custom run with an override")
    open_form(page, prefect)
    picture(page, "prefect-form")
    page.get_by_role("button", name="Submit").click()
    open_newest_run(page)
    wait_for_end(page, tasks)
    open_artifact(page, "results-clips-fcn")
    see(page, "dvc exp apply")  # a run with an override is saved as a DVC experiment

    step("Quick run of four ablations on two workers")
    quick_run(page, prefect, "ablation", asked=True)
    show_ablations(page)


def quick_run(page: Page, prefect: str, deployment: str, *, asked: bool = False) -> None:
    """Start a run with its defaults and open its page; `asked`: the flow's form opens first, submit it."""
    open_deployment(page, prefect, deployment)
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text("Quick run").click()
    if asked:
        see(page, "Run Deployment")
        page.get_by_role("button", name="Run", exact=True).last.click()
    open_newest_run(page)


def show_run(page: Page, tasks: str) -> None:
    """From a run's page to its tasks, its results, its report and a run of MLflow."""
    wait_for_end(page, tasks)
    page.get_by_text("Task Runs", exact=True).click()
    see(page, "train@clips-fcn-hanet-paper", "publish@clips-fcn")
    picture(page, "prefect-run")
    open_artifact(page, "results-clips-fcn")
    see(page, "Comparison", "general refiner", "Gaussian filter", "runs compared", "The report")
    picture(page, "prefect-results")
    follow(page, "The report", "clips-fcn")
    follow(page, f"hanet-paper-{SEED}", f"hanet-paper-{SEED}", "test_mpjpe_mm")


def open_form(page: Page, prefect: str) -> None:
    """The form of `reproduce`, an override filled in."""
    open_deployment(page, prefect, "reproduce")
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text("Custom run").click()
    see(page, *FIELDS)
    fields = page.locator("textarea")
    others = fields.count()
    page.get_by_role("button", name="Add item").nth(FIELDS.index("overrides")).click()
    expect(fields).to_have_count(others + 1)  # else the first would be another's
    fields.first.fill("models.hanet-paper.model.hidden=16")


def show_ablations(page: Page) -> None:
    """From the ablation run's page to its comparison, and to MLflow's."""
    wait_for_end(page, *ABLATIONS)
    open_artifact(page, "ablations-clips-fcn")
    names = [f"{name}-{SEED}" for name in ABLATIONS]
    see(page, "4 runs compared", *names, "MPJPE (mm)", "Accel (mm/frame²)")
    picture(page, "prefect-ablations")
    with opened_by(page, "4 runs compared") as compared:
        see(compared, "Comparing 4 Runs", *names)
        choose_metric(compared, "test_mpjpe_mm")
        picture(compared, "mlflow-ablations")


def open_deployment(page: Page, prefect: str, name: str) -> None:
    """From the list of deployments to one of them."""
    page.goto(f"{prefect}/deployments")
    page.locator('a[href*="/deployments/deployment/"]').get_by_text(name, exact=True).click()


def open_newest_run(page: Page) -> None:
    """From the message that a run was made to its page."""
    page.get_by_role("button", name="View run").or_(page.get_by_role("link", name="View run")).last.click()


def wait_for_end(page: Page, *words: str) -> None:
    """Wait until the run on the page is Completed, by Prefect's API; then see words."""
    page.wait_for_url("**/runs/flow-run/*")
    run_page = page.url
    page.goto("about:blank")  # a graph that is drawn live takes half a core from the run
    deadline = time.monotonic() + PATIENCE
    while (state := state_of_run(page, run_page))["type"] != "COMPLETED":
        if state["type"] in ("FAILED", "CRASHED", "CANCELLED") or time.monotonic() > deadline:
            raise SystemExit(f"the run at {run_page} is {state['name']}: {state['message']}")
        page.wait_for_timeout(1000)
    page.goto(run_page)
    see(page, "Completed", *words)
    page.wait_for_timeout(3000)  # the graph is drawn by and by


def state_of_run(page: Page, run_page: str) -> dict[str, Any]:
    """The state of the run that a page shows."""
    server, _, run_id = run_page.partition("/runs/flow-run/")
    login = {"Authorization": f"Basic {b64encode(os.environ[AUTH].encode()).decode()}"}
    answer = page.request.get(f"{server}/api/flow_runs/{run_id.partition('?')[0]}", headers=login)
    return answer.json()["state"]


def open_artifact(page: Page, key: str) -> None:
    """From a run's page to its artifact of that name."""
    page.get_by_text("Artifacts", exact=True).first.click()
    page.get_by_text(key).last.click()


def follow(page: Page, link: str, *words: str) -> None:
    """Click a link that opens a page of its own; see words there."""
    with opened_by(page, link) as opened:
        see(opened, *words)


@contextmanager
def opened_by(page: Page, link: str) -> Iterator[Page]:
    """The page that a link opens, wide; closed at the end."""
    with page.expect_popup() as popup:
        page.get_by_role("link", name=link, exact=True).click()
    opened = popup.value
    opened.set_viewport_size({"width": 1600, "height": 900})
    yield opened
    opened.close()


def choose_metric(page: Page, metric: str) -> None:
    """On MLflow's page of compared runs: close the panel beside it, show one metric instead of the first."""
    page.get_by_label("Close", exact=True).last.click()
    metrics = page.get_by_role("combobox").nth(1)
    metrics.click()
    metrics.press("Backspace")
    metrics.fill(metric)
    page.get_by_title(metric, exact=True).first.click()
    page.keyboard.press("Escape")
    expect(page.locator("svg").get_by_text(metric).first).to_be_visible()


def see(page: Page, *words: str) -> None:
    """Fail unless the page shows all words."""
    for word in words:
        expect(page.get_by_text(word).first).to_be_visible(timeout=60_000)


def picture(page: Page, name: str) -> None:
    """Write docs/images/<name>.png."""
    page.wait_for_timeout(1500)
    write_picture(page, name)


# --- What the pictures are of


def small_clone(tree: Path, cache: Path) -> Path:
    """This commit with small settings, on a DVC cache that has the downloads."""
    run(ROOT, "git", "clone", "--quiet", str(ROOT), str(tree))
    apply(tree, SMALL)
    run(tree, "dvc", "cache", "dir", "--local", str(cache.resolve()))
    identity = ("-c", "user.name=screenshots", "-c", "user.email=screenshots@example.org")
    run(tree, "git", *identity, "commit", "--quiet", "--all", "--message", "Small settings")
    return tree


def run(tree: Path, *command: str) -> str:
    """What a command prints."""
    return subprocess.run(
        command, cwd=tree, env=environment(), check=True, capture_output=True, text=True
    ).stdout


def environment(**more: str) -> dict[str, str]:
    """This environment, our Python's programs first."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    return {**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "1", "DO_NOT_TRACK": "1", **more}


@contextmanager
def serving(command: list[str], tree: Path, settings: dict[str, str], health: str) -> Iterator[None]:
    """Run a server until the block ends; wait until it answers."""
    log = tree.parent / f"{command[-1].rpartition('/')[2]}.log"
    with log.open("w") as handle:
        server = subprocess.Popen(
            command,
            cwd=tree,
            env=environment(**settings),
            stdout=handle,
            stderr=handle,
            start_new_session=True,
        )
        try:
            until_up(server, health, log)
            yield
        finally:
            os.killpg(server.pid, signal.SIGINT)
            server.wait(60)


def until_up(server: subprocess.Popen[bytes], health: str, log: Path) -> None:
    """Wait until a server answers, two minutes at most."""
    for _ in range(240):
        try:
            urlopen(health, timeout=2).close()
            return
        except OSError:
            if server.poll() is not None:
                break
            time.sleep(0.5)
    raise SystemExit(f"{health} does not answer:\n{log.read_text()[-2000:]}")


def port(address: str) -> str:
    """The port of an address."""
    return address.rpartition(":")[2]


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def step(text: str) -> None:
    """Say what comes."""
    print(text, flush=True)


if __name__ == "__main__":
    main()
