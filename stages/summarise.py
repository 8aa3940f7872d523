"""Stage summarise: tables over several experiments, data/reports/summaries, and a run of each in MLflow.

Of every summary of params.yaml of which a group of experiments is run, as JSON, CSV, Markdown and LaTeX. What
the experiments gave is read from their reports; that it has changed is seen by their receipts, which hold the
lock hash of their tables.
"""

from __future__ import annotations

from hanet import tables
from stages import _run, _summaries
from stages._published_tables import publish_summary
from stages.params import load


def main() -> None:
    """Write the summaries, and what is missing for those that are not whole."""
    with _run.stage("summarise"):
        params = load()
        results = {
            name: _summaries.read(name, params.experiment(name).dataset)
            for summary in params.summaries.values()
            for group in summary.over.values()
            for name in group
            if name in params.run.experiments
        }
        with _run.fresh_folder(_run.REPORTS / "summaries") as folder:
            missing = {name: _summaries.missing(one, params) for name, one in params.summaries.items()}
            _run.write_json(folder / "missing.json", missing)
            for name, summary in params.summaries.items():
                if set(missing[name]) == set(summary.over):
                    _run.console.print(f"  {summary.title}: none of its experiments is run")
                    continue
                table = _summaries.build(name, summary, results, params)
                path = folder / "tables" / f"{name}.json"
                _run.write_json(path, table)
                _run.write_text(path.with_suffix(".csv"), tables.as_csv(table))
                _run.write_text(path.with_suffix(".md"), tables.markdown(table))
                _run.write_text(path.with_suffix(".tex"), tables.latex(table))
                _run.console.print(tables.terminal(table))
                publish_summary(_run.mlflow_client(), path)


if __name__ == "__main__":
    main()
