"""Tables as plain values: an experiment's scores by row, with intervals, a test against the row above, and
published figures. `hanet.results.rendering` shows them.

Axes: R seeds, S sequences, K columns of a metric (joints, or one).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from hanet.metrics import paired_difference
from hanet.results.options import Evaluate, Table


@dataclass(frozen=True)
class Column:
    """A metric as a column of a table."""

    key: str
    label: str
    unit: str
    digits: int = 2
    lower_is_better: bool = True

    @property
    def scale(self) -> float:
        """Factor from scores to `unit`."""
        return 100.0 if self.unit == "%" else 1.0


COLUMNS = (
    Column("mpjpe_mm", "MPJPE", "mm"),
    Column("pa_mpjpe_mm", "PA-MPJPE", "mm"),
    Column("mpvpe_mm", "MPVPE", "mm"),
    Column("mpvpe_pelvis_mm", "MPVPE, pelvis aligned", "mm"),
    Column("accel_mm_per_frame2", "Accel", "mm/frame²"),
    Column("accel_m_per_s2", "Accel", "m/s²"),
    Column("mpjpe_fast5_mm", "MPJPE, fastest 5%", "mm"),
    Column("pck_005", "PCK@.05", "%", lower_is_better=False),
    Column("pck_010", "PCK@.1", "%", lower_is_better=False),
    Column("pck_020", "PCK@.2", "%", lower_is_better=False),
    Column("accel_px_per_frame2", "Accel", "px/frame²"),
    Column("map", "mAP", "%", lower_is_better=False),
)
"""Metrics of 3D joints, then of keypoints; a table has the columns that were measured."""
COMPARED = ("mpjpe_mm", "pck_010")
"""A row is tested against the one above by the first of these metrics that was measured."""


def measured(scores: Mapping[str, Any]) -> tuple[list[Column], Column]:
    """Columns that any method has a score for, and the column that rows are compared by."""
    there = [c for c in COLUMNS if any("mean" in row.get(c.key, ()) for row in scores.values())]
    return there, next(column for key in COMPARED for column in there if column.key == key)


class Tallies:
    """Tallies that evaluate wrote: totals and weights of each method, metric and seed."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame
        self._groups = dict(iter(frame.groupby(["method", "metric"], sort=False)))

    def of(self, method: str, metric: str) -> tuple[Float[np.ndarray, "R S K"], Float[np.ndarray, "S K"]]:
        """Totals by seed, and weights, which are the same for all seeds; sequences in order of evaluation."""
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
    """Build the table as plain values; None if fewer than two of its rows were run.

    Shares are in percent, as in publications.
    """
    present = [row for row in table.rows if row in scores]
    if len(present) < 2:
        return None
    above = dict(zip(present[1:], present, strict=False))
    columns, compared = measured(scores)
    rows = []
    for method, label in table.rows.items():
        published = table.published.rows.get(method, {}) if table.published else {}
        row = {"method": method, "label": label, "status": "missing", "published": published}
        if method in scores:
            entry = scores[method]
            row |= {
                "status": "run",
                **{key: entry[key] for key in ("seeds", "observed", "frames", "sequences")},
                "cells": {c.key: _scaled(entry[c.key], c) for c in columns if "mean" in entry.get(c.key, ())},
                "against_above": _against(method, above.get(method), compared, tallies, options),
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
        "published": table.published.model_dump(exclude={"rows"}, exclude_defaults=True)
        if table.published
        else None,
        "rows": rows,
        **({"leak": provenance["leak"]} if provenance["leak"] else {}),
    }


def _scaled(cell: Mapping[str, float], column: Column) -> dict[str, float]:
    return {part: round(column.scale * value, 4) for part, value in cell.items()}


def _against(
    method: str, above: str | None, compared: Column, tallies: Tallies, options: Evaluate
) -> dict[str, Any] | None:
    if above is None:
        return None
    totals, weights = tallies.of(method, compared.key)
    others, _ = tallies.of(above, compared.key)
    found = paired_difference(totals, others, weights, resamples=options.resamples, seed=options.seed)
    ends = {"low": compared.scale * found.low, "high": compared.scale * found.high, "p": found.p}
    return {
        "row": above,
        "difference": round(compared.scale * found.mean, 4),
        **{key: round(value, 4) for key, value in ends.items() if math.isfinite(value)},
    }
