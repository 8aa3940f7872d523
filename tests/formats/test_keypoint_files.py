"""Detections for training and scoring: read by each estimator's rules, refused by file and entry."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanet.formats import (
    FormatError as FormatError,
)
from hanet.formats import (
    read_alphapose,
    read_coco,
    read_mmpose,
    read_openpose,
)
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import BODY25, COCO17
from tests.support import keypoint_writers as writers

FPS = 25.0


def coco(folder: Path, found: np.ndarray) -> list[PoseSequence]:
    return read_coco(writers.write_coco(folder / "walk.json", found), fps=FPS)


def openpose(folder: Path, found: np.ndarray) -> list[PoseSequence]:
    return read_openpose(writers.write_openpose(folder / "out", found), fps=FPS)


def alphapose(folder: Path, found: np.ndarray) -> list[PoseSequence]:
    return read_alphapose(writers.write_alphapose(folder / "r.json", found), fps=FPS, name="walk")


def alphapose_cmu(folder: Path, found: np.ndarray) -> list[PoseSequence]:
    return read_alphapose(writers.write_alphapose_form(folder / "r.json", found, "cmu"), fps=FPS, name="walk")


def alphapose_open(folder: Path, found: np.ndarray) -> list[PoseSequence]:
    path = writers.write_alphapose_form(folder / "r.json", found, "open")
    return read_alphapose(path, fps=FPS, name="walk")


def mmpose(folder: Path, found: np.ndarray) -> list[PoseSequence]:
    return read_mmpose(writers.write_mmpose(folder / "walk.json", found), fps=FPS)


def mmpose_named(folder: Path, found: np.ndarray) -> list[PoseSequence]:
    return read_mmpose(writers.write_mmpose(folder / "walk.json", found, names=writers.COCO_NAMES), fps=FPS)


READERS = [coco, openpose, alphapose, alphapose_cmu, alphapose_open, mmpose, mmpose_named]
Reader = Callable[[Path, np.ndarray], list[PoseSequence]]


def joints_of(read: Reader) -> int:
    return 25 if read is openpose else 17


@pytest.mark.parametrize("read", READERS)
def test_people_are_read_back(tmp_path, read):
    found = writers.people(joints=joints_of(read))
    first, second = read(tmp_path, found)
    for track, sequence in enumerate((first, second)):
        assert (sequence.key, sequence.start, len(sequence), sequence.fps) == (("walk", track), 0, 4, FPS)
        assert sequence.skeleton is (BODY25 if read is openpose else COCO17)
        np.testing.assert_allclose(sequence.values, found[:, track, :, :2], rtol=1e-6)
        np.testing.assert_allclose(sequence.scores, found[:, track, :, 2], rtol=1e-6)
        assert sequence.labelled is not None and sequence.labelled.all()


@pytest.mark.parametrize("read", READERS)
@settings(max_examples=8)
@given(frames=st.integers(1, 5), count=st.integers(1, 4), seed=st.integers(0, 99))
def test_any_people_are_read_back(tmp_path_factory, read, frames, count, seed):
    found = writers.people(frames, count, joints_of(read), seed)
    tracks = read(tmp_path_factory.mktemp("p"), found)
    assert [len(s) for s in tracks] == [frames] * count
    np.testing.assert_allclose(np.stack([s.values for s in tracks], axis=1), found[..., :2], rtol=1e-6)


@pytest.mark.parametrize("read", READERS)
def test_missing_joints_and_missing_people(tmp_path, read):
    found = writers.people(5, 1, joints_of(read))
    found[1, 0, 8] = 0
    found[3] = 0  # nobody
    before, after = read(tmp_path, found)
    assert [(s.start, len(s)) for s in (before, after)] == [(0, 3), (4, 1)]
    assert np.argwhere(~before.labelled).tolist() == [[1, 8]]
    assert np.isnan(before.values[1, 8]).all()
    assert not np.isnan(before.values[~np.isnan(before.values)]).any()
    assert before.scores[1, 8] == 0


PATHS = {
    "coco": ("f.json", lambda p: read_coco(p, fps=FPS)),
    "openpose": ("walk_000000000000_keypoints.json", lambda p: read_openpose(p.parent, fps=FPS)),
    "alphapose": ("f.json", lambda p: read_alphapose(p, fps=FPS)),
    "mmpose": ("f.json", lambda p: read_mmpose(p, fps=FPS)),
}


@pytest.mark.parametrize("reader", PATHS)
@pytest.mark.parametrize("document", [3, "text", [[1]], [{"image_id": 3}], {"a": 1}, None])
def test_another_format(tmp_path, reader, document):
    name, read = PATHS[reader]
    (tmp_path / name).write_text(json.dumps(document))
    with pytest.raises(FormatError, match=rf"{name}(, entry .*, got .*|: no entry has keypoints); expected "):
        read(tmp_path / name)


@pytest.mark.parametrize("reader", PATHS)
def test_no_file(tmp_path, reader):
    name, read = PATHS[reader]
    with pytest.raises(FileNotFoundError, match="no such f"):
        read(tmp_path / "nowhere" / name)


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (
            coco,
            r"walk.json, entry 0: 16 keypoints, expected 17 \(coco17\), 26 \(halpe26\).*; give --skeleton",
        ),
        (openpose, r"walk_0{12}_keypoints.json, entry people.0: 16 keypoints, expected 15 .*25 \(body25\)"),
        (alphapose, r"r.json, entry 0: 16 keypoints, expected 17"),
        (mmpose, r"walk.json, entry 0.instances.0: 16 keypoints, expected 17"),
    ],
)
def test_a_wrong_count_of_keypoints(tmp_path, read, message):
    with pytest.raises(FormatError, match=message):
        read(tmp_path, writers.people(joints=16))


@pytest.mark.parametrize("read", [coco, openpose, alphapose])
def test_a_cut_list_of_numbers(tmp_path, read):
    found = writers.people(1, 1)
    read(tmp_path, found)  # the files
    path = next(p for p in tmp_path.rglob("*.json"))
    path.write_text(path.read_text().replace(f", {found[0, 0, 16, 2]}]", "]"))
    readers = {
        coco: read_coco,
        alphapose: read_alphapose,
        openpose: lambda p, fps: read_openpose(p.parent, fps=fps),
    }
    with pytest.raises(FormatError, match=r"entry .*0: 50 numbers, expected x, y and score of each keypoint"):
        readers[read](path, fps=FPS)


def test_an_empty_list_holds_nobody(tmp_path):
    path = writers.dump(tmp_path / "f.json", [])
    for read in (read_coco, read_alphapose, read_mmpose):
        with pytest.warns(UserWarning, match=r"f\.json: nobody in any frame"):
            assert read(path, fps=FPS) == []


# --- COCO


def test_image_names_tell_videos_and_frames(tmp_path):
    found = writers.people(4, 1)
    results = writers.write_coco(tmp_path / "r.json", found, first_image=50)
    names = ["v/walk/000010.jpg", "v/walk/000011.jpg", "v/run/frame_7.png", "v/run/frame_8.png"]
    images = writers.write_images(tmp_path / "a.json", names, first_image=50)
    walk, run = read_coco(results, fps=FPS, images=images)
    assert [(s.name, s.start, len(s), s.image_size) for s in (walk, run)] == [
        ("v/walk", 10, 2, (640, 480)),
        ("v/run", 7, 2, (640, 480)),
    ]
    np.testing.assert_allclose(run.values, found[2:, 0, :, :2], rtol=1e-6)


def test_results_with_tracks_boxes_scores_and_other_categories(tmp_path):
    found = writers.people(3, 2)
    path = writers.write_coco(tmp_path / "r.json", found, tracks=True, bbox=[10, 20, 30, 40])
    six, seven = read_coco(path, fps=FPS, name="mine")
    assert [s.key for s in (six, seven)] == [("mine", 6), ("mine", 7)]
    np.testing.assert_allclose(seven.values, found[:, 0, :, :2], rtol=1e-6)
    np.testing.assert_array_equal(seven.boxes, [[10, 20, 40, 60]] * 3)
    entries = json.loads(path.read_text())
    entries[0]["score"], entries[1]["category_id"] = 0.05, 2
    writers.dump(path, entries)
    with pytest.warns(UserWarning, match="1 entries of other categories were left as they are"):
        assert [(s.track, s.start) for s in read_coco(path, fps=FPS, min_score=0.1)] == [(6, 1), (7, 1)]
    with pytest.warns(UserWarning):
        assert [(s.track, s.start) for s in read_coco(path, fps=FPS)] == [(6, 1), (7, 0)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"image_id": -4},
            "entry 0: image_id -4 is no frame number, expected 0 to 9999999; name the images by",
        ),
        ({"bbox": [1, 2, 3]}, "entry 0: a box of 3 numbers, expected x, y, width, height"),
        ({"image_id": 10128340000}, "entry 0: image_id 10128340000 is no frame number"),
        ({"image_id": None}, "entry 0.image_id.*got None; expected a list of COCO"),
        ({"image_id": True}, "entry 0.image_id.*got True"),
        ({"track_id": "a"}, "entry 0.track_id.*got 'a'"),
        ({"score": "high"}, "entry 0.score.*got 'high'"),
        ({"keypoints": [1, "x"]}, r"entry 0.keypoints.1: expected a number or null, got 'x'"),
        ({"keypoints": None}, r"no entry has keypoints"),
        ({"keypoints": "x" * 99}, r"entry 0.keypoints: .*got 'x{56}\.\.\.; expected"),
    ],
)
def test_a_malformed_result(tmp_path, change, message):
    path = writers.write_coco(tmp_path / "r.json", writers.people(1, 1))
    writers.dump(path, [json.loads(path.read_text())[0] | change])
    with pytest.raises(FormatError, match=rf"r\.json[,:] {message}"):
        read_coco(path, fps=FPS)


@pytest.mark.parametrize(
    ("names", "sizes", "message"),
    [
        (
            ["w/1.jpg", "w/2.jpg"], [(640, 480), (480, 640)],
            r"a\.json, entry images.1: w/2.jpg is of size \(480, 640\), other images of w are \(640, 480\)",
        ),
        (["w/1.jpg", "w/x.jpg"], (6, 4), r"entry images.1: 'w/x.jpg' ends in no frame number; rename"),
        (["w/1.jpg"], (6, 4), r"r\.json, entry 1: image 1 is not in .*a\.json; give its own file"),
        (["w/1.jpg", "w/01.jpg"], (6, 4), r"images.1: w/01.jpg and w/1.jpg are both frame 1 of w; give"),
        (["w/1.jpg", "w/2.jpg"], (0, 4), r"entry images.0.width: .*greater than 0, got 0"),
    ],
)  # fmt: skip
def test_a_malformed_table_of_images(tmp_path, names, sizes, message):
    results = writers.write_coco(tmp_path / "r.json", writers.people(2, 1))
    images = writers.write_images(tmp_path / "a.json", names, sizes=sizes)
    with pytest.raises(FormatError, match=message):
        read_coco(results, fps=FPS, images=images)


def test_an_image_that_comes_twice(tmp_path):
    results = writers.write_coco(tmp_path / "r.json", writers.people(1, 1))
    images = {"images": [{"id": 0, "file_name": "1.jpg"}, {"id": 0, "file_name": "2.jpg"}]}
    with pytest.raises(FormatError, match=r"images.1: image 0 comes twice"):
        read_coco(results, fps=FPS, images=writers.dump(tmp_path / "a.json", images))


# --- OpenPose


def test_several_videos_share_a_folder_and_numbers_are_kept(tmp_path):
    found = writers.people(2, 2, 25)
    writers.write_openpose(tmp_path, found, video="walk_1")
    writers.write_openpose(tmp_path, found[:, ::-1], video="run", ids=[5, 3])
    tracks = read_openpose(tmp_path, fps=FPS, image_size=(640, 480))
    assert sorted((s.name, s.track) for s in tracks) == [("run", 3), ("run", 5), ("walk_1", 0), ("walk_1", 1)]
    three = next(s for s in tracks if s.track == 3)
    np.testing.assert_allclose(three.values, found[:, 0, :, :2], rtol=1e-6)
    assert (three.image_size, three.boxes) == ((640, 480), None)


def test_openposes_coco_model_without_its_neck(tmp_path):
    found = writers.people(2, 1, 18)
    (sequence,) = read_openpose(writers.write_openpose(tmp_path, found), fps=FPS)
    assert sequence.skeleton is COCO17
    for joint in ("nose", "left_wrist", "right_ankle", "left_ear"):
        stored = found[:, 0, writers.OPENPOSE18_NAMES.index(joint), :2]
        ours = joint.replace("left_", "l_").replace("right_", "r_")
        np.testing.assert_allclose(sequence.values[:, COCO17.index(ours)], stored, rtol=1e-6)


def test_frames_without_people_are_gaps(tmp_path):
    writers.write_openpose(tmp_path, writers.people(5, 1, 25))
    for frame in (0, 3):
        writers.dump(tmp_path / f"walk_{frame:012}_keypoints.json", {"version": 1.3, "people": []})
    assert [(s.track, s.start, len(s)) for s in read_openpose(tmp_path, fps=FPS)] == [(0, 1, 2), (1, 4, 1)]
    for path in tmp_path.iterdir():
        writers.dump(path, {"people": []})
    assert read_openpose(tmp_path, fps=FPS) == []


def test_a_malformed_folder(tmp_path):
    with pytest.raises(FormatError, match=r"no file <video>_000000000000_keypoints.json; give the folder"):
        read_openpose(tmp_path, fps=FPS)
    writers.write_openpose(tmp_path / "scaled", writers.people(2, 1, 25) / 1000)
    with pytest.raises(FormatError, match=r"all keypoints of walk lie within ±1, .*--keypoint_scale 0"):
        read_openpose(tmp_path / "scaled", fps=FPS)
    writers.write_openpose(tmp_path / "two", writers.people(1, 1, 25))
    mixed = writers.write_openpose(tmp_path / "two", writers.people(2, 1, 18)[1:], video="walk")
    (mixed / "walk_000000000000_keypoints.json").rename(mixed / "walk_000000000001_keypoints.json")
    writers.write_openpose(mixed, writers.people(1, 1, 25))
    with pytest.raises(
        FormatError, match=r"1_keypoints.json, entry people.0: 18 keypoints, expected 25 as in .*0_keypoints"
    ):
        read_openpose(mixed, fps=FPS)
    writers.dump(tmp_path / "unnumbered" / "walk_keypoints.json", {"people": []})
    with pytest.raises(FormatError, match=r"walk_keypoints.json: 'walk' ends in no frame number; rename"):
        read_openpose(tmp_path / "unnumbered", fps=FPS)


# --- AlphaPose


@pytest.mark.parametrize("idx", [[4, 2], [4.0, 2.0], [[4], [2]], [[[4.0, 9.0]], [2, 9]]])
def test_alphaposes_tracks_and_boxes(tmp_path, idx):
    found = writers.people(3, 2)
    path = writers.write_alphapose(tmp_path / "walk" / "alphapose-results.json", found, idx=idx)
    two, four = read_alphapose(path, fps=FPS, image_size=(640, 480))
    assert [s.key for s in (two, four)] == [("walk", 2), ("walk", 4)]
    np.testing.assert_allclose(four.values, found[:, 0, :, :2], rtol=1e-6)
    np.testing.assert_array_equal(two.boxes, [[10, 20, 40, 60]] * 3)
    assert two.image_size == (640, 480)
    assert read_alphapose(path, fps=FPS, min_score=3.0) == []


@pytest.mark.parametrize("idx", ["a", [], 1.5, True, {"a": 1}])
def test_a_track_that_is_no_number(tmp_path, idx):
    path = writers.write_alphapose(tmp_path / "r.json", writers.people(1, 1), idx=[idx])
    with pytest.raises(FormatError, match=rf"r.json, entry 0: idx {re.escape(repr(idx))} is no track"):
        read_alphapose(path, fps=FPS)


def test_alphaposes_image_names(tmp_path):
    found = writers.people(3, 1)
    path = writers.write_alphapose(tmp_path / "r.json", found, image="walk_{:06}.png")
    assert [s.key for s in read_alphapose(path, fps=FPS, name="unused")] == [("walk", 0)]
    entries = json.loads(path.read_text())
    for bad, message in ((-3, "image_id -3 is no frame number"), ("walk.png", "'walk.png' ends in no frame")):
        with pytest.raises(FormatError, match=f"entry 0: {message}"):
            read_alphapose(writers.dump(path, [entries[0] | {"image_id": bad}]), fps=FPS)
    numbered = [entry | {"image_id": 8 + i} for i, entry in enumerate(entries)]
    (sequence,) = read_alphapose(writers.dump(path, numbered), fps=FPS, name="walk")
    assert (sequence.name, sequence.start, len(sequence)) == ("walk", 8, 3)
    clash = [entries[0] | {"image_id": "a/1.png"}, entries[1] | {"image_id": "a/01.png"}]
    with pytest.raises(FormatError, match=r"entry 1: a/01.png and a/1.png are both frame 1 of a"):
        read_alphapose(writers.dump(path, clash), fps=FPS)


def test_a_body_of_another_count(tmp_path):
    document = {"0.jpg": {"version": "AlphaPose v0.3", "bodies": [{"joints": [1.0] * 51}]}}
    with pytest.raises(FormatError, match=r"entry 0.jpg.bodies.0: 17 keypoints, expected 18 \(openpose18\)"):
        read_alphapose(writers.dump(tmp_path / "r.json", document), fps=FPS)


# --- MMPose


def test_cocos_keypoints_among_named_ones(tmp_path):
    names = ["left_big_toe", *reversed(writers.COCO_NAMES), "neck"]
    found = writers.people(2, 1, len(names))
    path = writers.write_mmpose(tmp_path / "walk.json", found, names=names, first=3)
    (sequence,) = read_mmpose(path, fps=FPS, image_size=(640, 480))
    assert (sequence.name, sequence.start, sequence.image_size) == ("walk", 3, (640, 480))
    np.testing.assert_allclose(sequence.values, found[:, 0, 17:0:-1, :2], rtol=1e-6)
    np.testing.assert_array_equal(sequence.boxes, [[1, 2, 3, 4]] * 2)


def test_mmposes_tracks_flat_boxes_and_scores(tmp_path):
    found = writers.people(2, 1)
    path = writers.write_mmpose(tmp_path / "f.json", found, track_id=6, bbox=[1.0, 2.0, 3.0, 4.0])
    (sequence,) = read_mmpose(path, fps=FPS, name="walk")
    assert sequence.key == ("walk", 6)
    np.testing.assert_array_equal(sequence.boxes, [[1, 2, 3, 4]] * 2)
    assert read_mmpose(path, fps=FPS, min_score=0.9) == []
    (bare,) = read_mmpose(writers.write_mmpose(path, found, bbox=None, bbox_score=None), fps=FPS)
    assert bare.boxes is None


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"bbox": [1.0, 2.0]}, r"entry 0.instances.0.bbox: 2 numbers, expected x1, y1, x2, y2"),
        (
            {"keypoints": [[1.0, 2.0, 3.0]] * 17},
            r"entry 0.instances.0: keypoints of 3 coordinates, expected pix",
        ),
        (
            {"keypoints": [[1.0, 2.0]] * 16 + [[1.0]]},
            r"entry 0.instances.0.keypoints.16: expected x and y, got",
        ),
        ({"keypoint_scores": [1.0] * 16}, r"entry 0.instances.0: 17 keypoints and 16 scores"),
        ({"track_id": "x"}, r"entry 0.instances.0.track_id: .*got 'x'"),
    ],
)
def test_a_malformed_instance(tmp_path, extra, message):
    path = writers.write_mmpose(tmp_path / "f.json", writers.people(1, 1), **extra)
    with pytest.raises(FormatError, match=rf"f\.json, {message}"):
        read_mmpose(path, fps=FPS)


def test_malformed_frames_and_names(tmp_path):
    path = writers.write_mmpose(tmp_path / "f.json", writers.people(1, 1), first=-2)
    with pytest.raises(FormatError, match=r"entry 0.frame_id: .*greater than or equal to 0, got -2"):
        read_mmpose(path, fps=FPS)
    frames = json.loads(writers.write_mmpose(path, writers.people(1, 1)).read_text())
    with pytest.raises(FormatError, match=r"entry 1: frame 0 comes twice; give one video's file"):
        read_mmpose(writers.dump(path, frames * 2), fps=FPS)
    with pytest.raises(FormatError, match=r"entry instance_info.1: frame 0 comes twice"):
        read_mmpose(writers.dump(path, {"instance_info": frames * 2}), fps=FPS)
    writers.write_mmpose(path, writers.people(1, 1, 12), names=writers.COCO_NAMES)
    with pytest.raises(FormatError, match=r"0.instances.0: 12 keypoints, expected 17 of coco17"):
        read_mmpose(path, fps=FPS)
    writers.write_mmpose(path, writers.people(1, 1, 2), names=["nose", "nose"])
    with pytest.raises(FormatError, match=r"f.json, entry meta_info: mmpose: joint names repeat"):
        read_mmpose(path, fps=FPS)
