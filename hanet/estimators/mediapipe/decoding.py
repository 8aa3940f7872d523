"""What BlazePose's two networks read and give: crops of the picture, boxes of people, landmarks.

These follow MediaPipe 0.10.21's graph (``pose_landmark_cpu``, Apache-2.0), so that equal crops give equal
landmarks. Regions are in pixels of the picture; x right, y down, angles from x towards y.

Axes: H and W pixels of the picture, N anchors, K people's boxes above the threshold.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8
from scipy.special import expit

DETECTOR_PIXELS, LANDMARK_PIXELS, MAP_CELLS = 224, 256, 64
POINTS = 39
"""33 landmarks, then two that place the next frame's region, then four that nothing uses."""
MIN_SCORE = 0.5
"""Of a person's box, and of a person's presence in the region."""
_OVERLAP = 0.3
_STEPS = 32
"""Positions between two pixels, as OpenCV's ``warpPerspective`` has them."""
_KERNEL = 9
"""Cells of the heat map, per side, that refine a landmark."""


class Region(NamedTuple):
    """A square region: its middle, side and angle."""

    x: float
    y: float
    side: float
    angle: float


def crop(
    image: UInt8[np.ndarray, "H W 3"], region: Region, pixels: int, *, border: bool
) -> UInt8[np.ndarray, "pixels pixels 3"]:
    """Cut a turned square out of a picture, bilinear in steps of 1/32 pixel.

    Args:
        image: the picture.
        region: the square.
        pixels: side of the result.
        border: repeat the picture's border outside of it; otherwise it is black there.
    """
    H, W = image.shape[:2]
    along = (np.arange(pixels) / pixels - 0.5) * region.side
    cos, sin = np.cos(region.angle), np.sin(region.angle)
    x = np.rint((region.x + cos * along[None, :] - sin * along[:, None]) * _STEPS).astype(np.int32)
    y = np.rint((region.y + sin * along[None, :] + cos * along[:, None]) * _STEPS).astype(np.int32)
    column, row = x // _STEPS, y // _STEPS
    right, down = x % _STEPS, y % _STEPS
    flat = image.reshape(-1, 3)
    total = np.zeros((pixels, pixels, 3), np.int32)
    for i, weight_y in ((row, _STEPS - down), (row + 1, down)):
        for j, weight_x in ((column, _STEPS - right), (column + 1, right)):
            weight = weight_x * weight_y
            if not border:
                weight = weight * ((i >= 0) & (i < H) & (j >= 0) & (j < W))
            taken = np.take(flat, np.clip(i, 0, H - 1) * W + np.clip(j, 0, W - 1), axis=0)
            total += weight[..., None] * taken
    return ((total + _STEPS**2 // 2) // _STEPS**2).astype(np.uint8)


def _anchors() -> Float[np.ndarray, "N 2"]:
    """Middles of the detector's anchors as shares of its picture: two per cell of 8 or 16, six of 32."""
    found = []
    for stride, count in ((8, 2), (16, 2), (32, 6)):
        cells = DETECTOR_PIXELS // stride
        y, x = np.mgrid[:cells, :cells]
        middle = (np.stack([x, y], axis=-1).reshape(-1, 2) + 0.5) / cells
        found.append(np.repeat(middle, count, axis=0))
    return np.concatenate(found)


ANCHORS = _anchors()


def whole(size: tuple[int, int]) -> Region:
    """The region that the detector reads: the square around a picture of (width, height)."""
    return Region(size[0] / 2, size[1] / 2, max(size), 0.0)


def person(
    raw: Float[np.ndarray, "N 12"], scores: Float[np.ndarray, " N"], size: tuple[int, int]
) -> Region | None:
    """The region of the person with the highest score; None without one. Arguments are as in `people`."""
    return next(people(raw, scores, size), None)


def people(
    raw: Float[np.ndarray, "N 12"], scores: Float[np.ndarray, " N"], size: tuple[int, int]
) -> Iterator[Region]:
    """The regions of everyone, the highest score first.

    Boxes that overlap with the best one are averaged with it, weighted by their scores; then those that are
    left likewise.

    Args:
        raw: of each anchor x, y, width and height of a box and x, y of four points, pixels of the detector's
            picture from the anchor.
        scores: logits.
        size: (width, height) of the picture.
    """
    sure = expit(np.clip(scores.astype(np.float64), -100, 100))
    kept = np.flatnonzero(sure >= MIN_SCORE)
    numbers, sure = raw[kept].astype(np.float64) / DETECTOR_PIXELS, sure[kept]
    middle = numbers[:, :2] + ANCHORS[kept]
    boxes = np.concatenate([middle - numbers[:, 2:4] / 2, middle + numbers[:, 2:4] / 2], axis=1)
    points = numbers[:, 4:].reshape(-1, 4, 2) + ANCHORS[kept, None]
    left = np.ones(len(kept), dtype=bool)
    while left.any():
        best = int(np.where(left, sure, -1).argmax())
        near = left & (_overlap(boxes[best], boxes) > _OVERLAP)
        near[best] = True
        left &= ~near
        mean = (points[near] * sure[near, None, None]).sum(axis=0) / sure[near].sum()
        inside = (mean - 0.5) * max(size) + np.array(size) / 2
        yield around(inside[0], inside[1])


def _overlap(box: Float[np.ndarray, " 4"], boxes: Float[np.ndarray, "K 4"]) -> Float[np.ndarray, " K"]:
    """Intersection over union."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    area = np.prod(box[2:] - box[:2]) + np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return shared / (area - shared)


def around(middle: Float[np.ndarray, " 2"], end: Float[np.ndarray, " 2"]) -> Region:
    """The region around a person, upright with the body; its side is 1.25 diameters of a circle.

    Args:
        middle: of the circle, at the hips, pixels.
        end: a point on the circle above the head.
    """
    x, y = end - middle
    angle = np.pi / 2 - np.arctan2(-y, x)
    angle -= 2 * np.pi * np.floor((angle + np.pi) / (2 * np.pi))
    return Region(float(middle[0]), float(middle[1]), 2.5 * float(np.hypot(x, y)), float(angle))


def landmarks(
    points: Float[np.ndarray, "39 5"],
    maps: Float[np.ndarray, "64 64 39"],
    world: Float[np.ndarray, "39 3"],
    region: Region,
) -> Float[np.ndarray, "39 8"]:
    """Landmarks of the person in a region.

    Args:
        points: x, y, z in pixels of the crop, and logits of visibility and presence.
        maps: logits of heat maps, which refine x and y.
        world: metres around the hips, axes of the crop.
        region: of the crop.

    Returns:
        x, y, z in metres around the hips, axes of the picture; x, y, z in pixels; visibility; presence.
    """
    cos, sin = np.cos(region.angle), np.sin(region.angle)
    turn = np.array([[cos, sin], [-sin, cos]])
    shares = refined(points[:, :2].astype(np.float64) / LANDMARK_PIXELS, maps)
    found = np.empty((POINTS, 8))
    found[:, :2], found[:, 2] = world[:, :2] @ turn, world[:, 2]
    found[:, 3:5] = (shares - 0.5) @ turn * region.side + np.array([region.x, region.y])
    found[:, 5] = points[:, 2] / LANDMARK_PIXELS * region.side
    found[:, 6:] = expit(points[:, 3:].astype(np.float64))
    return found


def refined(shares: Float[np.ndarray, "J 2"], maps: Float[np.ndarray, "h w J"]) -> Float[np.ndarray, "J 2"]:
    """Move points to the mean of their heat map in 9 × 9 cells around them, where it reaches 0.5 there.

    Args:
        shares: x, y as shares of the crop.
        maps: logits.
    """
    h, w = maps.shape[:2]
    moved, reach = shares.copy(), _KERNEL // 2
    for j, (x, y) in enumerate(shares * [w, h]):
        column, row = int(x), int(y)
        if not (0 <= column < w and 0 <= row < h):
            continue
        columns = np.arange(max(0, column - reach), min(w, column + reach + 1))
        rows = np.arange(max(0, row - reach), min(h, row + reach + 1))
        weights = expit(maps[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1, j].astype(np.float64))
        if weights.max() >= MIN_SCORE:
            total = weights.sum()
            moved[j] = (weights @ columns).sum() / total / w, (rows @ weights).sum() / total / h
    return moved
