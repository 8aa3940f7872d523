"""Both years of PoseTrack, written in small as released and read back."""

from __future__ import annotations

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanet.cache.files import CacheMetadata, CacheWriter, PoseCache
from hanet.cache.video_labels import read_labels, write_labels
from hanet.datasets.posetrack import year2017, year2018
from hanet.datasets.posetrack.videos import PoseTrackError, joint_box
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17, H36M17, POSETRACK15, POSETRACK17, SMPL24
from hanet.poses.video_labels import by_name
from tests.support.posetrack_files import HEAD, NAMES17, POSE, WALL, YEARS, Scene, scene, write17, write18

both = pytest.mark.parametrize("year", YEARS)


def rows(sequence: PoseSequence, joint: str) -> np.ndarray:
    return sequence.values[:, sequence.skeleton.index(joint)]


@both
def test_sparse_labels_are_no_zeros(tmp_path, year):
    write, read = YEARS[year]
    video, (first, third) = read(write(tmp_path, scene()))
    assert (first.name, first.track, first.start, len(first)) == (video.name, 0, 6, 1)
    assert (third.track, third.start, len(third), third.fps, third.unit) == (3, 4, 5, 25.0, "px")
    assert third.labelled is not None and third.boxes is not None
    # Frame 6 is labelled, but the track is not there; 5 and 7 are not labelled.
    assert third.labelled.any(axis=1).tolist() == [True, False, False, False, True]
    assert np.isnan(third.values[1:4]).all() and np.isnan(third.boxes[1:4]).all()
    assert rows(third, "nose")[[0, 4]].tolist() == [list(POSE["nose"]), [-2.5, 7.0]]
    assert rows(third, "r_knee")[0].tolist() == list(POSE["right_knee"])
    assert rows(third, "l_shoulder")[0].tolist() == list(POSE["left_shoulder"])
    assert video.labelled == (4, 6, 8)
    assert video.tracks == (0, 3)
    assert video.heads == {(3, 4): HEAD, (3, 8): HEAD, (0, 6): HEAD}
    assert video.ignore == {8: (tuple(WALL), tuple(WALL[::-1]))}
    assert list(video.images) == [4, 5, 6, 7, 8, 9] and video.images[4].endswith("0004.jpg")


def test_the_skeletons_and_boxes_of_both_years(tmp_path):
    _, (old, *_) = year2017.read_video(write17(tmp_path, scene()))
    _, (new, *_) = year2018.read_video(write18(tmp_path, scene()))
    assert (old.skeleton, new.skeleton) == (POSETRACK15, POSETRACK17)
    assert old.boxes is not None and new.boxes is not None and new.labelled is not None
    assert (old.image_size, new.image_size) == (None, (640, 480))
    # x 1 to 113, y 2 to 58, a half of 30 % more on each side.
    np.testing.assert_allclose(old.boxes, [[1 - 16.8, 2 - 8.4, 113 + 16.8, 58 + 8.4]], rtol=1e-6)
    assert new.boxes.tolist() == [[1, 2, 31, 42]]
    ears = [new.skeleton.index(ear) for ear in ("l_ear", "r_ear")]
    assert np.isnan(new.values[:, ears]).all() and not new.labelled[:, ears].any()
    same = by_name(new, POSETRACK15)
    np.testing.assert_array_equal(same.values, old.values)
    np.testing.assert_array_equal(same.labelled, old.labelled)


@both
@pytest.mark.parametrize("code", [0.0, -1.0])
def test_joints_coded_as_missing_are_not_labelled(tmp_path, year, code):
    write, read = YEARS[year]
    keypoints = {joint: POSE[joint] for joint in ("nose", "left_hip")}
    _, (sequence,) = read(write(tmp_path, Scene([1], {1}, {(0, 1): (keypoints, HEAD)}), code=code))
    assert sequence.labelled is not None
    known = [j for j, ok in zip(sequence.skeleton.joints, sequence.labelled[0], strict=True) if ok]
    assert sorted(known) == ["l_hip", "nose"]
    assert np.isnan(sequence.values[~sequence.labelled]).all()


@both
def test_a_person_without_keypoints_is_there_but_is_no_sequence(tmp_path, year):
    write, read = YEARS[year]
    people = {(0, 1): ({}, HEAD), (0, 2): (POSE, HEAD), (0, 3): ({}, HEAD), (1, 1): ({}, HEAD)}
    video, (sequence,) = read(write(tmp_path, Scene([1, 2, 3, 4], {4}, people)))
    assert (sequence.track, sequence.start, len(sequence)) == (0, 2, 1)
    assert video.tracks == (0, 1) and video.heads == dict.fromkeys(people, HEAD)
    assert video.labelled == (1, 2, 3, 4)  # a frame with annotations is labelled whatever it says


@both
def test_a_video_without_labels(tmp_path, year):
    write, read = YEARS[year]
    video, sequences = read(write(tmp_path, Scene([0, 1], set(), {})))
    assert (video.labelled, video.heads, video.ignore, sequences) == ((), {}, {}, ())


POINTS = st.tuples(*[st.integers(-40, 4000).map(lambda n: n / 8)] * 2).filter(
    lambda p: p not in ((0.0, 0.0), (-1.0, -1.0))
)
BOXES = st.tuples(*[st.integers(0, 4000).map(lambda n: n / 8)] * 4)


@st.composite
def scenes(draw) -> Scene:
    start, count = draw(st.integers(0, 90)), draw(st.integers(1, 7))
    frames = list(range(start, start + count))
    people = draw(
        st.dictionaries(
            st.tuples(st.sampled_from([0, 1, 5]), st.sampled_from(frames)),
            st.tuples(st.dictionaries(st.sampled_from(NAMES17), POINTS, max_size=15), BOXES),
            max_size=6,
        )
    )
    labelled = draw(st.sets(st.sampled_from(frames))) | {frame for _, frame in people}
    polygons = st.lists(st.lists(POINTS, min_size=3, max_size=4), min_size=1, max_size=2)
    return Scene(frames, labelled, people, draw(st.dictionaries(st.sampled_from(frames), polygons)))


@both
@settings(max_examples=40)
@given(scene=scenes())
def test_what_is_written_is_read(year, scene):
    write, read = YEARS[year]
    with TemporaryDirectory() as folder:
        path = write(Path(folder), scene)
        video, sequences = read(path)
        write_labels(Path(folder) / "labels.jsonl", [video])
        assert list(read_labels(Path(folder) / "labels.jsonl")) == [video]
    assert (video.name, list(video.images), set(video.labelled)) == (path.stem, scene.frames, scene.labelled)
    assert video.heads == {key: head for key, (_, head) in scene.people.items()}
    assert video.ignore == {f: tuple(map(tuple, polygons)) for f, polygons in scene.ignore.items()}
    read_people = {}
    for sequence in sequences:
        assert sequence.labelled is not None
        assert sequence.labelled[[0, -1]].any(axis=1).all()  # from the first to the last annotated frame
        np.testing.assert_array_equal(np.isfinite(sequence.values).all(axis=-1), sequence.labelled)
        for frame, pose, known in zip(sequence.frames, sequence.values, sequence.labelled, strict=True):
            joints = {
                name: tuple(pose[j].tolist()) for j, name in enumerate(sequence.skeleton.joints) if known[j]
            }
            if joints:
                read_people[sequence.track, int(frame)] = joints
    assert read_people == {
        key: {joint.replace("left_", "l_").replace("right_", "r_"): xy for joint, xy in keypoints.items()}
        for key, (keypoints, _) in scene.people.items()
        if keypoints
    }


@both
def test_a_folder_is_read_one_video_at_a_time_and_goes_to_a_cache(tmp_path, year):
    write, _ = YEARS[year]
    read_folder = {"2017": year2017.read_posetrack17, "2018": year2018.read_posetrack18}[year]
    write(tmp_path, scene(), "000002_b")
    write(tmp_path, scene(), "000001_a")
    (tmp_path / "000003_c.json").write_text("{")
    videos = read_folder(tmp_path)
    read = [next(videos), next(videos)]
    assert [video.name for video, _ in read] == ["000001_a", "000002_b"]
    with pytest.raises(PoseTrackError, match=r"000003_c.json: not an annotation file"):
        next(videos)
    tracks = [sequence for _, sequences in read for sequence in sequences]
    metadata = CacheMetadata.of(tracks[0], dataset="posetrack", split="val", estimator="gt")
    with CacheWriter(tmp_path / "gt.parquet", metadata) as writer:
        for sequence in tracks:
            writer.write(sequence)
    back = list(PoseCache.open(tmp_path / "gt.parquet").sequences())
    assert [s.key for s in back] == [s.key for s in tracks]
    for a, b in zip(back, tracks, strict=True):
        np.testing.assert_array_equal(a.values, b.values)
        np.testing.assert_array_equal(np.isfinite(a.values).all(axis=-1), b.labelled)
    with pytest.raises(
        PoseTrackError, match=r"nowhere: no annotation file \(\*.json\); give an official split's"
    ):
        read_folder(tmp_path / "nowhere")


# Other skeletons


def test_joints_by_name_carry_scores_and_labels():
    values = np.arange(34.0).reshape(1, 17, 2)
    sequence = PoseSequence("a", values, COCO17, "2d", 25.0, "px", "image", scores=np.arange(17.0)[None])
    same = by_name(sequence, POSETRACK15)
    assert same.scores is not None and same.labelled is not None
    knee, top = POSETRACK15.index("l_knee"), POSETRACK15.index("head_top")
    assert same.values[0, knee].tolist() == values[0, COCO17.index("l_knee")].tolist()
    assert same.scores[0, knee] == COCO17.index("l_knee")
    assert np.isnan(same.values[0, top]).all() and np.isnan(same.scores[0, top]) and not same.labelled[0, top]
    assert by_name(same, POSETRACK15) is same
    assert by_name(PoseSequence("a", np.ones((1, 17, 2)), H36M17, "2d", 25.0, "px", "image"), POSETRACK15)


def test_a_skeleton_without_a_common_joint():
    bare = by_name(PoseSequence("a", np.ones((1, 24, 2)), SMPL24, "2d", 25.0, "px", "image"), POSETRACK15)
    assert bare.labelled is not None and bare.labelled.sum() == 12
    faces = type(COCO17)("faces", ("l_eye", "r_eye"), (-1, -1), (0,))
    with pytest.raises(ValueError, match="a: faces has none of the joints of posetrack15"):
        by_name(PoseSequence("a", np.ones((1, 2, 2)), faces, "2d", 25.0, "px", "image"), POSETRACK15)


# Released files


def test_released_files():
    folder = os.environ.get("HANET_SHARED_DATA")
    if not folder:
        pytest.skip("set HANET_SHARED_DATA to a folder with posetrack18/annotations to read released files")
    read = list(year2018.read_posetrack18(Path(folder, "posetrack18/annotations/val")))
    assert {video.name: (len(video.heads), len(sequences)) for video, sequences in read} == {
        "003418_mpii_test": (1, 1), "009473_mpii_test": (2, 2), "012834_mpii_test": (11, 11),
    }  # fmt: skip
    for video, sequences in read:
        assert video.labelled == (0,) and list(video.images) == [0]
        for sequence in sequences:
            assert sequence.labelled is not None and sequence.boxes is not None
            assert (sequence.image_size, len(sequence)) == ((1920, 1080), 1)
            # The rule by which PoseTrack2017's boxes are made here is the one by which these were.
            np.testing.assert_allclose(
                sequence.boxes[0], joint_box(sequence.values[0].astype(float)), atol=2e-3
            )
        file = json.loads(Path(folder, f"posetrack18/annotations/val/{video.name}.json").read_text())
        counted = {a["track_id"]: a["num_keypoints"] for a in file["annotations"]}
        assert {s.track: int(s.labelled.sum()) for s in sequences if s.labelled is not None} == counted
    (dancer, *_), heads = read[1][1], read[1][0].heads
    assert rows(dancer, "nose").tolist() == [[750.0, 297.5]]
    assert heads[0, 0] == (648, 253, 786, 356)
