"""Released pose files become sequences; what is laid out otherwise is refused by file and field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hanet.data.releases import RELEASES, read_release, released_pair
from hanet.poses import check_pair
from hanet.skeletons import H36M17_LEFT_FIRST, LSP14


def objects(entries: list[Any]) -> np.ndarray:
    array = np.empty(len(entries), dtype=object)
    array[:] = entries
    return array


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
    sequences = read_release(path, dataset)
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
    first = read_release(path, "pw3d")[0]
    order = first.values[0, :, 0] + 2.5  # the middle of hips 4 and 1
    assert order.tolist() == [6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10]
    assert first.skeleton is LSP14
    assert RELEASES["pw3d"].stored is H36M17_LEFT_FIRST


def test_people_of_one_video_are_tracks(tmp_path):
    path = write(tmp_path / "gt.npz", "h36m", imgname=[images("walk", 4), images("walk", 6)])
    assert [s.key for s in read_release(path, "h36m")] == [("walk", 0), ("walk", 1)]


def test_keypoints_take_boxes_and_image_size_from_the_truth(tmp_path):
    gt_path = write(tmp_path / "gt.npz", "jhmdb")
    detected_path = write(tmp_path / "sb.npz", "jhmdb", bbox=None, imgshape=None)
    assert read_release(detected_path, "jhmdb")[0].boxes is None
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
    assert [s.key for s in read_release(path, "h36m")] == [("a", 0), ("b", 0)]


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
        read_release(path, "jhmdb")
    assert str(path) in str(error.value)


def test_a_single_value(tmp_path):
    path = tmp_path / "gt.npz"
    np.savez(path, imgname=np.array("a/1.jpg"), joints_3d=np.ones((1, 1, 51)))
    with pytest.raises(
        ValueError, match="field 'imgname': expected one entry a sequence, got a single value"
    ):
        read_release(path, "h36m")


def test_the_wrong_dataset(tmp_path):
    path = write(tmp_path / "gt.npz", "aist")
    with pytest.raises(
        ValueError, match=r"shape \(4, 42\), expected \(4, 51\): 4 image names, 17 joints × 3"
    ):
        read_release(path, "h36m")
    with pytest.raises(
        ValueError, match="unknown dataset 'coco'; released pose files are read for pw3d, h36m"
    ):
        read_release(path, "coco")


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
