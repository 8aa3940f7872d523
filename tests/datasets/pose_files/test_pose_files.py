"""Released pose files become sequences; what is laid out otherwise is refused by file and field."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hanet.datasets.pose_files.joints import RELEASES, read_release, read_sequences, released_pair
from hanet.datasets.pose_files.layouts import H36M16, joints_release
from hanet.poses.sequence import check_pair
from hanet.poses.skeletons import H36M17, H36M17_LEFT_FIRST, LSP14
from tests.support.paths import REFERENCE
from tests.support.smpl_release_files import objects


def images(name: str, T: int) -> np.ndarray:
    return np.array([f"{name}/image_{t:05}.jpg" for t in range(T)])


def write(path: Path, dataset: str, **changes: Any) -> Path:
    """A released file of two sequences of 4 and 6 frames; `changes` replace fields, None removes them."""
    release = RELEASES[dataset]
    width = len(release.stored) * (2 if release.representation == "2d" else 3)
    rng = np.random.default_rng(len(dataset))
    fields: dict[str, Any] = {
        "imgname": [images("walk", 4), images("run", 6)],
        release.field: [rng.normal(size=(T, width)).astype(np.float32) for T in (4, 6)],
    }
    if dataset == "jhmdb":
        fields["bbox"] = [np.tile(np.float32([1, 2, 3, 4]), (T, 1)) for T in (4, 6)]
        fields["imgshape"] = [np.array([240, 320, 3])] * 2
    fields |= changes
    np.savez(path, **{key: objects(value) for key, value in fields.items() if value is not None})
    return path


@pytest.mark.parametrize("dataset", ["pw3d", "h36m", "aist"])
def test_joints(tmp_path, dataset):
    path = write(tmp_path / "gt.npz", dataset)
    release = RELEASES[dataset]
    sequences = read_sequences(path, RELEASES[dataset])
    assert [(s.key, len(s), s.fps) for s in sequences] == [
        (("walk", 0), 4, release.fps),
        (("run", 0), 6, release.fps),
    ]
    first = sequences[0]
    assert (first.unit, first.frame_of_reference, first.start) == ("m", "camera_root_relative", 0)
    np.testing.assert_allclose(first.values[:, list(first.skeleton.root)].mean(axis=1), 0, atol=1e-6)
    stored = np.load(path, allow_pickle=True)["joints_3d"][0].reshape(4, -1, 3)
    left_knee = {"pw3d": 2, "h36m": 2, "aist": 4}[dataset]
    left_hip = {"pw3d": 1, "h36m": 1, "aist": 3}[dataset]
    index = first.skeleton.index
    np.testing.assert_allclose(
        first.values[:, index("l_knee")] - first.values[:, index("l_hip")],
        stored[:, left_knee] - stored[:, left_hip],
        atol=1e-6,
    )


def test_pw3d_keeps_14_of_17_joints_in_the_order_it_is_scored_in(tmp_path):
    values = np.zeros((4, 17, 3), dtype=np.float32)
    values[:, :, 0] = np.arange(17)
    path = write(
        tmp_path / "gt.npz", "pw3d", joints_3d=[values.reshape(4, 51)] * 2, imgname=[images("a", 4)] * 2
    )
    first = read_sequences(path, RELEASES["pw3d"])[0]
    order = first.values[0, :, 0] + 2.5  # the middle of hips 4 and 1
    assert order.tolist() == [6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10]
    assert first.skeleton is LSP14
    assert RELEASES["pw3d"].stored is H36M17_LEFT_FIRST


def test_people_of_one_video_are_tracks(tmp_path):
    path = write(tmp_path / "gt.npz", "h36m", imgname=[images("walk", 4), images("walk", 6)])
    assert [s.key for s in read_sequences(path, RELEASES["h36m"])] == [("walk", 0), ("walk", 1)]


def test_keypoints_take_boxes_and_image_size_from_the_truth(tmp_path):
    gt_path = write(tmp_path / "gt.npz", "jhmdb")
    detected_path = write(tmp_path / "sb.npz", "jhmdb", bbox=None, imgshape=None)
    assert read_sequences(detected_path, RELEASES["jhmdb"])[0].boxes is None
    gt, detected = released_pair(gt_path, detected_path, "jhmdb")
    for truth, poses in zip(gt, detected, strict=True):
        check_pair(truth, poses)
        assert poses.image_size == truth.image_size == (320, 240)
        assert poses.boxes is truth.boxes
    assert (gt[0].unit, gt[0].frame_of_reference, gt[0].fps) == ("px", "image", 25)
    own = write(tmp_path / "own.npz", "jhmdb", imgshape=[np.array([100, 200, 3])] * 2)
    assert released_pair(gt_path, own, "jhmdb")[1][0].image_size == (200, 100)


def test_sequences_of_equal_length_in_one_plain_array(tmp_path):
    path = tmp_path / "gt.npz"
    np.savez(path, imgname=np.stack([images("a", 4), images("b", 4)]), joints_3d=np.ones((2, 4, 51)))
    assert [s.key for s in read_sequences(path, RELEASES["h36m"])] == [("a", 0), ("b", 0)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"joints_2d": None},
            "no field 'joints_2d', it has bbox, imgname, imgshape; check that this is a pose file",
        ),
        ({"imgname": None}, "no field 'imgname'"),
        ({"joints_2d": [np.ones((4, 30))]}, "field 'joints_2d': 1 sequences, but 'imgname' has 2"),
        ({"bbox": [np.ones((4, 4))]}, "field 'bbox': 1 sequences"),
        ({"imgshape": [np.ones(3)]}, "field 'imgshape': 1 sequences"),
        (
            {"joints_2d": [np.ones((4, 30)), np.ones((6, 28))]},
            r"field 'joints_2d', entry 1 \(run\): shape \(6, 28\), expected \(6, 30\): 6 image names",
        ),
        ({"joints_2d": [np.ones((3, 30)), np.ones((6, 30))]}, r"entry 0 \(walk\): shape \(3, 30\)"),
        ({"joints_2d": [np.array(["x"]), np.ones((6, 30))]}, r"entry 0 \(walk\): not numbers"),
        (
            {"bbox": [np.ones((4, 4)), np.ones((6, 3))]},
            r"'bbox', entry 1 \(run\): shape \(6, 3\), expected \(6, 4\)",
        ),
        ({"imgshape": [np.ones(3), np.zeros(3)]}, r"'imgshape', entry 1 \(run\): expected height, width"),
        ({"imgshape": [np.ones(3), np.ones(4)]}, "'imgshape', entry 1"),
        ({"imgname": [np.array(["1.jpg"] * 4), images("run", 6)]}, "'imgname', entry 0: expected names like"),
        ({"imgname": [np.array([]), images("run", 6)]}, "'imgname', entry 0: expected names like"),
    ],
)
def test_files_that_are_laid_out_otherwise(tmp_path, changes, message):
    path = write(tmp_path / "gt.npz", "jhmdb", **changes)
    with pytest.raises(ValueError, match=message) as error:
        read_sequences(path, RELEASES["jhmdb"])
    assert str(path) in str(error.value)


def test_a_single_value(tmp_path):
    path = tmp_path / "gt.npz"
    np.savez(path, imgname=np.array("a/1.jpg"), joints_3d=np.ones((1, 1, 51)))
    with pytest.raises(
        ValueError, match="field 'imgname': expected one entry per sequence, got a single value"
    ):
        read_sequences(path, RELEASES["h36m"])


def test_the_wrong_dataset(tmp_path):
    path = write(tmp_path / "gt.npz", "aist")
    with pytest.raises(
        ValueError, match=r"shape \(4, 42\), expected \(4, 51\): 4 image names, 17 joints × 3"
    ):
        read_sequences(path, RELEASES["h36m"])
    with pytest.raises(
        ValueError, match="unknown dataset 'coco'; released pose files are read for pw3d, h36m"
    ):
        released_pair(path, path, "coco")


def test_files_of_two_splits(tmp_path):
    gt = write(tmp_path / "gt.npz", "h36m")
    fewer = write(tmp_path / "fewer.npz", "h36m", imgname=[images("walk", 4)], joints_3d=[np.ones((4, 51))])
    with pytest.raises(
        ValueError, match=r"fewer.npz holds 1 sequences, .*gt.npz 2; give two files of one split"
    ):
        released_pair(gt, fewer, "h36m")
    other = write(tmp_path / "other.npz", "h36m", imgname=[images("walk", 4), images("jump", 6)])
    with pytest.raises(ValueError, match=r"other.npz does not fit .*gt.npz: run: ground truth has key"):
        released_pair(gt, other, "h36m")


# --- folders


def write_folder(folder: Path, dataset: str, estimator: str) -> Path:
    """DeciWatch's layout for one split."""
    gt = folder / "groundtruth_poses" / dataset / f"{dataset}_gt_test.npz"
    detected = folder / "detected_poses" / dataset / estimator / f"{dataset}_{estimator}_test.npz"
    for path in (gt, detected):
        path.parent.mkdir(parents=True)
        write(path, dataset)
    return folder


@pytest.mark.parametrize(
    ("dataset", "estimator"),
    [("pw3d", "pare"), ("h36m", "fcn"), ("aist", "spin"), ("jhmdb", "simplebaseline")],
)
def test_a_folder_gives_detected_and_truth(tmp_path, dataset, estimator):
    folder = write_folder(tmp_path, dataset, estimator)
    pairs = list(read_release(folder, dataset, estimator, "test"))
    gt, detected = released_pair(
        folder / "groundtruth_poses" / dataset / f"{dataset}_gt_test.npz",
        folder / "detected_poses" / dataset / estimator / f"{dataset}_{estimator}_test.npz",
        dataset,
    )
    assert [(a.key, b.key) for a, b in pairs] == [(a.key, b.key) for a, b in zip(detected, gt, strict=True)]
    np.testing.assert_array_equal(pairs[1][0].values, detected[1].values)
    np.testing.assert_array_equal(pairs[1][1].values, gt[1].values)


def test_the_repositorys_reference_files():
    folder = REFERENCE / "release_layout"
    detected, gt = next(read_release(folder, "jhmdb", "simplebaseline", "test"))
    assert detected.image_size == gt.image_size == (320, 240)
    distance = np.linalg.norm(detected.values - gt.values, axis=-1).mean()
    assert 0 < distance < 100  # an estimator's errors, not another sequence's poses


def test_a_file_that_is_not_there_says_what_is(tmp_path):
    folder = write_folder(tmp_path, "aist", "spin")
    with pytest.raises(
        FileNotFoundError,
        match=r"aist_vibe_test.npz: no such file; .*aist/spin/aist_spin_test.npz, .*check folder",
    ):
        read_release(folder, "aist", "vibe", "test")
    with pytest.raises(
        FileNotFoundError, match=r"pw3d_gt_train.npz: no such file; .*there is no pw3d_\*.npz"
    ):
        read_release(folder, "pw3d", "spin", "train")
    with pytest.raises(ValueError, match="aist is released in 3d only, not 2d; SMPL is read by"):
        read_release(folder, "aist", "spin", "test", representation="2d")


class Evil:
    """Unpickles to a call of os.system, which leaves a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


@pytest.mark.parametrize(
    "side", ["groundtruth_poses/h36m/h36m_gt_test", "detected_poses/h36m/fcn/h36m_fcn_test"]
)
@pytest.mark.parametrize("field", ["imgname", "joints_3d", "unrelated"])
def test_a_pickle_is_not_run(tmp_path, side, field):
    folder = write_folder(tmp_path, "h36m", "fcn")
    write(folder / f"{side}.npz", "h36m", **{field: [Evil(tmp_path / "ran"), Evil(tmp_path / "ran")]})
    with pytest.raises(ValueError, match=rf"npz, field '{field}': refused, because it holds posix.system"):
        read_release(folder, "h36m", "fcn", "test")
    assert not (tmp_path / "ran").exists()


# --- SmoothNet's layout


def write_smoothnet(folder: Path, dataset: str, estimator: str, kind: str, **fields: Any) -> Path:
    base = folder / f"{dataset}_{estimator}_{kind}"
    for part, name in (("groundtruth", "gt"), ("detected", estimator)):
        (base / part).mkdir(parents=True, exist_ok=True)
        np.savez(
            base / part / f"{dataset}_{name}_{kind}_test.npz",
            **{key: objects(value) for key, value in fields.items()},
        )
    return folder


@pytest.mark.parametrize(
    ("dataset", "estimator", "kind", "skeleton", "left_hip"),
    [
        ("pw3d", "eft", "3D", "h36m17_left_first", 1),
        ("pw3d", "tcmr", "3D", "lsp14", 3),
        ("h36m", "rle", "3D", "h36m17", 4),
        ("h36m", "vibe", "3D", "lsp14", 3),
        ("h36m", "cpn", "2D", "h36m17", 4),
        ("h36m", "hrnet", "2D", "h36m16", 4),
        ("aist", "vibe", "3D", "lsp14", 3),
        ("jhmdb", "simplepose", "2D", "jhmdb15", 6),
    ],
)
@pytest.mark.parametrize("field", ["joints", "keypoints"])
def test_smoothnets_joints_depend_on_the_estimator(
    tmp_path, dataset, estimator, kind, skeleton, left_hip, field
):
    representation = kind.lower()
    release = joints_release(dataset, estimator, layout="smoothnet", representation=representation)
    dims = int(kind[0])
    values = np.random.default_rng(0).normal(size=(5, len(release.stored), dims))
    write_smoothnet(
        tmp_path, dataset, estimator, kind,
        **{f"{field}_{representation}": [values.reshape(5, -1)], "imgname": [images("a/b", 5)]},
    )  # fmt: skip
    ((detected, gt),) = read_release(
        tmp_path, dataset, estimator, "test", layout="smoothnet", representation=representation
    )
    assert (gt.skeleton.name, gt.name, gt.fps) == (skeleton, "a/b", RELEASES[dataset].fps)
    hip, knee = gt.skeleton.index("l_hip"), gt.skeleton.index("l_knee")
    assert hip == left_hip
    np.testing.assert_allclose(
        gt.values[:, knee] - gt.values[:, hip], values[:, knee] - values[:, hip], atol=1e-6
    )
    assert (detected.unit, detected.frame_of_reference) == (
        ("px", "image") if kind == "2D" else ("m", "camera_root_relative")
    )


def test_smoothnets_sequences_may_lack_names(tmp_path):
    fields = {
        "joints_3d": [np.zeros((3, 42)), np.zeros((4, 42))],
        "imgname": [np.array([""] * 3), np.array([""] * 4)],
    }
    write_smoothnet(tmp_path, "aist", "tcmr", "3D", **fields)
    pairs = read_release(tmp_path, "aist", "tcmr", "test", layout="smoothnet")
    assert [gt.key for _, gt in pairs] == [("0000", 0), ("0001", 0)]


def test_what_smoothnet_did_not_release(tmp_path):
    with pytest.raises(ValueError, match=r"no 3d poses of 'hrnet' on h36m .*it has 3d: fcn, rle.*; 2d: cpn"):
        read_release(tmp_path, "h36m", "hrnet", "test", layout="smoothnet")
    with pytest.raises(FileNotFoundError, match=r"aist_gt_3D_train.npz: no such file"):
        read_release(tmp_path, "aist", "spin", "train", layout="smoothnet")


def test_a_pickle_in_smoothnets_layout_is_not_run(tmp_path):
    evil = {"joints_3d": [Evil(tmp_path / "ran")], "imgname": [images("a", 5)]}
    write_smoothnet(tmp_path, "aist", "spin", "3D", **evil)
    with pytest.raises(ValueError, match=r"field 'joints_3d': refused, because it holds posix.system"):
        read_release(tmp_path, "aist", "spin", "test", layout="smoothnet")
    assert not (tmp_path / "ran").exists()


def test_the_skeleton_without_a_nose():
    assert len(H36M16) == 16
    assert H36M16.joints[:9] == H36M17.joints[:9]
    assert H36M16.joints[9:11] == ("head_top", "l_shoulder")
    assert {H36M16.joints[c]: H36M16.joints[p] for p, c in H36M16.bones}["head_top"] == "thorax"
    assert H36M16.joints[H36M16.mirror[H36M16.index("l_wrist")]] == "r_wrist"
