"""Lifting: which numbers FCN reads and gives on each skeleton."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from hanet.estimators.fcn.lifting import HUMAN36M, Lifting
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17, H36M17, H36M17_LEFT_FIRST, LSP14, Skeleton

STICK = Skeleton("stick", ("l_end", "r_end", "middle"), (2, 2, -1), root=(0, 1))
"""A mean root, which is neither its first joint nor its last."""


def keypoints(values: np.ndarray, skeleton: Skeleton, **fields) -> PoseSequence:
    return PoseSequence("walk", values, skeleton, "2d", 50.0, "px", "image", **fields)


def joints(values: np.ndarray, skeleton: Skeleton, **fields) -> PoseSequence:
    return PoseSequence("walk", values, skeleton, "3d", 50.0, "m", "camera_root_relative", **fields)


def pair(skeleton: Skeleton, unlabelled: tuple[str, ...] = (), T=4) -> tuple[PoseSequence, PoseSequence]:
    rng = np.random.default_rng(1)
    J = len(skeleton)
    labelled = np.tile(np.isin(skeleton.joints, unlabelled, invert=True), (T, 1))
    return (
        keypoints(rng.normal(size=(T, J, 2)).astype(np.float32), skeleton, labelled=labelled),
        joints(rng.normal(size=(T, J, 3)).astype(np.float32), skeleton, labelled=labelled.copy()),
    )


def names(skeleton: Skeleton, chosen: tuple[int, ...]) -> list[str]:
    return [skeleton.joints[j] for j in chosen]


# --- which


def test_human36m_lacks_the_nose_and_the_root():
    assert names(H36M17, tuple(set(range(17)) - set(HUMAN36M.keypoints))) == ["nose"]
    assert names(H36M17, tuple(set(range(17)) - set(HUMAN36M.joints))) == ["pelvis"]
    assert list(HUMAN36M.keypoints) == sorted(HUMAN36M.keypoints)
    assert list(HUMAN36M.joints) == sorted(HUMAN36M.joints)
    assert HUMAN36M.given.all()
    assert Lifting.of([pair(H36M17)]) == HUMAN36M


def test_what_is_never_labelled_is_left_out():
    some = pair(LSP14, ("thorax", "head_top"))
    lifting = Lifting.of([some])
    assert lifting.keypoints == lifting.joints == tuple(range(12))
    assert lifting.given.tolist() == [True] * 12 + [False] * 2
    # A joint that is known in one frame of one sequence is learned; one that is NaN is not known.
    some[1].labelled[2, 13] = some[0].labelled[2, 12:] = True
    some[0].values[:, 12] = np.nan
    lifting = Lifting.of([pair(LSP14, ("thorax", "head_top")), some])
    assert lifting.joints == (*range(12), 13) and lifting.keypoints == (*range(12), 13)
    everywhere = [replace(side, labelled=None) for side in pair(COCO17)]
    assert Lifting.of([tuple(everywhere)]) == Lifting(COCO17, tuple(range(17)), tuple(range(17)))


def test_a_sole_root_is_not_learned():
    lifting = Lifting.of([pair(H36M17_LEFT_FIRST, ("head_top",))])
    assert lifting.joints == tuple(j for j in range(1, 17) if H36M17_LEFT_FIRST.joints[j] != "head_top")
    assert "pelvis" in names(H36M17_LEFT_FIRST, lifting.keypoints)
    assert names(H36M17_LEFT_FIRST, tuple(np.flatnonzero(~lifting.given))) == ["head_top"]


# --- numbers


def test_numbers_by_hand():
    lifting = Lifting(STICK, (2, 0), (0, 1))
    seen = keypoints(np.array([[[1, 2], [3, 4], [5, 6]]], np.float32), STICK)
    assert lifting.inputs(seen).tolist() == [[5, 6, 1, 2]]
    truth = joints(np.arange(9, dtype=np.float32).reshape(1, 3, 3), STICK)
    assert lifting.targets(truth).tolist() == [[0, 1, 2, 3, 4, 5]]
    unknown = lifting.targets(replace(truth, labelled=np.array([[True, False, False]])))
    assert unknown[0, :3].tolist() == [0, 1, 2] and unknown[0, 3:].isnan().all()


def test_poses_by_hand():
    """The ends come out 0.2 m to the right of where they should: their mean is the origin again."""
    scores = np.array([[0.5, 0.75, 0.25]], np.float32)
    seen = keypoints(np.ones((1, 3, 2), np.float32), STICK, scores=scores, start=7, image_size=(4, 3))
    found = Lifting(STICK, (2, 0), (0, 1)).poses(torch.tensor([[1.2, 0, 1, -0.8, 0, -1]]), seen)
    np.testing.assert_allclose(found.values, [[[1, 0, 1], [-1, 0, -1], [0, 0, 0]]], atol=1e-6)
    assert found.scores is not None and found.scores.tolist() == [[0.5, 0.75, 0]]
    assert found.labelled is not None and found.labelled.tolist() == [[True, True, False]]
    assert (found.representation, found.unit, found.frame_of_reference) == ("3d", "m", "camera_root_relative")
    assert (found.key, found.start, found.image_size) == (seen.key, 7, (4, 3))
    lost = replace(seen, scores=None, labelled=np.array([[False, True, True]]))
    found = Lifting(STICK, (2, 0), (0, 1)).poses(torch.zeros(1, 6), lost)
    assert found.scores is None
    assert found.labelled is not None and found.labelled.tolist() == [[False, True, False]]


def test_keypoints_and_joints_keep_their_order(rng):
    seen, truth = rng.normal(size=(2, 17, 2)), rng.normal(size=(2, 17, 3))
    flat = HUMAN36M.inputs(keypoints(seen, H36M17))[1]
    np.testing.assert_allclose(flat, np.delete(seen[1], H36M17.index("nose"), axis=0).ravel(), rtol=1e-6)
    np.testing.assert_allclose(HUMAN36M.targets(joints(truth, H36M17))[1], truth[1, 1:].ravel(), rtol=1e-6)


# --- as text


def test_names_are_kept():
    lifting = Lifting(LSP14, (0, 13, 5), (2, 3, 9))
    assert '"keypoints": ["r_ankle", "head_top", "l_ankle"]' in lifting.to_json()
    assert Lifting.from_json(lifting.to_json()) == lifting


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "not JSON",
            "expected names .* got 'not JSON': its lifting: expected JSON, got .*; train it again",
        ),
        ("[1]", "expected names of a skeleton"),
        ('{"skeleton": "lsp14"}', "expected names of a skeleton.*'keypoints'"),
        ('{"skeleton": "lsp99", "keypoints": [], "joints": []}', "unknown skeleton 'lsp99'"),
        ('{"skeleton": "lsp14", "keypoints": ["nose"], "joints": []}', "skeleton lsp14 has no joint 'nose'"),
        ('{"skeleton": "lsp14", "keypoints": [], "joints": []}', "FCN's keypoints must be some of the 14 jo"),
    ],
)
def test_other_text_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        Lifting.from_json(text)


# --- refusals


@pytest.mark.parametrize("chosen", [(), (0, 0), (0, 14), (-1, 0)])
def test_joints_that_cannot_be_are_refused(chosen):
    with pytest.raises(ValueError, match="FCN's keypoints must be some of the 14 joints of lsp14, each once"):
        Lifting(LSP14, chosen, (2, 3))
    with pytest.raises(ValueError, match="FCN's joints must be some of the 14 joints of lsp14, each once"):
        Lifting(LSP14, (2, 3), chosen)


def test_a_mean_root_has_to_be_learned():
    message = "root of lsp14 is the mean of r_hip, l_hip, so FCN has to learn them; l_hip is not among"
    with pytest.raises(ValueError, match=message):
        Lifting.of([pair(LSP14, ("l_hip",))])
    with pytest.raises(ValueError, match="at least one pair"):
        Lifting.of([])


def test_other_poses_are_refused():
    left_first = keypoints(np.zeros((3, 17, 2)), H36M17_LEFT_FIRST)
    with pytest.raises(
        ValueError, match="walk: FCN takes 2D keypoints on h36m17, got 2d on h36m17_left_first"
    ):
        HUMAN36M.inputs(left_first)
    with pytest.raises(ValueError, match="takes 2D keypoints on h36m17, got 3d on h36m17"):
        HUMAN36M.inputs(joints(np.zeros((3, 17, 3)), H36M17))
    for field, value, name in (
        ("frame_of_reference", "camera", "camera 3d on h36m17"),
        ("skeleton", H36M17_LEFT_FIRST, "camera_root_relative 3d on h36m17_left_first"),
    ):
        with pytest.raises(ValueError, match=f"FCN learns camera_root_relative joints on h36m17, got {name}"):
            HUMAN36M.targets(replace(joints(np.zeros((3, 17, 3)), H36M17), **{field: value}))
