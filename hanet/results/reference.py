"""Committed reference of an experiment's results, and whether a run agrees with it.

Rows without training are fixed: they agree within `FIXED_TOLERANCE`. Trained rows differ between seeds and
processors by rounding that training magnifies: each run has to lie within the row's band, the interval that
holds a further run with a probability of 99 %, as the runs behind the reference differ.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field
from scipy.special import stdtrit

from hanet.results.columns import measured
from hanet.results.records import Record

FIXED_TOLERANCE = 0.01
"""Millimetres, of PCK percentage points."""
LEAST_RUNS = 5
"""Runs of a trained row that a band needs."""
LEAST_REACH = 0.1
"""A band reaches at least as far to each side of its mean: millimetres, of PCK percentage points."""


class ReferenceRow(Record):
    """What is expected of a row: a value, or the band that holds each run of a trained row."""

    value: float
    low: float | None = None
    high: float | None = None
    runs: int = Field(ge=1)


class Reference(Record):
    """Expected results of an experiment by row, in the unit of `metric`, and what they were measured with."""

    experiment: str
    metric: str
    unit: str
    params_sha256: str
    rows: dict[str, ReferenceRow] = Field(min_length=1)
    provenance: dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """Whether a row agrees with the reference.

    Attributes:
        row: its name.
        ok: True where all its runs agree.
        found: its runs' values; empty where it was not run.
        expected: in words.
    """

    row: str
    ok: bool
    found: tuple[float, ...]
    expected: str

    def line(self, unit: str) -> str:
        """One line for a terminal."""
        found = ", ".join(f"{value:.2f}" for value in self.found) or "not run"
        return f"{'ok  ' if self.ok else 'FAIL'}  {self.row}: {found} {unit}, expected {self.expected}"


def band(values: Sequence[float]) -> tuple[float, float]:
    """The interval that holds one more run with a probability of 99 %, from runs of a normal distribution.

    Raises:
        ValueError: fewer than `LEAST_RUNS` runs.
    """
    n = len(values)
    if n < LEAST_RUNS:
        raise ValueError(f"a band needs at least {LEAST_RUNS} runs, got {n}; train with more seeds")
    mean, sd = float(np.mean(values)), float(np.std(values, ddof=1))
    reach = max(LEAST_REACH, float(stdtrit(n - 1, 0.995)) * sd * math.sqrt(1 + 1 / n))
    return mean - reach, mean + reach


def build(
    experiment: str,
    runs: Sequence[Mapping[str, Any]],
    scores: Mapping[str, Any],
    *,
    params_sha256: str,
    provenance: Mapping[str, Any],
) -> Reference:
    """A reference from runs, as stage evaluate lists them; of several machines where they were put together.

    Raises:
        ValueError: a trained row has too few runs; the message names it.
    """
    _, column = measured(scores)
    rows = {}
    for method, values in _by_method(runs, column.key, column.scale).items():
        trained = any(run["seed"] is not None for run in runs if run["method"] == method)
        try:
            low, high = band(values) if trained else (None, None)
        except ValueError as error:
            raise ValueError(f"row {method}: {error}") from None
        ends = {} if low is None or high is None else {"low": round(low, 3), "high": round(high, 3)}
        rows[method] = ReferenceRow(value=round(float(np.mean(values)), 4), runs=len(values), **ends)
    return Reference(
        experiment=experiment,
        metric=column.key,
        unit=column.unit,
        params_sha256=params_sha256,
        rows=rows,
        provenance=dict(provenance),
    )


def compare(reference: Reference, runs: Sequence[Mapping[str, Any]]) -> Iterator[Verdict]:
    """The verdict on each row of the reference; rows that it lacks are left out."""
    scale = 100.0 if reference.unit == "%" else 1.0
    found = _by_method(runs, reference.metric, scale)
    for name, row in reference.rows.items():
        values = tuple(found.get(name, ()))
        if row.low is None or row.high is None:
            low, high = row.value - FIXED_TOLERANCE, row.value + FIXED_TOLERANCE
            expected = f"{row.value:.2f} ± {FIXED_TOLERANCE}"
        else:
            low, high = row.low, row.high
            expected = f"{low:.2f} to {high:.2f}"
        ok = bool(values) and all(low - 1e-9 <= value <= high + 1e-9 for value in values)
        yield Verdict(name, ok, values, expected)


def _by_method(runs: Sequence[Mapping[str, Any]], metric: str, scale: float) -> dict[str, list[float]]:
    """Values of a metric by method, in the order of runs."""
    found: dict[str, list[float]] = {}
    for run in runs:
        if "mean" in run["metrics"].get(metric, ()):
            found.setdefault(run["method"], []).append(scale * run["metrics"][metric]["mean"])
    return found
