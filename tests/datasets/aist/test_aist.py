"""AIST++ from files in the released layout, and from real ones: cameras, joints, detections, splits."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hanet.datasets.aist.views import (
    CAMERAS,
    AistError,
    read_bodies,
    read_cameras,
    read_detections,
    read_motion,
    read_views,
    read_world,
    sequence_names,
    subject_of,
)
from hanet.datasets.common.leakage import check_leakage, find_leaks
from hanet.metrics import accel
from hanet.poses.names import clip_of
from hanet.poses.skeletons import COCO17, LSP14
from tests.support.aist_files import NAME, OTHER, camera_entry, save, write


def opencv(world: np.ndarray, entry: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Camera joints (cm) and pixels by OpenCV's documented formula, written out."""
    camera = Rotation.from_rotvec(entry["rotation"]).apply(world.reshape(-1, 3)) + entry["translation"]
    x, y = camera[:, 0] / camera[:, 2], camera[:, 1] / camera[:, 2]
    k1, k2, p1, p2, k3 = entry["distortions"]
    r2 = x * x + y * y
    radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
    u = entry["matrix"][0][0] * (x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)) + 960
    v = entry["matrix"][1][1] * (y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y) + 540
    return camera.reshape(world.shape), np.stack([u, v], axis=1).reshape(*world.shape[:-1], 2)


@settings(max_examples=15)
@given(frames=st.integers(1, 4), seed=st.integers(0, 99), optimised=st.booleans())
def test_what_is_written_is_read(tmp_path_factory, frames, seed, optimised):
    folder = tmp_path_factory.mktemp("aist")
    stored = write(folder, frames=frames, seed=seed)["keypoints3d_optim" if optimised else "keypoints3d"]
    np.testing.assert_allclose(read_world(folder, NAME, optimised=optimised), stored / 100)
    views = list(read_views(folder, [NAME], skeleton=COCO17, optimised=optimised))
    assert [v.joints.name for v in views] == [f"{NAME}/{camera}" for camera in CAMERAS]
    for i, view in enumerate(views):
        camera, pixels = opencv(stored, camera_entry(i))
        relative = (camera - camera[:, 11:13].mean(axis=1, keepdims=True)) / 100
        np.testing.assert_allclose(view.joints.values, relative, atol=1e-5)
        np.testing.assert_allclose(view.keypoints.values, pixels, atol=1e-3)
        assert (view.joints.fps, view.joints.frame_of_reference) == (60.0, "camera_root_relative")
        assert view.keypoints.image_size == (1920, 1080)
        assert view.joints.labelled is not None and view.joints.labelled.all()
        boxes = view.keypoints.boxes
        assert boxes is not None
        assert (boxes[:, :2] < pixels.min(axis=1)).all() and (boxes[:, 2:] > pixels.max(axis=1)).all()


def test_lsp_joints(tmp_path):
    write(tmp_path)
    for coco, lsp in zip(
        read_views(tmp_path, [NAME], skeleton=COCO17), read_views(tmp_path, [NAME]), strict=True
    ):
        for a, b in ((coco.joints, lsp.joints), (coco.keypoints, lsp.keypoints)):
            assert b.skeleton == LSP14 and b.labelled is not None
            assert b.labelled[0].tolist() == [True] * 12 + [False] * 2
            for joint in LSP14.joints[:12]:
                index = LSP14.index(joint)
                np.testing.assert_allclose(b.values[:, index], a.values[:, COCO17.index(joint)], atol=1e-6)
            shoulders = a.values[:, [COCO17.index("l_shoulder"), COCO17.index("r_shoulder")]].mean(axis=1)
            np.testing.assert_allclose(b.values[:, LSP14.index("thorax")], shoulders, rtol=1e-4, atol=1e-4)
            assert np.isnan(b.values[:, LSP14.index("head_top")]).all()
        np.testing.assert_array_equal(coco.keypoints.boxes, lsp.keypoints.boxes)


def test_joints_that_are_unknown(tmp_path):
    """A missing wrist is one joint less; without a hip there is no root; a frame of nothing has no box."""
    stored = write(tmp_path, frames=4)["keypoints3d"]
    wrist, hip = COCO17.index("r_wrist"), COCO17.index("l_hip")
    stored[1, wrist] = stored[2, hip] = np.nan
    stored[3] = np.nan
    save(tmp_path / "keypoints3d" / f"{NAME}.pkl", {"keypoints3d": stored, "keypoints3d_optim": stored})
    for skeleton in (COCO17, LSP14):
        view = next(read_views(tmp_path, [NAME], skeleton=skeleton, optimised=False))
        named = np.ones(17, bool) if skeleton == COCO17 else np.arange(14) < 12
        joints, keypoints = view.joints, view.keypoints
        assert joints.labelled is not None and keypoints.labelled is not None and keypoints.boxes is not None
        without_wrist = named & (np.array(skeleton.joints) != "r_wrist")
        without_hip = named & (np.array(skeleton.joints) != "l_hip")
        np.testing.assert_array_equal(joints.labelled, [named, without_wrist, named & False, named & False])
        np.testing.assert_array_equal(keypoints.labelled, [named, without_wrist, without_hip, named & False])
        assert np.isnan(joints.values[2:]).all() and np.isfinite(joints.values[:2, :12][0]).all()
        assert np.isfinite(keypoints.boxes[:3]).all() and np.isnan(keypoints.boxes[3]).all()


def test_detections(tmp_path):
    """Gaps are bridged in time and at the ends, with score 0; a camera that never saw a joint is left out."""
    stored = write(tmp_path, frames=5)["keypoints2d"]
    stored[0, [1, 2], 4] = np.nan
    stored[0, [3, 4], 7] = np.nan
    stored[0, 0, 9] = np.nan
    stored[2, :, 3] = np.nan
    stored[3] = np.nan
    save(tmp_path / "keypoints2d" / f"{NAME}.pkl", {"keypoints2d": stored})
    found = {s.name: s for s in read_detections(tmp_path, [NAME])}
    assert list(found) == [f"{NAME}/{c}" for c in CAMERAS if c not in ("c03", "c04")]
    first = found[f"{NAME}/c01"]
    assert (first.skeleton, first.unit, first.frame_of_reference, first.fps) == (COCO17, "px", "image", 60.0)
    assert first.scores is not None and first.labelled is not None and first.boxes is not None
    xy = stored[0, ..., :2]
    np.testing.assert_allclose(first.values[1, 4], xy[0, 4] * 2 / 3 + xy[3, 4] / 3, rtol=1e-5)
    np.testing.assert_allclose(first.values[2, 4], xy[0, 4] / 3 + xy[3, 4] * 2 / 3, rtol=1e-5)
    np.testing.assert_array_equal(first.values[3:, 7], [xy[2, 7]] * 2)
    np.testing.assert_array_equal(first.values[0, 9], xy[1, 9])
    seen = np.isfinite(xy).all(axis=2)
    np.testing.assert_array_equal(first.labelled, seen)
    np.testing.assert_array_equal(first.values[seen], xy[seen])
    np.testing.assert_array_equal(first.scores, np.where(seen, stored[0, ..., 2], 0))
    assert np.isfinite(first.boxes).all()
    np.testing.assert_array_equal(found[f"{NAME}/c09"].values, stored[8, ..., :2])
    chosen = list(read_detections(tmp_path, [NAME], cameras=["c09", "c02"]))
    assert [s.name for s in chosen] == [f"{NAME}/c09", f"{NAME}/c02"]


def test_motion(tmp_path):
    stored = write(tmp_path)
    motion = read_motion(tmp_path, NAME)
    stored_matrices = (
        Rotation.from_rotvec(stored["smpl_poses"].reshape(-1, 3)).as_matrix().reshape(5, 24, 3, 3)
    )
    np.testing.assert_allclose(motion.matrices(), stored_matrices, atol=1e-6)
    np.testing.assert_allclose(motion.transl, stored["smpl_trans"] / 100, rtol=1e-5)
    assert motion.scaling == pytest.approx(0.935) and not motion.betas.any()
    views = list(read_views(tmp_path, [NAME]))
    bodies = list(read_bodies(tmp_path, [NAME]))
    assert [b.poses.key for b in bodies] == [v.joints.key for v in views]
    camera = read_cameras(tmp_path, NAME)["c02"]
    turned = bodies[1].matrices().numpy()
    np.testing.assert_allclose(turned[:, 0], camera.rotation @ stored_matrices[:, 0], atol=1e-6)
    np.testing.assert_allclose(turned[:, 1:], stored_matrices[:, 1:], atol=1e-6)
    assert bodies[1].transl is None and bodies[1].scaling == motion.scaling


def test_official_splits(tmp_path):
    (tmp_path / "splits").mkdir()
    third = "gWA_sBM_cAll_d27_mWA2_ch03"
    (tmp_path / "splits" / "pose_train.txt").write_text(f"{OTHER}\n{NAME}\n{third}")  # no newline at the end
    (tmp_path / "ignore_list.txt").write_text(f"{third}\n")
    assert sequence_names(tmp_path, "train") == [NAME, OTHER]
    with pytest.raises(AistError, match=r"pose_val.txt: no such file; get the annotations again from google"):
        sequence_names(tmp_path, "val")
    (tmp_path / "splits" / "pose_test.txt").write_text("gBR_sBM_c01_d04_mBR2_ch08\n")
    with pytest.raises(AistError, match=r"pose_test.txt: expected names like .*, got 'gBR_sBM_c01_d04"):
        sequence_names(tmp_path, "test")
    (tmp_path / "ignore_list.txt").unlink()
    with pytest.raises(AistError, match=r"ignore_list.txt: no such file"):
        sequence_names(tmp_path, "train")


@pytest.mark.usefixtures("unchecked")
def test_an_unknown_split(tmp_path):
    with pytest.raises(AistError, match="split must be one of train, val, test, got 'dev'"):
        sequence_names(tmp_path, "dev")  # pyright: ignore[reportArgumentType]


def test_subjects_and_clips_for_the_leakage_guard(tmp_path):
    again = "gBR_sBM_cAll_d04_mBR2_ch09"
    for seed, name in enumerate((NAME, OTHER, again)):
        write(tmp_path, name, seed=seed)
    views = [v.keypoints for v in read_views(tmp_path, [NAME, OTHER, again], cameras=["c01", "c02"])]
    assert {subject_of(v.name) for v in views} == {"d04", "d02"}
    assert {clip_of(v.name) for v in views} == {NAME, OTHER, again}
    assert check_leakage({"train": views[:2], "test": views[2:4]}, group=subject_of) == []
    leak = find_leaks({"train": views[:2], "val": views[4:]}, group=subject_of)
    assert [(found.kind, found.offenders) for found in leak] == [("group", ("d04",))]
    with pytest.raises(AistError, match="'walk/c01' names no sequence: expected one like gBR"):
        subject_of("walk/c01")


@pytest.fixture
def real() -> Path:
    shared = os.environ.get("HANET_SHARED_DATA")
    if not shared:
        pytest.skip("set HANET_SHARED_DATA to a folder with real AIST++ annotations in aistpp/")
    return Path(shared) / "aistpp"


REAL = {
    NAME: 576,
    "gBR_sBM_cAll_d06_mBR2_ch06": 576,
    "gJS_sBM_cAll_d03_mJS2_ch07": 576,
    OTHER: 1919,
}


def test_real_joints_project_onto_the_detections(real):
    """Median distance in each of 36 views: with a wrong unit, axis or camera order it would be far off."""
    medians = {}
    for name, frames in REAL.items():
        detected = {s.name: s for s in read_detections(real, [name])}
        for view in read_views(real, [name], skeleton=COCO17):
            assert len(view.keypoints) == len(detected[view.keypoints.name]) == frames
            found = detected[view.keypoints.name]
            assert found.scores is not None
            distance = np.linalg.norm(found.values - view.keypoints.values, axis=2)
            medians[view.keypoints.name] = float(np.median(distance[found.scores > 0.3]))
    values = np.array(list(medians.values()))
    assert len(values) == 36
    assert np.median(values) == pytest.approx(5.5, abs=0.5)  # of an image 1920 pixels wide
    assert values.min() > 3 and values.max() < 9


def test_real_bodies_are_of_human_size_and_motion(real):
    """Thighs of 30 to 55 cm: the unit is right; the smoothed joints shake less than the triangulated ones."""
    for name in REAL:
        smooth, raw = (
            next(read_views(real, [name], skeleton=COCO17, optimised=o, cameras=["c01"])).joints
            for o in (True, False)
        )
        for side in "lr":
            hip, knee = COCO17.index(f"{side}_hip"), COCO17.index(f"{side}_knee")
            thigh = np.median(np.linalg.norm(smooth.values[:, hip] - smooth.values[:, knee], axis=1))
            assert 0.30 < thigh < 0.55
        assert raw.labelled is not None
        whole = raw.labelled.all(axis=1)
        still = np.zeros_like(raw.values[whole])
        assert accel(smooth.values[whole], still, root=COCO17.root) < accel(
            raw.values[whole], still, root=COCO17.root
        )
        motion = read_motion(real, name)
        assert len(motion) == len(smooth) and 0.8 < motion.scaling < 1.1


def test_every_real_setting_is_read(real):
    mapping = dict(line.split() for line in (real / "cameras" / "mapping.txt").read_text().splitlines())
    assert len(mapping) == 1408 and len({subject_of(name) for name in mapping}) == 30
    for name in {setting: name for name, setting in mapping.items()}.values():
        cameras = read_cameras(real, name)
        assert tuple(cameras) == CAMERAS
        # All nine stand a few metres from the stage's middle, above the floor.
        for camera in cameras.values():
            x, y, z = camera.position
            assert 2 < np.hypot(x, z) < 10 and 0 < y < 4
