"""The body against vectors of the official wrapper, forward kinematics by hand, and wrong files."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from hanet.poses.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from hanet.poses.skeletons import LSP14, SMPL24
from hanet.smpl.body import Body, joint_set_skeleton
from hanet.smpl.body_files import SmplFileError
from hanet.smpl.rest_pose import rest_joints
from hanet.smpl.synthetic_body import synthetic_body
from tests.support import smpl_stand_in


@pytest.fixture(scope="module")
def body() -> Body:
    return synthetic_body()


@pytest.fixture(scope="module")
def official() -> Body:
    return Body(smpl_stand_in.arrays(), **smpl_stand_in.regressors())


def turns(joints: dict[str, list[float]], B: int = 1) -> torch.Tensor:
    """Rest pose, but for the named joints' axis-angles."""
    axis_angle = torch.zeros(B, 24, 3)
    for name, vector in joints.items():
        axis_angle[:, SMPL24.index(name)] = torch.tensor(vector)
    return axis_angle_to_matrix(axis_angle)


def random_pose(B: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return axis_angle_to_matrix(0.5 * torch.randn(B, 24, 3, generator=generator))


def test_equals_the_official_wrapper(official):
    expected = smpl_stand_in.outputs()

    def close(got: torch.Tensor, name: str) -> None:
        error = np.abs(got.numpy() - expected[name]).max() / expected[name].std()
        assert error < 5e-5, (name, error)

    rotations, betas = (torch.from_numpy(expected[name]) for name in ("rotmat", "betas"))
    output = official(rotations, betas)
    close(output.vertices[:, ::97], "verts_every97")
    close(official.joints49(output), "joints49")
    h36m = official.h36m17(output)
    close(h36m, "h36m17")
    close(official.joint_set(output, "lsp14") - h36m[:, :1], "lsp14_pelvis")
    turned = Rotation.from_rotvec(expected["axis_angle"].reshape(-1, 3)).as_matrix()
    assert (
        np.abs(turned - axis_angle_to_matrix(matrix_to_axis_angle(rotations)).reshape(-1, 3, 3).numpy()).max()
        < 1e-5
    )


def test_the_wrapper_s_14_joints_are_those_of_the_49(official):
    output = official(random_pose(1))
    joints = official.joint_set(output, "wrapper14")[0]
    vertices, regressed = output.vertices[0], official.extra_regressor @ output.vertices[0]
    assert joint_set_skeleton("wrapper14") == LSP14
    for name in ("ankle", "knee", "shoulder", "wrist"):
        for side in ("l_", "r_"):
            expected = output.joints[0, SMPL24.index(side + name)]
            torch.testing.assert_close(joints[LSP14.index(side + name)], expected)
    torch.testing.assert_close(joints[LSP14.index("head_top")], regressed[3])
    assert not torch.isclose(joints, vertices[332]).all(dim=-1).any()  # the nose is none of them


def test_the_rest_pose_is_the_template(body):
    output = body(turns({}))
    assert np.abs(output.joints[0].numpy() - rest_joints()).max() < 1e-6
    assert np.abs(body.rest_joints - rest_joints()).max() < 1e-6
    torch.testing.assert_close(output.vertices[0], body.smpl.v_template)
    assert np.abs(output.vertices.numpy().max(axis=(0, 1)) - [0.867, 0.545, 0.159]).max() < 2e-3


def test_a_bent_elbow_by_hand(body):
    # A quarter turn about z swings the forearm, which points along x, up along y.
    bent = body(turns({"l_elbow": [0, 0, np.pi / 2]})).joints[0].numpy()
    rest, elbow, wrist = rest_joints(), SMPL24.index("l_elbow"), SMPL24.index("l_wrist")
    x, y, z = rest[wrist] - rest[elbow]
    assert np.abs(bent[wrist] - (rest[elbow] + [-y, x, z])).max() < 1e-6
    others = [i for i, name in enumerate(SMPL24.joints) if name not in ("l_wrist", "l_hand")]
    assert np.abs(bent[others] - rest[others]).max() < 1e-6


def test_a_turned_root_turns_about_the_pelvis_and_carries_the_vertices(body):
    turn = Rotation.from_rotvec([0.3, -1.0, 0.2])
    output = body(turns({"pelvis": list(turn.as_rotvec())}), transl=torch.tensor([[1.0, 2, 3]]))
    pelvis = rest_joints()[0]
    expected = turn.apply(body.smpl.v_template.numpy() - pelvis) + pelvis + [1, 2, 3]
    assert np.abs(output.vertices[0].numpy() - expected).max() < 1e-5


def test_betas_change_the_size_and_joints_alone_agree(body):
    rotations, transl = random_pose(5), torch.randn(5, 3)
    betas = torch.randn(5, 10)
    output = body(rotations, betas, transl)
    torch.testing.assert_close(body.joints(rotations, betas, transl), output.joints, atol=1e-5, rtol=0)
    tall = body(turns({}), torch.eye(10)[:1])
    height = (tall.vertices.max(dim=1).values - tall.vertices.min(dim=1).values)[0, 1]
    assert abs(height.item() / (0.5449 + 1.1974) - 1.04) < 1e-3


def test_a_batch_is_its_bodies_one_by_one(body):
    rotations, betas, transl = random_pose(3), torch.randn(3, 10), torch.randn(3, 3)
    together = body(rotations, betas, transl)
    for i in range(3):
        alone = body(rotations[i : i + 1], betas[i : i + 1], transl[i : i + 1])
        torch.testing.assert_close(alone.vertices[0], together.vertices[i], atol=1e-5, rtol=0)


def test_gradients_reach_rotations_shape_and_place():
    body = synthetic_body().double()
    rotations = random_pose(1).double().requires_grad_()
    betas = torch.zeros(1, 10, dtype=torch.float64, requires_grad=True)
    transl = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(24, 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda *inputs: (body.joints(*inputs) * weight).sum(), (rotations, betas, transl)
    )
    body(rotations, betas, transl).vertices.square().sum().backward()
    for leaf in (rotations, betas, transl):
        assert torch.isfinite(leaf.grad).all() and leaf.grad.abs().max() > 0


def test_it_has_no_parameters_and_moves_with_its_module(body):
    assert not list(body.parameters())
    moved = synthetic_body().to("meta")
    assert {buffer.device.type for buffer in moved.buffers()} == {"meta"}


def test_joint_sets_of_the_synthetic_body(body, unchecked):
    output = body(turns({}))
    lsp = dict(zip(LSP14.joints, body.joint_set(output, "lsp14")[0].numpy(), strict=True))
    for name in set(LSP14.joints) & set(SMPL24.joints):
        assert np.abs(lsp[name] - rest_joints()[SMPL24.index(name)]).max() < 1e-5
    assert lsp["head_top"][1] > lsp["thorax"][1] > lsp["l_hip"][1]
    torch.testing.assert_close(body.joint_set(output, "smpl24"), output.joints)
    with pytest.raises(ValueError, match="picked on SMPL's 6890 vertices, this body has"):
        body.joint_set(output, "wrapper14")
    with pytest.raises(ValueError, match="joints must be one of smpl24, lsp14, wrapper14, got 'coco'"):
        body.joint_set(output, "coco")


def test_a_body_without_regressors_says_which_file_it_lacks(official):
    bare = Body(smpl_stand_in.arrays())
    output = bare(turns({}))
    with pytest.raises(ValueError, match=r"J_regressor_h36m\.npy"):
        bare.joint_set(output, "lsp14")
    with pytest.raises(ValueError, match=r"J_regressor_extra\.npy"):
        bare.joints49(output)


def test_loads_files_and_regressors_by_path(tmp_path, official):
    arrays, regressors = smpl_stand_in.arrays(), smpl_stand_in.regressors()
    np.savez(tmp_path / "SMPL_NEUTRAL.npz", **arrays._asdict(), kintree_table=smpl_stand_in.KINTREE)
    paths = {}
    for name, regressor in regressors.items():
        paths[name] = tmp_path / f"{name}.npy"
        np.save(paths[name], regressor)
    loaded = Body.load(tmp_path / "SMPL_NEUTRAL.npz", **paths)
    pose = random_pose(1)
    torch.testing.assert_close(loaded.joints49(loaded(pose)), official.joints49(official(pose)))
    with pytest.raises(SmplFileError, match=r"expected a regressor \(9, 6890\), got \(17, 6890\)"):
        Body.load(tmp_path / "SMPL_NEUTRAL.npz", extra_regressor=paths["h36m_regressor"])
    with pytest.raises(SmplFileError, match=r"no such regressor; J_regressor_h36m\.npy is"):
        Body.load(tmp_path / "SMPL_NEUTRAL.npz", h36m_regressor=tmp_path / "none.npy")
