"""Stage report: the results of every experiment that is run as one page, data/reports/index.html.

The page needs nothing but itself: style, script, figures and films are in it. It follows from its inputs
alone, so equal inputs give equal bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import TypeAdapter

from stages import _report_inputs, _run
from stages._report_figures import HEIGHT, WIDTH, Curve, Figure, curve, figures
from stages._report_inputs import DataReport, Provenance, Receipts, Row, Table, read
from stages.params import Params, load

PAGE = _run.REPORTS / "index.html"
FIGURES = _run.DATA / "figures"
RECEIPTS = _run.DATA / "published.json"
LIMIT = 15_000_000
"""Bytes of a page that still opens at once."""


@dataclass(frozen=True)
class Experiment:
    """One experiment's part of the page.

    Attributes:
        name: the experiment's.
        provenance: what `stages.evaluate` wrote down about the numbers.
        tables, figures, curves: what is shown, in this order.
        models: the settings of every model that is run.
        defined: names of all models of the experiment, run or not.
        settings: what else params.yaml says about the experiment.
        data: the data set's report, if it has one: its splits and whether they leak.
    """

    name: str
    provenance: Provenance
    tables: list[Table]
    figures: list[Figure]
    curves: list[Curve]
    models: dict[str, dict[str, Any]]
    defined: list[str]
    settings: dict[str, Any]
    data: DataReport | None

    @property
    def scored(self) -> Row | None:
        """A row that says what was scored: the frames are the same for all."""
        return next((row for table in self.tables for row in table.rows if row.status == "run"), None)


def main() -> None:
    """Write the page."""
    with _run.stage("report"):
        params = load()
        experiments = [experiment(name, params) for name in params.run.experiments]
        receipts = read(RECEIPTS, Receipts) if RECEIPTS.is_file() else Receipts()
        text = render(experiments, receipts, params)
        check_size(text, experiments)
        _run.write_text(PAGE, text)
        _run.console.print(f"  {PAGE}: {len(text.encode()) / 1e6:.1f} MB; open it in a browser")


def experiment(name: str, params: Params) -> Experiment:
    """Gather what the other stages wrote about an experiment."""
    report = _run.REPORTS / name
    tables = sorted((report / "tables").glob("*.json"))
    if not tables:
        raise ValueError(f"{report / 'tables'} holds no table; run dvc repro")
    described = params.experiment(name)
    data = _run.POSES / described.dataset / "report.json"
    settings = _plain(described)
    models = settings.pop("models")
    return Experiment(
        name=name,
        provenance=read(report / "provenance.json", Provenance),
        tables=[read(path, Table) for path in tables],
        figures=figures(FIGURES / name),
        curves=[curve(path) for path in sorted((report / "training").glob("*.csv"))],
        models={model: _run.flatten(models[model]) for model in params.run.models},
        defined=list(models),
        settings=_run.flatten(settings),
        data=read(data, DataReport) if data.is_file() else None,
    )


def render(experiments: list[Experiment], receipts: Receipts, params: Params) -> str:
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
        "number": _report_inputs.number,
        "interval": _report_inputs.interval,
        "probability": _report_inputs.probability,
        "anchor": anchor,
        "short": short,
    }
    return environment.get_template("index.html").render(
        experiments=experiments,
        receipts=receipts,
        run=params.run,
        evaluate=_run.flatten(_plain(params.evaluate)),
        flatten=_run.flatten,
        chart={"width": WIDTH, "height": HEIGHT},
    )


def anchor(name: str) -> str:
    """A name as an id and as the target of a link: without spaces, and no two names alike."""
    return quote(name, safe="")


def short(value: Any) -> tuple[str, str | None]:
    """A value as text, and a hash's first digits with the whole of it apart."""
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


def _plain(section: Any) -> dict[str, Any]:
    """A section of params.yaml as mappings, lists and numbers."""
    return TypeAdapter(type(section)).dump_python(section, mode="json")


if __name__ == "__main__":
    main()
