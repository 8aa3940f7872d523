"""Names of joints by meaning, and sets of keypoints told apart by more than their count."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hanet.formats import FormatError, ReadOptions, read, read_openpose
from hanet.formats.keypoint_sets import (
    DETECTED,
    KEYPOINT_SETS,
    OPENPOSE_SETS,
    canonical,
    choose,
    from_names,
)
from hanet.poses.skeletons import BODY25, COCO17
from tests.support import keypoint_writers as writers


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("left_big_toe", "l_big_toe"), ("LBigToe", "l_big_toe"), ("L_BigToe", "l_big_toe"),
        ("leftBigToe", "l_big_toe"), ("Big Toe.L", "l_big_toe"), ("big_toe_left", "l_big_toe"),
        ("RKnee", "r_knee"), ("RIGHT_KNEE", "r_knee"), ("rightknee", "r_knee"), ("r_knee", "r_knee"),
        ("REye", "r_eye"), ("LEar", "l_ear"), ("LEye", "l_eye"), ("Nose", "nose"),
        ("MidHip", "pelvis"), ("Hip", "pelvis"), ("LHip", "l_hip"), ("left_hip", "l_hip"), ("root", "pelvis"),
        ("Top_Head", "head_top"), ("head_bottom", "head_bottom"), ("UpperNeck", "upper_neck"),
        ("face-12", "face_12"), ("left_thumb1", "l_thumb1"), ("right_hand_root", "r_hand_root"),
        ("RASI", "RASI"), ("snout", "snout"), ("L", "L"), ("left", "left"), ("", ""), ("RKnee_x", "RKnee_x"),
    ],
)  # fmt: skip
def test_a_joints_name(name: str, meant: str) -> None:
    assert canonical(name) == meant


@pytest.mark.parametrize("name", writers.NAMES)
def test_sets_have_the_order_that_their_authors_document(name: str) -> None:
    """But for hands and two names that mean the same place."""
    ours = KEYPOINT_SETS[name].joints
    theirs = [canonical(joint) for joint in writers.NAMES[name]]
    same = {"head": "head_top", "mid_hip": "pelvis", "spine": "chest"}
    same |= {"neck": "upper_neck"} if name == "body25b" else {}
    for a, b in zip(ours, theirs, strict=True):
        if "hand" in b:
            assert a.startswith(f"{b.split('_')[0][0]}_") and ("thumb" in a or "finger" in a or "hand" in a)
        elif name != "h36m17" or b != "neck":
            assert a in (b, same.get(b))


def test_named_joints() -> None:
    assert from_names(writers.NAMES["coco17"], "x") is COCO17
    assert from_names([joint.replace("l_", "L").title() for joint in ("nose",)], "x").joints == ("nose",)
    tail = from_names(["snout", "LEar", "tail_base"], "mouse")
    assert (tail.name, tail.joints, tail.parents, tail.root) == (
        "mouse", ("snout", "l_ear", "tail_base"), (-1, -1, -1), (0,),
    )  # fmt: skip
    hips = from_names(["nose", "RHip", "LHip"], "half")
    assert [hips.joints[i] for i in hips.root] == ["l_hip", "r_hip"]
    # Two names of one meaning are two joints.
    assert from_names(["LKnee", "left_knee"], "x").joints == ("LKnee", "left_knee")
    for names in ([], ["a", "a"], [str(i) for i in range(1001)]):
        with pytest.raises(ValueError, match=r"no names|repeat|at most 1000"):
            from_names(names, "x")


def chosen(bodies: np.ndarray, **options: object) -> tuple[str, str | None]:
    people = list(bodies.reshape(-1, *bodies.shape[2:])[..., :2])
    sets = {"sets": OPENPOSE_SETS, "asked": None} | options
    skeleton, note = choose(people, bodies.shape[2], where="f.json", **sets)
    return skeleton.name, note


OTHERS = {"body25b": "body25", "coco18": "openpose18", "posetrack17": "coco17", "h36m17": "coco17"}


@pytest.mark.parametrize("name", sorted(writers.NAMES.keys() - OTHERS.keys()))
def test_a_set_by_its_count(name: str) -> None:
    assert chosen(writers.bodies(name)) == (name, None)


@pytest.mark.parametrize(("name", "usual"), OTHERS.items())
def test_another_set_of_as_many_keypoints_is_asked_for(name: str, usual: str) -> None:
    bodies = writers.bodies(name)
    if name == "posetrack17":
        bodies[:, :, 3:5, :2] = np.nan  # the ears, which it never has
    message = (
        rf"f\.json: {len(KEYPOINT_SETS[name])} keypoints that lie as those of {name}, not of {usual}; give "
    )
    with pytest.raises(FormatError, match=rf"{message}--skeleton {name}, or --skeleton {usual}"):
        chosen(bodies)
    assert chosen(bodies, asked=name) == (name, None)
    assert chosen(bodies, asked=usual) == (usual, None)


def test_a_crouching_and_a_hidden_body_are_still_bodies() -> None:
    bodies = writers.bodies("body25", frames=30)
    bodies[..., 1] *= 0.3  # seen from above
    assert chosen(bodies) == ("body25", None)
    bodies[:, :, 8:15, :2] = np.nan
    assert chosen(bodies) == ("body25", None)
    bodies[:, :, 1:, :2] = np.nan  # a nose says nothing
    assert chosen(bodies) == ("body25", None)


def test_what_does_not_look_like_a_body_is_said() -> None:
    name, note = chosen(writers.noise(joints=25))
    assert name == "body25" and note is not None and "give --skeleton" in note


def test_counts_without_a_usual_set() -> None:
    bodies = writers.noise(joints=16)
    with pytest.raises(
        FormatError, match=r"16 keypoints, expected 15 \(mpi15\), .*give --skeleton h36m16 or mpii16"
    ):
        chosen(bodies)
    assert chosen(bodies, asked="mpii16") == ("mpii16", None)
    with pytest.raises(FormatError, match=r"expected 17 keypoints of coco17, got 16; correct --skeleton"):
        chosen(bodies, asked="coco17")
    with pytest.raises(FormatError, match=r"12 keypoints, .*give --skeleton limbs12"):
        chosen(writers.noise(joints=12), sets=DETECTED)
    with pytest.raises(FormatError, match=r"9 keypoints, .*run a model of one of these sets"):
        chosen(writers.noise(joints=9), sets=DETECTED)
    with pytest.raises(ValueError, match=r"unknown skeleton 'x'; known: body25, body25b, coco17"):
        chosen(bodies, asked="x")


def test_body_25b_in_openposes_folder(tmp_path: Path) -> None:
    """Its right elbow would be BODY_25's pelvis."""
    found = writers.bodies("body25b")
    folder = writers.write_openpose(tmp_path / "o", found)
    with pytest.raises(FormatError, match="lie as those of body25b, not of body25"):
        read_openpose(folder, fps=25.0)
    poses = read(folder, ReadOptions(skeleton="body25b"))
    elbow = poses.skeleton.index("r_elbow")
    np.testing.assert_array_equal(poses.tracks[0].values[:, elbow], found[:, 0, 8, :2])
    assert read(folder, ReadOptions(skeleton="body25")).skeleton is BODY25


def test_sam_3d_body_has_the_right_hand_before_the_left():
    """Numbers in the metadata of facebookresearch/sam-3d-body: tips first, wrists last."""
    mhr70 = KEYPOINT_SETS["mhr70"]
    numbers = {
        0: "nose", 5: "l_shoulder", 8: "r_elbow", 9: "l_hip", 13: "l_ankle", 15: "l_big_toe", 17: "l_heel",
        20: "r_heel", 21: "r_thumb4", 25: "r_forefinger4", 40: "r_pinky_finger1", 41: "r_wrist",
        42: "l_thumb4", 62: "l_wrist", 63: "l_olecranon", 66: "r_cubital_fossa", 68: "r_acromion", 69: "neck",
    }  # fmt: skip
    assert len(mhr70) == 70 and {i: mhr70.joints[i] for i in numbers} == numbers
    assert mhr70.joints[mhr70.mirror[25]] == "l_forefinger4"
    assert mhr70.joints[mhr70.parents[21]] == "r_thumb3" and mhr70.joints[mhr70.parents[24]] == "r_wrist"
