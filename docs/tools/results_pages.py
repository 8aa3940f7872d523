"""The pictures of docs/tutorial.md and docs/mlflow.md: the report and MLflow's pages of a finished run.

    python -m docs.tools.results_pages [--tree FOLDER]

Run it after `make repro`, with Chromium installed. It opens `data/reports/index.html` and serves a copy of
`mlflow.db` of the tree (this one), and fails if a page does not show what it should: every number with its
unit, the prepared view's columns in their order, and no page wider than a phone.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from mlflow import MlflowClient
from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

from docs.tools.pictures import ROOT
from docs.tools.screenshots import CHROMIUM, free_ports, picture, see, serving
from stages.tracking.shown import view_link
from stages.tracking.tables import METRICS

TABLE, RUNS = "kinematics", 5
"""The table whose view is shown, and how many runs it has with one seed."""
PHONE: ViewportSize = {"width": 390, "height": 844}


def main() -> None:
    """Take all pictures, or those of one program."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="which browser (chromium)")
    parser.add_argument("--tree", type=Path, default=ROOT, help="where the run was made (this repository)")
    parser.add_argument("--only", choices=("report", "mlflow"), help="take these pictures alone")
    chosen = parser.parse_args()
    with ExitStack() as stack:
        playwright = stack.enter_context(sync_playwright())
        browser = stack.enter_context(
            playwright.chromium.launch(executable_path=chosen.chromium, args=list(CHROMIUM))
        )
        page = browser.new_page()
        page.set_default_timeout(120_000)
        if chosen.only != "mlflow":
            take_report(page, chosen.tree / "data/reports/index.html")
        if chosen.only != "report":
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="hanet-mlflow-")))
            take_mlflow(page, stack.enter_context(mlflow_of(chosen.tree, folder)))


def mlflow_of(tree: Path, folder: Path) -> AbstractContextManager[str]:
    """Serve a copy of a tree's runs; the value is the address."""
    server = folder / "server"
    server.mkdir()
    shutil.copy(tree / "mlflow.db", server)
    address = f"http://127.0.0.1:{free_ports(1)[0]}"
    command = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", address.rpartition(":")[2],
        "--workers", "1", "--backend-store-uri", f"sqlite:///{server / 'mlflow.db'}",
    ]  # fmt: skip
    return served(command, server, address)


@contextmanager
def served(command: list[str], folder: Path, address: str) -> Iterator[str]:
    """Run MLflow's server until the block ends."""
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with serving(command, folder, quiet, f"{address}/health"):
        yield address


def take_report(page: Page, report: Path) -> None:
    """The report, wide; every column of its first table has a unit, and the page fits a phone."""
    page.set_viewport_size({"width": 1280, "height": 1620})
    page.goto(report.as_uri())
    expect(page.locator("h1")).to_have_text("HANet: results")
    first = page.locator("table.sortable").first
    for row in ("input", "general refiner", "ridge per frame", "HANet (ours)"):
        expect(first.locator("tbody tr").filter(has_text=row).first).to_be_visible()
    heads = first.locator("th[data-kind=number]")
    bare = [head.inner_text() for head in heads.all() if not head.locator(".unit").count()]
    assert {text.strip() for text in bare} <= {"frames read", "seeds", "parameters"}, bare
    picture(page, "report")
    page.set_viewport_size(PHONE)
    assert fits(page), "the report is wider than a phone"


def take_mlflow(page: Page, address: str) -> None:
    """From the experiment's description to a table's view and its comparison."""
    page.set_viewport_size({"width": 1600, "height": 900})
    found = MlflowClient(address).get_experiment_by_name("clips-fcn tables")
    assert found is not None, "no tables were published: run make publish"
    page.goto(f"{address}/{view_link(found.experiment_id, TABLE)}")
    see(page, f"{RUNS} matching runs", "Model training")
    expect(page.get_by_role("link", name=TABLE, exact=True).first).to_be_visible()  # in the description
    page.get_by_label("Close", exact=True).last.click()  # the assistant's panel
    heads = [head.inner_text().strip() for head in page.locator(".ag-header [role=columnheader]").all()]
    shown = list(dict.fromkeys(head for head in heads if head in METRICS.values() or head == "row"))
    assert shown[:4] == ["row", "MPJPE mm", "PA-MPJPE mm", "Accel mm per frame2"], heads
    picture(page, "mlflow-view")
    page.locator("input[type=checkbox]").first.check(force=True)
    page.get_by_role("button", name="Compare", exact=True).click()
    see(page, f"Comparing {RUNS} Runs", "MPJPE mm", "model.learn_kinematics")
    picture(page, "mlflow-compare")


def fits(page: Page) -> bool:
    """Whether a page is no wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


if __name__ == "__main__":
    main()
