"""Scores of many methods: against the share of frames read, by joint, and side by side with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, PercentFormatter, StrMethodFormatter

from hanet.figures.style import LIGHT, WIDTH, method_styles, styled

METRICS = {
    "mpjpe_mm": "MPJPE (mm)",
    "accel_mm_per_frame2": "Accel (mm/frame²)",
    "pck_005": "PCK@0.05",
    "accel_px_per_frame2": "Accel (px/frame²)",
}
"""Metrics that are drawn, with their names; of each kind of poses a position metric and Accel."""
_BODY = (
    *("head_top", "head", "face", "eye", "ear", "nose", "upper_neck", "neck", "head_bottom", "thorax", "collar"),
    *("shoulder", "elbow", "wrist", "hand", "spine3", "spine2", "spine1", "spine", "belly", "pelvis"),
    *("hip", "knee", "ankle", "heel", "foot", "big_toe", "small_toe"),
)
"""Parts of the body from head to foot."""


@dataclass(frozen=True)
class Estimate:
    """A mean and, where there is one, its 95 % interval."""

    mean: float
    low: float | None = None
    high: float | None = None

    @property
    def reach(self) -> Float[np.ndarray, "2 1"] | None:
        """Distances to the interval's ends, as matplotlib's error bars want them."""
        if self.low is None or self.high is None:
            return None
        return np.array([[max(self.mean - self.low, 0.0)], [max(self.high - self.mean, 0.0)]])


@dataclass(frozen=True)
class MethodScores:
    """One method's scores.

    Attributes:
        observed: share of the frames that it reads.
        metrics: estimates by metric.
    """

    observed: float
    metrics: Mapping[str, Estimate]

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> MethodScores:
        """From a method's entry in the pipeline's ``scores.json``; metrics without a name here are left out.

        Raises:
            ValueError: where a field is missing.
        """
        try:
            cells = {name: row[name] for name in METRICS if name in row}
            metrics = {n: Estimate(c["mean"], c.get("low"), c.get("high")) for n, c in cells.items()}
            return cls(observed=row["observed"], metrics=metrics)
        except (KeyError, TypeError) as error:
            raise ValueError(f"expected a method's observed and its metrics' means, got {row!r}") from error


@styled
def budget(scores: Mapping[str, MethodScores]) -> Figure:
    """Each method's errors against the share of frames it reads, with 95 % intervals.

    Raises:
        ValueError: where there are no methods or no metric that all of them have.
    """
    styles = method_styles(scores)
    metrics = shared_metrics(scores)
    figure = Figure(figsize=(WIDTH, 4.3), layout="constrained")
    for axes, metric in zip(figure.subplots(1, len(metrics), squeeze=False)[0], metrics, strict=True):
        _value_axis(axes.yaxis, metric, [row.metrics[metric] for row in scores.values()])
        for name, row in scores.items():
            looks = styles[name]
            estimate = row.metrics[metric]
            axes.errorbar(
                row.observed,
                estimate.mean,
                yerr=estimate.reach,
                fmt=looks.marker,
                color=looks.colour,
                ms=8 if name == "hanet" else 6.5,
                mec="white",
                mew=0.8,
                elinewidth=1.5,
                zorder=4 if name == "hanet" else 3,
            )
        # Room to the right for the names of methods that read every frame.
        axes.set_xlim(0, 1.62)
        axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
        axes.xaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_xlabel("frames read")
        axes.xaxis.set_label_coords(0.5 / 1.62, -0.1)
        axes.spines.bottom.set_bounds(0, 1)
        axes.grid(axis="y")
        figure.draw_without_rendering()
        _name_points(axes, scores, metric)
    return figure


def _name_points(axes: Axes, scores: Mapping[str, MethodScores], metric: str) -> None:
    """Names to the right of their points, moved apart where points of one share would have them overlap."""
    styles = method_styles(scores)
    to_pixels = axes.transData
    gap = 15.0 * axes.get_figure(root=True).dpi / 100
    for observed in sorted({row.observed for row in scores.values()}):
        names = [name for name, row in scores.items() if row.observed == observed]
        heights = to_pixels.transform([(observed, scores[n].metrics[metric].mean) for n in names])[:, 1]
        low, high = axes.bbox.y0, axes.bbox.y1
        places = apart(heights, gap=gap, low=low + gap / 2, high=high - gap / 2)
        for name, height, place in zip(names, heights, places, strict=True):
            y = to_pixels.inverted().transform((0.0, place))[1]
            moved = abs(place - height) > 1.0
            axes.annotate(
                styles[name].label,
                (observed, scores[name].metrics[metric].mean),
                xytext=(observed + 0.09, y),
                textcoords="data",
                va="center",
                fontsize=9,
                color="black",
                weight="bold" if name == "hanet" else "normal",
                arrowprops={"arrowstyle": "-", "lw": 0.7, "color": styles[name].colour, "shrinkA": 1, "shrinkB": 4}
                if moved
                else None,
                annotation_clip=False,
            )


def apart(
    wanted: Float[np.ndarray, " N"], *, gap: float, low: float, high: float
) -> Float[np.ndarray, " N"]:
    """Places nearest (least squares) to those wanted that keep a `gap` and stay within `low` and `high`.

    Where there is not room for all, the gap shrinks. Equal wishes keep their order.
    """
    order = np.argsort(wanted, kind="stable")
    gap = min(gap, (high - low) / max(len(wanted) - 1, 1))
    offsets = gap * np.arange(len(wanted))
    # Without the offsets the constraint is that places do not fall: isotonic regression, by pooling.
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
    """Every method's mean with its 95 % interval, the best at the top; a dotted line at the input.

    Raises:
        ValueError: where there are no methods or no metric that all of them have.
    """
    metrics = shared_metrics(scores)
    higher = metrics[0].startswith("pck")
    # From the bottom up, so that the best is at the top.
    names = sorted(scores, key=lambda name: (scores[name].metrics[metrics[0]].mean, name), reverse=not higher)
    styles = method_styles(names)
    figure = Figure(figsize=(WIDTH, 0.34 * len(names) + 1.0), layout="constrained")
    grid = figure.subplots(1, len(metrics), sharey=True, squeeze=False)[0]
    for axes, metric in zip(grid, metrics, strict=True):
        _value_axis(axes.xaxis, metric, [row.metrics[metric] for row in scores.values()])
        if "input" in scores:
            axes.axvline(scores["input"].metrics[metric].mean, color="#999999", ls=":", lw=1.2)
        for y, name in enumerate(names):
            estimate, looks = scores[name].metrics[metric], styles[name]
            axes.errorbar(
                estimate.mean,
                y,
                xerr=estimate.reach,
                fmt=looks.marker,
                color=looks.colour,
                ms=7.5,
                mec="white",
                mew=0.8,
                elinewidth=2.0,
                capsize=0,
            )
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
            axes.axhspan(y - 0.5, y + 0.5, color="#F7F7F7", lw=0, zorder=0)
    for name, label in zip(names, grid[0].get_yticklabels(), strict=True):
        label.set_weight("bold" if name == "hanet" else "normal")
    return figure


@styled
def by_joint(errors: Mapping[str, Mapping[str, float]], *, label: str = "MPJPE (mm)") -> Figure:
    """Each method's error at each joint, from head to foot; joints where all are zero (the root) left out.

    Args:
        errors: error by joint, by method.
        label: what the errors are, with the unit.

    Raises:
        ValueError: where there are no methods, or they have different joints.
    """
    if not errors:
        raise ValueError("nothing to draw: expected the errors of at least one method")
    first, *others = errors
    for name in others:
        if errors[name].keys() != errors[first].keys():
            raise ValueError(f"{name} has other joints than {first}: give all methods' errors on one skeleton")
    joints = body_order([joint for joint in errors[first] if any(row[joint] for row in errors.values())])
    styles = method_styles(errors)
    figure = Figure(figsize=(WIDTH, 0.29 * len(joints) + 1.4), layout="constrained")
    axes = figure.subplots()
    for y in range(0, len(joints), 2):
        axes.axhspan(y - 0.5, y + 0.5, color="#F7F7F7", lw=0, zorder=0)
    spread = np.array([[row[joint] for joint in joints] for row in errors.values()])
    axes.hlines(range(len(joints)), spread.min(axis=0), spread.max(axis=0), color="#DDDDDD", lw=2, zorder=1)
    for name, values in zip(errors, spread, strict=True):
        looks = styles[name]
        axes.plot(
            values,
            range(len(joints)),
            ls="",
            marker=looks.marker,
            color=looks.colour,
            ms=8 if name == "hanet" else 6.5,
            mec="white",
            mew=0.7,
            label=looks.label,
            zorder=4 if name == "hanet" else 3,
        )
    axes.set_yticks(range(len(joints)), [joint_label(joint) for joint in joints])
    axes.set_ylim(len(joints) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.set_xlabel(label)
    axes.grid(axis="x")
    axes.spines.left.set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.legend(loc="outside upper center", ncols=min(len(errors), 5), columnspacing=1.2, handletextpad=0.2)
    return figure


def body_order(joints: Sequence[str]) -> list[str]:
    """Joints from head to foot, left beside right; unknown parts at the end, in the order given."""

    def place(joint: str) -> int:
        part = joint[2:] if joint[:2] in ("l_", "r_") else joint
        return _BODY.index(part) if part in _BODY else len(_BODY)

    return sorted(joints, key=lambda joint: (place(joint), joint if place(joint) < len(_BODY) else ""))


def joint_label(joint: str) -> str:
    """A joint's name in words, e.g. ``left wrist``."""
    side = {"l_": "left ", "r_": "right "}.get(joint[:2], "")
    return side + joint[2 if side else 0 :].replace("_", " ")


def shared_metrics(scores: Mapping[str, MethodScores]) -> list[str]:
    """The metrics of `METRICS` that every method has.

    Raises:
        ValueError: where there are none.
    """
    found = [name for name in METRICS if scores and all(name in row.metrics for row in scores.values())]
    if not found:
        raise ValueError(f"{len(scores)} methods share none of the metrics {', '.join(METRICS)}")
    return found


def _value_axis(axis: Any, metric: str, estimates: Sequence[Estimate]) -> None:
    """An error axis from zero, logarithmic for Accel if its values span more than a factor of ten."""
    axis.set_label_text(METRICS[metric])
    means = [estimate.mean for estimate in estimates]
    ends = [e.high if e.high is not None else e.mean for e in estimates]
    limits = (0.0, 1.08 * max(max(ends), 1e-9))
    if metric.startswith("accel") and min(means) > 0 and max(means) > 10 * min(means):
        axis._set_axes_scale("log")
        axis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_formatter(NullFormatter())
        limits = (min(means) / 1.6, max(ends) * 1.4)
    vertical = axis.axis_name == "y"
    (axis.axes.set_ylim if vertical else axis.axes.set_xlim)(*limits)
