"""Errors of several methods over one sequence, as in Figure 2 of HANet's supplement."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import StrMethodFormatter

from hanet.figures.charts.errors import error_prone_spans, errors, running_mean
from hanet.figures.style import WIDTH, method_styles, styled
from hanet.poses.sequence import PoseSequence

ACCEL_SECONDS = 0.25
"""Window of the centred mean that is drawn of Accel; single frames are too noisy to show the level."""
_SPAN = "#FFF1CC"


@styled
def curves(gt: PoseSequence, methods: Mapping[str, PoseSequence], *, marked: str = "input") -> Figure:
    """Draw position errors per frame (above) and acceleration errors (below) over time.

    The error-prone spans of the method `marked` are shaded (see `errors.error_prone_spans`). The legend shows
    each method's mean over the sequence. Accel is smoothed over `ACCEL_SECONDS` and on a logarithmic scale,
    because an estimator's is often thirty times that of a refined sequence.

    Args:
        gt: 3D joints (errors in mm, roots aligned) or keypoints (px).
        methods: poses by method, in the order of the legend.

    Raises:
        ValueError: no methods, or poses that do not pair up with the ground truth.
    """
    if not methods:
        raise ValueError("nothing to draw: expected the poses of at least one method")
    found = {name: errors(gt, poses) for name, poses in methods.items()}
    styles = method_styles(methods)
    unit = next(iter(found.values())).unit
    seconds = gt.frames / gt.fps
    figure = Figure(figsize=(WIDTH, 5.2), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    for name, error in found.items():
        looks = {"color": styles[name].colour, "lw": 1.0 if name == "input" else 1.5}
        looks["zorder"] = 2 if name == "input" else 3
        label = styles[name].label
        above.plot(seconds, error.frames, label=_label(label, error.frames), **looks)
        smooth = running_mean(error.accel, round(ACCEL_SECONDS * gt.fps))
        below.plot(seconds, smooth, label=_label(label, error.accel), **looks)
    spans = error_prone_spans(found[marked].frames, fps=gt.fps) if marked in found else []
    name = "MPJPE" if gt.representation == "3d" else "mean error"
    above.set_ylabel(f"{name} ({unit})")
    above.set_ylim(bottom=0)
    below.set_ylabel(f"Accel ({unit}/frame²)")
    below.set_yscale("log")
    below.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    below.set_xlabel("time (s)")
    below.set_xlim(seconds[0], seconds[-1] if len(gt) > 1 else seconds[0] + 1 / gt.fps)
    for axes in (above, below):
        axes.grid(axis="y")
        for span in spans:
            axes.axvspan(seconds[span.start], seconds[span.stop - 1], color=_SPAN, lw=0, zorder=0)
    _legend(above, f"worst spans\nof the {styles[marked].label}" if spans else None)
    _legend(below, None)
    figure.align_ylabels()
    return figure


def _label(label: str, values: Float[np.ndarray, " T"]) -> str:
    here = values[np.isfinite(values)]
    return f"{label}  {here.mean():.1f}" if len(here) else label


def _legend(axes: Axes, spans: str | None) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if spans:
        handles, labels = [*handles, Patch(color=_SPAN)], [*labels, spans]
    legend = axes.legend(
        handles,
        labels,
        title="mean of the sequence",
        loc="upper left",
        bbox_to_anchor=(1.0, 1.04),
        alignment="left",
    )
    for line in legend.get_lines():
        line.set_linewidth(3)
