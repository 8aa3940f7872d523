"""Stage report: the results of every experiment that is run as one page, data/reports/index.html.

The page needs nothing but itself: style, script, figures and films are in it. It follows from its inputs
alone, so equal inputs give equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from hanet.files.atomic import write_text
from hanet.options import flatten
from hanet.progress import console
from hanet.results import records
from hanet.results.page import HEIGHT, WIDTH, Curve, Figure, curve, figures
from hanet.results.records import DataReport, Provenance, Receipt, Row, Table, read
from stages import workspace
from stages.params.load import load

PAGE = workspace.REPORTS / "index.html"
LIMIT = 15_000_000
"""Bytes of a page that still opens at once."""


@dataclass(frozen=True)
class Experiment:
    """One experiment's part of the page.

    Attributes:
        name: the experiment's.
        provenance: what `stages.evaluate` wrote down about the numbers.
        tables, figures, curves: what is shown, in this order.
        settings: what params.yaml says about what is run, by title: models, ablations, the rest.
        receipt: which MLflow runs show the results; empty where nothing is published.
        commands: by method, for what is defined but not run: how to run it.
        data: the data set's report, if it has one: its splits and whether they leak.
    """

    name: str
    provenance: Provenance
    tables: list[Table]
    figures: list[Figure]
    curves: list[Curve]
    settings: dict[str, dict[str, Any]]
    receipt: Receipt
    commands: dict[str, str]
    data: DataReport | None

    @property
    def scored(self) -> Row | None:
        """A row that says what was scored: the frames are the same for all."""
        return next((row for table in self.tables for row in table.rows if row.status == "run"), None)


def main() -> None:
    """Write the page."""
    with workspace.stage("report"):
        params = load().model_dump(mode="json")
        experiments = [experiment(name, params) for name in params["run"]["experiments"]]
        text = render(experiments, summaries(params), params)
        check_size(text, experiments)
        write_text(PAGE, text)
        console.print(f"  {PAGE}: {len(text.encode()) / 1e6:.1f} MB; open it in a browser")


def experiment(name: str, params: dict[str, Any]) -> Experiment:
    """Gather what the other stages wrote about an experiment."""
    report = workspace.REPORTS / name
    tables = in_order((report / "tables").glob("*.json"), params.get("tables", {}))
    if not tables:
        raise ValueError(f"{report / 'tables'} holds no table; run dvc repro")
    receipt = workspace.RECEIPTS / f"{name}.json"
    data = workspace.POSES / params["experiments"][name]["dataset"] / "report.json"
    return Experiment(
        name=name,
        provenance=read(report / "provenance.json", Provenance),
        tables=[read(path, Table) for path in tables],
        figures=figures(workspace.FIGURES / name),
        curves=[curve(path) for path in sorted((report / "training").glob("*.csv"))],
        settings=settings(name, params),
        receipt=read(receipt, Receipt) if receipt.is_file() else Receipt(),
        commands=commands(name, params),
        data=read(data, DataReport) if data.is_file() else None,
    )


def summaries(params: dict[str, Any]) -> list[Table]:
    """The tables over experiments, as far as there are any."""
    paths = (workspace.REPORTS / "summaries" / "tables").glob("*.json")
    return [read(path, Table) for path in in_order(paths, params["summaries"])]


def in_order(paths: Iterable[Path], names: Iterable[str]) -> list[Path]:
    """Tables in the order that params.yaml names them in, those it does not name after them by name."""
    rank = {name: number for number, name in enumerate(names)}
    return sorted(paths, key=lambda path: (rank.get(path.stem, len(rank)), path.stem))


def settings(experiment: str, params: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What is set for an experiment, by title; an ablation is what it changes."""
    described = dict(params["experiments"][experiment])
    models = described.pop("models")
    found = {}
    for name in params["run"]["models"]:
        found[f"model {name}"] = flat = flatten(models[name])
        flat.pop("training.seed", None)  # run.seeds says which
    for name in params["run"].get("ablations", []):
        found[f"ablation {name}: what it changes"] = flatten(params["ablations"][name])
    found["data set, estimator and filters"] = flatten(described)
    found["evaluation"] = flatten(params["evaluate"])
    return found


def commands(experiment: str, params: dict[str, Any]) -> dict[str, str]:
    """By name, for models and ablations that are defined but not run: the command that adds them."""
    defined = {
        "models": params["experiments"][experiment]["models"],
        "ablations": params.get("ablations", {}),
    }
    return {
        name: f"dvc exp run -S 'run.{section}=[{','.join([*params['run'][section], name])}]'"
        for section, names in defined.items()
        for name in names
        if name not in params["run"][section]
    }


def render(experiments: list[Experiment], over: list[Table], params: dict[str, Any]) -> str:
    """The page's text."""
    environment = Environment(
        loader=PackageLoader("stages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "number": records.number,
        "interval": records.interval,
        "probability": records.probability,
        "anchor": anchor,
        "short": short,
    }
    return environment.get_template("index.html").render(
        experiments=experiments,
        summaries=over,
        no_receipt=Receipt(),
        seeds=params["run"]["seeds"],
        flatten=flatten,
        chart={"width": WIDTH, "height": HEIGHT},
    )


def anchor(name: str) -> str:
    """A name as an id and as the target of a link: without spaces, and no two names alike."""
    return quote(name, safe="")


def short(value: Any) -> tuple[str, str | None]:
    """A value as params.yaml would write it, or a hash's first digits with the whole of it apart."""
    if value is None or isinstance(value, bool):
        return json.dumps(value), None
    text = ", ".join(str(item) for item in value) if isinstance(value, list) else str(value)
    is_hash = len(text) == 64 and set(text) <= set("0123456789abcdef")
    return (f"{text[:12]}…", text) if is_hash else (text, None)


def check_size(text: str, experiments: list[Experiment]) -> None:
    """Refuse a page too large to open, naming what makes it so."""
    size = len(text.encode())
    if size <= LIMIT:
        return
    shown = sorted((f for e in experiments for f in e.figures), key=lambda figure: -len(figure.uri))
    largest = ", ".join(f"{figure.title} ({len(figure.uri) / 1e6:.1f} MB)" for figure in shown[:3])
    raise ValueError(
        f"the report would have {size / 1e6:.1f} MB, more than {LIMIT / 1e6:g}; largest: {largest}; "
        "make figures or films smaller"
    )


if __name__ == "__main__":
    main()
