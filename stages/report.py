"""Stage report: the results of all experiments that are run, as one page, data/reports/index.html.

The page includes style, script, figures and videos. Figures that would make it too large to open quickly are
next to it, in data/reports/index_files. It is deterministic: equal inputs give equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from hanet.files.atomic import fresh_folder, write_text
from hanet.options import flatten
from hanet.progress import console
from hanet.results import records
from hanet.results.page import HEIGHT, WIDTH, Curve, Figure, curve, figures
from hanet.results.records import DataReport, Provenance, Receipt, Row, Table, read
from stages import workspace
from stages.params.load import load

PAGE = workspace.REPORTS / "index.html"
FILES = workspace.REPORTS / "index_files"
"""Where the figures are if there are too many for the page, by experiment."""
LIMIT = 15_000_000
"""Maximum bytes of figures in a page that still opens quickly."""


@dataclass(frozen=True)
class Experiment:
    """One experiment's part of the page.

    Attributes:
        name: the experiment's name.
        provenance: provenance recorded by `stages.evaluate`.
        tables, figures, curves: shown in this order.
        settings: the experiment's settings in params.yaml, by title: models, ablations, others.
        receipt: the MLflow runs of the results; empty if unpublished.
        commands: commands that run methods that are defined but not run, by method.
        data: the data set's report, if any: its splits and their leakage.
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
        """A row with the scored data: the frames are the same for all rows."""
        return next((row for table in self.tables for row in table.rows if row.status == "run"), None)


def main() -> None:
    """Write the page."""
    with workspace.stage("report"):
        params = load().model_dump(mode="json")
        experiments = [experiment(name, params) for name in params["run"]["experiments"]]
        with fresh_folder(FILES) as folder:
            text = render(place(experiments, folder), summaries(params), params)
        write_text(PAGE, text)
        console.print(f"  {PAGE}: {len(text.encode()) / 1e6:.1f} MB; open it in a browser")


def experiment(name: str, params: dict[str, Any]) -> Experiment:
    """Gather the other stages' results of an experiment."""
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
    """The existing tables over experiments."""
    paths = (workspace.REPORTS / "summaries" / "tables").glob("*.json")
    return [read(path, Table) for path in in_order(paths, params["summaries"])]


def in_order(paths: Iterable[Path], names: Iterable[str]) -> list[Path]:
    """Tables in the order of params.yaml, then others by name."""
    rank = {name: number for number, name in enumerate(names)}
    return sorted(paths, key=lambda path: (rank.get(path.stem, len(rank)), path.stem))


def settings(experiment: str, params: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """An experiment's settings, by title; an ablation is listed by its changes."""
    described = dict(params["experiments"][experiment])
    models = described.pop("models")
    found = {}
    for name in params["run"]["models"]:
        found[f"model {name}"] = flat = flatten(models[name])
        flat.pop("training.seed", None)  # already listed under run.seeds
    for name in params["run"].get("ablations", []):
        found[f"ablation {name}: what it changes"] = flatten(params["ablations"][name])
    found["data set, estimator and filters"] = flatten(described)
    found["evaluation"] = flatten(params["evaluate"])
    return found


def commands(experiment: str, params: dict[str, Any]) -> dict[str, str]:
    """Commands that run models and ablations that are defined but not run, by name."""
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
    """A name as an HTML id: without spaces, and unique."""
    return quote(name, safe="")


def short(value: Any) -> tuple[str, str | None]:
    """A value as in params.yaml; a hash by its first digits, with the full hash as a tooltip."""
    if value is None or isinstance(value, bool):
        return json.dumps(value), None
    text = ", ".join(str(item) for item in value) if isinstance(value, list) else str(value)
    is_hash = len(text) == 64 and set(text) <= set("0123456789abcdef")
    return (f"{text[:12]}…", text) if is_hash else (text, None)


def place(experiments: list[Experiment], folder: Path) -> list[Experiment]:
    """Put all figures into the page if they fit into `LIMIT`, else into `folder`, which becomes `FILES`."""
    shown = [figure for experiment in experiments for figure in experiment.figures]
    if sum(figure.embedded_size for figure in shown) <= LIMIT:
        return [replace(one, figures=[figure.embedded() for figure in one.figures]) for one in experiments]
    return [
        replace(
            one,
            figures=[figure.beside(folder / one.name, Path(FILES.name) / one.name) for figure in one.figures],
        )
        for one in experiments
    ]


if __name__ == "__main__":
    main()
