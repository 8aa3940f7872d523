"""Tables as plain values: an experiment's scores by row, with intervals, tests against the reference row and
published figures. `hanet.results.rendering` shows them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from hanet.metrics.clusters import Clusters
from hanet.metrics.statistics import LEAST_CLUSTERS, Difference, holm, paired_difference
from hanet.results.columns import Column, measured
from hanet.results.options import Evaluate, Table
from hanet.results.tallies import Tallies


def build(
    name: str,
    table: Table,
    scores: Mapping[str, Any],
    tallies: Tallies,
    provenance: Mapping[str, Any],
    options: Evaluate,
) -> dict[str, Any] | None:
    """Build the table as plain values; None if fewer than two of its rows were run.

    Shares are in percent, as in publications. Each row that was run is compared with the reference row, and
    the p-values of the whole table are adjusted together (Holm).
    """
    present = [row for row in table.rows if row in scores]
    if len(present) < 2:
        return None
    reference = table.reference or next(iter(table.rows))
    columns, compared = measured(scores, table.columns)
    differences = _against(reference, present, compared, tallies, options) if reference in present else {}
    seeds = max(len(scores[row]["seeds"]) for row in present)
    rows = []
    for method, label in table.rows.items():
        published = table.published.rows.get(method, {}) if table.published else {}
        row = {"method": method, "label": label, "status": "missing", "published": published}
        row |= {"deviations": table.deviations[method]} if method in table.deviations else {}
        if method in scores:
            entry = scores[method]
            row |= {
                "status": "run",
                **{key: entry[key] for key in ("seeds", "observed", "frames", "sequences")},
                "cells": {c.key: _scaled(entry[c.key], c) for c in columns if "mean" in entry.get(c.key, ())},
                "against": differences.get(method),
            }
        rows.append(row)
    return {
        "name": name,
        "title": table.title,
        "note": table.note,
        "experiment": provenance["experiment"],
        "protocol": provenance["protocol"],
        "columns": [asdict(column) for column in columns],
        "compared": compared.key,
        "reference": {"method": reference, "label": table.rows[reference]},
        "over": tallies.clusters.words(seeds=seeds),
        "published": table.published.model_dump(exclude={"rows"}, exclude_defaults=True)
        if table.published
        else None,
        "rows": rows,
        **({"leak": provenance["leak"]} if provenance["leak"] else {}),
    }


def _scaled(cell: Mapping[str, float], column: Column) -> dict[str, float]:
    return {part: round(column.scale * value, 4) for part, value in cell.items()}


def _against(
    reference: str, rows: Sequence[str], compared: Column, tallies: Tallies, options: Evaluate
) -> dict[str, dict[str, Any]]:
    """Each row's difference to the reference row, p-values adjusted over all of them."""
    clusters = tallies.clusters
    others, weights = tallies.of(reference, compared.key)
    found = {
        row: paired_difference(
            tallies.of(row, compared.key)[0][None],
            others[None],
            weights,
            clusters.of,
            resamples=options.resamples,
            seed=options.seed,
        )
        for row in rows
        if row != reference
    }
    adjusted = dict(zip(found, holm([one.p for one in found.values()]), strict=True))
    return {row: _difference(one, adjusted[row], compared, clusters) for row, one in found.items()}


def _difference(found: Difference, adjusted: float, compared: Column, clusters: Clusters) -> dict[str, Any]:
    ends = {"low": compared.scale * found.low, "high": compared.scale * found.high}
    numbers = ends | {"p": adjusted, "p_alone": found.p}
    kind = "clips" if clusters.people is None else "people"
    few = {} if clusters.count >= LEAST_CLUSTERS else {"no_p": f"{clusters.count} of {LEAST_CLUSTERS} {kind}"}
    return {
        "difference": round(compared.scale * found.mean, 4),
        **{key: round(value, 4) for key, value in numbers.items() if math.isfinite(value)},
        **few,
    }
