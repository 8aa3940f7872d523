"""Stage compare: an experiment's table, as CSV (for DVC's plots), JSON (for its metrics) and Markdown."""

from __future__ import annotations

import json
import sys
from typing import Any

import pandas as pd

from stages import _run

COLUMNS = {
    "mpjpe_mm": "MPJPE mm",
    "pa_mpjpe_mm": "PA-MPJPE mm",
    "accel_mm_per_frame2": "Accel mm/frame²",
    "accel_m_per_s2": "Accel m/s²",
    "mpjpe_fast5_mm": "MPJPE, fastest 5%",
}


def main(experiment: str) -> None:
    """Order methods by MPJPE, the input first."""
    with _run.stage("compare", experiment):
        report = _run.REPORTS / experiment
        scores = json.loads((report / "scores.json").read_text())
        provenance = json.loads((report / "provenance.json").read_text())
        methods = sorted(scores, key=lambda name: (name != "input", scores[name]["mpjpe_mm"]["mean"]))
        flat = pd.DataFrame([{"method": name, **_run.flatten(scores[name])} for name in methods])
        _run.write_text(report / "table.csv", flat.to_csv(index=False))
        _run.write_json(report / "metrics.json", {name: headline(scores[name]) for name in methods})
        text = markdown(experiment, {name: scores[name] for name in methods}, provenance)
        _run.write_text(report / "table.md", text)
        _run.console.print(text, markup=False)


def headline(row: dict[str, Any]) -> dict[str, float]:
    """The two numbers that `dvc metrics` shows and compares; all of them are in scores.json."""
    return {"mpjpe": row["mpjpe_mm"]["mean"], "accel": row["accel_mm_per_frame2"]["mean"]}


def markdown(experiment: str, scores: dict[str, Any], provenance: dict[str, Any]) -> str:
    """The table with what it stands on."""
    first = next(iter(scores.values()))
    hashes = {name: value[:12] for name, value in provenance["data_sha256"].items()}
    lines = [
        f"# {experiment}: {provenance['dataset']}, estimator {provenance['estimator']}",
        "",
        f"Protocol `{provenance['protocol']}`, {first['frames']} test frames in {first['sequences']} "
        f"sequences, {provenance['fps']:g} fps. Data (SHA-256): ground truth {hashes['ground_truth']}, "
        f"detected {hashes['detected']}. In brackets: 95% bootstrap interval over sequences; "
        f"± is the standard deviation over seeds.",
        "",
        f"| method | {' | '.join(COLUMNS.values())} | observed frames | seeds |",
        f"|---|{'---:|' * (len(COLUMNS) + 2)}",
    ]
    for name, row in scores.items():
        cells = [cell(row[metric]) for metric in COLUMNS]
        lines.append(f"| {name} | {' | '.join(cells)} | {row['observed']:.0%} | {row['seeds'] or ''} |")
    return "\n".join(lines) + "\n"


def cell(values: dict[str, float]) -> str:
    """Mean ± sd [low, high], as far as there are any."""
    text = f"{values['mean']:.2f}"
    if "sd" in values:
        text += f" ± {values['sd']:.2f}"
    if "low" in values:
        text += f" [{values['low']:.1f}, {values['high']:.1f}]"
    return text


if __name__ == "__main__":
    main(*sys.argv[1:])
