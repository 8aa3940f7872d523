"""Errors by joint, from head to foot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from hanet.figures.legends import legend_outside
from hanet.figures.style import BAND, WIDTH, method_styles, styled

_BODY = (
    *(
        "head_top",
        "head",
        "face",
        "eye",
        "ear",
        "nose",
        "upper_neck",
        "neck",
        "head_bottom",
        "thorax",
        "collar",
    ),
    *("shoulder", "elbow", "wrist", "hand", "spine3", "spine2", "spine1", "spine", "belly", "pelvis"),
    *("hip", "knee", "ankle", "heel", "foot", "big_toe", "small_toe"),
)
"""Parts of the body, from head to foot."""


@styled
def by_joint(errors: Mapping[str, Mapping[str, float]], *, label: str = "MPJPE (mm)") -> Figure:
    """Draw the error of each method at each joint, without joints where all errors are zero (the root).

    Args:
        errors: error by joint, by method.
        label: name and unit of the errors.

    Raises:
        ValueError: no methods, or methods with different joints.
    """
    if not errors:
        raise ValueError("nothing to draw: expected the errors of at least one method")
    first, *others = errors
    for name in others:
        if errors[name].keys() != errors[first].keys():
            raise ValueError(
                f"{name} has other joints than {first}: give all methods' errors on one skeleton"
            )
    joints = body_order([joint for joint in errors[first] if any(row[joint] for row in errors.values())])
    styles = method_styles(errors)
    figure = Figure(figsize=(WIDTH, 0.29 * len(joints) + 1.4), layout="constrained")
    axes = figure.subplots()
    for y in range(0, len(joints), 2):
        axes.axhspan(y - 0.5, y + 0.5, color=BAND, lw=0, zorder=0)
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
    legend_outside(
        figure,
        most_columns=min(len(errors), 5),
        loc="outside upper center",
        columnspacing=1.2,
        handletextpad=0.2,
    )
    return figure


def body_order(joints: Sequence[str]) -> list[str]:
    """Sort joints from head to foot, left and right together; unknown parts come last, in the given order."""

    def place(joint: str) -> int:
        part = joint[2:] if joint[:2] in ("l_", "r_") else joint
        return _BODY.index(part) if part in _BODY else len(_BODY)

    return sorted(joints, key=lambda joint: (place(joint), joint if place(joint) < len(_BODY) else ""))


def joint_label(joint: str) -> str:
    """A joint's name in words, e.g. ``left wrist``."""
    side = {"l_": "left ", "r_": "right "}.get(joint[:2], "")
    return side + joint[2 if side else 0 :].replace("_", " ")
