"""Which joints a drawing connects."""

from __future__ import annotations

import pytest

from hanet.formats.keypoint_sets import from_names
from hanet.poses.bones import drawn_bones
from hanet.poses.skeletons import COCO17, H36M17, LIMBS12, LSP14, SKELETONS


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda skeleton: skeleton.name)
def test_bones_join_shoulders_and_hips(skeleton):
    bones = drawn_bones(skeleton)
    assert len(set(bones)) == len(bones)
    reached, grown = {skeleton.index("l_ankle")}, True
    while grown:
        more = {j for bone in bones for j in bone if set(bone) & reached} - reached
        reached, grown = reached | more, bool(more)
    assert {skeleton.index(name) for name in ("r_ankle", "l_wrist", "r_wrist")} <= reached


def test_joined_bones_by_hand():
    def named(skeleton):
        extra = drawn_bones(skeleton)[len(skeleton.bones) :]
        return {tuple(sorted(skeleton.joints[j] for j in bone)) for bone in extra}

    torso = {("l_hip", "r_hip"), ("l_hip", "l_shoulder"), ("r_hip", "r_shoulder")}
    assert named(H36M17) == set()
    assert named(LSP14) == torso
    assert named(LIMBS12) == torso | {("l_shoulder", "r_shoulder")}
    assert named(COCO17) == named(LIMBS12) | {("l_shoulder", "nose"), ("nose", "r_shoulder")}


def test_bones_of_names_alone():
    """As of a TRC file, whose markers have no parents."""
    names = ["RShoulder", "RElbow", "RWrist", "LShoulder", "LHip", "RHip", "RKnee", "Nose", "marker7"]
    skeleton = from_names(names, "markers")
    assert skeleton.bones == ()
    bones = {tuple(sorted(skeleton.joints[j] for j in bone)) for bone in drawn_bones(skeleton)}
    assert bones == {
        ("r_elbow", "r_shoulder"),
        ("r_elbow", "r_wrist"),
        ("r_hip", "r_knee"),
        ("l_hip", "r_hip"),
        ("l_shoulder", "r_shoulder"),
        ("l_hip", "l_shoulder"),
        ("r_hip", "r_shoulder"),
        ("l_shoulder", "nose"),
        ("nose", "r_shoulder"),
    }
    assert drawn_bones(from_names(["a", "b"], "loose")) == ()
