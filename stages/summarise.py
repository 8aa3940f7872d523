"""Stage summarise: tables over several experiments in data/reports/summaries, and one MLflow run each.

Summaries of params.yaml with at least one group of experiments that is run are written as JSON, CSV, Markdown
and LaTeX. Results are read from the experiments' reports; changes are detected by their receipts, which
contain the lock hash of their tables.
"""

from __future__ import annotations

from hanet.files.atomic import fresh_folder, write_json, write_text
from hanet.progress import console
from hanet.results import rendering, summaries
from stages import workspace
from stages.params.load import load
from stages.tracking.client import mlflow_client, mlflow_errors
from stages.tracking.tables import publish_summary


def main() -> None:
    """Write the summaries, and list what incomplete ones lack."""
    with workspace.stage("summarise"):
        params = load()
        results = {
            name: summaries.read(
                workspace.REPORTS / name,
                workspace.POSES / params.experiment(name).dataset / "report.json",
            )
            for summary in params.summaries.values()
            for group in summary.over.values()
            for name in group
            if name in params.run.experiments
        }
        with fresh_folder(workspace.REPORTS / "summaries") as folder:
            missing = {
                name: summaries.missing(one, params.run.experiments) for name, one in params.summaries.items()
            }
            write_json(folder / "missing.json", missing)
            for name, summary in params.summaries.items():
                whole = [group for label, group in summary.over.items() if label not in missing[name]]
                if len({experiment for group in whole for experiment in group}) < 2:
                    console.print(f"  {summary.title}: no two experiments of whole groups are run")
                    continue
                table = summaries.build(name, summary, results)
                path = folder / "tables" / f"{name}.json"
                write_json(path, table)
                write_text(path.with_suffix(".csv"), rendering.as_csv(table))
                write_text(path.with_suffix(".md"), rendering.markdown(table))
                write_text(path.with_suffix(".tex"), rendering.latex(table))
                console.print(rendering.terminal(table))
                with mlflow_errors():
                    publish_summary(mlflow_client(), path)


if __name__ == "__main__":
    main()
