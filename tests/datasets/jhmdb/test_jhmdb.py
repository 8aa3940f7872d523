"""Sub-JHMDB's MATLAB files come back as 0-based keypoints and boxes; what is malformed is refused by file."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.io import savemat

from hanet.cache.files import CacheMetadata, CacheWriter, PoseCache
from hanet.datasets.jhmdb.clips import read_jhmdb
from hanet.datasets.jhmdb.splits import Clip, JhmdbError
from hanet.poses.skeletons import JHMDB15
from tests.support.jhmdb_files import rectangles, write_clip

WALK = Clip("walk", "a_walk_f_cm_np1_ri_med_0")


def poses(T: int = 3) -> np.ndarray:
    return np.random.default_rng(T).uniform(10, 230, (T, 15, 2))


def boxes_of(root: Path, **options) -> np.ndarray:
    (sequence,) = read_jhmdb(root, [WALK], **options)
    assert sequence.boxes is not None
    return sequence.boxes


def test_pixels_count_from_zero_and_joint_0_is_the_neck(tmp_path):
    keypoints = np.zeros((2, 15, 2))
    keypoints[1, 0] = [100, 50]
    keypoints[1, 2] = [-3.5, 20]  # outside the image
    write_clip(tmp_path, WALK, keypoints)
    (sequence,) = read_jhmdb(tmp_path, [WALK], boxes="joints")
    assert (sequence.name, sequence.skeleton, sequence.representation, sequence.unit, sequence.fps) == (
        WALK.name, JHMDB15, "2d", "px", 25.0,
    )  # fmt: skip
    assert (sequence.image_size, sequence.start, sequence.track, len(sequence)) == ((320, 240), 0, 0, 2)
    assert sequence.frame_of_reference == "image" and sequence.values.dtype == np.float32
    assert sequence.values[1, JHMDB15.index("neck")].tolist() == [100, 50]
    assert sequence.values[1, JHMDB15.index("face")].tolist() == [-3.5, 20]
    assert not sequence.values[0].any()
    assert sequence.labelled is not None and sequence.labelled.all()


@settings(max_examples=25)
@given(
    arrays(
        np.float64,
        st.tuples(st.integers(1, 4), st.just(15), st.just(2)),
        elements=st.integers(-400, 4000).map(lambda n: n / 8),
    ),
    st.booleans(),
)
def test_what_is_written_is_read(keypoints, compress):
    T = len(keypoints)
    boxes = [(t, 2 * t, 100 + t, 120 + 3 * t) for t in range(T)]
    with TemporaryDirectory() as folder:
        write_clip(Path(folder), WALK, keypoints, rectangles(*boxes), compress=compress)
        (sequence,) = read_jhmdb(Path(folder), [WALK])
    np.testing.assert_array_equal(sequence.values, keypoints)
    np.testing.assert_array_equal(sequence.boxes, boxes)


def test_a_frame_without_a_mask_takes_the_joints_box(tmp_path):
    keypoints = np.broadcast_to(np.linspace([100, 80], [200, 180], 15), (3, 15, 2)).copy()
    # The third has no mask at all.
    write_clip(tmp_path, WALK, keypoints, rectangles((90, 70, 210, 190), None))
    by_joints = [90, 70, 210, 190]  # 100 px, 20 % larger
    np.testing.assert_allclose(boxes_of(tmp_path), [by_joints] * 3)
    keypoints[:] += 10
    other = tmp_path / "other"
    write_clip(other, WALK, keypoints, rectangles((90, 70, 210, 190), None))
    expected = [[90, 70, 210, 190], [100, 80, 220, 200], [100, 80, 220, 200]]
    np.testing.assert_allclose(boxes_of(other), expected)
    np.testing.assert_allclose(boxes_of(other, boxes="joints"), [[100, 80, 220, 200]] * 3)


def test_one_frame_loses_its_axis_in_matlab(tmp_path):
    folder = tmp_path / "joint_positions" / WALK.action / WALK.name
    folder.mkdir(parents=True)
    savemat(folder / "joint_positions.mat", {"pos_img": poses(1)[0].T + 1})
    mask = tmp_path / "puppet_mask" / WALK.action / WALK.name
    mask.mkdir(parents=True)
    savemat(mask / "puppet_mask.mat", {"part_mask": rectangles((1, 2, 3, 4))[..., 0]})
    (sequence,) = read_jhmdb(tmp_path, [WALK])
    np.testing.assert_allclose(sequence.values, poses(1), rtol=1e-6)
    assert boxes_of(tmp_path).tolist() == [[1, 2, 3, 4]]


def test_a_repeated_clip_is_another_track_and_both_go_to_one_cache(tmp_path):
    run = Clip("run", "b_run_0")
    write_clip(tmp_path, WALK, poses(2))
    write_clip(tmp_path, run, poses(3))
    clips = [WALK, run, WALK]
    read = list(read_jhmdb(tmp_path, clips, boxes="joints"))
    assert [s.key for s in read] == [(WALK.name, 0), (run.name, 0), (WALK.name, 1)]
    metadata = CacheMetadata.of(read[0], dataset="jhmdb", split="train", estimator="gt")
    with CacheWriter(tmp_path / "gt.parquet", metadata) as writer:
        for sequence in read:
            writer.write(sequence)
    cache = PoseCache.open(tmp_path / "gt.parquet", skeleton=JHMDB15)
    assert [s.key for s in cache.sequences()] == [s.key for s in read]


def test_clips_are_read_one_at_a_time(tmp_path):
    write_clip(tmp_path, WALK, poses())
    reader = read_jhmdb(tmp_path, [WALK, Clip("walk", "gone")], boxes="joints")
    assert next(reader).name == WALK.name
    with pytest.raises(
        JhmdbError, match=r"gone/joint_positions.mat: no such file, but the split has clip gone"
    ):
        next(reader)


def test_a_missing_file_names_its_archive(tmp_path):
    with pytest.raises(
        JhmdbError, match=rf"unpack joint_positions.zip of jhmdb.is.tue.mpg.de to {tmp_path}$"
    ):
        next(read_jhmdb(tmp_path, [WALK]))
    write_clip(tmp_path, WALK, poses())
    with pytest.raises(
        JhmdbError, match=r"puppet_mask.mat: no such file.*puppet_mask.zip.*, or take boxes by jo"
    ):
        next(read_jhmdb(tmp_path, [WALK]))


def test_one_name_of_two_actions(tmp_path):
    write_clip(tmp_path, WALK, poses())
    with pytest.raises(JhmdbError, match=rf"clip {WALK.name} is of action walk and of run"):
        list(read_jhmdb(tmp_path, [WALK, Clip("run", WALK.name)], boxes="joints"))


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("keep", [0.0, 0.02, 0.3, 0.95])
def test_a_truncated_file(tmp_path, keep, compress):
    path = tmp_path / "joint_positions" / WALK.action / WALK.name / "joint_positions.mat"
    path.parent.mkdir(parents=True)
    savemat(path, {"pos_img": poses().T + 1}, do_compression=compress)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(
        JhmdbError, match=r"joint_positions.mat: (not a whole MATLAB file|no array pos_img).*get it"
    ):
        next(read_jhmdb(tmp_path, [WALK], boxes="joints"))


def _with(value: float) -> np.ndarray:
    keypoints = poses()
    keypoints[1, 3, 0] = value
    return keypoints


@pytest.mark.parametrize(
    ("keypoints", "mask", "message"),
    [
        (np.ones((3, 13, 2)), None, r"pos_img is float64 \(2, 13, 3\), expected numbers \(2, 15, T\)"),
        (np.ones((0, 15, 2)), None, r"pos_img is float64 \(2, 15, 0\)"),
        (_with(np.nan), None, r"pos_img, frame 1, joint r_shoulder: not finite \(1 such values\)"),
        (_with(np.inf), None, r"frame 1, joint r_shoulder: not finite"),
        (poses(2), rectangles(None, None, None), r"part_mask is \(240, 320, 3\), expected \(240, 320, 2\)"),
        (poses(2), np.zeros((320, 240, 2)), r"part_mask is \(320, 240, 2\).*or take boxes by joints"),
    ],
)
def test_a_malformed_clip(tmp_path, keypoints, mask, message):
    write_clip(tmp_path, WALK, keypoints, rectangles(None) if mask is None else mask)
    with pytest.raises(JhmdbError, match=message):
        next(read_jhmdb(tmp_path, [WALK]))


def test_another_matlab_file(tmp_path):
    folder = tmp_path / "joint_positions" / WALK.action / WALK.name
    folder.mkdir(parents=True)
    savemat(folder / "joint_positions.mat", {"part_mask": np.zeros(3)})
    with pytest.raises(JhmdbError, match=r"joint_positions.mat: no array pos_img; get it again"):
        next(read_jhmdb(tmp_path, [WALK], boxes="joints"))


def test_a_released_file(tmp_path):
    folder = os.environ.get("HANET_SHARED_DATA")
    if not folder:
        pytest.skip(
            "set HANET_SHARED_DATA to a folder with jhmdb/joint_positions.mat to read a released file"
        )
    target = tmp_path / "joint_positions" / WALK.action / WALK.name
    target.mkdir(parents=True)
    (target / "joint_positions.mat").write_bytes(Path(folder, "jhmdb/joint_positions.mat").read_bytes())
    (sequence,) = read_jhmdb(tmp_path, [WALK], boxes="joints")
    assert len(sequence) == 40
    # The released 1-based (286.5, 106.5) and (289.5, 128.5): neck, belly.
    assert sequence.values[0, :2].tolist() == [[285.5, 105.5], [288.5, 127.5]]
    assert sequence.values[0, JHMDB15.index("l_ankle")].tolist() == [305.5, 193.5]
    down = [
        sequence.values[:, JHMDB15.index(j), 1].mean() for j in ("face", "neck", "belly", "r_knee", "r_ankle")
    ]
    assert down == sorted(down)
    assert sequence.boxes is not None
    inside = (sequence.values >= sequence.boxes[:, None, :2]) & (
        sequence.values <= sequence.boxes[:, None, 2:]
    )
    assert inside.all()
