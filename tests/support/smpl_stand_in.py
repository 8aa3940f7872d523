"""A body file of SMPL's size and format out of names and noise: nothing of SMPL's data is in it."""

from __future__ import annotations

import numpy as np

from hanet.poses.skeletons import SMPL24
from hanet.smpl.body_files import SmplArrays
from tests.support.recipe import REFERENCE, noise

VERTICES = 6890
KINTREE = np.array([SMPL24.parents, range(24)])


def _row(name: str, rows: int) -> np.ndarray:
    """Convex weights on 12 vertices a row."""
    columns = np.floor((noise(f"{name}:cols", (rows, 12)) + 1) / 2 * VERTICES).astype(int)
    weights = noise(f"{name}:w", (rows, 12)) + 1.01
    matrix = np.zeros((rows, VERTICES))
    for row, at, weight in zip(matrix, columns, weights / weights.sum(axis=1, keepdims=True), strict=True):
        np.add.at(row, at, weight)
    return matrix


def arrays() -> SmplArrays:
    first, second, share = ((noise(f"smpl:lbs:{n}", (VERTICES,)) + 1) / 2 for n in "abt")
    weights = np.zeros((VERTICES, 24))
    weights[np.arange(VERTICES), np.floor(first * 24).astype(int)] += share
    weights[np.arange(VERTICES), np.floor(second * 24).astype(int)] += 1 - share
    return SmplArrays(
        v_template=noise("smpl:v_template", (VERTICES, 3)) * [0.5, 0.9, 0.2],
        shapedirs=noise("smpl:shapedirs", (VERTICES, 3, 10)) * 0.02,
        posedirs=noise("smpl:posedirs", (VERTICES, 3, 207)) * 0.002,
        J_regressor=_row("smpl:J_regressor", 24),
        weights=weights,
        f=np.zeros((4, 3), np.int64),
    )


def regressors() -> dict[str, np.ndarray]:
    return {
        "h36m_regressor": _row("smpl:J_regressor_h36m", 17),
        "extra_regressor": _row("smpl:J_regressor_extra", 9),
    }


def outputs() -> dict[str, np.ndarray]:
    """What the official wrapper of SPIN and PARE made of the stand-in, with the inputs it was given."""
    return dict(np.load(REFERENCE / "estimators" / "smpl_head_synthetic.npz"))
