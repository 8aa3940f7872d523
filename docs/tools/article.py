"""Build the replication article from the committed tables: `make article`.

`docs/article/template.md` has the words, `docs/claims.md` the claims, `docs/results` the numbers. A
sentence about a result is made from its numbers, so that new tables cannot leave an old sentence behind.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

ROOT = Path(__file__).parents[2]
ARTICLE = ROOT / "docs/article"
RESULTS = ROOT / "docs/results"
DEFAULT = RESULTS / "default/clips-fcn"
SEEDS = RESULTS / "factorial/clips-fcn"
PEOPLE = RESULTS / "people/clips-people.csv"
WATTS = 10
"""Assumed power of one busy processor thread with its share of memory and cooling."""
COLUMNS = {"mpjpe_mm": "MPJPE mm", "accel_mm_per_frame2": "Accel mm/frame²", "no_harm": "no harm %"}


def rows(path: Path) -> list[dict[str, str]]:
    """The rows of a committed table."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def interval(low: str | None, high: str | None, form: str) -> str:
    """An interval in brackets, empty where there is none."""
    return f" [{float(low):{form}}, {float(high):{form}}]" if low and high else ""


def cell(row: dict[str, str], column: str) -> str:
    """A mean and its interval, empty where there is none."""
    mean, low, high = (row.get(f"{column}.{part}") for part in ("mean", "low", "high"))
    return f"{float(mean):.2f}{interval(low, high, '.1f')}" if mean else ""


def difference(row: dict[str, str]) -> str:
    """The difference to the table's reference with its interval, empty for the reference."""
    found = row.get("against.difference")
    ends = interval(row.get("against.low"), row.get("against.high"), "+.1f")
    return f"{float(found):+.2f}{ends}" if found else ""


def verdict(row: dict[str, str], reference: str) -> str:
    """A sentence on a row's difference to the reference: as large as its interval allows."""
    low, high = (float(row[f"against.{end}"] or "nan") for end in ("low", "high"))
    what = "lower than" if high < 0 else "higher than" if low > 0 else "not detectably different from"
    return f"{row['label']}: {difference(row)} mm, {what} the row *{reference}*."


def table(path: Path, columns: dict[str, str]) -> str:
    """The rows that were run, as Markdown."""
    lines = [
        f"| row | {' | '.join(columns.values())} | difference, MPJPE mm |",
        "|---|" + "---:|" * (len(columns) + 1),
    ]
    lines += [
        f"| {row['label']} | {' | '.join(cell(row, c) for c in columns)} | {difference(row)} |"
        for row in rows(path)
        if row["status"] == "run"
    ]
    missing = [row["label"] for row in rows(path) if row["status"] != "run"]
    if missing:
        lines += ["", f"Not run: {', '.join(missing)}."]
    return "\n".join(lines)


def reference(path: Path) -> str:
    """The label of the row that a table's differences are to."""
    return next(
        row["label"] for row in rows(path) if row["status"] == "run" and not row["against.difference"]
    )


def captioned(path: Path) -> str:
    """A table with the row that its differences are to."""
    return f"{table(path, COLUMNS)}\n\n*Differences are to the row {reference(path)}.*"


def claims() -> dict[str, str]:
    """The table of docs/claims.md, and how many claims have each status."""
    text = (ROOT / "docs/claims.md").read_text()
    lines = [line for line in text.splitlines() if line.startswith("|")]
    status = [line.split("|")[2].strip().partition(";")[0] for line in lines[2:]]
    counts = ", ".join(f"{count} {name}" for name, count in Counter(status).most_common())
    words = text.split("came out. ", 1)[1].split("\n\n", 1)[0]
    return {
        "table": "\n".join(lines).replace("](results.md", "](../results.md"),
        "words": words.replace("](results.md", "](../results.md"),
        "counts": f"by our reading: {counts}",
    }


def default_run() -> dict[str, str]:
    """What the article says of the default experiment."""
    provenance = json.loads((DEFAULT / "provenance.json").read_text())
    lines = (DEFAULT / "comparison.md").read_text().splitlines()
    over = re.search(r"In brackets: (95% over [^;.]*)", lines[-1])
    assert over is not None, f"comparison.md says no more what intervals are over: {lines[-1]}"
    ran = {row["method"]: row for row in rows(DEFAULT / "comparison.csv") if row["status"] == "run"}
    compared = reference(DEFAULT / "comparison.csv")
    first, best = ran["input"], min(ran.values(), key=lambda row: float(row["mpjpe_mm.mean"]))
    ours = [verdict(row, compared) for row in ran.values() if row["label"].startswith("HANet")]
    minutes = provenance["wall_minutes"]
    truth, estimates = (provenance["data_sha256"][name][:12] for name in ("ground_truth", "detected"))
    return {
        "words": f"{int(first['frames']):,} test frames in {first['sequences']} sequences",
        "headline": f"The row *{best['label']}* has the lowest mean error: {cell(best, 'mpjpe_mm')} mm, "
        f"against an input of {cell(first, 'mpjpe_mm')} mm. {' '.join(ours)} {recipe()}",
        "data": f"Experiment `{provenance['experiment']}`: data set `{provenance['dataset']}`, estimator "
        f"`{provenance['estimator']}`, protocol `{provenance['protocol']}`, commit {provenance['commit']}; "
        f"SHA-256 of the ground truth {truth}, of the estimates {estimates}.",
        "note": lines[2],
        "table": table(DEFAULT / "comparison.csv", COLUMNS),
        "over": over[0].replace("95%", "95 %"),
        "reference": compared,
        "differences": "\n".join(
            f"- {verdict(row, compared)}" for row in ran.values() if row["against.difference"]
        ),
        "time": f"The stages of the default run took {minutes:.0f} minutes by the clock in all, one thread "
        f"each, on {provenance['cpu']}; installing the environment is not counted. At an assumed {WATTS} W "
        f"per busy thread that is about {WATTS * minutes / 60:.0f} Wh.",
    }


def people() -> dict[str, str]:
    """Means over six people who are left out in turn, and which row is lowest."""
    ending = ", mean over people"
    found = [row for row in rows(PEOPLE) if row["method"].endswith(ending)]
    best = min(found, key=lambda row: float(row["mpjpe_mm.mean"]))
    lines = ["| row | MPJPE mm | Accel mm/frame² | no harm % |", "|---|---:|---:|---:|"]
    for row in found:
        cells = (f"{float(row[f'{column}.mean']):.2f}" for column in COLUMNS)
        lines.append(f"| {row['label'].removesuffix(ending)} | {' | '.join(cells)} |")
    label, error = best["label"].removesuffix(ending), float(best["mpjpe_mm.mean"])
    words = f"With one of six people left out in turn, the row *{label}* has the lowest mean: {error:.2f} mm."
    return {"table": "\n".join(lines), "words": words}


def recipe() -> str:
    """A sentence on the paper's network with its own training, against the input."""
    path = DEFAULT / "as-published.csv"
    published = {row["label"]: row for row in rows(path) if row["status"] == "run"}
    name = reference(path)
    return (
        f"The published recipe of {name} has {cell(published[name], 'mpjpe_mm')} mm. "
        f"{verdict(published['input'], name).replace('input', 'The input', 1)}"
    )


def costs() -> str:
    """Parameters and operations of every row of the default run."""
    lines = ["| row | parameters | operations per frame, thousand |", "|---|---:|---:|"]
    for row in rows(DEFAULT / "comparison.csv"):
        if row["status"] == "run" and row["parameters.mean"]:
            count, operations = float(row["parameters.mean"]), float(row["kflops_per_frame.mean"])
            lines.append(f"| {row['label']} | {count:,.0f} | {operations:,.0f} |")
    return "\n".join(lines)


def domains() -> str:
    """The mean error of the general refiner on every domain of `docs/results/domains.json`."""
    found: dict[str, list[dict[str, Any]]] = json.loads((RESULTS / "domains.json").read_text())
    lines = [
        "| domain | input | best Gaussian | general refiner | its change, 95 % | sequences not harmed, % |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for domain, methods in found.items():
        by_name = {row["method"]: row for row in methods}
        before, after = by_name["input"], by_name["general"]
        gaussian = next(row for name, row in by_name.items() if name.startswith("best Gaussian"))
        change = f"{after['low']:+.2f} to {after['high']:+.2f}"
        lines.append(
            f"| {domain} | {before['error']:.2f} | {gaussian['error']:.2f} | {after['error']:.2f} | {change} "
            f"| {100 * after['unharmed']:.1f} |"
        )
    return "\n".join(lines) + (
        "\n\nErrors in mm (3D) or px (2D). The best Gaussian is chosen on the very data, which no user can "
        "do. See [the general refiner](../general.md)."
    )


def build() -> str:
    """The article."""
    template = (ARTICLE / "template.md").read_text()
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
    return environment.from_string(template).render(
        claims=claims(),
        run=default_run(),
        people=people(),
        recipes=captioned(DEFAULT / "as-published.csv"),
        kinematics=captioned(SEEDS / "kinematics.csv"),
        factorial=captioned(SEEDS / "factorial.csv"),
        domains=domains(),
        costs=costs(),
        search=(ARTICLE / "log.md").read_text().strip(),
    )


if __name__ == "__main__":
    (ARTICLE / "index.md").write_text(build())
    print(ARTICLE / "index.md")
