"""Acclaim files: forward kinematics by hand on a skeleton of two bones, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanet.datasets.mocap.asfamc import INCH, AcclaimError, joint_positions, read_amc, read_asf

# A bone of 2 to the right whose own axes are turned by 90° about z, and one of 1 up from its end.
ASF = """# made for the test
:version 1.10
:name TWO
:units
  mass 1.0
  length 0.5
  angle deg
:root
   order TX TY TZ RX RY RZ
   axis XYZ
   position 0 0 0
   orientation 0 0 0
:bonedata
  begin
     id 1
     name upper
     direction 1 0 0
     length 2
     axis 0 0 90 XYZ
    dof rx ry
    limits (-160.0 20.0)
           (-70.0 70.0)
  end
  begin
     id 2
     name lower
     direction 0 1 0
     length 1
     axis 0 0 0 XYZ
    dof rz
  end
  begin
     id 3
     name tip
     direction 0 0 1
     length 4
     axis 30 0 0 XYZ
  end
:hierarchy
  begin
    root upper
    upper lower
    lower tip
  end
"""
METRES = INCH / 0.5


def write(folder: Path, frames: list[list[str]], asf: str = ASF) -> tuple[Path, Path]:
    """A skeleton and a motion file; a frame is its lines."""
    lines = ["#!OML:ASF", ":FULLY-SPECIFIED", ":DEGREES"]
    for number, frame in enumerate(frames, 1):
        lines += [str(number), *frame]
    (folder / "two.asf").write_text(asf)
    (folder / "two.amc").write_text("\n".join(lines) + "\n")
    return folder / "two.asf", folder / "two.amc"


def positions(folder: Path, frames: list[list[str]], asf: str = ASF) -> dict[str, np.ndarray]:
    """Where the joints are, in the file's units."""
    skeleton_file, motion_file = write(folder, frames, asf)
    skeleton = read_asf(skeleton_file)
    found = joint_positions(skeleton, read_amc(motion_file, skeleton))
    return {name: values / skeleton.metres for name, values in found.items()}


def frame(root: str = "0 0 0 0 0 0", upper: str = "0 0", lower: str = "0") -> list[str]:
    return [f"root {root}", f"upper {upper}", f"lower {lower}"]


def assert_at(found: dict[str, np.ndarray], index: int, **expected: tuple[float, float, float]) -> None:
    for name, point in expected.items():
        np.testing.assert_allclose(found[name][index], point, atol=1e-12, err_msg=name)


def test_units_are_inches_over_length(tmp_path):
    asf, amc = write(tmp_path, [frame(root="10 0 0 0 0 0")])
    skeleton = read_asf(asf)
    assert skeleton.metres == pytest.approx(0.0508)
    assert skeleton.root_order == ("tx", "ty", "tz", "rx", "ry", "rz")
    at = joint_positions(skeleton, read_amc(amc, skeleton))
    np.testing.assert_allclose(at["root"], [[0.508, 0, 0]])
    np.testing.assert_allclose(at["upper"], [[0.6096, 0, 0]])


def test_rest_pose_and_root(tmp_path):
    """The root turns by Rz·Ry·Rx: with 90° about x, then about z, y goes to z and stays; x goes to y."""
    found = positions(tmp_path, [frame(), frame(root="1 2 3 0 0 0"), frame(root="0 0 0 90 0 90")])
    assert_at(found, 0, root=(0, 0, 0), upper=(2, 0, 0), lower=(2, 1, 0), tip=(2, 1, 4))
    assert_at(found, 1, root=(1, 2, 3), upper=(3, 2, 3), lower=(3, 3, 3), tip=(3, 3, 7))
    # z goes to -y by the turn about x, and on to x by the turn about z.
    assert_at(found, 2, upper=(0, 2, 0), lower=(0, 2, 1), tip=(4, 2, 1))


def test_angles_turn_about_the_bones_own_axes(tmp_path):
    """`upper`'s axes are turned by 90° about z: its x is the world's y, its y the world's -x."""
    found = positions(tmp_path, [frame(upper="90 0"), frame(upper="0 90"), frame(upper="90 90")])
    # 90° about the world's y: x to -z, z to x; the child turns along.
    assert_at(found, 0, upper=(0, 0, -2), lower=(0, 1, -2), tip=(4, 1, -2))
    # 90° about the world's -x: y to -z, z to y.
    assert_at(found, 1, upper=(2, 0, 0), lower=(2, 0, -1), tip=(2, 4, -1))
    # Ry·Rx about the own axes: first about the world's y, then about its -x: -z to -y.
    assert_at(found, 2, upper=(0, -2, 0), lower=(0, -2, -1))


def test_a_childs_angle_turns_it_within_its_parents_frame(tmp_path):
    found = positions(tmp_path, [frame(lower="90"), frame(upper="90 0", lower="90")])
    assert_at(found, 0, upper=(2, 0, 0), lower=(1, 0, 0))
    # Within the parent it points to -x; the parent's turn about y takes that to z.
    assert_at(found, 1, upper=(0, 0, -2), lower=(0, 0, -1))


@given(
    angles=st.lists(
        st.lists(st.floats(-360, 360), min_size=9, max_size=9).map(lambda a: [f"{x:.6f}" for x in a]),
        min_size=1,
        max_size=5,
    )
)
def test_bone_lengths_never_change(tmp_path_factory, angles):
    frames = [frame(" ".join(a[:6]), " ".join(a[6:8]), a[8]) for a in angles]
    found = positions(tmp_path_factory.mktemp("acclaim"), frames)
    for child, parent, length in (("upper", "root", 2), ("lower", "upper", 1), ("tip", "lower", 4)):
        distance = np.linalg.norm(found[child] - found[parent], axis=-1)
        np.testing.assert_allclose(distance, length, atol=1e-9)


@pytest.mark.parametrize("section", ["units", "root", "bonedata", "hierarchy"])
def test_a_missing_section_is_named(tmp_path, section):
    asf, _ = write(tmp_path, [], ASF.replace(f":{section}", ":documentation"))
    with pytest.raises(AcclaimError, match=rf"two\.asf: no section :{section}; .* not a whole ASF skeleton"):
        read_asf(asf)


def test_a_raised_digit_is_no_frame_number(tmp_path):
    asf, amc = write(tmp_path, [frame(), frame()])
    amc.write_bytes(amc.read_bytes().replace(b"\n2\n", b"\n\xb2\n"))
    with pytest.raises(AcclaimError, match=r"two\.amc:8: ² has 0 numbers, expected no such bone"):
        read_amc(amc, read_asf(asf))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("angle deg", "angle rad", "angles must be in deg, got rad"),
        ("  angle deg\n", "", "KeyError.*angle"),
        ("length 0.5", "length half", "could not convert string to float: 'half'"),
        ("direction 1 0 0", "direction one 0 0", "could not convert string to float: 'one'"),
        ("     length 2\n", "", "KeyError.*length"),
        ("order TX TY TZ", "order TX TY", "the root's order must name tx ty tz rx ry rz, got tx ty rx ry rz"),
        ("position 0 0 0", "position 0 1 0", "the root's position must be 0 0 0, got 0 1 0"),
        ("orientation 0 0 0", "orientation 90 0 0", "the root's orientation must be 0 0 0, got 90 0 0"),
        ("   axis XYZ", "   axis ZYX", "the root's axis must be XYZ, got ZYX"),
        ("axis 0 0 90 XYZ", "axis 0 0 90 ZYX", "bone upper has axis order ZYX"),
        ("dof rz", "dof rz l", "bone lower has axis order XYZ and dof rz l"),
    ],
)
def test_what_cmu_does_not_write_is_refused(tmp_path, old, new, message):
    asf, _ = write(tmp_path, [], ASF.replace(old, new))
    with pytest.raises(AcclaimError, match=rf"two\.asf: not a skeleton as CMU writes them .*{message}"):
        read_asf(asf)


def test_a_hierarchy_of_other_bones_is_refused(tmp_path):
    asf, _ = write(tmp_path, [], ASF.replace("lower tip", "lower toe"))
    with pytest.raises(AcclaimError, match=r"hierarchy and bones differ by \['tip', 'toe'\]"):
        read_asf(asf)


def test_a_child_before_its_parent_is_refused(tmp_path):
    asf, _ = write(
        tmp_path, [], ASF.replace("    root upper\n    upper lower\n", "    upper lower\n    root upper\n")
    )
    with pytest.raises(AcclaimError, match="the hierarchy has lower below upper before it has upper"):
        read_asf(asf)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (
            [frame(), frame(lower="0 0")],
            r"two\.amc:11: lower has 2 numbers, expected 1; the motion does not fit",
        ),
        ([frame(), frame(upper="0")], r"two\.amc:10: upper has 1 numbers, expected 2"),
        ([[*frame(), "tail 1"]], r"two\.amc:8: tail has 1 numbers, expected no such bone"),
        ([frame(), frame()[:2]], r"two\.amc: frame 2 is not whole; the file is cut off"),
        ([frame(), []], r"two\.amc: frame 2 is not whole"),
        ([frame()[1:]], r"two\.amc: frame 1 is not whole"),
        ([], r"two\.amc: frame 0 is not whole"),
        ([frame(lower="1.2.3")], r"two\.amc:7: could not convert string to float: '1\.2\.3'; .* damaged"),
    ],
)
def test_a_motion_that_is_cut_off_or_does_not_fit_is_refused(tmp_path, frames, message):
    asf, amc = write(tmp_path, frames)
    with pytest.raises(AcclaimError, match=message):
        read_amc(amc, read_asf(asf))


def test_numbers_before_the_first_frame_are_refused(tmp_path):
    asf, amc = write(tmp_path, [])
    amc.write_text("root 0 0 0 0 0 0\n")
    with pytest.raises(AcclaimError, match=r"two\.amc:1: root has 6 numbers"):
        read_amc(amc, read_asf(asf))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (":DEGREES", ":RADIANS", "two.amc:3: angles must be in degrees, got :RADIANS"),
        ("\n2\n", "\n3\n", "frame 3, expected 2; frames are missing or come twice"),
        ("\n2\n", "\n1\n", "frame 1, expected 2; frames are missing or come twice"),
    ],
)
def test_radians_and_frames_out_of_order_are_refused(tmp_path, old, new, message):
    asf, amc = write(tmp_path, [frame(), frame(), frame()])
    text = amc.read_text()
    amc.write_text(text.replace(old, new, 1))
    with pytest.raises(AcclaimError, match=message):
        read_amc(amc, read_asf(asf))
