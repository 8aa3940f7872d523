"""Rotations by hand, against SciPy, and at the corners: identity, half turns, degenerate 6D numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation

from hanet.poses import rotations as R  # noqa: N812

LAYOUTS = ("columns", "interleaved")
PI = math.pi
QUARTER_ABOUT_Z = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]], dtype=torch.float64)

finite = st.floats(-1e3, 1e3, allow_nan=False, width=64)
vectors = arrays(np.float64, 3, elements=st.floats(-3, 3, allow_nan=False))


def corner_axis_angles() -> torch.Tensor:
    """Identity, tiny, either side of the series' limit, half turns about and between axes, beyond π."""
    unit = torch.tensor([[1.0, 0, 0], [0, -1, 0], [0, 0, 1], [0.6, 0, -0.8]], dtype=torch.float64)
    angles = [0.0, 1e-12, 1e-5, 0.0316, 0.0317, 1.0, 3.0, PI - 1e-7, PI]
    return torch.cat([unit * a for a in angles])


def test_a_quarter_turn_about_z_in_all_forms():
    axis_angle = torch.tensor([0.0, 0, PI / 2], dtype=torch.float64)
    quaternion = torch.tensor([math.sqrt(0.5), 0, 0, math.sqrt(0.5)], dtype=torch.float64)
    torch.testing.assert_close(R.axis_angle_to_matrix(axis_angle), QUARTER_ABOUT_Z)
    torch.testing.assert_close(R.matrix_to_axis_angle(QUARTER_ABOUT_Z), axis_angle)
    torch.testing.assert_close(R.quaternion_to_matrix(quaternion), QUARTER_ABOUT_Z)
    torch.testing.assert_close(R.matrix_to_quaternion(QUARTER_ABOUT_Z), quaternion)
    torch.testing.assert_close(R.axis_angle_to_quaternion(axis_angle), quaternion)
    torch.testing.assert_close(R.quaternion_to_axis_angle(quaternion), axis_angle)


def test_the_two_6d_layouts_by_hand():
    matrix = torch.arange(9.0).reshape(3, 3)  # no rotation, but every entry tells its place
    assert R.matrix_to_rotation_6d(matrix, layout="columns").tolist() == [0, 3, 6, 1, 4, 7]
    assert R.matrix_to_rotation_6d(matrix, layout="interleaved").tolist() == [0, 1, 3, 4, 6, 7]
    six = torch.tensor([0.0, -1, 1, 0, 0, 0], dtype=torch.float64)
    torch.testing.assert_close(R.rotation_6d_to_matrix(six, layout="interleaved"), QUARTER_ABOUT_Z)


def test_gram_schmidt_by_hand():
    # The first column keeps its direction; of the second what is orthogonal to the first.
    six = torch.tensor([[2.0, 0, 0, 5, 3, 0]])
    torch.testing.assert_close(R.rotation_6d_to_matrix(six, layout="columns"), torch.eye(3)[None])


def test_an_unknown_layout_is_refused(unchecked):
    with pytest.raises(ValueError, match="layout must be one of columns, interleaved, got 'rows'"):
        R.rotation_6d_to_matrix(torch.zeros(6), layout="rows")
    with pytest.raises(ValueError, match="got 'rows'"):
        R.matrix_to_rotation_6d(torch.eye(3), layout="rows")


def test_agrees_with_scipy(rng):
    truth = Rotation.random(500, random_state=4321)
    matrix = torch.from_numpy(truth.as_matrix())
    assert np.abs(R.matrix_to_axis_angle(matrix).numpy() - truth.as_rotvec()).max() < 1e-12
    expected = np.roll(truth.as_quat(canonical=True), 1, axis=1)
    assert np.abs(R.matrix_to_quaternion(matrix).numpy() - expected).max() < 1e-12
    vectors = torch.from_numpy(rng.normal(size=(500, 3)) * 3)  # beyond π too
    by_scipy = Rotation.from_rotvec(vectors.numpy())
    assert np.abs(R.axis_angle_to_matrix(vectors).numpy() - by_scipy.as_matrix()).max() < 1e-13
    turned = R.quaternion_to_matrix(R.axis_angle_to_quaternion(vectors)).numpy()
    assert np.abs(turned - by_scipy.as_matrix()).max() < 1e-13
    quaternions = rng.normal(size=(500, 4)) * 10
    by_scipy = Rotation.from_quat(np.roll(quaternions, -1, axis=1))
    assert (
        np.abs(R.quaternion_to_matrix(torch.from_numpy(quaternions)).numpy() - by_scipy.as_matrix()).max()
        < 1e-13
    )
    other = Rotation.random(500, random_state=1)
    distance = R.geodesic_distance(matrix, torch.from_numpy(other.as_matrix()))
    assert np.abs(distance.numpy() - (truth.inv() * other).magnitude()).max() < 1e-12


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 2e-6), (torch.float64, 1e-14)])
def test_round_trips_keep_precision_and_leading_axes(dtype, tolerance):
    matrix = (
        torch.from_numpy(Rotation.random(24, random_state=0).as_matrix()).to(dtype).reshape(2, 3, 4, 3, 3)
    )
    for there, back in (
        (R.matrix_to_axis_angle, R.axis_angle_to_matrix),
        (R.matrix_to_quaternion, R.quaternion_to_matrix),
        *(
            (
                lambda m, layout=layout: R.matrix_to_rotation_6d(m, layout=layout),
                lambda x, layout=layout: R.rotation_6d_to_matrix(x, layout=layout),
            )
            for layout in LAYOUTS
        ),
    ):
        form = there(matrix)
        assert form.dtype == dtype and form.shape[:3] == (2, 3, 4)
        returned = back(form)
        assert returned.dtype == dtype
        assert (returned - matrix).abs().max() < tolerance


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-6), (torch.float64, 1e-14)])
def test_corner_angles_come_back(dtype, tolerance):
    vectors = corner_axis_angles().to(dtype)
    matrix = R.axis_angle_to_matrix(vectors)
    back = R.axis_angle_to_matrix(R.matrix_to_axis_angle(matrix))
    assert (back - matrix).abs().max() < tolerance
    assert torch.isfinite(R.matrix_to_axis_angle(matrix)).all()
    # Small angles keep their relative precision.
    tiny = torch.tensor([0.0, 1e-6, 0], dtype=dtype)
    assert abs(R.matrix_to_axis_angle(R.axis_angle_to_matrix(tiny))[1].item() / 1e-6 - 1) < 1e-6


def test_gradients_are_finite_at_every_corner():
    vectors = corner_axis_angles().requires_grad_()
    matrix = R.axis_angle_to_matrix(vectors)
    outcome = (
        R.matrix_to_axis_angle(matrix).sum()
        + R.axis_angle_to_quaternion(vectors).sum()
        + R.quaternion_to_axis_angle(R.axis_angle_to_quaternion(vectors)).sum()
        + R.geodesic_distance(matrix, matrix.detach()).sum()
        + R.geodesic_distance(matrix, torch.eye(3, dtype=torch.float64).expand_as(matrix)).sum()
    )
    (gradient,) = torch.autograd.grad(outcome, vectors)
    assert torch.isfinite(gradient).all() and gradient.abs().max() < 100


@pytest.mark.parametrize("angle", [0.0, 1e-9, 0.02, 0.5, 2.0, PI - 0.2])
def test_gradients_are_right(angle):
    vector = torch.tensor([[0.48, -0.6, 0.64]], dtype=torch.float64) * angle
    vector.requires_grad_()
    assert torch.autograd.gradcheck(R.axis_angle_to_matrix, vector)
    assert torch.autograd.gradcheck(R.axis_angle_to_quaternion, vector)
    assert torch.autograd.gradcheck(
        lambda v: R.matrix_to_axis_angle(R.axis_angle_to_matrix(v)), vector, atol=1e-6
    )
    quaternion = R.axis_angle_to_quaternion(vector.detach()).requires_grad_()
    assert torch.autograd.gradcheck(R.quaternion_to_matrix, quaternion)
    assert torch.autograd.gradcheck(R.quaternion_to_axis_angle, quaternion)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_gradients_of_6d_are_right(layout):
    six = torch.tensor([[0.3, -0.2, 1.1, 0.4, 0.7, -0.5]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: R.rotation_6d_to_matrix(x, layout=layout), six)

    def normalised(x: torch.Tensor) -> torch.Tensor:
        return R.matrix_to_rotation_6d(R.rotation_6d_to_matrix(x, layout=layout), layout=layout)

    assert torch.autograd.gradcheck(normalised, six)


def test_the_gradient_of_a_distance_is_one_radian_a_radian():
    vector = torch.tensor([0.0, 0.3, 0], dtype=torch.float64, requires_grad=True)
    distance = R.geodesic_distance(R.axis_angle_to_matrix(vector), torch.eye(3, dtype=torch.float64))
    (gradient,) = torch.autograd.grad(distance, vector)
    torch.testing.assert_close(gradient, torch.tensor([0, 1.0, 0], dtype=torch.float64))


def assert_rotation(matrix: torch.Tensor, tolerance: float) -> None:
    identity = torch.eye(3, dtype=matrix.dtype)
    assert (matrix.transpose(-2, -1) @ matrix - identity).abs().max() < tolerance
    assert (torch.linalg.det(matrix) - 1).abs().max() < tolerance


@given(arrays(np.float64, 6, elements=finite), st.sampled_from(LAYOUTS))
def test_any_six_numbers_give_a_rotation(numbers, layout):
    six = torch.from_numpy(numbers)
    assert_rotation(R.rotation_6d_to_matrix(six, layout=layout), 1e-12)
    assert_rotation(R.rotation_6d_to_matrix(six.float(), layout=layout), 1e-5)


@pytest.mark.parametrize("scale", [0.0, 1e-38, 1e-25, 1.0, 1e25, 1e38])
def test_columns_that_span_no_plane_give_a_rotation_and_a_finite_gradient(scale):
    directions = [[1.0, 0, 0, 1, 0, 0], [1, 1, 1, -1, -1, -1], [0, 0, 0, 0, 1, 0], [0.3, 0.2, 0.1, 0, 0, 0]]
    six = (torch.tensor(directions) * scale).requires_grad_()
    matrix = R.rotation_6d_to_matrix(six, layout="columns")
    assert_rotation(matrix, 1e-6)
    (gradient,) = torch.autograd.grad(matrix.sum(), six)
    assert not gradient.isnan().any()


@given(vectors)
def test_nearly_parallel_columns_stay_orthogonal(direction):
    six = torch.from_numpy(np.concatenate([direction, direction * (1 + 1e-9) + 1e-9])).float()
    assert_rotation(R.rotation_6d_to_matrix(six, layout="columns"), 1e-5)


@given(vectors, vectors, vectors)
def test_distance_is_a_metric(a, b, c):
    A, B, C = (R.axis_angle_to_matrix(torch.from_numpy(v)) for v in (a, b, c))
    forth, back = R.geodesic_distance(A, B), R.geodesic_distance(B, A)
    assert abs(forth - back) < 1e-7
    assert 0 <= forth <= PI + 1e-7
    assert R.geodesic_distance(A, C) <= forth + R.geodesic_distance(B, C) + 1e-7
    assert abs(R.geodesic_distance(C @ A, C @ B) - forth) < 1e-7  # the frame does not matter


def test_nan_stays_nan():
    assert R.rotation_6d_to_matrix(torch.full((6,), torch.nan), layout="columns").isnan().all()
    assert R.axis_angle_to_matrix(torch.full((3,), torch.nan)).isnan().all()
