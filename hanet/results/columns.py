"""The columns of tables: metrics, and what a method costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Column:
    """A number of each row as a column of a table."""

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
    Column("bone_length_cv", "bone length CV", "%"),
    Column("foot_slide_mm_per_s", "foot slide", "mm/s", digits=1),
    Column("no_harm", "no harm", "%", digits=1, lower_is_better=False),
    Column("pck_005", "PCK@.05", "%", lower_is_better=False),
    Column("pck_010", "PCK@.1", "%", lower_is_better=False),
    Column("pck_020", "PCK@.2", "%", lower_is_better=False),
    Column("accel_px_per_frame2", "Accel", "px/frame²"),
    Column("map", "mAP", "%", lower_is_better=False),
)
"""Metrics of 3D joints, then of keypoints."""
COSTS = (
    Column("parameters", "parameters", "", digits=0),
    Column("kflops_per_frame", "FLOPs per frame", "k", digits=0),
)
"""What a method costs: numbers to learn, arithmetic in use."""
BY_KIND = tuple(
    Column(f"mpjpe_{kind}_mm", f"MPJPE, {kind}", "mm") for kind in ("clean", "jitter", "burst", "swap")
)
"""Errors by kind of frame; in tables that name them alone."""
SHARES = frozenset({"no_harm", "pck_005", "pck_010", "pck_020", "map"})
"""Metrics that cannot exceed 1; none can be negative."""
COMPARED = ("mpjpe_mm", "pck_010")
"""Rows are compared by the first of these metrics that was measured."""


def possible(key: str, low: float, high: float) -> tuple[float, float]:
    """A metric's interval, cut at the values that the metric can have."""
    return max(low, 0.0), min(high, 1.0) if key in SHARES else high


def measured(scores: Mapping[str, Any], keys: list[str] | None = None) -> tuple[list[Column], Column]:
    """Columns that any method has a number for, and the column that rows are compared by.

    Args:
        scores: by method and metric.
        keys: columns to choose from; None for all but `BY_KIND`. The compared one is always among them.
    """
    found = [
        c
        for c in (*COLUMNS, *COSTS, *BY_KIND)
        if any("mean" in row.get(c.key, ()) for row in scores.values())
    ]
    compared = next(column for key in COMPARED for column in found if column.key == key)
    if keys is None:
        return [column for column in found if column not in BY_KIND], compared
    return [column for column in found if column.key in keys or column is compared], compared
