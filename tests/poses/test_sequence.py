"""PoseSequence and check_pair: what they hold, and what they refuse by field."""

from dataclasses import replace

import numpy as np
import pytest

from hanet.poses.sequence import PoseSequence, check_fps, check_pair
from hanet.poses.skeletons import H36M17, LIMBS12, LSP14, SMPL24


def make(T=3, **fields) -> PoseSequence:
    known = {
        "name": "walk",
        "values": np.arange(T * 14 * 3, dtype=np.float32).reshape(T, 14, 3),
        "skeleton": LSP14,
        "representation": "3d",
        "fps": 30.0,
        "unit": "m",
        "frame_of_reference": "camera",
    }
    return PoseSequence(**(known | fields))


def test_frames_and_key():
    sequence = make(start=7, track=2)
    assert len(sequence) == 3
    assert sequence.frames.tolist() == [7, 8, 9]
    assert sequence.key == ("walk", 2)


def test_with_values_drops_scores_and_keeps_the_rest():
    """A refined pose is not as sure as the detector was of its own."""
    sequence = make(scores=np.ones((3, 14)), labelled=np.ones((3, 14), bool), boxes=np.ones((3, 4)), start=5)
    refined = sequence.with_values(sequence.values + 1)
    assert refined.scores is None
    assert refined.labelled is sequence.labelled and refined.boxes is sequence.boxes
    assert refined.start == 5
    assert (refined.values == sequence.values + 1).all()


@pytest.mark.parametrize("fps", [10**400, -(10**400), "3" * 999, float("nan"), True, 1e5])
def test_a_wrong_frame_rate_is_named_in_short(fps):
    with pytest.raises(ValueError, match=r"a: fps must be .*, got ") as refused:
        check_fps(fps, "a: ")
    assert len(str(refused.value)) < 120


def full(T: int) -> PoseSequence:
    """With every array; row t of each holds t."""
    rows = np.arange(T, dtype=np.float32)
    fields = {"scores": (14,), "boxes": (4,), "values": (14, 3)}
    arrays = {name: np.broadcast_to(rows.reshape(T, *(1,) * len(s)), (T, *s)) for name, s in fields.items()}
    return make(start=7, labelled=arrays["scores"] % 2 == 0, image_size=(64, 32), **arrays)


def test_a_part_has_its_rows_of_every_array():
    part = full(6).part(slice(2, 5))
    assert part.frames.tolist() == [9, 10, 11] and part.image_size == (64, 32)
    assert (
        part.values[:, 0, 0].tolist() == part.scores[:, 0].tolist() == part.boxes[:, 0].tolist() == [2, 3, 4]
    )
    assert part.labelled[:, 0].tolist() == [True, False, True]
    assert make(5, start=7).part(slice(-2, None)).frames.tolist() == [10, 11]
    assert len(full(6).part(slice(4, 2))) == 0 and full(6).part(slice(2, 5)).boxes is not None


def test_thinned_keeps_every_so_many_frames():
    thin = full(6).thinned(4)
    assert thin.values[:, 0, 0].tolist() == thin.scores[:, 0].tolist() == thin.boxes[:, 0].tolist() == [0, 4]
    assert (thin.fps, thin.start) == (7.5, 7)
    assert make(3).thinned(1).fps == 30 and make(3).thinned(2).scores is None


def test_named_constructors_set_what_the_numbers_mean():
    found = PoseSequence.keypoints("a", np.zeros((3, 14, 2)), LSP14, fps=25.0, track=1, image_size=(64, 32))
    assert (found.representation, found.unit, found.frame_of_reference) == ("2d", "px", "image")
    assert (found.key, found.fps, found.image_size, found.skeleton) == (("a", 1), 25.0, (64, 32), LSP14)
    joints = PoseSequence.joints("a", np.zeros((3, 14, 3)), LSP14, fps=25.0, frame_of_reference="world")
    assert (joints.representation, joints.unit, joints.frame_of_reference) == ("3d", "m", "world")
    turned = PoseSequence.rotations("a", np.zeros((3, 24, 6)), fps=25.0, start=4)
    assert (turned.representation, turned.unit, turned.frame_of_reference) == ("smpl", "rot6d", "parent")
    assert turned.skeleton == SMPL24 and turned.start == 4
    with pytest.raises(ValueError, match=r"2d poses on skeleton lsp14 are \(T, 14, 2\)"):
        PoseSequence.keypoints("a", np.zeros((3, 24, 2)), LSP14, fps=25.0)


def test_root_relative_subtracts_the_middle_of_the_hips(rng):
    sequence = make(values=rng.normal(size=(3, 14, 3)))
    relative = sequence.root_relative()
    assert relative.frame_of_reference == "camera_root_relative"
    right, left = LSP14.index("r_hip"), LSP14.index("l_hip")
    np.testing.assert_allclose(relative.values[:, right], -relative.values[:, left], atol=1e-12)
    ankle = LSP14.index("l_ankle")
    middle = (sequence.values[:, right] + sequence.values[:, left]) / 2
    np.testing.assert_allclose(relative.values[:, ankle], sequence.values[:, ankle] - middle, atol=1e-12)
    np.testing.assert_allclose(relative.root_relative().values, relative.values, atol=1e-12)


def test_root_relative_takes_a_single_root_joint(rng):
    sequence = make(skeleton=H36M17, values=rng.normal(size=(2, 17, 3)))
    relative = sequence.root_relative()
    assert (relative.values[:, 0] == 0).all()
    np.testing.assert_array_equal(relative.values[:, 9], sequence.values[:, 9] - sequence.values[:, 0])


@pytest.mark.parametrize("frame", ["camera", "world"])
def test_root_relative_says_whose_axes_are_kept(frame):
    relative = make(frame_of_reference=frame).root_relative()
    assert relative.frame_of_reference == f"{frame}_root_relative"
    assert relative.root_relative().frame_of_reference == f"{frame}_root_relative"


def test_only_joints_have_a_root():
    sequence = make(values=np.zeros((3, 14, 2)), representation="2d", unit="px", frame_of_reference="image")
    with pytest.raises(ValueError, match="walk: only 3D joints have a root to subtract, not 2d"):
        sequence.root_relative()


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"representation": "4d"}, "walk: representation '4d' is none of 2d, 3d, smpl"),
        ({"values": np.zeros((3, 14, 2))}, r"3d poses on skeleton lsp14 are \(T, 14, 3\), got \(3, 14, 2\)"),
        ({"values": np.zeros((3, 42))}, r"are \(T, 14, 3\), got \(3, 42\)"),
        ({"skeleton": LIMBS12}, r"3d poses on skeleton limbs12 are \(T, 12, 3\), got \(3, 14, 3\)"),
        ({"skeleton": SMPL24, "representation": "smpl"}, r"smpl poses .* are \(T, 24, 6\), got \(3, 14, 3\)"),
        ({"fps": 0.0}, "walk: fps must be positive, got 0.0"),
        ({"fps": float("nan")}, "walk: fps must be positive, got nan"),
        ({"scores": np.zeros((2, 14))}, r"walk: scores must be \(3, 14\), got \(2, 14\)"),
        ({"labelled": np.zeros((3, 13), bool)}, r"walk: labelled must be \(3, 14\), got \(3, 13\)"),
        ({"boxes": np.zeros((3, 5))}, r"walk: boxes must be \(3, 4\), got \(3, 5\)"),
    ],
)
def test_sequence_refuses(fields, message):
    with pytest.raises(ValueError, match=message):
        make(**fields)


def test_pair_of_equal_kind_is_accepted():
    check_pair(make(), make(values=np.zeros((3, 14, 3)), scores=np.ones((3, 14))))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "run"}, r"ground truth has key \('walk', 0\), the poses to compare have \('run', 0\)"),
        ({"track": 1}, r"ground truth has key \('walk', 0\), the poses to compare have \('walk', 1\)"),
        ({"skeleton": H36M17, "values": np.zeros((3, 17, 3))}, "ground truth has skeleton .*lsp14.*h36m17"),
        (
            {"representation": "2d", "values": np.zeros((3, 14, 2))},
            "ground truth has representation 3d, the poses to compare have 2d",
        ),
        ({"fps": 25.0}, "ground truth has fps 30.0, the poses to compare have 25.0"),
        ({"unit": "px"}, "ground truth has unit m, the poses to compare have px"),
        (
            {"frame_of_reference": "world"},
            "ground truth has frame_of_reference camera, the poses to compare have world",
        ),
        ({"start": 1}, "ground truth has start 0, the poses to compare have 1"),
        ({"values": np.zeros((4, 14, 3))}, "ground truth has 3 frames, the poses to compare have 4"),
    ],
)
def test_check_pair_names_what_differs(fields, message):
    with pytest.raises(ValueError, match=f"walk: {message}"):
        check_pair(make(), replace(make(), **fields))
