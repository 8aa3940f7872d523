"""A person missing from a frame and filled by the refiner is written into it, marked by scores of 0."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hanet.formats import PoseFile, ReadOptions, read
from tests.support import keypoint_writers as writers

SIZE = (1280, 720)


def _found() -> np.ndarray:
    """One person in frames 0 to 4, missing from frame 2; and another who is always there."""
    return writers.bodies(frames=5)


def _without(path: Path, drop: Callable[[Any], Any]) -> Path:
    return writers.dump(path, drop(json.loads(path.read_text())))


def coco(folder: Path) -> Path:
    path = writers.write_coco(folder / "r.json", _found(), bbox=[1, 2, 3, 4])
    return _without(path, lambda entries: entries[:4] + entries[5:])


def coco_names(folder: Path) -> Path:
    """Image ids are names, as of Ultralytics."""
    path = coco(folder)
    return _without(path, lambda e: [entry | {"image_id": f"walk_{entry['image_id'] + 8:03}"} for entry in e])


def alphapose(folder: Path) -> Path:
    path = writers.write_alphapose(folder / "a.json", _found(), image="walk_{:04}.png", idx=[3, 5])
    return _without(path, lambda entries: entries[:4] + entries[5:])


def alphapose_alone(folder: Path) -> Path:
    """One person, so that no entry has the missing frame's image."""
    return _without(
        writers.write_alphapose(folder / "a.json", _found()[:, :1], image="{}.jpg"), lambda e: e[:2] + e[3:]
    )


def openpose(folder: Path) -> Path:
    path = writers.write_openpose(folder / "o", writers.bodies("body25", frames=5))
    _without(path / "walk_000000000002_keypoints.json", lambda d: d | {"people": d["people"][1:]})
    return path


def mmpose(folder: Path) -> Path:
    path = writers.write_mmpose(folder / "m.json", _found())
    return _without(path, lambda f: [g | {"instances": g["instances"][g["frame_id"] == 2 :]} for g in f])


def mmpose_alone(folder: Path) -> Path:
    """One person, and no entry of the frame."""
    path = writers.write_mmpose(folder / "m.json", _found()[:, :1])
    return _without(path, lambda frames: frames[:2] + frames[3:])


def ultralytics(folder: Path) -> Path:
    """One person; the image without anybody has no file."""
    path = writers.write_ultralytics_text(folder / "t", _found()[:, :1], size=SIZE, confidence=True)
    (path / "walk_3.txt").unlink()
    return path


WRITERS = [coco, coco_names, alphapose, alphapose_alone, openpose, mmpose, mmpose_alone, ultralytics]


def filled(poses: PoseFile) -> tuple[Any, Any]:
    """The tracks with the hole filled, and which of them it was."""
    (index,) = [
        i for i, t in enumerate(poses.tracks) if t.labelled is not None and not t.labelled.any(axis=1).all()
    ]
    track = poses.tracks[index]
    values = track.values.copy()
    values[2] = (values[1] + values[3]) / 2
    return [replace(t, values=values) if i == index else t for i, t in enumerate(poses.tracks)], index


@pytest.mark.parametrize("write", WRITERS)
def test_a_filled_frame_is_read_back(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    path = write(tmp_path / "source")
    options = ReadOptions(fps=25.0, image_size=SIZE)
    poses = read(path, options)
    refined, index = filled(poses)
    before = refined[index]
    assert len(before) == 5 and not before.labelled[2].any()
    out = tmp_path / ("out" if path.is_dir() else "out.json")
    assert poses.write(out, refined) == ()
    again = read(out, options, format=poses.format)
    assert [t.start for t in again.tracks] == [t.start for t in poses.tracks]
    for a, b in zip(again.tracks, refined, strict=True):
        np.testing.assert_allclose(a.values, b.values, rtol=1e-12)
    assert not again.tracks[index].scores[2].any()  # the mark
    rows = [0, 1, 3, 4]
    np.testing.assert_array_equal(again.tracks[index].scores[rows], before.scores[rows])


def test_the_new_entry_of_a_list(tmp_path: Path) -> None:
    """Behind the person's last one, with what an entry has; places of others are not confused."""
    path = coco(tmp_path)
    poses = read(path, ReadOptions(fps=25.0))
    refined, index = filled(poses)
    poses.write(tmp_path / "out.json", refined)
    before, after = (json.loads(p.read_text()) for p in (path, tmp_path / "out.json"))
    assert after[:3] + after[4:] == before
    new = after[3]
    assert list(new) == list(before[2]) == ["image_id", "category_id", "keypoints", "score", "bbox"]
    assert (new["image_id"], new["category_id"], new["score"]) == (2, 1, 0.0)
    x, y = refined[index].values[2].T
    assert new["bbox"] == [x.min(), y.min(), np.ptp(x), np.ptp(y)]
    assert new["keypoints"] == [number for pair in zip(x, y, strict=True) for number in (*pair, 0)]


def test_the_new_image_of_alphapose(tmp_path: Path) -> None:
    for write, image in ((alphapose, "walk_0002.png"), (alphapose_alone, "2.jpg")):
        poses = read(write(tmp_path / "in"), ReadOptions(fps=25.0))
        poses.write(tmp_path / "out.json", filled(poses)[0])
        (new,) = [e for e in json.loads((tmp_path / "out.json").read_text()) if e["score"] == 0]
        assert new["image_id"] == image


def test_the_new_line_of_a_new_file(tmp_path: Path) -> None:
    path = ultralytics(tmp_path / "in")
    poses = read(path, ReadOptions(fps=25.0, image_size=SIZE))
    refined, index = filled(poses)
    poses.write(tmp_path / "out", refined)
    words = (tmp_path / "out" / "walk_3.txt").read_text().removesuffix("\n").split(" ")
    assert words[:5] == ["0", "0.5", "0.5", "0.25", "0.75"] and len(words) == 57
    assert [float(w) for w in words[5:8]] == pytest.approx([*refined[index].values[2, 0] / SIZE, 0])


def test_two_gaps_of_two_people(tmp_path: Path) -> None:
    """Several entries are added at once; each lands in its own frame and track."""
    found = writers.bodies(frames=8)
    path = writers.write_coco(tmp_path / "r.json", found, tracks=True)
    gone = {(2, 7), (3, 7), (6, 6), (3, 6), (5, 7)}
    _without(path, lambda e: [x for x in e if (x["image_id"], x["track_id"]) not in gone])
    poses = read(path, ReadOptions(fps=25.0))
    whole = []
    for track in poses.tracks:
        whole.append(replace(track, values=found[:, 7 - track.track, :, :2]))
    assert poses.write(tmp_path / "out.json", whole) == ()
    again = read(tmp_path / "out.json", ReadOptions(fps=25.0))
    for a, b in zip(again.tracks, whole, strict=True):
        assert a.track == b.track
        np.testing.assert_array_equal(a.values, b.values)
    entries = json.loads((tmp_path / "out.json").read_text())
    assert sorted((e["image_id"], e["track_id"]) for e in entries if e["score"] == 0) == sorted(gone)


def test_frames_without_a_place_are_reported(tmp_path: Path) -> None:
    """An OpenPose folder without the frame's file, and a table of images without the frame."""
    path = openpose(tmp_path / "in")
    (path / "walk_000000000002_keypoints.json").unlink()
    poses = read(path, ReadOptions(fps=25.0))
    refined = [replace(t, values=np.nan_to_num(t.values, nan=50.0)) for t in poses.tracks]
    (note,) = poses.write(tmp_path / "out", refined)
    assert note == (
        "2 filled frames were not written, because the file has no place for them: walk, frame 2, …"
    )
    assert len(list((tmp_path / "out").iterdir())) == 4

    results = coco(tmp_path / "coco")
    images = writers.write_images(tmp_path / "i.json", [f"walk/{t}.jpg" for t in (0, 1, 3, 4)])
    table = json.loads(images.read_text())
    for image, t in zip(table["images"], (0, 1, 3, 4), strict=True):
        image["id"] = t
    writers.dump(images, table)
    _without(results, lambda e: [x for x in e if x["image_id"] != 2])
    poses = read(results, ReadOptions(fps=25.0, images=images))
    refined = [replace(t, values=np.nan_to_num(t.values, nan=50.0)) for t in poses.tracks]
    (note,) = poses.write(tmp_path / "out.json", refined)
    assert "2 filled frames were not written" in note


def test_an_annotation_has_an_id_of_its_own(tmp_path: Path) -> None:
    images = [{"id": t, "file_name": f"{t}.jpg"} for t in range(3)]
    found = writers.bodies(frames=3, count=1).round(0)
    found[..., 2] = 2
    annotations = [
        {
            "id": 70 + t,
            "image_id": t,
            "category_id": 1,
            "track_id": 4,
            "keypoints": writers.numbers(found[t, 0]),
        }
        for t in (0, 2)
    ]
    categories = [{"id": 1, "name": "person", "keypoints": writers.NAMES["coco17"]}]
    document = {"images": images, "annotations": annotations, "categories": categories}
    poses = read(writers.dump(tmp_path / "a.json", document), ReadOptions(fps=25.0))
    (track,) = poses.tracks
    poses.write(tmp_path / "b.json", [replace(track, values=found[:, 0, :, :2])])
    new = json.loads((tmp_path / "b.json").read_text())["annotations"][1]
    assert (new["id"], new["image_id"], new["track_id"]) == (73, 1, 4)
    assert new["keypoints"][2::3] == [1] * 17  # labelled, not visible
