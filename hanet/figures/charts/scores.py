"""Scores of methods with intervals: against the share of frames read, and as a ranking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, PercentFormatter, StrMethodFormatter

from hanet.figures.style import BAND, WIDTH, MethodStyle, method_styles, styled

METRICS = {
    "mpjpe_mm": "MPJPE (mm)",
    "mpvpe_mm": "MPVPE (mm)",
    "accel_mm_per_frame2": "Accel (mm/frame²)",
    "pck_005": "PCK@0.05",
    "accel_px_per_frame2": "Accel (px/frame²)",
}
"""Metrics to draw, with their labels: a position metric and Accel for each kind of poses."""


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval, if there is one."""

    mean: float
    low: float | None = None
    high: float | None = None

    @property
    def reach(self) -> Float[np.ndarray, "2 1"] | None:
        """Distances to the interval's ends, as matplotlib's error bars need them."""
        if self.low is None or self.high is None:
            return None
        return np.array([[max(self.mean - self.low, 0.0)], [max(self.high - self.mean, 0.0)]])


@dataclass(frozen=True)
class MethodScores:
    """One method's scores.

    Attributes:
        observed: share of frames that it reads, in [0, 1].
        metrics: estimates by metric.
    """

    observed: float
    metrics: Mapping[str, Estimate]

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> MethodScores:
        """Read a method's entry of the pipeline's ``scores.json``; metrics not in `METRICS` are ignored.

        Raises:
            ValueError: a field is missing.
        """
        try:
            cells = {name: row[name] for name in METRICS if name in row}
            metrics = {
                name: Estimate(**{end: float(cell[end]) for end in ("mean", "low", "high") if end in cell})
                for name, cell in cells.items()
            }
            return cls(observed=float(row["observed"]), metrics=metrics)
        except (KeyError, TypeError) as error:
            raise ValueError(f"expected a method's observed and its metrics' means, got {row!r}") from error


@styled
def budget(scores: Mapping[str, MethodScores]) -> Figure:
    """Draw errors against the share of frames read, with 95 % intervals.

    Raises:
        ValueError: no methods, or no metric that all methods have.
    """
    styles = method_styles(scores)
    metrics = shared_metrics(scores)
    figure = Figure(figsize=(WIDTH, 3.3 * len(metrics) + 0.4), layout="constrained")
    grid = figure.subplots(len(metrics), 1, sharex=True, squeeze=False)[:, 0]
    for axes, metric in zip(grid, metrics, strict=True):
        estimates = [row.metrics[metric] for row in scores.values()]
        logarithmic, limits = _value_range(metric, estimates)
        axes.set(ylabel=METRICS[metric], yscale="log" if logarithmic else "linear", ylim=limits)
        _plain_ticks(axes.yaxis, logarithmic=logarithmic)
        for (name, row), estimate in zip(scores.items(), estimates, strict=True):
            _point(axes, styles[name], row.observed, estimate.mean, yerr=estimate.reach, main=name == "hanet")
        axes.grid(axis="y")
        axes.spines.bottom.set_bounds(0, 1)
    # Room to the right for the names of methods that read every frame.
    grid[-1].set(xlim=(0, 1.3), xticks=[0, 0.2, 0.4, 0.6, 0.8, 1.0], xlabel="frames read")
    grid[-1].xaxis.set_major_formatter(PercentFormatter(1.0))
    grid[-1].xaxis.label.set(x=0.5 / 1.3)
    figure.align_ylabels()
    figure.draw_without_rendering()  # names are placed by pixels
    for axes, metric in zip(grid, metrics, strict=True):
        _name_points(axes, scores, metric, dpi=figure.dpi)
    return figure


def _point(
    axes: Axes,
    looks: MethodStyle,
    x: float,
    y: float,
    *,
    main: bool,
    xerr: np.ndarray | None = None,
    yerr: np.ndarray | None = None,
) -> None:
    axes.errorbar(
        x,
        y,
        xerr=xerr,
        yerr=yerr,
        fmt=looks.marker,
        color=looks.colour,
        ms=9 if main else 7,
        mec="white",
        mew=0.8,
        elinewidth=1.8,
        zorder=4 if main else 3,
    )


def _name_points(axes: Axes, scores: Mapping[str, MethodScores], metric: str, *, dpi: float) -> None:
    """Write names to the right of their points, moved apart where they would overlap."""
    styles = method_styles(scores)
    gap = 0.15 * dpi
    for observed in sorted({row.observed for row in scores.values()}):
        names = [name for name, row in scores.items() if row.observed == observed]
        points = [(observed, scores[name].metrics[metric].mean) for name in names]
        heights = axes.transData.transform(points)[:, 1]
        low, high = axes.bbox.y0 + gap / 2, axes.bbox.y1 - gap / 2
        places = apart(heights, gap=gap, low=low, high=high)
        for name, point, height, place in zip(names, points, heights, places, strict=True):
            y = axes.transData.inverted().transform((0.0, place))[1]
            line = {"arrowstyle": "-", "lw": 0.7, "color": styles[name].colour, "shrinkA": 1, "shrinkB": 4}
            axes.annotate(
                styles[name].label,
                point,
                xytext=(observed + 0.04, y),
                va="center",
                fontsize=9,
                weight="bold" if name == "hanet" else "normal",
                arrowprops=line if abs(place - height) > 1.0 else None,
                annotation_clip=False,
            )


def apart(wanted: Float[np.ndarray, " N"], *, gap: float, low: float, high: float) -> Float[np.ndarray, " N"]:
    """Positions nearest (least squares) to `wanted` that are a `gap` apart and within `low` and `high`.

    The gap shrinks if there is not enough room. Equal positions keep their order.
    """
    order = np.argsort(wanted, kind="stable")
    gap = min(gap, (high - low) / max(len(wanted) - 1, 1))
    offsets = gap * np.arange(len(wanted))
    # Without the offsets, positions must not decrease: isotonic regression, by pooling adjacent violators.
    blocks: list[tuple[float, int]] = []
    for value in wanted[order] - offsets:
        total, count = float(value), 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / count:
            last = blocks.pop()
            total, count = total + last[0], count + last[1]
        blocks.append((total, count))
    level = np.concatenate([np.full(count, total / count) for total, count in blocks]) if blocks else offsets
    places = np.empty(len(wanted))
    places[order] = np.clip(level, low, high - (offsets[-1] if len(offsets) else 0.0)) + offsets
    return places


@styled
def comparison(scores: Mapping[str, MethodScores]) -> Figure:
    """Draw the mean of each method with its 95 % interval, best on top; a dotted line marks the input.

    Raises:
        ValueError: no methods, or no metric that all methods have.
    """
    metrics = shared_metrics(scores)
    higher = metrics[0].startswith("pck")
    # From the bottom up, so the best is on top.
    names = sorted(scores, key=lambda name: (scores[name].metrics[metrics[0]].mean, name), reverse=not higher)
    styles = method_styles(names)
    figure = Figure(figsize=(WIDTH, 0.34 * len(names) + 1.0), layout="constrained")
    grid = figure.subplots(1, len(metrics), sharey=True, squeeze=False)[0]
    for axes, metric in zip(grid, metrics, strict=True):
        logarithmic, limits = _value_range(metric, [row.metrics[metric] for row in scores.values()])
        axes.set(xlabel=METRICS[metric], xscale="log" if logarithmic else "linear", xlim=limits)
        _plain_ticks(axes.xaxis, logarithmic=logarithmic)
        if "input" in scores:
            axes.axvline(scores["input"].metrics[metric].mean, color="#999999", ls=":", lw=1.2)
        for y, name in enumerate(names):
            estimate = scores[name].metrics[metric]
            _point(axes, styles[name], estimate.mean, float(y), xerr=estimate.reach, main=name == "hanet")
            text = f"{estimate.mean:.3f}" if metric.startswith("pck") else f"{estimate.mean:.1f}"
            weight = "bold" if name == "hanet" else "normal"
            axes.text(
                1.02, y, text, transform=axes.get_yaxis_transform(), va="center", fontsize=9.5, weight=weight
            )
        axes.set_yticks(range(len(names)), [styles[name].label for name in names])
        axes.set_ylim(-0.6, len(names) - 0.4)
        axes.spines.left.set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")
        for y in range(0, len(names), 2):
            axes.axhspan(y - 0.5, y + 0.5, color=BAND, lw=0, zorder=0)
    for name, label in zip(names, grid[0].get_yticklabels(), strict=True):
        label.set_weight("bold" if name == "hanet" else "normal")
    return figure


def shared_metrics(scores: Mapping[str, MethodScores]) -> list[str]:
    """The metrics of `METRICS` that all methods have.

    Raises:
        ValueError: there are none.
    """
    found = [name for name in METRICS if scores and all(name in row.metrics for row in scores.values())]
    if not found:
        raise ValueError(f"{len(scores)} methods share none of the metrics {', '.join(METRICS)}")
    return found


def _value_range(metric: str, estimates: Sequence[Estimate]) -> tuple[bool, tuple[float, float]]:
    """Whether the scale is logarithmic (for Accel with a range above a factor of ten), and its limits."""
    means = [estimate.mean for estimate in estimates]
    highest = max(e.mean if e.high is None else e.high for e in estimates)
    if metric.startswith("accel") and min(means) > 0 and max(means) > 10 * min(means):
        return True, (min(means) / 1.6, highest * 1.4)
    return False, (0.0, 1.08 * highest if highest > 0 else 1.0)


def _plain_ticks(axis: Axis, *, logarithmic: bool) -> None:
    """Label ticks 0.3, 1, 3 and 10 instead of powers of ten."""
    if logarithmic:
        axis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_formatter(NullFormatter())
