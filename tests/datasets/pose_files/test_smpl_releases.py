"""Released SMPL parameters become axis-angle sequences; other files are refused by file and field."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hanet.datasets.pose_files.smpl import read_smpl_release, read_smpl_sequences
from tests.support.smpl_release_files import paths, write

FRAMES = (4, 6)


def fields(**changes: Any) -> dict[str, Any]:
    """Two people of one video; None removes a field."""
    rng = np.random.default_rng(3)
    given = {
        "imgname": [np.array([f"walk/image_{t:05}.jpg" for t in range(T)]) for T in FRAMES],
        "pose": [rng.normal(size=(T, 72)) for T in FRAMES],
        "shape": [rng.normal(size=(T, 10)) for T in FRAMES],
    } | changes
    return {key: value for key, value in given.items() if value is not None}


@pytest.mark.parametrize("layout", ["deciwatch", "smoothnet"])
def test_pairs(tmp_path, layout):
    gt_path, detected_path = paths(tmp_path, layout)
    truth, found = fields(), fields(pose=[np.full((T, 72), 0.5) for T in FRAMES])
    write(gt_path, truth)
    write(detected_path, found)
    pairs = list(read_smpl_release(tmp_path, "pw3d", "spin", "test", layout=layout))
    assert [(d.poses.key, g.poses.key, len(d), g.poses.fps) for d, g in pairs] == [
        (("walk", 0), ("walk", 0), 4, 30.0),
        (("walk", 1), ("walk", 1), 6, 30.0),
    ]
    detected, gt = pairs[1]
    np.testing.assert_allclose(detected.axis_angle(), 0.5, atol=1e-6)
    joint_7 = Rotation.from_rotvec(truth["pose"][1][2, 21:24]).as_matrix()  # its numbers: 21 on
    np.testing.assert_allclose(gt.matrices()[2, 7], joint_7, atol=1e-6)
    np.testing.assert_allclose(gt.betas, truth["shape"][1], rtol=1e-6)
    assert (gt.transl, gt.scaling) == (None, 1.0)


def test_aists_ground_truth_has_a_place_and_a_scale_but_no_shape(tmp_path):
    place = [np.arange(T * 3.0).reshape(T, 3) for T in FRAMES]
    given = fields(shape=None, trans=place, scaling=[90.5, np.full((6, 1), 80.25)])
    first, second = read_smpl_sequences(write(tmp_path / "gt.npz", given), fps=60.0)
    assert not first.betas.any()
    assert (first.scaling, second.scaling) == pytest.approx(
        (0.905, 0.8025)
    )  # no body is 90 times the size: centimetres
    np.testing.assert_allclose(second.transl, place[1] / 100, rtol=1e-6)
    metres = read_smpl_sequences(write(tmp_path / "m.npz", given | {"scaling": [0.9, 0.8]}), fps=60.0)[1]
    assert metres.scaling == pytest.approx(0.8)
    np.testing.assert_allclose(metres.transl, place[1], rtol=1e-6)


def test_sequences_without_names(tmp_path):
    given = fields(imgname=[np.array([""] * T) for T in FRAMES])
    path = write(tmp_path / "gt.npz", given)
    assert [s.poses.key for s in read_smpl_sequences(path, fps=30.0, unnamed=True)] == [
        ("0000", 0),
        ("0001", 0),
    ]
    with pytest.raises(ValueError, match="'imgname', entry 0: expected names like"):
        read_smpl_sequences(path, fps=30.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pose": None}, "no field 'pose', it has imgname, shape; check that this is"),
        ({"pose": [np.ones((4, 72))]}, "field 'pose': 1 sequences, but 'imgname' has 2"),
        (
            {"pose": [np.ones((4, 69)), np.ones((6, 72))]},
            r"field 'pose', entry 0 \(walk\): shape \(4, 69\), expected \(4, 72\)",
        ),
        ({"pose": [np.ones((4, 72)), np.ones((5, 72))]}, r"entry 1 \(walk\): shape \(5, 72\)"),
        ({"pose": [np.array(["a"]), np.ones((6, 72))]}, r"entry 0 \(walk\): not numbers"),
        ({"shape": [np.ones((4, 10)), np.ones(10)]}, r"field 'shape', entry 1 \(walk\): shape \(10,\)"),
        ({"trans": [np.ones((4, 3)), np.ones((6, 2))]}, r"field 'trans', entry 1 \(walk\): shape \(6, 2\)"),
        ({"scaling": [np.arange(1.0, 5), 1.0]}, r"field 'scaling', entry 0 \(walk\): expected one positive"),
        ({"scaling": [1.0, -1.0]}, r"field 'scaling', entry 1 \(walk\): expected one positive .*-1"),
    ],
)
def test_files_that_are_laid_out_otherwise(tmp_path, changes, message):
    path = write(tmp_path / "gt.npz", fields(**changes))
    with pytest.raises(ValueError, match=message) as error:
        read_smpl_sequences(path, fps=30.0)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("keep", [0.0, 0.6])
def test_a_truncated_file(tmp_path, keep):
    path = write(tmp_path / "gt.npz", fields())
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    with pytest.raises(ValueError, match=r"gt.npz, field .*: cannot be read"):
        read_smpl_sequences(path, fps=30.0)


@pytest.mark.parametrize("change", ["fewer", "shorter", "none"])
def test_files_of_two_splits(tmp_path, change):
    gt_path, detected_path = paths(tmp_path, "deciwatch")
    write(gt_path, fields())
    other = {key: value[:1] for key, value in fields().items()} if change == "fewer" else fields()
    if change == "shorter":
        other = {key: [value[0], value[1][:5]] for key, value in other.items()}
    if change == "none":
        other = {key: [] for key in other}
    write(detected_path, other)
    track, frames = (0, 4) if change == "none" else (1, 5 if change == "shorter" else 6)
    with pytest.raises(
        ValueError,
        match=rf"does not fit .*first difference at walk, track {track}, {frames} frames; give two",
    ):
        read_smpl_release(tmp_path, "pw3d", "spin", "test")


def test_unknown_names(tmp_path):
    with pytest.raises(ValueError, match="unknown dataset 'coco'"):
        read_smpl_release(tmp_path, "coco", "spin", "test")
    with pytest.raises(FileNotFoundError, match=r"aist_gt_smpl_test.npz: no such file"):
        read_smpl_release(tmp_path, "aist", "spin", "test", layout="smoothnet")


@pytest.mark.parametrize("field", ["pose", "shape", "camera"])
@pytest.mark.parametrize("layout", ["deciwatch", "smoothnet"])
def test_a_pickle_is_not_run(tmp_path, layout, field):
    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'ran'}",)

    gt_path, detected_path = paths(tmp_path, layout)
    write(gt_path, fields())
    write(detected_path, fields(**{field: [Evil(), Evil()]}))
    with pytest.raises(ValueError, match=rf"field '{field}': refused, because it holds posix.system"):
        read_smpl_release(tmp_path, "pw3d", "spin", "test", layout=layout)
    assert not (tmp_path / "ran").exists()
