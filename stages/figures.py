"""Stage figures: draw an experiment's test results into data/figures/<experiment>/, with a manifest."""

from __future__ import annotations

import sys

from hanet.cache.files import PoseCache
from hanet.figures.experiment import draw
from hanet.figures.settings import FigureSettings
from hanet.figures.shown import choose
from hanet.files.atomic import fresh_folder, write_json
from hanet.files.json_text import read_json
from stages import workspace
from stages.bodies import body_of
from stages.graph.names import instance_of
from stages.params.load import load


def main(experiment: str, *, settings: FigureSettings | None = None) -> None:
    """Draw all figures of an experiment, or none."""
    with workspace.stage("figures", experiment):
        settings = settings or load().figures
        report = workspace.REPORTS / experiment
        body = body_of(experiment)
        shown = choose(
            PoseCache.open(workspace.truth_path(experiment, "test")),
            workspace.detected_path(experiment, "test"),
            workspace.REFINED / experiment,
            runs=read_json(report / "runs.json", list, remedy="run dvc repro"),
            settings=settings,
            body=None if body is None else body[0],
        )
        with fresh_folder(workspace.FIGURES / experiment) as folder:
            manifest = draw(
                folder,
                shown,
                settings,
                scores=read_json(report / "scores.json", dict, remedy="run dvc repro"),
                provenance=read_json(report / "provenance.json", dict, remedy="run dvc repro"),
                by_joint_table=report / "per_joint.csv",
            )
            write_json(folder / "manifest.json", manifest)


if __name__ == "__main__":
    main(*instance_of(sys.argv[1:]))
