"""PoseRows: two aligned tables in the network's unit, with gaps where nothing is known."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from hanet.cache.metadata import CacheMetadata
from hanet.cache.table import PoseTable
from hanet.poses.skeletons import H36M17, JHMDB15, SMPL24, Skeleton
from hanet.training.pairs import PoseRows

KINDS = {
    "2d": (JHMDB15, "px", "image"),
    "3d": (H36M17, "m", "camera_root_relative"),
    "smpl": (SMPL24, "rot6d", "parent"),
}


def table(
    kind="3d", estimator="gt", N=7, seed=0, fps=50.0, skeleton: Skeleton | None = None, **arrays
) -> PoseTable:
    """Two tracks of 4 and 3 frames, with random poses."""
    joints, unit, frame = KINDS[kind]
    metadata = CacheMetadata("set", "train", estimator, skeleton or joints, kind, unit, fps, frame)
    known = {
        "values": np.random.default_rng(seed).normal(size=(N, metadata.channels)).astype(np.float32),
        "sequence_code": np.int32([0, 0, 0, 0, 1, 1, 1][:N]),
        "track": np.zeros(N, np.int32),
        "frame": np.int32([0, 1, 2, 3, 0, 1, 2][:N]),
    }
    return PoseTable(**(known | arrays), names=("walk", "run"), metadata=metadata)


def pair(kind="3d", **gt) -> PoseRows:
    return PoseRows.of(table(kind, "walker", seed=1), table(kind, **gt))


@pytest.mark.parametrize("kind", ["3d", "smpl"])
def test_joints_and_rotations_come_as_they_are(kind):
    rows = pair(kind)
    np.testing.assert_array_equal(rows.detected, table(kind, seed=1).values)
    np.testing.assert_array_equal(rows.gt, table(kind).values)
    assert rows.offsets.tolist() == [0, 4, 7]
    assert rows.skeleton == KINDS[kind][0]
    assert (rows.unit, rows.error_unit) == (("m", "mm") if kind == "3d" else ("rot6d", "rot6d"))
    assert rows.labelled is None


def test_keypoints_become_shares_of_the_image():
    size = np.int32([[640, 480]] * 4 + [[100, 200]] * 3)
    values = np.tile(np.float32([320, 120]), (7, 15))
    rows = PoseRows.of(table("2d", "walker", values=values), table("2d", values=2 * values, image_size=size))
    np.testing.assert_allclose(rows.detected.unflatten(1, (15, 2))[0], np.tile([0.5, 0.25], (15, 1)))
    np.testing.assert_allclose(rows.detected.unflatten(1, (15, 2))[6], np.tile([3.2, 0.6], (15, 1)))
    np.testing.assert_allclose(rows.gt, 2 * rows.detected)
    assert (rows.unit, rows.error_unit) == ("image", "% of the image")
    # Off by (0.5, 0.25) of the sides in four frames, by (3.2, 0.6) in three.
    off = (4 * np.hypot(0.5, 0.25) + 3 * np.hypot(3.2, 0.6)) / 7
    assert rows.error(rows.detected) == pytest.approx(100 * off, rel=1e-5)
    # The detections' cache may know the size instead.
    other = PoseRows.of(table("2d", "walker", values=values, image_size=size), table("2d", values=2 * values))
    assert torch.equal(other.detected, rows.detected)


@pytest.mark.parametrize("size", [None, np.zeros((7, 2), np.int32), np.int32([[640, 480]] * 6 + [[640, 0]])])
def test_keypoints_without_image_sizes_are_refused(size):
    with pytest.raises(ValueError, match="shares of the image; the caches lack image sizes"):
        pair("2d", image_size=size)


def test_what_is_not_labelled_is_a_gap():
    labelled = np.ones((7, 17), bool)
    labelled[2, 5] = False
    rows = pair(labelled=labelled)
    expected = torch.ones(7, 51, dtype=torch.bool)
    expected[2, 15:18] = False
    assert torch.equal(rows.labelled, expected)
    assert torch.equal(rows.gt.isnan(), ~expected)
    original = table()
    np.testing.assert_array_equal(rows.gt[expected], original.values[expected.numpy()])


def test_unknown_poses_are_gaps_and_the_table_is_left_alone():
    gt = table(labelled=np.ones((7, 17), bool))
    gt.values[3, 7] = np.nan
    gt.labelled[0] = False
    before = gt.values.copy()
    rows = PoseRows.of(table(estimator="walker", seed=1), gt)
    assert (~rows.labelled).sum() == 1 + 51 and not rows.labelled[3, 7] and not rows.labelled[0].any()
    np.testing.assert_array_equal(gt.values, before)


def test_all_labelled_is_no_mask():
    assert pair(labelled=np.ones((7, 17), bool)).labelled is None


def test_mpjpe_by_hand():
    """Distances of 3-4-0 (5 m) at one joint, 0 elsewhere; joints with an unknown number do not count."""
    rows = pair()
    poses = rows.gt.clone()
    poses[2, 0:2] += torch.tensor([3.0, 4])
    assert rows.error(poses) == pytest.approx(5000 / (7 * 17), rel=1e-5)
    rows.gt[:, 3:6] = torch.nan
    rows.gt[0, 8] = torch.nan
    assert rows.error(poses) == pytest.approx(5000 / (7 * 16 - 1), rel=1e-5)
    # A prediction that is not a number is never taken for a gap.
    poses[4, 40] = torch.nan
    assert np.isnan(rows.error(poses))


def test_windows_stay_within_tracks():
    windows = pair().windows(window=3, stride=2, tail=True)
    assert windows.start.tolist() == [0, 1, 4]
    assert windows.end.tolist() == [4, 4, 7]


def test_every_field_changes_the_hash():
    rows = pair()
    changes = {
        "detected": rows.detected + 1e-6,
        "gt": rows.gt + 1e-6,
        "offsets": np.array([0, 3, 7]),
        "skeleton": replace(H36M17, name="other"),
        "unit": "image",
    }
    # Joints are for rotations alone: tests/test_smpl_joints.py.
    assert changes.keys() | {"joints"} == {f.name for f in fields(PoseRows)}
    hashes = {replace(rows, **{name: value}).content_hash() for name, value in changes.items()}
    hashes |= {rows.content_hash(), pair(labelled=np.arange(7 * 17).reshape(7, 17) > 0).content_hash()}
    assert len(hashes) == 7
    assert pair().content_hash() == rows.content_hash() == rows.to(torch.device("cpu")).content_hash()


# --- refusals


def test_tables_of_other_frames_are_refused():
    with pytest.raises(ValueError, match="tables are not aligned at row 3"):
        pair(frame=np.int32([0, 1, 2, 4, 0, 1, 2]))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (table("smpl"), "skeleton differs: walker has .*h36m17.*, gt has .*smpl24"),
        (table(fps=25.0), "fps differs: walker has 50.0, gt has 25.0"),
    ],
)
def test_tables_of_other_poses_are_refused(other, message):
    with pytest.raises(ValueError, match=message):
        PoseRows.of(table(estimator="walker"), other)


def test_joints_in_another_frame_of_reference_are_refused():
    gt = table()
    gt = replace(gt, metadata=replace(gt.metadata, frame_of_reference="world_root_relative"))
    with pytest.raises(
        ValueError, match="frame_of_reference differs: walker has camera_root_relative, gt has w"
    ):
        PoseRows.of(table(estimator="walker"), gt)


def test_rows_that_nothing_can_learn_from_are_refused():
    empty = table(N=0, values=np.zeros((0, 51), np.float32))
    with pytest.raises(ValueError, match=r"there are no rows; check the split in params\.yaml"):
        PoseRows.of(empty, empty)
    with pytest.raises(ValueError, match="no true pose is labelled"):
        pair(labelled=np.zeros((7, 17), bool))
    detected = table(estimator="walker")
    detected.values[5:, 3] = np.nan
    with pytest.raises(ValueError, match="detected poses have NaN, first in row 5; fill or leave out"):
        PoseRows.of(detected, table())


@pytest.mark.usefixtures("unchecked")
def test_arrays_of_other_shapes_are_refused():
    rows = pair()
    with pytest.raises(ValueError, match=r"detected \(7, 51\) and true poses \(6, 51\) differ in shape"):
        replace(rows, gt=rows.gt[:6])
