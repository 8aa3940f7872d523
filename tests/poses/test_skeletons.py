"""Skeletons: swaps, trees and conversions by name."""

import numpy as np
import pytest

from hanet.poses.skeletons import (
    H36M17,
    H36M17_LEFT_FIRST,
    JHMDB15,
    LIMBS12,
    LSP14,
    SKELETONS,
    SMPL24,
    Skeleton,
    conversion,
    get,
)

ALL = list(SKELETONS.values())
every_skeleton = pytest.mark.parametrize("skeleton", ALL, ids=lambda s: s.name)


@every_skeleton
def test_mirror_swaps_sides_and_undoes_itself(skeleton):
    assert (skeleton.mirror[skeleton.mirror] == np.arange(len(skeleton))).all()
    for joint, mirrored in enumerate(skeleton.mirror):
        name, other = skeleton.joints[joint], skeleton.joints[mirrored]
        if name[:2] in ("l_", "r_"):
            assert {name[:2], other[:2]} == {"l_", "r_"} and name[2:] == other[2:]
        else:
            assert name == other


@every_skeleton
def test_mirror_keeps_bones(skeleton):
    """A mirrored bone is a bone; LSP's chain ends at its right hip, so its trunk is named by both sides."""
    bones = {frozenset(b) for b in skeleton.bones}
    assert {frozenset(int(skeleton.mirror[j]) for j in b) for b in bones} == bones


@every_skeleton
def test_bones_reach_every_joint_from_those_without_a_parent(skeleton):
    reached = {j for j, p in enumerate(skeleton.parents) if p < 0}
    starts = len(reached)
    while more := {c for p, c in skeleton.bones if p in reached} - reached:
        reached |= more
    assert reached == set(range(len(skeleton)))  # no cycle
    assert len(skeleton.bones) == len(skeleton) - starts


@pytest.mark.parametrize("skeleton", [H36M17, H36M17_LEFT_FIRST, JHMDB15, SMPL24], ids=lambda s: s.name)
def test_whole_bodies_are_one_tree(skeleton):
    assert sum(p < 0 for p in skeleton.parents) == 1


def test_counts_match_the_names():
    assert {s.name: len(s) for s in ALL} == {
        "h36m17": 17,
        "h36m17_left_first": 17,
        "h36m16": 16,
        "lsp14": 14,
        "jhmdb15": 15,
        "penn13": 13,
        "limbs12": 12,
        "smpl24": 24,
        "coco17": 17,
        "mpii16": 16,
        "posetrack15": 15,
        "posetrack17": 17,
        "body25": 25,
    }


def test_joints_by_hand():
    """Places that other code relies on, from the data sets' own descriptions."""
    assert [H36M17.index(j) for j in ("pelvis", "r_hip", "l_hip", "thorax", "head_top")] == [0, 1, 4, 8, 10]
    assert H36M17_LEFT_FIRST.index("l_hip") == 1
    assert [LSP14.joints[j] for j in LSP14.root] == ["r_hip", "l_hip"]
    assert [SMPL24.joints[p] for p in SMPL24.parents[22:]] == ["l_wrist", "r_wrist"]
    assert JHMDB15.joints[0] == "neck" and JHMDB15.parents[JHMDB15.index("l_knee")] == JHMDB15.index("l_hip")
    assert len(LIMBS12.root) == 12


def test_smpl_parents_are_those_of_the_body_model():
    expected = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
    assert SMPL24.parents == expected


def test_conversion_between_orders_of_the_same_joints(rng):
    index, mask = conversion(H36M17, H36M17_LEFT_FIRST)
    assert mask.all()
    values = rng.normal(size=(5, 17, 3))
    converted = values[:, index]
    assert (converted[:, H36M17_LEFT_FIRST.index("l_knee")] == values[:, H36M17.index("l_knee")]).all()
    back, _ = conversion(H36M17_LEFT_FIRST, H36M17)
    assert (converted[:, back] == values).all()


def test_conversion_masks_joints_the_source_lacks():
    index, mask = conversion(JHMDB15, LSP14)
    missing = [j for j, ok in zip(LSP14.joints, mask, strict=True) if not ok]
    assert missing == ["thorax", "head_top"]
    assert (index[~mask] == 0).all()
    assert [JHMDB15.joints[i] for i in index[mask]] == [j for j in LSP14.joints if j not in missing]


@every_skeleton
def test_conversion_to_itself_changes_nothing(skeleton):
    index, mask = conversion(skeleton, skeleton)
    assert mask.all() and index.tolist() == list(range(len(skeleton)))


def test_get():
    assert get("lsp14") is LSP14
    with pytest.raises(ValueError, match="unknown skeleton 'coco'; known: body25, coco17, h36m16"):
        get("coco")


def test_index_names_the_joints_there_are():
    with pytest.raises(KeyError, match="limbs12 has no joint 'tail'; it has l_shoulder, l_elbow"):
        LIMBS12.index("tail")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ((("a", "b"), (-1,), (0,)), "x: 2 joints but 1 parents"),
        ((("a", "a"), (-1, 0), (0,)), r"x: joint names repeat: \('a', 'a'\)"),
        ((("a",), (-1,), ()), "x: a skeleton needs at least one root joint"),
    ],
)
def test_skeleton_refuses(fields, message):
    with pytest.raises(ValueError, match=message):
        Skeleton("x", *fields)
