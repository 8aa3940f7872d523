"""Skeletons of several methods in chosen frames, in the image or in two views.

Axes: T frames, J joints. Rows count from the sequence's first frame; they are not frame numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from textwrap import fill

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from hanet.figures.defaults import WRONG_ALPHA, WRONG_MM
from hanet.figures.images import Images, read_image
from hanet.figures.legends import legend_outside
from hanet.figures.skeletons.bodies import Panel, Seen, extent, hide_axes, project
from hanet.figures.style import (
    BAND,
    GHOST,
    LEFT,
    RIGHT,
    WIDTH,
    WRONG,
    method_styles,
    styled,
)
from hanet.poses.sequence import PoseSequence

SHADES = (BAND, "#FFFFFF")
"""Backgrounds of alternating frames, so that the two views of a frame look connected."""


def check_rows(sequence: PoseSequence, rows: Sequence[int]) -> None:
    """Refuse rows that a sequence does not have.

    Raises:
        ValueError: no rows, or a row outside the sequence.
    """
    if not rows:
        raise ValueError(f"{sequence.name}: nothing to draw: no frames were chosen")
    if bad := [row for row in rows if not 0 <= row < len(sequence)]:
        frames = sequence.frames
        raise ValueError(
            f"{sequence.name}: expected frames within {frames[0]}..{frames[-1]}, got frame "
            f"{sequence.start + bad[0]}"
        )


@styled
def skeletons(
    gt: PoseSequence,
    methods: Mapping[str, PoseSequence],
    rows: Sequence[int],
    *,
    images: Images | None = None,
    wrong_alpha: float = WRONG_ALPHA,
) -> Figure:
    """Draw keypoints of each method (columns) in each frame (rows), over the ground truth in grey.

    Keypoints farther from the ground truth than `wrong_alpha` times the longer side of the box are ringed.

    Args:
        gt: keypoints with boxes.
        methods: keypoints by method, from left to right.
        rows: rows of the sequence, from top to bottom.
        images: images to draw on.

    Raises:
        ValueError: poses do not pair up or are not keypoints, a frame or its image does not exist, or images
            are of another size.
    """
    check_rows(gt, rows)
    if gt.representation != "2d":
        raise ValueError(
            f"{gt.name}: expected keypoints, got {gt.representation} poses; views draws 3D joints"
        )
    seen = {
        name: project(gt, poses, wrong_mm=np.inf, wrong_alpha=wrong_alpha)["image"]
        for name, poses in methods.items()
    }
    boxes = [_square(extent(drawn(seen, [row]), margin=0.12)) for row in rows]
    cell = min(WIDTH / len(seen), 3.2)
    figure = Figure(figsize=(cell * len(seen), cell * len(rows) + 0.6), layout="constrained")
    grid = figure.subplots(len(rows), len(seen), squeeze=False)
    for row, box, line in zip(rows, boxes, grid, strict=True):
        picture = None if images is None else read_image(images, gt.start + row, gt.image_size)
        for item, axes in zip(seen.values(), line, strict=True):
            if picture is not None:
                axes.imshow(picture, interpolation="antialiased")
            Panel(axes, item, on_image=picture is not None, width=2.6).show(row)
            hide_axes(axes, box, image=True)
        line[0].set_ylabel(f"frame {gt.start + row}")
    titles(grid[0], list(seen))
    key(figure, f"more than {wrong_alpha:g} of the box off", on_image=images is not None)
    return figure


@styled
def views(
    gt: PoseSequence,
    methods: Mapping[str, PoseSequence],
    rows: Sequence[int],
    *,
    wrong_mm: float = WRONG_MM,
) -> Figure:
    """Draw 3D joints of each method (rows) in each frame (columns), from the front and from the side.

    Joints are root-relative, over the ground truth in grey. Joints more than `wrong_mm` off are ringed.

    Args:
        gt: 3D joints.
        methods: 3D joints by method, from top to bottom.
        rows: rows of the sequence, from left to right.

    Raises:
        ValueError: poses do not pair up or are not 3D joints, or a frame does not exist.
    """
    check_rows(gt, rows)
    if gt.representation != "3d":
        raise ValueError(
            f"{gt.name}: expected 3D joints, got {gt.representation} poses; skeletons draws keypoints"
        )
    seen = {
        name: project(gt, poses, wrong_mm=wrong_mm, wrong_alpha=np.inf) for name, poses in methods.items()
    }
    angles = ("front", "side")
    boxes = level(
        {
            angle: [extent(drawn({n: s[angle] for n, s in seen.items()}, rows), margin=0.06)]
            for angle in angles
        }
    )
    styles = method_styles(seen)
    shape = {angle: np.diff(boxes[angle], axis=0)[0] for angle in angles}
    widths = [shape[angle][0] for angle in angles]
    tight = ConstrainedLayoutEngine(w_pad=0.01, h_pad=0.03, wspace=0.0, hspace=0.0)
    scale = (WIDTH - 0.4) / (len(rows) * sum(widths))
    figure = Figure(figsize=(WIDTH, len(seen) * shape["front"][1] * scale + 0.9), layout=tight)
    grid = figure.subplots(len(seen), 2 * len(rows), squeeze=False, width_ratios=widths * len(rows))
    for line, (name, item) in zip(grid, seen.items(), strict=True):
        for column, axes in enumerate(line):
            angle, row = angles[column % 2], rows[column // 2]
            Panel(axes, item[angle], width=2.0).show(row)
            hide_axes(axes, boxes[angle], image=False)
            axes.set_facecolor(SHADES[column // 2 % 2])
        label = fill(styles[name].label, 16)
        line[0].set_ylabel(label, color=styles[name].colour, weight="bold")
    for column, axes in enumerate(grid[0]):
        seconds = (gt.start + rows[column // 2]) / gt.fps
        time = f"{seconds:.2f} s" if column % 2 == 0 else ""
        axes.set_title(f"{time}\n{angles[column % 2]}", fontsize=9)
    key(figure, f"more than {wrong_mm:g} mm off", on_image=False)
    return figure


def drawn(seen: Mapping[str, Seen], rows: Sequence[int]) -> Float[np.ndarray, "N 2"]:
    """All points, of methods and ground truth, in these rows."""
    parts = [part[list(rows)].reshape(-1, 2) for item in seen.values() for part in (item.points, item.truth)]
    return np.concatenate(parts)


def _square(box: Float[np.ndarray, "2 2"]) -> Float[np.ndarray, "2 2"]:
    centre, half = box.mean(axis=0), float((box[1] - box[0]).max()) / 2
    return np.stack([centre - half, centre + half])


def level(boxes: Mapping[str, Sequence[np.ndarray]]) -> dict[str, Float[np.ndarray, "2 2"]]:
    """One box per view, all of the same height, so that a person has the same height in each."""
    every = np.concatenate([box for found in boxes.values() for box in found])
    result = {}
    for name, found in boxes.items():
        box = np.stack([np.min(found, axis=0)[0], np.max(found, axis=0)[1]])
        box[:, 1] = every[:, 1].min(), every[:, 1].max()
        result[name] = box
    return result


def titles(line: Iterable[Axes], names: Sequence[str]) -> None:
    """Title the axes with the labels of methods."""
    styles = method_styles(names)
    for axes, name in zip(line, names, strict=True):
        axes.set_title(styles[name].label, color=styles[name].colour, weight="bold")


def key(figure: Figure, wrong: str, *, on_image: bool) -> None:
    """Add the legend of sides, ground truth and wrong joints."""
    ghost = {"color": "white" if on_image else GHOST, "lw": 4}
    handles = [
        Line2D([], [], color=LEFT, lw=2.5, label="left"),
        Line2D([], [], color=RIGHT, lw=2.5, label="right"),
        Line2D([], [], **ghost, label="ground truth"),
        Line2D([], [], ls="", marker="o", ms=10, mfc="none", mec=WRONG, mew=1.5, label=wrong),
    ]
    legend = legend_outside(figure, most_columns=4, handles=handles, loc="outside lower center")
    if on_image:  # white on white is invisible
        legend.get_lines()[2].set_path_effects([withStroke(linewidth=5, foreground="#666666")])
