"""Tables over several experiments, e.g. the mean over the official splits of a data set.

A group of experiments has one row per method: the mean of their scores, and the standard deviation between
them. A group of one experiment shows an alternative for comparison. Tables have the form of
`hanet.results.tables`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hanet.files.json_text import read_json
from hanet.metrics import mean_sd
from hanet.results.columns import Column, measured
from hanet.results.options import Summary

SEEN = Column("test_clips_seen", "test clips seen in training", "%", digits=1)
"""Share of the test split's clips, counted with repeats, that are also training clips."""


@dataclass(frozen=True)
class Result:
    """One experiment's results.

    Attributes:
        scores: by method and metric, as `stages.evaluate` wrote them.
        provenance: their provenance.
        seen: share of the test clips that are training clips, in [0, 1]; None if unknown.
    """

    scores: Mapping[str, Any]
    provenance: Mapping[str, Any]
    seen: float | None


def read(folder: Path, report: Path) -> Result:
    """Read what evaluate wrote to `folder` and ingest to `report`.

    Raises:
        ValueError: naming missing files.
    """
    paths = (folder / "scores.json", folder / "provenance.json", report)
    if missing := [str(path) for path in paths if not path.is_file()]:
        raise ValueError(f"{', '.join(missing)} missing; run dvc repro")
    scores, provenance, ingested = (read_json(Path(path), dict, remedy="run dvc repro") for path in paths)
    return Result(scores, provenance, ingested.get(SEEN.key))


def missing(summary: Summary, run: Sequence[str]) -> dict[str, list[str]]:
    """Experiments that are not run, by group; empty if all are run."""
    lacking = {name: [e for e in group if e not in run] for name, group in summary.over.items()}
    return {name: experiments for name, experiments in lacking.items() if experiments}


def build(name: str, summary: Summary, results: Mapping[str, Result]) -> dict[str, Any]:
    """Build the table as plain values, in the form of `hanet.results.tables.build`.

    Args:
        name: name of the table.
        summary: its options.
        results: by experiment; rows of a group with a missing experiment are marked as not run.

    Raises:
        ValueError: the experiments were scored under different protocols.
    """
    groups = {
        label: [results[e] for e in names]
        for label, names in summary.over.items()
        if all(e in results for e in names)
    }
    used = [result for group in groups.values() for result in group]
    protocols = sorted({result.provenance["protocol"] for result in used})
    if len(protocols) > 1:
        raise ValueError(f"summary {name}: scored under {' and '.join(protocols)}; run dvc repro")
    columns, compared = measured({key: row for result in used for key, row in result.scores.items()})
    columns = [*columns, SEEN]
    rows = [
        _row(summary, method, group, groups.get(group), columns)
        for method in summary.rows
        for group in summary.over
    ]
    leaks = {label: _leak(group) for label, group in groups.items()}
    leak = ". ".join(f"{label}: {text}" for label, text in leaks.items() if text)
    return {
        "name": name,
        "title": summary.title,
        "note": summary.note,
        "experiment": ", ".join(e for label in groups for e in summary.over[label]),
        "protocol": protocols[0],
        "columns": [asdict(column) for column in columns],
        "compared": compared.key,
        "published": summary.published.model_dump(exclude={"rows", "group"}, exclude_defaults=True)
        if summary.published
        else None,
        "rows": rows,
        "basis": _basis(summary, groups),
        **({"leak": leak} if leak else {}),
    }


def _row(
    summary: Summary, method: str, group: str, results: Sequence[Result] | None, columns: Sequence[Column]
) -> dict[str, Any]:
    published = summary.published
    row = {
        "method": f"{method}, {group}",
        "label": f"{summary.rows[method]}, {group}",
        "status": "missing",
        "published": published.rows.get(method, {}) if published and published.group == group else {},
    }
    entries = [result.scores[method] for result in results or () if method in result.scores]
    if not results or len(entries) < len(results):
        return row
    values = {
        column.key: [entry[column.key]["mean"] for entry in entries]
        for column in columns
        if all("mean" in entry.get(column.key, ()) for entry in entries)
    }
    if all(result.seen is not None for result in results):
        values[SEEN.key] = [result.seen for result in results]
    scale = {column.key: column.scale for column in columns}
    leak = _leak(results)
    return row | {
        "status": "run",
        "label": row["label"] + (" (leaks)" if leak else ""),
        "seeds": entries[0]["seeds"],
        "observed": entries[0]["observed"],
        "frames": sum(entry["frames"] for entry in entries),
        "sequences": sum(entry["sequences"] for entry in entries),
        "cells": {key: _cell([scale[key] * value for value in each]) for key, each in values.items()},
        "against": None,
        **({"leak": leak} if leak else {}),
    }


def _cell(values: Sequence[float]) -> dict[str, float]:
    mean, sd = mean_sd(values)
    return {"mean": round(mean, 4)} | ({"sd": round(sd, 4)} if len(values) > 1 else {})


def _leak(results: Sequence[Result]) -> str | None:
    """Distinct texts only: experiments on one data set have the same leak."""
    return ". ".join(dict.fromkeys(r.provenance["leak"] for r in results if r.provenance["leak"])) or None


def _basis(summary: Summary, groups: Mapping[str, Sequence[Result]]) -> str:
    """Describe data and protocol in sentences."""
    parts = []
    for label, results in groups.items():
        hashes = ", ".join(result.provenance["data_sha256"]["ground_truth"][:12] for result in results)
        names = ", ".join(summary.over[label])
        parts.append(f"{label}: {names} (ground truth, SHA-256: {hashes})")
    first = next(iter(groups.values()))[0].provenance
    return (
        f"Rows by group of experiments. {'; '.join(parts)}. Estimator {first['estimator']}, protocol "
        f"{first['protocol']}. A mean is over a group's experiments, each the mean over its seeds; ± is the "
        "standard deviation between experiments."
    )
