"""Placeholders are not facts, codes for missing joints are not places, and other writers' forms are read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hanet.formats import (
    FormatError,
    PoseFile,
    ReadOptions,
    read,
    read_alphapose,
    read_coco,
    read_mmpose,
    read_openpose,
)
from hanet.poses.skeletons import BODY25, COCO17, POSETRACK17
from tests.support import keypoint_writers as writers

FPS = 25.0


def spans(poses: PoseFile) -> list[tuple[str, int, int, int]]:
    return [(track.name, track.track, track.start, len(track)) for track in poses.tracks]


def edit(path: Path, change: Any) -> Path:
    """Each entry of a list changed, by its place."""
    return writers.dump(path, [change(i, entry) for i, entry in enumerate(json.loads(path.read_text()))])


# --- AlphaPose


@pytest.mark.parametrize("names", ["halpe26", "halpe136", "wholebody133", "halpe68"])
def test_cocos_keypoints_come_first_in_larger_sets(tmp_path: Path, names: str) -> None:
    found = writers.bodies(names, frames=6, count=1)
    path = writers.write_alphapose(tmp_path / "a.json", found, idx=[1])
    (sequence,) = read_alphapose(path, fps=FPS)
    assert (sequence.skeleton, sequence.track, len(sequence)) == (COCO17, 1, 6)
    np.testing.assert_allclose(sequence.values, found[:, 0, :17, :2], rtol=1e-6)
    np.testing.assert_allclose(sequence.scores, found[:, 0, :17, 2], rtol=1e-6)


@pytest.mark.parametrize("idx", [[0.0], 0, 0.0, [[1]], [[3.0, 7.0]]])
def test_alphapose_without_tracking_gives_everybody_the_same_number(tmp_path: Path, idx: Any) -> None:
    path = writers.write_alphapose(tmp_path / "walk" / "a.json", writers.bodies(frames=6), idx=[idx, idx])
    poses = read(path, ReadOptions())
    assert spans(poses) == [("walk", 0, 0, 6), ("walk", 1, 0, 6)]
    assert "all people have the same number" in poses.notes[0]
    # The numbers are written back as they were.
    poses.write(tmp_path / "b.json", [replace(track, values=track.values + 1) for track in poses.tracks])
    assert all(entry["idx"] == idx for entry in json.loads((tmp_path / "b.json").read_text()))


# --- COCO


def test_ultralytics_keeps_the_confidence_of_what_it_does_not_place(tmp_path: Path) -> None:
    found = writers.bodies(frames=12, count=1)
    found[4:8, 0, 9, :2] = 0
    found[4:8, 0, 9, 2] = 0.37
    (sequence,) = read_coco(writers.write_coco(tmp_path / "predictions.json", found), fps=FPS)
    assert sequence.labelled is not None
    assert np.argwhere(~sequence.labelled).tolist() == [[t, 9] for t in range(4, 8)]
    assert np.isnan(sequence.values[4:8, 9]).all()
    np.testing.assert_allclose(sequence.values[[3, 8], 9], found[[3, 8], 0, 9, :2], rtol=1e-6)


def test_minus_ones_do_not_break_tracks(tmp_path: Path) -> None:
    """OpenPose's writer of COCO results; read as places they move a person by hundreds of pixels."""
    found = writers.bodies(frames=24, count=1)
    found[::2, 0, 3:7] = [-1, -1, 0]
    found[1::2, 0, 9:14] = [-1, -1, 0]
    (track,) = read(writers.write_coco(tmp_path / "r.json", found), ReadOptions()).tracks
    assert track.labelled is not None and len(track) == 24
    assert track.labelled[0].tolist() == [j not in range(3, 7) for j in range(17)]
    assert np.nanmin(track.values) > 50


@pytest.mark.parametrize(
    ("ids", "read_", "note"),
    [
        ([0, 0], {0, 1}, "category 0, the only one with keypoints, was taken for people"),
        ([1, 1], {0, 1}, None),
        ([1, 2], {0}, "4 entries of other categories were left as they are"),
        ([1, 0], {0}, "4 entries of other categories were left as they are"),
        ([0, 2], {0}, "category 0 of 2 was taken for people"),
        ([None, None], {0, 1}, None),
    ],
)
def test_categories_without_names(
    tmp_path: Path, ids: list[int | None], read_: set[int], note: str | None
) -> None:
    found = writers.bodies()
    path = writers.write_coco(tmp_path / "r.json", found)
    edit(path, lambda i, e: {k: v for k, v in (e | {"category_id": ids[i % 2]}).items() if v is not None})
    poses = read(path)
    assert len(poses.tracks) == len(read_)
    for track, person in zip(poses.tracks, sorted(read_), strict=True):
        np.testing.assert_array_equal(track.values, found[:, person, :, :2])
    assert poses.notes == () if note is None else note in poses.notes


def test_categories_with_names(tmp_path: Path) -> None:
    """People are category 7 here, and category 1 is a horse."""
    path = writers.write_coco(tmp_path / "r.json", writers.bodies())
    edit(path, lambda i, e: e | {"category_id": [7, 1][i % 2]})
    images = writers.write_images(tmp_path / "i.json", [f"walk/{t}.jpg" for t in range(4)])
    table = json.loads(images.read_text())
    table["categories"] = [
        {"id": 1, "name": "horse", "keypoints": [f"h{i}" for i in range(17)]},
        {"id": 7, "name": "Person", "keypoints": writers.NAMES["coco17"]},
    ]
    poses = read(path, ReadOptions(images=writers.dump(images, table)))
    assert spans(poses) == [("walk", 0, 0, 4)] and poses.skeleton is COCO17
    assert poses.notes == ("4 entries of other categories were left as they are",)


def test_an_annotation_files_own_keypoints(tmp_path: Path) -> None:
    """Any names; a joint labelled as not visible is known."""
    names = ["snout", "left_ear", "tail"]
    document = {
        "images": [{"id": "a", "file_name": "mouse/1.png"}, {"id": "b", "file_name": "mouse/2.png"}],
        "annotations": [
            {"id": 1, "image_id": "a", "keypoints": [5, 6, 2, 7, 8, 1, 0, 0, 0]},
            {
                "id": 2,
                "image_id": "b",
                "keypoints": [6, 6, 2, 8, 8, 1, 0, 0, 0],
                "attributes": {"track_id": 4},
            },
            {"id": 3, "image_id": "b", "bbox": [1, 2, 3, 4]},
        ],
        "categories": [{"id": 1, "name": "mouse", "keypoints": names}],
    }
    document["annotations"][0]["attributes"] = {"track_id": 4}
    poses = read(writers.dump(tmp_path / "a.json", document))
    (track,) = poses.tracks
    assert (track.key, track.start, track.skeleton.joints) == (("mouse", 4), 1, ("snout", "l_ear", "tail"))
    assert track.values[:, 1].tolist() == [[7, 8], [8, 8]] and np.isnan(track.values[:, 2]).all()
    assert poses.notes == ("1 entries without keypoints were left as they are",)


@pytest.mark.parametrize(
    "name", ["walk_{:04}", "walk_{:04}.jpg", "C:\\data\\walk\\{:04}.jpg", "/data/walk/{}.png"]
)
def test_images_named_in_the_results(tmp_path: Path, name: str) -> None:
    path = writers.write_coco(tmp_path / "r.json", writers.bodies(count=1), bbox=[1, 2, 3, 4])
    edit(path, lambda i, e: e | {"image_id": name.format(i)})
    ((video, *rest),) = spans(read(path))
    assert (video.split("/")[-1], rest) == ("walk", [0, 0, 4])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["20240105_101530", "20240105_101531"], "ends in a time"),
        (["3f2a9b17", "d41d8c98"], "ends in a hash"),
        ([1, "1"], "comes as a number and as text"),
        (
            [0, 1699999999],
            "image_id 1699999999 is no frame number, expected 0 to 9999999; name the images by an",
        ),
    ],
)
def test_image_ids_that_are_no_frames(tmp_path: Path, names: list[Any], message: str) -> None:
    path = writers.write_coco(
        tmp_path / "r.json", writers.bodies(2, count=1) if False else writers.bodies(frames=2, count=1)
    )
    edit(path, lambda i, e: e | {"image_id": names[i]})
    with pytest.raises(FormatError, match=message):
        read(path)
    if "comes as" not in message:
        assert [(s[2], s[3]) for s in spans(read(path, ReadOptions(frames="order")))] == [(0, 2)]


def test_results_in_the_order_of_their_annotation_file(tmp_path: Path) -> None:
    """PoseTrack2018 names 17 keypoints that are not COCO's 17."""
    found = writers.bodies("posetrack17", count=1)
    found[:, :, 3:5] = 0
    results = writers.write_coco(tmp_path / "r.json", found, first_image=50)
    images = writers.write_images(
        tmp_path / "a.json", [f"images/val/x/{t:06}.jpg" for t in range(4)], first_image=50
    )
    table = json.loads(images.read_text())
    table["categories"] = [{"id": 1, "name": "person", "keypoints": writers.NAMES["posetrack17"]}]
    writers.dump(images, table)
    poses = read(results, ReadOptions(images=images))
    assert poses.skeleton is POSETRACK17 and spans(poses) == [("images/val/x", 0, 0, 4)]
    with pytest.raises(FormatError, match=r"r\.json, entry 0: 17 keypoints that lie as those of posetrack17"):
        read(edit(results, lambda i, e: e | {"image_id": i}))
    wrong = writers.write_coco(tmp_path / "w.json", writers.bodies("halpe26"), first_image=50)
    with pytest.raises(
        FormatError, match=r"w\.json, entry 0: 26 keypoints, but .*a\.json names 17; give its own"
    ):
        read(wrong, ReadOptions(images=images))


def test_the_size_of_images(tmp_path: Path) -> None:
    results = writers.write_coco(tmp_path / "r.json", writers.bodies())
    images = writers.write_images(tmp_path / "a.json", [f"w/{t}.jpg" for t in range(4)], sizes=(640, 480))
    assert read(results, ReadOptions(images=images)).tracks[0].image_size == (640, 480)
    assert read(results, ReadOptions(images=images, image_size=(640, 480))).tracks[0].image_size == (640, 480)
    with pytest.raises(
        ValueError, match=r"images are 640×480 pixels, --image-size says 320×240; leave it out"
    ):
        read(results, ReadOptions(images=images, image_size=(320, 240)))
    with pytest.raises(ValueError, match=r"has its own table of images; leave out --images"):
        read(images, ReadOptions(images=images), format="coco")


def test_keypoints_of_larger_images_are_noticed(tmp_path: Path) -> None:
    found = writers.bodies()
    results = writers.write_coco(tmp_path / "r.json", found)
    names = [f"w/{t}.jpg" for t in range(4)]
    images = writers.write_images(tmp_path / "a.json", names, sizes=(300, 200))
    share = ((found[..., 0] > 300) | (found[..., 1] > 200)).mean()
    assert read(results, ReadOptions(images=images)).notes == (
        f"w: {share:.0%} of the keypoints lie outside of images of 300×200 pixels; check that they are of "
        "these images",
    )
    assert read(results, ReadOptions(image_size=(640, 480))).notes == ()


def test_nan_in_any_place_of_an_entry(tmp_path: Path) -> None:
    """As pandas writes numbers that it has not."""
    found = writers.bodies(count=1)
    found[2, 0, 4] = np.nan
    path = writers.write_coco(tmp_path / "r.json", found, track_id=float("nan"), bbox=[float("nan")] * 4)
    edit(path, lambda i, e: e | {"score": float("nan")} | ({"track_id": 3.0} if i else {}))
    poses = read(path)
    assert sum(len(t) for t in poses.tracks) == 4
    poses.write(tmp_path / "out.json", poses.tracks)
    assert (tmp_path / "out.json").read_bytes() == path.read_bytes()


# --- OpenPose


@pytest.mark.parametrize("token", ["NaN", "null", "-1", "0", "0.0", "Infinity"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_openposes_missing_joint(tmp_path: Path, token: str, mark: str) -> None:
    found = writers.bodies("body25", frames=6, count=1)
    folder = writers.write_openpose(tmp_path / "json", found)
    path = folder / "walk_000000000003_keypoints.json"
    document = json.loads(path.read_text())
    document["people"][0]["pose_keypoints_2d"][12:15] = ["gone"] * 3
    path.write_text(mark + json.dumps(document).replace('"gone"', token), encoding="utf-8")
    (sequence,) = read_openpose(folder, fps=FPS)
    assert sequence.labelled is not None and (sequence.skeleton, len(sequence)) == (BODY25, 6)
    assert np.argwhere(~sequence.labelled).tolist() == [[3, 4]]


@pytest.mark.parametrize(
    "name", ["cam01.{:04}.json", "cam01_{:06}.json", "cam01_{:012}_keypoints.json", "cam01-{}.json"]
)
def test_names_of_openposes_files(tmp_path: Path, name: str) -> None:
    found = writers.bodies("body25", frames=11, count=1)
    for t, group in enumerate(found):
        people = [{"person_id": [-1], "pose_keypoints_2d": writers.numbers(group[0])}]
        writers.dump(tmp_path / "cam1_json" / name.format(t), {"version": 1.3, "people": people})
    writers.dump(tmp_path / "cam1_json" / "._cam01.0000.json", "a file of macOS")
    poses = read(tmp_path / "cam1_json")
    assert spans(poses) == [("cam01", 0, 0, 11)]
    np.testing.assert_array_equal(poses.tracks[0].values, found[:, 0, :, :2])
    assert spans(read(tmp_path)) == [("cam1_json", 0, 0, 11)]


def test_openposes_old_key_and_empty_people(tmp_path: Path) -> None:
    person = writers.numbers(writers.bodies("openpose18")[0, 0])
    people = [{"pose_keypoints": person}, {"pose_keypoints": []}, {"pose_keypoints": [0.0] * 54}]
    for t in range(2):
        writers.dump(tmp_path / f"w_{t}_keypoints.json", {"people": people})
    poses = read(tmp_path)
    assert spans(poses) == [("w", 0, 0, 2)]
    poses.write(tmp_path / "out", [replace(poses.tracks[0], values=poses.tracks[0].values + 1)])
    written = json.loads((tmp_path / "out" / "w_0_keypoints.json").read_text())["people"]
    assert written[1:] == people[1:] and written[0]["pose_keypoints"][0] == person[0] + 1
    writers.dump(tmp_path / "w_1_keypoints.json", {"people": [{"keypoints": []}]})
    with pytest.raises(
        FormatError, match=r"w_1_keypoints.json, entry people.0: pose_keypoints_2d is missing"
    ):
        read(tmp_path, format="openpose")


# --- MMPose


def test_mmposes_files_of_single_images(tmp_path: Path) -> None:
    found = writers.bodies(frames=3, count=1)
    frames = json.loads(writers.write_mmpose(tmp_path / "v.json", found).read_text())
    for t, frame in enumerate(frames):
        writers.dump(tmp_path / "p" / f"{t:06}.json", frame["instances"])
    writers.dump(tmp_path / "p" / "000005.json", [])
    poses = read(tmp_path / "p")
    assert spans(poses) == [("p", 0, 0, 3)]
    (sequence,) = read_mmpose(tmp_path / "p", fps=FPS, name="walk")
    assert sequence.key == ("walk", 0)
    np.testing.assert_allclose(sequence.values, found[:, 0, :, :2], rtol=1e-6)
    assert spans(read(tmp_path / "p" / "000001.json")) == [("000001", 0, 0, 1)]


def test_mmposes_named_sets(tmp_path: Path) -> None:
    names = ["left_big_toe", *reversed(writers.COCO_NAMES), "neck"]
    path = writers.write_mmpose(tmp_path / "walk.json", writers.noise(joints=len(names)), names=names)
    poses = read(path)
    assert (
        poses.skeleton.joints[0] == "l_big_toe" and poses.skeleton.name == "mmpose" and len(poses.tracks) == 2
    )
    with pytest.raises(ValueError, match="--skeleton coco17 contradicts the names of keypoints in the file"):
        read(path, ReadOptions(skeleton="coco17"))
    gaps = json.loads(path.read_text())
    del gaps["meta_info"]["keypoint_id2name"]["3"]
    with pytest.raises(FormatError, match=r"entry meta_info.keypoint_id2name: expected names of 0, 1, 2"):
        read(writers.dump(path, gaps))


# --- Ultralytics


@pytest.mark.parametrize("confidence", [False, True])
@pytest.mark.parametrize("tracks", [False, True])
def test_lines_of_ultralytics(tmp_path: Path, confidence: bool, tracks: bool) -> None:
    found = writers.bodies(frames=3)
    found[1, 1, 4, :2] = 0
    size = (1280, 720)
    folder = writers.write_ultralytics_text(tmp_path, found, size=size, confidence=confidence, tracks=tracks)
    (folder / "walk_2.txt").write_text(
        "45 0.5 0.5 0.1 0.1" + " 0.5" * 51 + "\n" + (folder / "walk_2.txt").read_text()
    )
    with pytest.raises(ValueError, match="coordinates are shares of the image; give --image-size"):
        read(folder)
    poses = read(folder, ReadOptions(image_size=size))
    assert spans(poses) == [("walk", p + tracks, 1, 3) for p in (0, 1)]
    np.testing.assert_allclose(poses.tracks[0].values, found[:, 0, :, :2], atol=5e-3)
    assert poses.tracks[1].labelled is not None
    assert np.argwhere(~poses.tracks[1].labelled).tolist() == [[1, 4]]
    np.testing.assert_allclose(poses.tracks[1].boxes[0], [480, 90, 800, 630])
    assert poses.notes == ("1 entries that are not people were left as they are",)
    if confidence:
        assert read(folder, ReadOptions(image_size=size, min_person_score=0.95)).tracks == ()


def test_lines_of_keypoints_without_scores(tmp_path: Path) -> None:
    found = writers.bodies(frames=2, count=1)
    for t, group in enumerate(found):
        numbers = (group[0, :, :2] / [640, 480]).ravel().tolist()
        (tmp_path / f"walk_{t}.txt").write_text("0 .5 .5 .1 .1 " + " ".join(map(str, numbers)))
    (track,) = read(tmp_path, ReadOptions(image_size=(640, 480))).tracks
    assert track.scores is None
    np.testing.assert_allclose(track.values, found[:, 0, :, :2])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 0.5 0.5 0.1 x", r"walk_1.txt, entry 0.4: expected a number, got 'x'"),
        (
            "0 0.5 0.5 0.1 0.1" + " 0.5" * 20,
            r"lines of 25 numbers, expected 5 and x, y and confidence of 17, 26",
        ),
        ("0 0.5 0.5 0.1 0.1" + " 0.5" * 51 + "\n0" + " 0.5" * 70, r"lines of 56, 71 numbers"),
        ("\ud800", "not text"),
    ],
)
def test_malformed_lines(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "walk_1.txt").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(FormatError, match=message):
        read(tmp_path, ReadOptions(image_size=(6, 4)), format="ultralytics")


def test_a_video_of_ultralytics_in_one_file(tmp_path: Path) -> None:
    found = writers.bodies(frames=3)
    folder = writers.write_ultralytics_json(tmp_path / "f", found)
    frames = [json.loads((folder / f"walk_{t}.json").read_text()) for t in (1, 2, 3)]
    path = writers.dump(tmp_path / "walk.json", [*frames, []])
    poses = read(path)
    assert poses.format == "ultralytics" and spans(poses) == [("walk", 0, 0, 3), ("walk", 1, 0, 3)]
    frames[0][0]["keypoints"]["y"].pop()
    with pytest.raises(
        FormatError, match=r"entry 0.0.keypoints: lists of 17, 16, 17, expected as many of x, y"
    ):
        read(writers.dump(path, frames))
