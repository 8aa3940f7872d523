"""Paint a mesh in software: triangles as samples on a grid, from back to front.

Exact unless overlapping triangles are large compared with their distance, which those of a body are not.

Axes: V vertices, F triangles, H × W pixels.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

SAMPLES = 2
"""Samples per pixel and direction."""


def shade(
    vertices: Float[np.ndarray, "V 3"],
    faces: Int[np.ndarray, "F 3"],
    colours: Float[np.ndarray, "F 3"],
    light: Float[np.ndarray, " 3"],
    ambient: float,
) -> Float[np.ndarray, "F 3"]:
    """Colours of triangles under ambient light and one distant light; `light` points to it."""
    a, b, c = vertices[faces].transpose(1, 0, 2)
    normal = np.cross(b - a, c - a)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    return colours * (ambient + (1 - ambient) * np.clip(normal @ light, 0, 1))[:, None]


Window = tuple[int, int, int, int]
"""Part of a picture: first column and row, width and height, pixels."""


def window(points: Float[np.ndarray, "*any 2"], size: tuple[int, int]) -> Window:
    """The pixels around some points, within a picture of a width and height; may be empty."""
    flat = points.reshape(-1, 2)
    low = np.clip(np.floor(flat.min(axis=0)), 0, size).astype(int)
    high = np.clip(np.ceil(flat.max(axis=0)), low, size).astype(int)
    return (int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]))


def paint(
    points: Float[np.ndarray, "V 3"],
    faces: Int[np.ndarray, "F 3"],
    colours: Float[np.ndarray, "F 3"],
    where: Window,
) -> Float[np.ndarray, "h w 4"]:
    """Colours and opacity of the mesh in a part of a picture; colours are multiplied by opacity.

    Args:
        points: pixels x, y and depth; y points down.
        faces: counterclockwise from outside, so clockwise in the picture.
        colours: of each triangle, 0 to 1.
        where: the part of the picture.
    """
    *low, width, height = where
    grid = np.full(height * width * SAMPLES**2, -1, np.int32)
    shape = (height * SAMPLES, width * SAMPLES)
    xy = ((points[:, :2] - low) * SAMPLES).astype(np.float32)[faces]
    order = _visible(xy, points[:, 2][faces])
    _fill(grid, shape, xy[order], order.astype(np.int32))
    table = np.concatenate([colours, np.zeros((1, 3))])  # the last row is for samples of no triangle
    table = np.concatenate([table, np.ones((len(table), 1))], axis=1).astype(np.float32) / SAMPLES**2
    table[-1] = 0
    samples = grid.reshape(shape)
    layer = np.zeros((height, width, 4), np.float32)
    for row in range(SAMPLES):
        for column in range(SAMPLES):
            layer += table[samples[row::SAMPLES, column::SAMPLES]]
    return layer


def _visible(xy: Float[np.ndarray, "F 3 2"], depth: Float[np.ndarray, "F 3"]) -> Int[np.ndarray, " N"]:
    """Triangles that face the camera and lie before it, the farthest first."""
    edge, other = xy[:, 1] - xy[:, 0], xy[:, 2] - xy[:, 0]
    facing = edge[:, 0] * other[:, 1] - edge[:, 1] * other[:, 0] < 0
    kept = np.flatnonzero(facing & (depth > 0).all(axis=1))
    return kept[np.argsort(-depth[kept].sum(axis=1), kind="stable")]


def _fill(
    grid: Int[np.ndarray, " N"],
    shape: tuple[int, int],
    xy: Float[np.ndarray, "F 3 2"],
    numbers: Int[np.ndarray, " F"],
) -> None:
    """Write each triangle's number into the samples it covers; later triangles win."""
    first = np.maximum(np.ceil(xy.min(axis=1) - 0.5).astype(np.int32), 0)
    last = np.minimum(np.floor(xy.max(axis=1) - 0.5).astype(np.int32), [shape[1] - 1, shape[0] - 1])
    extent = (last - first + 1).clip(0)
    count = extent[:, 0] * extent[:, 1]
    kept = count > 0
    first, extent, count, xy, numbers = first[kept], extent[kept], count[kept], xy[kept], numbers[kept]
    triangle = np.repeat(np.arange(len(count), dtype=np.int32), count)
    local = np.arange(len(triangle), dtype=np.int32) - np.repeat(np.cumsum(count) - count, count)
    row = local // extent[:, 0][triangle]
    column = local - row * extent[:, 0][triangle]
    inside = np.ones(len(triangle), bool)
    for corner in range(3):
        start, step = xy[:, corner], xy[:, (corner + 1) % 3] - xy[:, corner]
        # step × (sample - start), as an affine function of row and column
        constant = step[:, 0] * (first[:, 1] + 0.5 - start[:, 1]) - step[:, 1] * (
            first[:, 0] + 0.5 - start[:, 0]
        )
        inside &= (constant[triangle] + step[:, 0][triangle] * row - step[:, 1][triangle] * column) <= 0
    kept_samples = np.flatnonzero(inside)
    triangle = triangle[kept_samples]
    x, y = first[:, 0][triangle] + column[kept_samples], first[:, 1][triangle] + row[kept_samples]
    grid[y * shape[1] + x] = numbers[triangle]
