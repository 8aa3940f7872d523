"""The synthetic body is a closed, symmetric body of a person's size, in SMPL's format."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from hanet.poses.skeletons import SMPL24
from hanet.smpl.body import Body
from hanet.smpl.body_files import read_smpl
from hanet.smpl.rest_pose import rest_joints
from hanet.smpl.synthetic_body import h36m_regressor, synthetic_arrays, write_synthetic_body


@pytest.fixture(scope="module")
def arrays():
    return synthetic_arrays()


def test_the_mesh_is_one_closed_surface_facing_outward(arrays):
    edges = Counter(
        (int(a), int(b)) for face in arrays.f for a, b in zip(face, np.roll(face, -1), strict=True)
    )
    assert all(count == 1 and edges[b, a] == 1 for (a, b), count in edges.items())
    V, E, F = len(arrays.v_template), len(edges) // 2, len(arrays.f)
    assert V - E + F == 2 and 1000 < V < 2000
    corners = arrays.v_template[arrays.f]
    volume = np.einsum("fi,fi->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    assert 0.055 < volume < 0.08  # m³, as many tonnes: a person


def test_left_and_right_are_mirror_images(arrays):
    mirrored = arrays.v_template * [-1, 1, 1]
    distance = np.linalg.norm(arrays.v_template[:, None] - mirrored[None], axis=-1)
    twin = distance.argmin(axis=1)
    assert distance[np.arange(len(twin)), twin].max() < 1e-9
    np.testing.assert_allclose(arrays.weights[twin][:, SMPL24.mirror], arrays.weights, atol=1e-9)


def test_every_joint_is_regressed_exactly_and_moves_some_vertices(arrays):
    assert np.abs(arrays.J_regressor @ arrays.v_template - rest_joints()).max() < 1e-12
    for matrix in (arrays.J_regressor, arrays.weights, h36m_regressor(arrays)):
        assert np.abs(matrix.sum(axis=1) - 1).max() < 1e-12
    assert (arrays.weights >= 0).all()
    assert (arrays.weights.max(axis=0) > 0.5).all()
    assert np.linalg.matrix_rank(arrays.shapedirs.reshape(-1, 10)) == 10


def test_it_is_written_and_loaded_like_a_licensed_file(arrays, tmp_path):
    path = tmp_path / "body.npz"
    write_synthetic_body(path)
    for ours, loaded in zip(arrays, read_smpl(path), strict=True):
        np.testing.assert_array_equal(ours, loaded)
    assert [p.name for p in tmp_path.iterdir()] == ["body.npz"]
    body = Body.load(path)
    identity = torch.eye(3).expand(1, 24, 3, 3)
    assert np.abs(body(identity).vertices[0].numpy() - arrays.v_template).max() < 1e-6
