"""Tables as plain values: an experiment's scores by row, each with its interval, its test against the row
above, and figures that others published. `hanet.tables` shows them.

Axes: R seeds, S sequences, K columns of a metric (its joints, or one).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from hanet.metrics import paired_difference
from stages.params import Evaluate, Table


@dataclass(frozen=True)
class Column:
    """A metric as tables show it."""

    key: str
    label: str
    unit: str
    digits: int = 2
    lower_is_better: bool = True


COLUMNS = (
    Column("mpjpe_mm", "MPJPE", "mm"),
    Column("pa_mpjpe_mm", "PA-MPJPE", "mm"),
    Column("accel_mm_per_frame2", "Accel", "mm/frame²"),
    Column("accel_m_per_s2", "Accel", "m/s²"),
    Column("mpjpe_fast5_mm", "MPJPE, fastest 5%", "mm"),
)
COMPARED = "mpjpe_mm"
"""The metric by which a row is tested against the one above."""


class Tallies:
    """What evaluate wrote: for each method and metric totals and weights of its seeds."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame
        self._groups = dict(iter(frame.groupby(["method", "metric"], sort=False)))

    def of(self, method: str, metric: str) -> tuple[Float[np.ndarray, "R S K"], Float[np.ndarray, "S K"]]:
        """Totals by seed, and weights, which all seeds share; sequences in the order of evaluation."""
        group = self._groups[method, metric]
        columns, seeds = (len(group[name].unique()) for name in ("column", "seed"))
        totals, weights = (
            np.reshape(group[name].to_numpy(), (seeds, -1, columns)) for name in ("total", "weight")
        )
        return totals, weights[0]


def build(
    name: str,
    table: Table,
    scores: Mapping[str, Any],
    tallies: Tallies,
    provenance: Mapping[str, Any],
    options: Evaluate,
) -> dict[str, Any] | None:
    """The table as plain values; None where fewer than two of its rows were run."""
    present = [row for row in table.rows if row in scores]
    if len(present) < 2:
        return None
    above = dict(zip(present[1:], present, strict=False))
    rows = []
    for method, label in table.rows.items():
        published = table.published.rows.get(method, {}) if table.published else {}
        row = {"method": method, "label": label, "status": "missing", "published": published}
        if method in scores:
            entry = scores[method]
            row |= {
                "status": "run",
                **{key: entry[key] for key in ("seeds", "observed", "frames", "sequences")},
                "cells": {column.key: entry[column.key] for column in COLUMNS if column.key in entry},
                "against_above": _against(method, above.get(method), tallies, options),
            }
        rows.append(row)
    return {
        "name": name,
        "title": table.title,
        "note": table.note,
        "experiment": provenance["experiment"],
        "protocol": provenance["protocol"],
        "columns": [vars(column) for column in COLUMNS],
        "compared": COMPARED,
        "published": {"on": table.published.on, "source": table.published.source}
        if table.published
        else None,
        "rows": rows,
    }


def _against(method: str, above: str | None, tallies: Tallies, options: Evaluate) -> dict[str, Any] | None:
    if above is None:
        return None
    totals, weights = tallies.of(method, COMPARED)
    others, _ = tallies.of(above, COMPARED)
    found = paired_difference(totals, others, weights, resamples=options.resamples, seed=options.seed)
    ends = {"low": found.low, "high": found.high, "p": found.p}
    return {
        "row": above,
        "difference": round(found.mean, 4),
        **{key: round(value, 4) for key, value in ends.items() if math.isfinite(value)},
    }
