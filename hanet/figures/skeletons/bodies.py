"""Skeletons on axes: projecting joints into a view, choosing bones to draw, and moving bodies.

Axes: T frames, J joints. In a view, right and up of the figure are directions of the poses' frame of
reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.patheffects import Stroke

from hanet.figures.charts.errors import known, wrong_joints
from hanet.figures.style import BAND, CENTRE, GHOST, LEFT, RIGHT, WRONG
from hanet.poses.bones import drawn_bones
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import Skeleton

_SIDES = {"l_": LEFT, "r_": RIGHT}


@dataclass(frozen=True)
class View:
    """An orthographic view of 3D joints.

    Attributes:
        name: name of the view, e.g. ``front``.
        right, up: unit vectors (3) in the frame of reference that point right and up in the figure.
    """

    name: str
    right: Float[np.ndarray, " 3"]
    up: Float[np.ndarray, " 3"]

    def project(self, values: Float[np.ndarray, "T J 3"]) -> Float[np.ndarray, "T J 2"]:
        """Project joints to the figure's plane: metres to the right and up."""
        return values @ np.stack([self.right, self.up], axis=1)


def two_views(gt: PoseSequence) -> tuple[View, View]:
    """Front and side views of 3D joints.

    In a camera frame (x right, y down, z forward) the front view is the camera's. In a world frame, up is the
    axis with the largest mean distance from ankles to shoulders over the sequence, and the front view faces
    the hips. The side view is taken from the right of the front view's observer.

    Raises:
        ValueError: the poses are not 3D joints.
    """
    if gt.representation != "3d":
        raise ValueError(f"{gt.name}: only 3D joints have two views, got {gt.representation}")
    if gt.frame_of_reference.startswith("camera"):
        right, up = np.array([1.0, 0.0, 0.0]), np.array([0.0, -1.0, 0.0])
    else:
        right, up = _facing(gt)
    return View("front", right, up), View("side", np.cross(up, right), up)


def _facing(gt: PoseSequence) -> tuple[Float[np.ndarray, " 3"], Float[np.ndarray, " 3"]]:
    truth = known(gt)
    frames = np.isfinite(truth).all(axis=(1, 2))
    if not frames.any():
        raise ValueError(f"{gt.name}: no frame of the ground truth is known to find its front by")
    middle = truth[frames].mean(axis=0, dtype=np.float64)

    def joint(name: str) -> np.ndarray:
        return middle[gt.skeleton.index(name)]

    rise = joint("l_shoulder") + joint("r_shoulder") - joint("l_ankle") - joint("r_ankle")
    axis = int(np.abs(rise).argmax())
    up = np.zeros(3)
    up[axis] = np.sign(rise[axis]) or 1.0
    across = joint("l_hip") - joint("r_hip")
    across -= (across @ up) * up
    if np.linalg.norm(across) < 1e-6:  # hip directions cancel out over a full turn
        across = np.roll(up, 1)
    return across / np.linalg.norm(across), up


@dataclass(frozen=True)
class Seen:
    """One method's poses in one view, with the ground truth.

    Attributes:
        skeleton: skeleton of both.
        points: joints in the plane (T, J, 2), metres right and up of the root, or pixels.
        truth: the ground truth in the same plane (T, J, 2).
        wrong: True where a joint is to be ringed (T, J).
    """

    skeleton: Skeleton
    points: Float[np.ndarray, "T J 2"]
    truth: Float[np.ndarray, "T J 2"]
    wrong: Bool[np.ndarray, "T J"]


def project(gt: PoseSequence, poses: PoseSequence, *, wrong_mm: float, wrong_alpha: float) -> dict[str, Seen]:
    """Project a method's poses for drawing: views ``front`` and ``side`` of 3D joints, else ``image``.

    3D joints are made root-relative, as in `errors.wrong_joints`.

    Raises:
        ValueError: the sequences do not pair up or cannot be drawn.
    """
    wrong = wrong_joints(gt, poses, wrong_mm=wrong_mm, wrong_alpha=wrong_alpha)
    truth = known(gt)
    if gt.representation == "2d":
        return {"image": Seen(gt.skeleton, poses.values, truth, wrong)}
    root = list(gt.skeleton.root)
    found, truth = (x - x[:, root].mean(axis=1, keepdims=True) for x in (poses.values, truth))
    return {
        view.name: Seen(gt.skeleton, view.project(found), view.project(truth), wrong)
        for view in two_views(gt)
    }


def side_colours(skeleton: Skeleton) -> list[str]:
    """A colour per joint, by its side of the body."""
    return [_SIDES.get(joint[:2], CENTRE) for joint in skeleton.joints]


def identity_colours(skeleton: Skeleton, colour: str) -> list[str]:
    """A person's colour per joint, lighter on the right side of the body."""
    red, green, blue = (0.5 + 0.5 * channel for channel in to_rgb(colour))
    light = to_hex((red, green, blue))
    return [light if joint.startswith("r_") else colour for joint in skeleton.joints]


class Body:
    """A skeleton on axes.

    Args:
        axes: axes to draw on.
        skeleton: defines the bones.
        colours: one per joint; a bone has the colour of its outer joint.
        joining: colour of the bones that `drawn_bones` adds, which belong to no side.
        width: width of bones, in points.
        halo: whether to draw a white rim, for visibility on photographs.
        alpha: opacity.
        zorder: drawing order; higher is above other bodies.
    """

    def __init__(
        self,
        axes: Axes,
        skeleton: Skeleton,
        colours: Sequence[str],
        *,
        joining: str = CENTRE,
        width: float = 2.2,
        halo: bool = False,
        alpha: float = 1.0,
        zorder: float = 3.0,
    ) -> None:
        bones = drawn_bones(skeleton)
        self._parents, self._children = np.array(bones).T
        own = len(skeleton.bones)
        outer = [colours[child] if i < own else joining for i, (_, child) in enumerate(bones)]
        effects = (
            {"path_effects": [Stroke(linewidth=width + 2.0, foreground="white"), Stroke()]} if halo else {}
        )
        self._lines = LineCollection(
            [], colors=outer, linewidths=width, capstyle="round", alpha=alpha, zorder=zorder, **effects
        )
        axes.add_collection(self._lines, autolim=False)
        self._joints = axes.scatter(
            np.zeros(len(skeleton)),
            np.zeros(len(skeleton)),
            s=(2.0 * width) ** 2,
            c=list(colours),
            linewidths=0.8 if halo else 0.0,
            edgecolors="white" if halo else "none",
            alpha=alpha,
            zorder=zorder + 0.1,
        )
        self._rings = axes.scatter(
            [],
            [],
            s=(5.2 * width) ** 2,
            facecolors="none",
            edgecolors=WRONG,
            linewidths=1.5,
            zorder=zorder + 0.2,
        )

    def move(self, points: Float[np.ndarray, "J 2"], wrong: Bool[np.ndarray, " J"] | None = None) -> None:
        """Move joints to `points` and ring those that are `wrong`; NaN joints and their bones are hidden."""
        self._lines.set_segments(list(np.stack([points[self._parents], points[self._children]], axis=1)))
        self._joints.set_offsets(np.ma.masked_invalid(points))
        ringed = points[wrong] if wrong is not None else np.empty((0, 2))
        self._rings.set_offsets(ringed[np.isfinite(ringed).all(axis=1)])


class Panel:
    """Axes with one method's skeleton over the ground truth, drawn frame by frame."""

    def __init__(self, axes: Axes, seen: Seen, *, on_image: bool = False, width: float = 2.2) -> None:
        self.axes, self._seen = axes, seen
        count = len(seen.skeleton)
        ghost, alpha = ("white", 0.6) if on_image else (GHOST, 1.0)
        self._truth = Body(
            axes, seen.skeleton, [ghost] * count, joining=ghost, width=1.6 * width, alpha=alpha, zorder=2.0
        )
        colours = side_colours(seen.skeleton)
        self._body = Body(axes, seen.skeleton, colours, width=width, halo=on_image)

    def show(self, row: int) -> None:
        """Draw a row of the sequence."""
        self._truth.move(self._seen.truth[row])
        self._body.move(self._seen.points[row], self._seen.wrong[row])


def extent(points: Float[np.ndarray, "*N 2"], *, margin: float) -> Float[np.ndarray, "2 2"]:
    """Bounding box ((x0, y0), (x1, y1)) of points, grown by a share of its longer side; NaN is ignored.

    Raises:
        ValueError: all points are NaN.
    """
    flat = points.reshape(-1, 2)
    flat = flat[np.isfinite(flat).all(axis=1)]
    if not len(flat):
        raise ValueError("nothing to draw: every joint is unknown in these frames; choose others")
    low, high = flat.min(axis=0), flat.max(axis=0)
    grow = margin * max(float((high - low).max()), 1e-6)
    return np.stack([low - grow, high + grow]).astype(np.float64)


def hide_axes(axes: Axes, box: Float[np.ndarray, "2 2"], *, image: bool) -> None:
    """Make axes show `box` with equal scales and no ticks; y points down in an image."""
    (x0, y0), (x1, y1) = box
    axes.set(xlim=(x0, x1), ylim=(y1, y0) if image else (y0, y1), aspect="equal", xticks=[], yticks=[])
    axes.set_facecolor(BAND)
    for spine in axes.spines.values():
        spine.set_visible(False)
