"""Every format: what is read is what the file says; what is written differs only where the poses do.

Files are parsed here by `json` and `str.split`, apart from the readers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hanet.formats import PoseFile, ReadOptions, detect, read
from hanet.poses.sequence import PoseSequence
from tests.support import keypoint_writers as writers

SIZE = (1280, 720)


@dataclass(frozen=True)
class Case:
    """A way to write people, and where their coordinates are in the parsed files.

    `missing` is how the writer says that a keypoint (x, y, score) is missing.
    """

    format: str
    names: str
    write: Callable[[Path, np.ndarray], Path]
    coordinate: str
    missing: tuple[float, float, float] = (0.0, 0.0, 0.0)
    unit: str = "px"


def _extra(path: Path, document: Any, **style: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, **style))
    return path


def coco_results(folder: Path, found: np.ndarray) -> Path:
    path = writers.write_coco(folder / "r.json", found, bbox=[1, 2.5, 30, 40], note={"é": [None, True, 1]})
    return _extra(path, json.loads(path.read_text()), indent=1, ensure_ascii=False)


def coco_wholebody(folder: Path, found: np.ndarray) -> Path:
    ends = {"keypoints": 17, "foot_kpts": 23, "face_kpts": 91, "lefthand_kpts": 112, "righthand_kpts": 133}
    starts = [0, *ends.values()]
    entries = [
        {"image_id": t, "category_id": 1, "score": 0.5}
        | {
            key: writers.numbers(person[start:end])
            for start, (key, end) in zip(starts, ends.items(), strict=False)
        }
        for t, group in enumerate(found)
        for person in group
    ]
    return _extra(folder / "r.json", entries)


def coco_annotations(folder: Path, found: np.ndarray) -> Path:
    """PoseTrack2018's order of keypoints and names of images; the third number is visibility."""
    flags = np.concatenate([found[..., :2], np.where(found[..., 2:] > 0, 2, 0)], axis=-1)
    names = writers.NAMES["posetrack17"]
    images = [
        {"file_name": f"images/val/walk/{t:06}.jpg", "id": 500 + t, "width": 1280, "height": 720}
        for t in range(len(found))
    ]
    annotations = [
        {
            "id": 10 * t + p,
            "image_id": 500 + t,
            "category_id": 1,
            "track_id": p,
            "bbox_head": [1, 2, 3, 4],
            "keypoints": writers.numbers(person),
            "num_keypoints": 17,
            "scores": [],
        }
        for t, group in enumerate(flags)
        for p, person in enumerate(group)
    ]
    categories = [
        {"supercategory": "person", "id": 1, "name": "person", "keypoints": names, "skeleton": [[0, 1]]}
    ]
    document = {
        "info": {"year": 2018},
        "categories": categories,
        "images": images,
        "annotations": annotations,
    }
    return _extra(folder / "walk.json", document, separators=(",", ":"))


def openpose(folder: Path, found: np.ndarray) -> Path:
    """With face and hands, as OpenPose writes: no blanks, whole numbers without point."""
    writers.write_openpose(folder / "out", found)
    for path in (folder / "out").iterdir():
        document = json.loads(path.read_text())
        for person in document["people"]:
            person |= {"face_keypoints_2d": [1.25, 0, 0.5], "hand_left_keypoints_2d": [0, 0, 0]}
        path.write_text(json.dumps(document, separators=(",", ":")) + "\n")
    return folder / "out"


def pose2sim(folder: Path, found: np.ndarray) -> Path:
    for t, group in enumerate(found):
        people = [{"person_id": [-1], "pose_keypoints_2d": writers.numbers(person)} for person in group]
        _extra(folder / "pose" / "cam01_json" / f"cam01.{t:04}.json", {"version": 1.3, "people": people})
        _extra(folder / "pose" / "cam02_json" / f"cam02_{t:06}.json", {"version": 1.3, "people": people[:1]})
    return folder / "pose"


def alphapose(folder: Path, found: np.ndarray) -> Path:
    return writers.write_alphapose(folder / "walk" / "alphapose-results.json", found, idx=[[5.0], [2.0]])


def alphapose_cmu(folder: Path, found: np.ndarray) -> Path:
    named = [writers.OPENPOSE18_NAMES.index(name) for name in writers.COCO_NAMES]
    return writers.write_alphapose_form(folder / "walk" / "a.json", found[:, :, named], "cmu")


def alphapose_open(folder: Path, found: np.ndarray) -> Path:
    named = [writers.OPENPOSE18_NAMES.index(name) for name in writers.COCO_NAMES]
    return writers.write_alphapose_form(folder / "walk" / "a.json", found[:, :, named], "open")


def mmpose_video(folder: Path, found: np.ndarray) -> Path:
    return writers.write_mmpose(folder / "walk.json", found, first=3, keypoints_visible=[0.5])


def mmpose_named(folder: Path, found: np.ndarray) -> Path:
    path = writers.write_mmpose(folder / "walk.json", found, names=writers.NAMES["coco17"])
    return _extra(path, json.loads(path.read_text()), indent="\t")


def mmpose_images(folder: Path, found: np.ndarray) -> Path:
    path = writers.write_mmpose(folder / "video.json", found)
    for t, frame in enumerate(json.loads(path.read_text())):
        _extra(folder / "predictions" / f"walk_{t:03}.json", frame["instances"], indent=4)
    return folder / "predictions"


def ultralytics_json(folder: Path, found: np.ndarray) -> Path:
    return writers.write_ultralytics_json(folder / "json", found, track_id=True)


def ultralytics_normalized(folder: Path, found: np.ndarray) -> Path:
    return writers.write_ultralytics_json(folder / "json", found, size=SIZE)


def ultralytics_text(folder: Path, found: np.ndarray) -> Path:
    return writers.write_ultralytics_text(folder / "labels", found, size=SIZE, confidence=True, tracks=True)


_OPENPOSE = r".*/people/\d/pose_keypoints_2d/\d+"
_MMPOSE = r"\d/instances/\d/keypoints/\d+/[01]"
CASES = {
    "coco": Case("coco", "coco17", coco_results, r"\d+/keypoints/\d+", (-1, -1, 0)),
    "coco-ultralytics": Case("coco", "coco17", coco_results, r"\d+/keypoints/\d+", (0, 0, 0.37)),
    "coco-wholebody": Case("coco", "wholebody133", coco_wholebody, r"\d+/(keypoints|\w+_kpts)/\d+"),
    "coco-annotations": Case("coco", "posetrack17", coco_annotations, r"annotations/\d+/keypoints/\d+"),
    "openpose": Case("openpose", "body25", openpose, _OPENPOSE),
    "openpose-nan": Case(
        "openpose", "body25", openpose, _OPENPOSE, (np.nan, np.nan, np.nan)
    ),
    "openpose-coco": Case("openpose", "openpose18", openpose, _OPENPOSE),
    "openpose-mpi": Case("openpose", "mpi15", openpose, _OPENPOSE),
    "pose2sim": Case("openpose", "halpe26", pose2sim, r"cam0\d_json/.*/people/\d/pose_keypoints_2d/\d+"),
    "alphapose": Case("alphapose", "coco17", alphapose, r"\d+/keypoints/\d+"),
    "alphapose-26": Case("alphapose", "halpe26", alphapose, r"\d+/keypoints/\d+"),
    "alphapose-136": Case("alphapose", "halpe136", alphapose, r"\d+/keypoints/\d+"),
    "alphapose-cmu": Case("alphapose", "openpose18", alphapose_cmu, r"\d.jpg/bodies/\d/joints/\d+"),
    "alphapose-open": Case("alphapose", "openpose18", alphapose_open, _OPENPOSE),
    "mmpose": Case("mmpose", "coco17", mmpose_video, _MMPOSE),
    "mmpose-rtm": Case("mmpose", "coco17", mmpose_video, _MMPOSE, (13.5, 7.5, -0.01)),
    "mmpose-133": Case("mmpose", "wholebody133", mmpose_video, _MMPOSE),
    "mmpose-named": Case("mmpose", "coco17", mmpose_named, "instance_info/" + _MMPOSE),
    "mmpose-images": Case("mmpose", "coco17", mmpose_images, r"walk_00\d.json/\d/keypoints/\d+/[01]"),
    "ultralytics": Case("ultralytics", "coco17", ultralytics_json, r".*/\d/keypoints/[xy]/\d+"),
    "ultralytics-normalized": Case(
        "ultralytics", "coco17", ultralytics_normalized, r".*/\d/keypoints/[xy]/\d+", (0, 0, 0.2),
        "normalized",
    ),
    "ultralytics-text": Case(
        "ultralytics", "coco17", ultralytics_text, r".*/\d/\d+", (0, 0, 0.2), "normalized"
    ),
}  # fmt: skip


def leaves(document: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Place and value of everything in a document, in its order."""
    if isinstance(document, (dict, list)):
        items = document.items() if isinstance(document, dict) else enumerate(document)
        for key, value in items:
            yield from leaves(value, f"{at}/{key}" if at else str(key))
        yield at, type(document)
    else:
        yield at, repr(document)  # so that 1 is not 1.0, and NaN is NaN


def content(path: Path) -> dict[str, Any]:
    """Everything in a file or folder by place."""
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file())
        return {
            f"{file.relative_to(path).as_posix()}/{at}": leaf
            for file in files
            for at, leaf in content(file).items()
        }
    if path.suffix == ".txt":
        return dict(leaves([line.split(" ") for line in path.read_text().split("\n")]))
    return dict(leaves(json.loads(path.read_text())))


def files(path: Path) -> dict[str, bytes]:
    if path.is_file():
        return {"": path.read_bytes()}
    return {p.relative_to(path).as_posix(): p.read_bytes() for p in path.rglob("*") if p.is_file()}


def options(case: Case) -> ReadOptions:
    return ReadOptions(fps=30.0, image_size=SIZE if case.unit == "normalized" else None)


def open_case(
    case: Case, folder: Path, *, gone: list[tuple[int, int, int]] | None = None
) -> tuple[Path, PoseFile]:
    """The case's files with keypoints (frame, person, joint) missing, found by their content and read."""
    found = writers.bodies(case.names)
    for frame, person, joint in gone or []:
        found[frame, person, joint] = case.missing
    path = case.write(folder / "source", found)
    assert detect(path) == case.format
    return path, read(path, options(case))


def moved(track: PoseSequence, dtype: type = np.float64) -> PoseSequence:
    """Poses with decimals that no source has."""
    shift = np.random.default_rng(1).uniform(-3, 3, track.values.shape)
    return replace(track, values=(track.values + shift).astype(dtype))


@pytest.mark.parametrize("name", CASES)
def test_what_is_read(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    found = writers.bodies(case.names)
    path, poses = open_case(case, tmp_path, gone=[(1, 0, 3)])
    assert (poses.format, poses.path, poses.fps, poses.fps_known) == (case.format, path, 30.0, True)
    assert (poses.unit, poses.skeleton.name) == (case.unit, case.names)
    assert [track.skeleton for track in poses.tracks] == [poses.skeleton] * len(poses.tracks)
    assert len(poses.tracks) == (3 if name == "pose2sim" else 2)
    order = [1, 0] if case.write is alphapose else [0, 1]  # its numbers are 5 and 2
    for track, person in zip(poses.tracks, order, strict=False):
        assert len(track) == 4 and track.values.dtype == np.float64
        known = np.ones((4, len(track.skeleton)), bool)
        known[1, 3] = person != 0
        np.testing.assert_array_equal(track.labelled, known)
        np.testing.assert_array_equal(np.isfinite(track.values).all(axis=2), known)
        if case.write in (alphapose_cmu, alphapose_open):  # their neck is made from the shoulders
            known[:, 1] = False
        np.testing.assert_allclose(
            track.values[known], found[:, person, :, :2][known], atol=5e-3 if "text" in name else 1e-9
        )
        if case.write is coco_annotations:
            assert track.scores is None and track.image_size == SIZE
        else:
            np.testing.assert_allclose(track.scores[known], found[:, person, :, 2][known], atol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_unchanged_poses_give_the_same_bytes(tmp_path: Path, name: str) -> None:
    """Also with float32 poses, which round the source's numbers."""
    path, poses = open_case(CASES[name], tmp_path, gone=[(1, 0, 3), (2, 1, 0)])
    for dtype in (np.float64, np.float32):
        out = tmp_path / dtype.__name__
        same = [replace(track, values=track.values.astype(dtype)) for track in poses.tracks]
        assert poses.write(out, same) == ()
        assert files(out) == files(path)
    assert poses.write(tmp_path / "none", []) == ()
    assert files(tmp_path / "none") == files(path)


@pytest.mark.parametrize("name", CASES)
def test_only_coordinates_change(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    path, poses = open_case(case, tmp_path, gone=[(1, 0, 3)])
    out = tmp_path / ("out" if path.is_dir() else f"out{path.suffix}")
    refined = [moved(track) for track in poses.tracks]
    assert poses.write(out, refined) == ()
    before, after = content(path), content(out)
    assert list(before) == list(after)
    changed = [at for at in before if before[at] != after[at]]
    assert all(re.fullmatch(case.coordinate, at) for at in changed)
    known = sum(int(track.labelled.sum()) for track in poses.tracks if track.labelled is not None)
    assert len(changed) == 2 * known
    again = read(out, options(case), format=case.format)
    assert [t.key[1] for t in again.tracks] == [t.key[1] for t in refined]
    for a, b in zip(again.tracks, refined, strict=True):
        np.testing.assert_allclose(a.values, b.values, rtol=1e-15 if case.unit == "px" else 1e-12)
        np.testing.assert_array_equal(a.labelled, b.labelled)


@pytest.mark.parametrize("name", CASES)
def test_a_filled_joint_is_there_and_a_dropped_one_is_missing(tmp_path: Path, name: str) -> None:
    """Other numbers stay as they were; float32 poses are written with the digits that they have."""
    case = CASES[name]
    path, poses = open_case(case, tmp_path, gone=[(1, 0, 3), (2, 0, 3)])
    index = 1 if case.write is alphapose else 0
    values = poses.tracks[index].values.astype(np.float32)
    values[1, 3] = [123.456, 234.567]
    values[3, 5] = np.nan
    out = tmp_path / ("out" if path.is_dir() else f"out{path.suffix}")
    poses.write(out, [replace(poses.tracks[index], values=values)])
    again = read(out, options(case), format=case.format).tracks[index]
    assert again.labelled is not None
    assert np.argwhere(~again.labelled).tolist() == [[2, 3], [3, 5]]  # (2, 3) stays missing
    np.testing.assert_allclose(again.values[1, 3], [123.456, 234.567], rtol=1e-12)
    kept = np.ones(again.labelled.shape, bool)
    kept[[1, 2, 3], [3, 3, 5]] = False
    np.testing.assert_array_equal(again.values[kept], poses.tracks[index].values[kept])
    before, after = content(path), content(out)
    changed = [at for at in before if before[at] != after[at]]
    assert list(before) == list(after) and len(changed) <= 6
    if case.write is coco_annotations:
        assert sorted(after[at] for at in changed) == ["0", "0", "0", "1", "123.456", "234.567"]
    if again.scores is not None:  # kept where it says "seen or not", and never marks the joint as missing
        assert again.scores[1, 3] == (case.missing[2] if case.missing[2] > 0 else 0)
