"""What a run shows on its page when it is done: each experiment's comparison, MLflow runs and report."""

from __future__ import annotations

import json
import re
from pathlib import Path

from prefect.artifacts import create_markdown_artifact

REPORTS, RECEIPTS = Path("data/reports"), Path("data/published")


def show_results(tree: Path, *, saved_as: str | None) -> list[str]:
    """One page an experiment that has a comparison; returns the experiments' names.

    `saved_as` is the DVC experiment of a run whose work tree does not stay.
    """
    shown = []
    for table in sorted((tree / REPORTS).glob("*/tables/comparison.md")):
        experiment = table.parents[1].name
        receipt = tree / RECEIPTS / f"{experiment}.json"
        parts = [table.read_text().strip()]
        if receipt.exists():
            parts.append(mlflow_links(json.loads(receipt.read_text())))
        parts.append(whereabouts(tree, saved_as))
        create_markdown_artifact(
            "\n\n".join(filter(None, parts)),
            key=re.sub(r"[^a-z0-9]+", "-", f"results-{experiment}".lower()).strip("-"),
            description=f"Comparison, MLflow runs and report of {experiment}",
        )
        shown.append(experiment)
    return shown


def mlflow_links(receipt: dict) -> str:
    """Runs that `stages.publish` wrote down, as links."""
    address = receipt["tracking_ui"].rstrip("/")
    links = [
        f"- [{name}]({address}/#/experiments/{run['experiment_id']}/runs/{run['run_id']})"
        for name, run in sorted(receipt["runs"].items())
    ]
    return (
        "\n".join(["Runs in MLflow (`make ui` serves it where no server is set):", "", *links])
        if links
        else ""
    )


def whereabouts(tree: Path, saved_as: str | None) -> str:
    """Where the report is."""
    if saved_as is not None:
        return (
            f"Saved as the DVC experiment `{saved_as}`: `dvc exp apply {saved_as}` brings tables and report."
        )
    report = tree / REPORTS / "index.html"
    return f"The report: <{report.as_uri()}>" if report.exists() else ""
