"""3DPW from pickles as released: camera frame, segments, joints, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hanet.cache.files import CacheMetadata, CacheWriter, PoseCache
from hanet.datasets.pw3d.people import Person, Pw3dError, read_file, read_people
from hanet.poses.skeletons import COCO17, LSP14, SMPL24
from tests.support.pw3d_files import content, write


def one(path: Path, sequence: dict[str, Any], **options: Any) -> Person:
    return read_file(write(path, sequence), **options)[0]


@settings(max_examples=30)
@given(
    valid=st.lists(st.booleans(), min_size=1, max_size=12), people=st.integers(1, 2), seed=st.integers(0, 9)
)
def test_what_is_written_is_read(tmp_path_factory, valid, people, seed):
    """Every frame with a valid camera, at its number, is its joints in the camera less the pelvis."""
    sequence = content(len(valid), people, seed)
    sequence["campose_valid"][-1] = np.array(valid, dtype=int)
    path = write(tmp_path_factory.mktemp("pw3d") / "downtown_walking_00.pkl", sequence)
    for i, person in enumerate(read_file(path, skeleton=SMPL24)):
        stored = sequence["jointPositions"][i].reshape(-1, 24, 3)
        read = {}
        for joints, keypoints in zip(person.joints, person.keypoints, strict=True):
            assert joints.key == keypoints.key == ("downtown_walking_00", i)
            assert (joints.start, len(joints)) == (keypoints.start, len(keypoints))
            assert (joints.fps, joints.unit, joints.frame_of_reference, joints.labelled) == (
                30.0, "m", "camera_root_relative", None,
            )  # fmt: skip
            read |= dict(zip(joints.frames.tolist(), joints.values, strict=True))
        expected = np.flatnonzero(sequence["campose_valid"][i]).tolist()
        assert list(read) == expected
        for frame in expected:
            rotation, shift = sequence["cam_poses"][frame, :3, :3], sequence["cam_poses"][frame, :3, 3]
            camera = np.array([rotation @ joint + shift for joint in stored[frame]])
            np.testing.assert_allclose(read[frame], camera - camera[0], atol=1e-5)
        gaps = [b.start - (a.start + len(a)) for a, b in zip(person.joints, person.joints[1:], strict=False)]
        assert all(gap > 0 for gap in gaps)


def test_smpl_parameters(tmp_path):
    sequence = content(5, 2)
    sequence["campose_valid"][1][2] = 0
    people = read_file(write(tmp_path / "walk.pkl", sequence))
    assert [p.gender for p in people] == ["male", "female"]
    for i, person in enumerate(people):
        assert person.frames == 5 and len(person.smpl) == len(person.joints)
        for joints, smpl in zip(person.joints, person.smpl, strict=True):
            rows = joints.frames
            assert (smpl.poses.key, smpl.poses.start, len(smpl)) == (joints.key, joints.start, len(joints))
            assert smpl.scaling == 1.0
            np.testing.assert_allclose(
                smpl.betas, np.tile(sequence["betas"][i][:10], (len(smpl), 1)), rtol=1e-6
            )
            stored = sequence["poses"][i].reshape(5, 24, 3)[rows]
            limbs = Rotation.from_rotvec(stored[:, 1:].reshape(-1, 3)).as_matrix().reshape(-1, 23, 3, 3)
            np.testing.assert_allclose(smpl.matrices()[:, 1:], limbs, atol=1e-6)
            cameras = sequence["cam_poses"][rows]
            roots = cameras[:, :3, :3] @ Rotation.from_rotvec(stored[:, 0]).as_matrix()
            np.testing.assert_allclose(smpl.matrices()[:, 0], roots, atol=1e-6)
            # The pelvis lies as far from the translation in the camera as in the world.
            pelvis = sequence["jointPositions"][i].reshape(5, 24, 3)[rows, 0]
            seen = np.einsum("tij,tj->ti", cameras[:, :3, :3], pelvis) + cameras[:, :3, 3]
            expected = seen - (pelvis - sequence["trans"][i][rows])
            np.testing.assert_allclose(smpl.transl, expected, atol=1e-5)
    assert [smpl.poses.start for smpl in people[1].smpl] == [0, 3]


def test_lsp_joints_by_hand(tmp_path):
    """A camera at the origin: joint j of SMPL lies at (j, 0, 5), the root between hips 1 and 2."""
    sequence = content(1)
    sequence["cam_poses"] = np.eye(4)[None]
    stored = np.zeros((24, 3))
    stored[:, 0], stored[:, 2] = np.arange(24), 5
    sequence["jointPositions"] = [stored.reshape(1, 72)]
    joints = one(tmp_path / "walk.pkl", sequence).joints[0]
    assert joints.skeleton == LSP14 and joints.labelled is not None
    order = np.array([8, 5, 2, 1, 4, 7, 21, 19, 17, 16, 18, 20, 12, 15])
    np.testing.assert_allclose(joints.values[0, :, 0], order - 1.5)
    np.testing.assert_allclose(joints.values[0, :, 1:], 0)
    assert joints.labelled[0].tolist() == [True] * 12 + [False] * 2


def test_keypoints_by_hand(tmp_path):
    """COCO-18 as OpenPose has it: nose, neck, arms, legs, eyes, ears, each right first."""
    sequence = content(1)
    detected = np.zeros((3, 18))
    detected[0], detected[1], detected[2] = np.arange(18), np.arange(18) + 100, 0.5
    detected[:, 4] = 0, 1e10, 0.5  # right wrist not found: no such place
    sequence["poses2d"] = [detected[None]]
    keypoints = one(tmp_path / "walk.pkl", sequence).keypoints[0]
    assert keypoints.skeleton == COCO17 and keypoints.scores is not None and keypoints.labelled is not None
    order = np.array([0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10], dtype=float)
    missing = COCO17.index("r_wrist")
    assert keypoints.labelled[0].tolist() == [j != missing for j in range(17)]
    assert keypoints.scores[0].tolist() == [0.5 * (j != missing) for j in range(17)]
    assert np.isnan(keypoints.values[0, missing]).all()
    kept = np.arange(17) != missing
    np.testing.assert_array_equal(keypoints.values[0, kept], np.stack([order, order + 100], axis=1)[kept])


def test_a_person_without_any_valid_camera(tmp_path):
    sequence = content(4)
    sequence["campose_valid"] = [np.zeros(4, dtype=int)]
    # What stands in frames without a valid camera is never looked at.
    sequence["jointPositions"][0][:] = np.nan
    person = one(tmp_path / "walk.pkl", sequence)
    assert person.joints == person.keypoints == person.smpl == [] and person.frames == 4


def test_official_splits_and_the_cache(tmp_path):
    for split, name in (("train", "b_00"), ("train", "a_00"), ("validation", "c_00"), ("test", "d_00")):
        sequence = content(6, 2)
        sequence["campose_valid"][0][2:4] = 0
        write(tmp_path / "seq" / split / f"{name}.pkl", sequence)
    people = list(read_people(tmp_path / "seq", "train"))
    assert [p.smpl[0].poses.name for p in people] == ["a_00", "a_00", "b_00", "b_00"]
    joints = [s for p in people for s in p.joints]
    metadata = CacheMetadata.of(joints[0], dataset="pw3d", split="train", estimator="gt")
    with CacheWriter(tmp_path / "gt.parquet", metadata) as cache:
        for sequence in joints:
            cache.write(sequence)
    stored = list(PoseCache.open(tmp_path / "gt.parquet").sequences())
    assert [(s.key, s.start, len(s)) for s in stored] == [
        (("a_00", 0), 0, 2), (("a_00", 0), 4, 2), (("a_00", 1), 0, 6),
        (("b_00", 0), 0, 2), (("b_00", 0), 4, 2), (("b_00", 1), 0, 6),
    ]  # fmt: skip
    np.testing.assert_array_equal(stored[1].values, joints[1].values)
    assert [p.smpl[0].poses.name for p in read_people(tmp_path / "seq", "validation")] == ["c_00", "c_00"]


def _without(key: str):
    return lambda s: s.pop(key)


def _put(key: str, value: Any):
    return lambda s: s.update({key: value})


def _nan(s: dict[str, Any]) -> None:
    s["jointPositions"][0][3, 7] = np.nan


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_without("poses"), r"expected a field 'poses', got sequence, betas"),
        (_without("cam_poses"), r"expected a field 'cam_poses'"),
        (_put("poses", [np.ones((6, 69))]), r"'poses', person 0: expected .*\(6, 72\), got \(6, 69\)"),
        (_put("trans", [np.ones((5, 3))]), r"'trans', person 0: expected .*\(6, 3\), got \(5, 3\)"),
        (_put("cam_poses", np.ones((6, 3, 4))), r"'cam_poses': expected .*\(frames, 4, 4\), got \(6, 3, 4\)"),
        (_put("cam_poses", np.ones((0, 4, 4))), r"'cam_poses': expected .*got \(0, 4, 4\)"),
        (_put("poses2d", [np.ones((6, 18, 3))]), r"'poses2d', person 0: expected .*\(6, 3, 18\)"),
        (_put("poses", "walk"), r"'poses': expected a list, got str"),
        (_put("betas", []), r"expected one entry per person in every field, got .*'betas': 0"),
        (_put("betas", [np.ones(3)]), r"'betas', person 0: expected 10 or more, got 3"),
        (_put("genders", ["x"]), r"'genders', person 0: expected m or f, got 'x'"),
        (_put("jointPositions", [None]), r"'jointPositions', person 0: expected numbers .* got NoneType"),
        (_nan, r"person 0, frames 0\.\.5: expected finite poses, jointPositions and cam_poses"),
    ],
)
def test_files_laid_out_otherwise(tmp_path, spoil, message):
    sequence = content()
    spoil(sequence)
    with pytest.raises(Pw3dError, match=rf"walk\.pkl.*{message}.*mpi-inf.mpg.de/3DPW"):
        read_file(write(tmp_path / "walk.pkl", sequence))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_truncated_file(tmp_path, share):
    path = write(tmp_path / "walk.pkl", content())
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(Pw3dError, match=r"walk.pkl: cannot be read .*mpi-inf.mpg.de/3DPW"):
        read_file(path)


def test_an_exploit_does_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "run"),)

    path = write(tmp_path / "walk.pkl", content() | {"genders": [Evil()]})
    with pytest.raises(Pw3dError, match=r"walk.pkl: refused, because it holds (posix|nt).mkdir"):
        read_file(path)
    assert not (tmp_path / "run").exists()


def test_missing_files_and_other_skeletons(tmp_path):
    with pytest.raises(Pw3dError, match=r"train: expected pickles, got none; get sequenceFiles.zip"):
        next(read_people(tmp_path, "train"))
    with pytest.raises(Pw3dError, match=r"gone.pkl: no such file"):
        read_file(tmp_path / "gone.pkl")
    with pytest.raises(Pw3dError, match="skeleton must be lsp14 or smpl24, got coco17"):
        next(read_people(tmp_path, "train", skeleton=COCO17))


@pytest.mark.usefixtures("unchecked")
def test_an_unknown_split(tmp_path):
    with pytest.raises(Pw3dError, match="split must be one of train, validation, test, got 'val'"):
        next(read_people(tmp_path, "val"))  # pyright: ignore[reportArgumentType]
