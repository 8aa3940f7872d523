"""A synthetic body in SMPL's format, made from capsules, for tests and default runs without a licensed file.

It has SMPL's joints, kinematic tree and array layout; all numbers are its own. Errors in millimetres can be
compared between methods on the same data, but not with errors on SMPL. Figures use it too.

mannequin-x 0.3 (Apache-2.0, from the package index) was considered: it has SMPL-X's joints, not SMPL's 24, no
differentiable form, and a shape calibration that follows SMPL-X's licensed model.

Rest pose as SMPL's: arms spread, y up, x to the body's left, z forward, metres, 1.70 m tall.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from hanet.files.atomic import whole_file
from hanet.poses.skeletons import H36M17_LEFT_FIRST, SMPL24
from hanet.smpl.body import Body
from hanet.smpl.body_files import POSE_FEATURES, SHAPES, SmplArrays
from hanet.smpl.rest_pose import rest_joints

CELL = 0.04
"""Grid of the mesh, metres: about 1,600 vertices."""

_BLEND = 0.025
"""Blending width of neighbouring capsules, metres."""

_NEAREST = 48
"""Number of vertices from which a joint is regressed."""

# (joint it follows, start, end, radius at start, radius at end, depth: its z extent as a share of the radius)
_MIDLINE_CAPSULES = (
    ("pelvis", (0.0, -0.25, 0.0), (0.0, -0.20, 0.0), 0.13, 0.135, 0.75),
    ("spine1", (0.0, -0.16, 0.0), (0.0, -0.05, 0.005), 0.135, 0.12, 0.78),
    ("spine2", (0.0, -0.04, 0.005), (0.0, 0.06, 0.005), 0.12, 0.13, 0.8),
    ("spine3", (0.0, 0.08, 0.0), (0.0, 0.17, -0.005), 0.14, 0.13, 0.78),
    ("neck", (0.0, 0.27, -0.02), (0.0, 0.36, 0.0), 0.055, 0.052, 1.0),
    ("head", (0.0, 0.41, 0.02), (0.0, 0.465, 0.015), 0.075, 0.085, 1.15),
)
_LEFT_CAPSULES = (
    ("hip", (0.085, -0.30, 0.0), (0.10, -0.69, -0.005), 0.09, 0.058, 1.05),
    ("knee", (0.10, -0.72, -0.01), (0.095, -1.09, -0.03), 0.057, 0.04, 1.05),
    ("ankle", (0.095, -1.12, -0.05), (0.11, -1.15, 0.06), 0.042, 0.04, 1.0),
    ("foot", (0.11, -1.15, 0.06), (0.12, -1.16, 0.13), 0.042, 0.035, 1.0),
    ("collar", (0.05, 0.19, -0.01), (0.15, 0.225, -0.02), 0.08, 0.068, 0.95),
    ("shoulder", (0.18, 0.23, -0.02), (0.44, 0.225, -0.04), 0.058, 0.045, 1.0),
    ("elbow", (0.45, 0.225, -0.04), (0.68, 0.23, -0.04), 0.044, 0.034, 1.0),
    ("wrist", (0.70, 0.23, -0.04), (0.77, 0.228, -0.042), 0.036, 0.037, 0.9),
    ("hand", (0.77, 0.228, -0.042), (0.85, 0.222, -0.045), 0.036, 0.028, 0.9),
)
_MIRROR = np.array([-1.0, 1.0, 1.0])


def synthetic_arrays() -> SmplArrays:
    """The body's arrays; the same at every call."""
    vertices, faces = _mesh()
    joints = rest_joints()
    distance = _joint_distances(vertices)
    weights = _skinning(distance)
    return SmplArrays(
        v_template=vertices,
        shapedirs=_shapes(vertices, weights),
        posedirs=_pose_bulges(weights),
        J_regressor=_regressor(vertices, joints),
        weights=weights,
        f=faces,
    )


def h36m_regressor(arrays: SmplArrays) -> Float[np.ndarray, "17 V"]:
    """Regressor of Human3.6M's 17 joints, left leg first, from this body's vertices."""
    places = dict(zip(SMPL24.joints, rest_joints(), strict=True))
    places["spine"] = (places["spine1"] + places["spine2"]) / 2
    places["thorax"] = places["neck"] + [0, -0.03, 0]
    places["nose"], places["head_top"] = np.array([0, 0.43, 0.10]), np.array([0, 0.545, 0.015])
    targets = np.stack([places[name] for name in H36M17_LEFT_FIRST.joints])
    return _regressor(arrays.v_template, targets)


def synthetic_body() -> Body:
    """The synthetic body, with its regressor of Human3.6M's joints."""
    arrays = synthetic_arrays()
    return Body(arrays, h36m_regressor=h36m_regressor(arrays))


def write_synthetic_body(path: str | Path) -> None:
    """The body as an `.npz` that `Body.load` reads like a licensed one; written atomically."""
    kintree = np.array([SMPL24.parents, range(len(SMPL24))])
    with whole_file(Path(path)) as temporary, temporary.open("xb") as file:
        np.savez_compressed(file, **synthetic_arrays()._asdict(), kintree_table=kintree)


def _capsules() -> list[tuple[int, np.ndarray, np.ndarray, float, float, float]]:
    parts = [(SMPL24.index(n), np.array(a), np.array(b), r, s, d) for n, a, b, r, s, d in _MIDLINE_CAPSULES]
    for name, a, b, r, s, depth in _LEFT_CAPSULES:
        start, end = np.array(a), np.array(b)
        parts.append((SMPL24.index(f"l_{name}"), start, end, r, s, depth))
        parts.append((SMPL24.index(f"r_{name}"), start * _MIRROR, end * _MIRROR, r, s, depth))
    return parts


def _joint_distances(points: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N 24"]:
    """Approximate signed distance of points from the surface of each joint's capsule."""
    distance = np.empty((len(points), len(SMPL24)))
    for joint, start, end, r, s, depth in _capsules():
        squash = np.array([1.0, 1.0, 1 / depth])
        p, axis = (points - start) * squash, (end - start) * squash
        along = np.clip(p @ axis / (axis @ axis), 0, 1)
        distance[:, joint] = np.linalg.norm(p - along[:, None] * axis, axis=1) - (r + (s - r) * along)
    return distance


def _surface(points: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, " N"]:
    """The body's implicit function, negative inside: a smooth minimum of all capsules."""
    distance = _joint_distances(points)
    least = distance.min(axis=1)
    return least - _BLEND * np.log(np.exp((least[:, None] - distance) / _BLEND).sum(axis=1)) / 2


def _mesh() -> tuple[Float[np.ndarray, "V 3"], Int[np.ndarray, "F 3"]]:
    """Surface nets: a vertex in each cell that the surface crosses, two triangles at each crossed edge."""
    half = np.array([24, 42, 9]) * CELL  # the grid is symmetric, and so is the mesh
    centre = np.array([0.0, -0.33, 0.02])
    axes = [np.arange(-h, h + CELL / 2, CELL) + c for h, c in zip(half, centre, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    inside = _surface(grid.reshape(-1, 3)).reshape(grid.shape[:3]) < 0

    corners = [
        inside[i : i - 1 or None, j : j - 1 or None, k : k - 1 or None] for i, j, k in np.ndindex(2, 2, 2)
    ]
    count = np.sum(corners, axis=0)
    crossed = (count > 0) & (count < 8)
    number = np.full(crossed.shape, -1)
    number[crossed] = np.arange(crossed.sum())
    vertices = grid[:-1, :-1, :-1][crossed] + CELL / 2
    vertices = _onto_surface(vertices)

    triangles = []
    for axis in range(3):
        moved = np.moveaxis(inside, axis, 0)
        changes = np.argwhere(moved[:-1] != moved[1:])
        cells = np.moveaxis(number, axis, 0)
        i, j, k = changes.T
        quad = np.stack(
            [cells[i, j - 1, k - 1], cells[i, j, k - 1], cells[i, j, k], cells[i, j - 1, k]], axis=1
        )
        # Outward normals: the order depends on which side is inside and on the handedness of the permuted
        # axes.
        turn = ~moved[i, j, k] ^ (axis == 1)
        quad[turn] = quad[turn, ::-1]
        triangles += [quad[:, [0, 1, 2]], quad[:, [0, 2, 3]]]
    return vertices, np.concatenate(triangles)


def _onto_surface(points: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N 3"]:
    """A few damped Newton steps along the gradient, none longer than half a cell."""
    step = 1e-4 * np.eye(3)
    for _ in range(4):
        slope = np.stack([_surface(points + s) - _surface(points - s) for s in step], axis=1) / 2e-4
        move = -_surface(points)[:, None] * slope / np.maximum((slope**2).sum(axis=1, keepdims=True), 0.1)
        points = points + np.clip(0.7 * move, -CELL / 4, CELL / 4)
    return points


def _skinning(distance: Float[np.ndarray, "V 24"]) -> Float[np.ndarray, "V 24"]:
    """Weights that fade over a few centimetres from a joint's capsule to its neighbours in the tree."""
    own = distance.argmin(axis=1)
    near = np.eye(len(SMPL24), dtype=bool)
    for parent, child in SMPL24.bones:
        near[parent, child] = near[child, parent] = True
    weights = np.exp(-(distance - distance.min(axis=1, keepdims=True)) / 0.015) * near[own]
    return weights / weights.sum(axis=1, keepdims=True)


def _regressor(
    vertices: Float[np.ndarray, "V 3"], targets: Float[np.ndarray, "J 3"]
) -> Float[np.ndarray, "J V"]:
    """Rows that sum to 1 and reproduce the targets exactly: the most even weights on the nearest vertices."""
    regressor = np.zeros((len(targets), len(vertices)))
    for row, target in zip(regressor, targets, strict=True):
        nearest = np.argsort(np.linalg.norm(vertices - target, axis=1), kind="stable")[:_NEAREST]
        conditions = np.vstack([vertices[nearest].T, np.ones(_NEAREST)])
        even = np.full(_NEAREST, 1 / _NEAREST)
        residual = np.append(target, 1.0) - conditions @ even
        row[nearest] = even + np.linalg.lstsq(conditions, residual, rcond=None)[0]
    return regressor


def _shapes(
    vertices: Float[np.ndarray, "V 3"], weights: Float[np.ndarray, "V 24"]
) -> Float[np.ndarray, "V 3 10"]:
    """Ten shape directions, a few centimetres per unit: size, girth, and the length or width of parts."""

    def follow(*parts: str) -> Float[np.ndarray, "V 1"]:
        chosen = [
            i for i, name in enumerate(SMPL24.joints) if name.removeprefix("l_").removeprefix("r_") in parts
        ]
        return weights[:, chosen].sum(axis=1, keepdims=True)

    x, y, z = (vertices * axis for axis in np.eye(3))
    arms, legs = follow("shoulder", "elbow", "wrist", "hand"), follow("hip", "knee", "ankle", "foot")
    head, torso = follow("head", "neck"), follow("pelvis", "spine1", "spine2", "spine3", "collar")
    waist = follow("spine1", "spine2")
    shapes = [
        *(0.04 * vertices, 0.06 * (x + z) * torso, 0.06 * y * legs, 0.06 * x * arms),
        *(0.06 * y * torso, 0.08 * z * waist, 0.06 * (vertices - [0, 0.36, 0]) * head, 0.06 * x * legs),
        *(0.08 * x * follow("collar"), 0.10 * z * follow("hip", "pelvis")),
    ]
    assert len(shapes) == SHAPES
    return np.stack(shapes, axis=-1)


def _pose_bulges(weights: Float[np.ndarray, "V 24"]) -> Float[np.ndarray, "V 3 207"]:
    """Invented pose-dependent bulges, smooth, a few millimetres, largest near the joint."""
    directions = np.random.default_rng(0).normal(scale=0.002, size=(len(SMPL24) - 1, 3, 9))
    parents = list(SMPL24.parents[1:])
    at_joint = 4 * weights[:, 1:] * weights[:, parents]  # 1 where joint and parent pull in the same direction
    return np.einsum("vj,jdk->vdjk", at_joint, directions).reshape(len(weights), 3, POSE_FEATURES)
