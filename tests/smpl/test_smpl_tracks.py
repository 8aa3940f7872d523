"""Tracks from axis-angle arrays and back, through a pose cache and a side table."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hanet.cache.files import CacheMetadata, CacheWriter, PoseCache
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17, SMPL24
from hanet.smpl.side_table import SideTable, read_tracks, side_path, write_side_table, write_tracks
from hanet.smpl.tracks import CACHE_LAYOUT, from_axis_angle


def track(name="a", T=7, number=0, start=0, **more):
    rng = np.random.default_rng(T)
    pose = rng.normal(size=(T, 72)) * 0.5
    more = {"betas": rng.normal(size=(T, 10)), "transl": rng.normal(size=(T, 3))} | more
    return from_axis_angle(name, pose, fps=30.0, track=number, start=start, **more)


def test_a_quarter_turn_by_hand_in_the_cache_s_layout():
    pose = np.zeros((1, 24, 3))
    pose[0, 4, 2] = math.pi / 2
    got = from_axis_angle("a", pose, fps=25.0)
    assert CACHE_LAYOUT == "interleaved"
    np.testing.assert_allclose(got.poses.values[0, 4], [0, -1, 1, 0, 0, 0], atol=1e-7)
    np.testing.assert_allclose(got.poses.values[0, 3], [1, 0, 0, 1, 0, 0], atol=1e-7)
    assert (got.poses.unit, got.poses.frame_of_reference, got.poses.skeleton) == ("rot6d", "parent", SMPL24)
    assert got.transl is None and not got.betas.any()


def test_axis_angles_come_back_and_both_shapes_are_read():
    pose = np.random.default_rng(0).normal(size=(5, 72)) * 0.5
    flat, by_joint = (from_axis_angle("a", p, fps=25.0) for p in (pose, pose.reshape(5, 24, 3)))
    np.testing.assert_array_equal(flat.poses.values, by_joint.poses.values)
    np.testing.assert_allclose(flat.axis_angle().reshape(5, 72), pose, atol=1e-6)
    np.testing.assert_allclose(flat.matrices(slice(1, 3)), flat.matrices()[1:3])


def test_one_shape_serves_all_frames():
    got = track(betas=np.arange(10.0))
    np.testing.assert_array_equal(got.betas, np.tile(np.arange(10, dtype=np.float32), (7, 1)))


def test_a_track_comes_back_from_a_cache_and_its_side_table(tmp_path):
    tracks = [track("a", 7), track("a", 5, number=1, start=3), track("b", 4, transl=None, scaling=0.93)]
    metadata = CacheMetadata.of(tracks[0].poses, dataset="d", split="test", estimator="gt")
    with CacheWriter(tmp_path / "poses.parquet", metadata) as writer:
        for t in tracks:
            writer.write(t.poses)
    write_side_table(tmp_path / "side.parquet", iter(tracks))
    side = SideTable(tmp_path / "side.parquet")
    cached = list(PoseCache.open(tmp_path / "poses.parquet", representation="smpl").sequences())
    for before, poses in zip(tracks, cached, strict=True):
        after = side.attach(poses)
        np.testing.assert_array_equal(after.poses.values, before.poses.values)
        np.testing.assert_array_equal(after.betas, before.betas)
        assert after.scaling == before.scaling
        if before.transl is None:
            assert after.transl is None
        else:
            np.testing.assert_array_equal(after.transl, before.transl)
    part = replace(cached[1], values=cached[1].values[1:3], start=4)
    np.testing.assert_array_equal(side.attach(part).betas, tracks[1].betas[1:3])
    for missing in (
        replace(part, start=7),
        replace(part, start=2),
        replace(part, name="z"),
        replace(part, track=2),
        replace(part, values=part.values[:0]),
    ):
        with pytest.raises(ValueError, match=r"side\.parquet: frames .* are not in it"):
            side.attach(missing)


def test_the_parts_of_a_track_are_one_track(tmp_path):
    """3DPW leaves frames out: the rest are parts of one track, each found by its frames."""
    whole = track("a", 9, start=2)
    parts = [whole.part(slice(0, 3)), whole.part(slice(5, 9))]
    assert [p.poses.frames.tolist() for p in parts] == [[2, 3, 4], [7, 8, 9, 10]]
    metadata = CacheMetadata.of(whole.poses, dataset="d", split="test", estimator="gt")
    write_tracks(tmp_path / "a.parquet", metadata, parts)
    assert side_path(tmp_path / "a.parquet").name == "a.side"
    found = list(read_tracks(PoseCache.open(tmp_path / "a.parquet")))
    for before, after in zip(parts, found, strict=True):
        np.testing.assert_array_equal(after.betas, before.betas)
        np.testing.assert_array_equal(after.transl, before.transl)
    with pytest.raises(ValueError, match="are not in it"):
        SideTable(tmp_path / "a.side").attach(whole.poses)


def test_turning_the_frame_of_reference_by_hand():
    """The person turned 30° about y, the camera 60°: 90° as the camera sees it; limbs do not care."""
    pose = np.random.default_rng(0).normal(size=(2, 24, 3)) * 0.5
    pose[:, 0] = [0, math.pi / 6, 0]
    before = from_axis_angle("a", pose, fps=25.0, transl=np.ones((2, 3)))
    turn = Rotation.from_rotvec([0, math.pi / 3, 0]).as_matrix()
    for rotation in (turn, np.stack([turn, turn])):
        after = before.turned(rotation)
        np.testing.assert_allclose(after.axis_angle()[:, 0], [[0, math.pi / 2, 0]] * 2, atol=1e-6)
        np.testing.assert_array_equal(after.poses.values[:, 1:], before.poses.values[:, 1:])
        assert after.transl is None
    assert before.transl is not None


def test_a_side_table_is_written_whole_or_not_at_all(tmp_path):
    with pytest.raises(ValueError, match="a, track 0, from frame 0: given twice"):
        write_side_table(tmp_path / "side.parquet", [track(), track()])
    assert not list(tmp_path.iterdir())


def test_wrong_side_tables_are_named(tmp_path):
    path = tmp_path / "side.parquet"
    with pytest.raises(ValueError, match=r"side\.parquet: cannot be read"):
        SideTable(path)
    path.write_bytes(b"PAR1")
    with pytest.raises(ValueError, match=r"side\.parquet: cannot be read"):
        SideTable(path)
    with CacheWriter(path, CacheMetadata.of(track().poses, dataset="d", split="s", estimator="gt")) as writer:
        writer.write(track().poses)
    with pytest.raises(ValueError, match="expected a side table of SMPL tracks, got columns"):
        SideTable(path)
    write_side_table(path, [])
    with pytest.raises(ValueError, match="are not in it"):
        SideTable(path).attach(track().poses)


def test_wrong_arrays_are_named(unchecked):
    with pytest.raises(ValueError, match=r"a: axis-angle poses are \(T, 72\) or \(T, 24, 3\), got \(3, 66\)"):
        from_axis_angle("a", np.zeros((3, 66)), fps=25.0)
    with pytest.raises(ValueError, match=r"a: betas must be \(10,\) or \(7, 10\), got \(16,\)"):
        track(betas=np.zeros(16))
    with pytest.raises(ValueError, match=r"a: transl must be \(7, 3\), got \(7, 2\)"):
        track(transl=np.zeros((7, 2)))
    with pytest.raises(ValueError, match="a: scaling must be positive, got 0"):
        track(scaling=0.0)
    good = track()
    with pytest.raises(ValueError, match=r"a: betas must be \(7, 10\), got \(6, 10\)"):
        replace(good, betas=good.betas[:6])
    joints = PoseSequence("j", np.zeros((7, 17, 3)), H36M17, "3d", 25.0, "m", "camera")
    with pytest.raises(ValueError, match="j: expected smpl poses on smpl24, got 3d on h36m17"):
        good.with_poses(joints)
