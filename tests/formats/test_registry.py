"""A file finds its format by what it holds, or the user is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hanet.formats import FORMATS, FormatError, ReadOptions, detect, read
from hanet.formats.base import Reader
from hanet.formats.registry import reader
from hanet.formats.source import HEAD
from tests.support import keypoint_writers as writers


@pytest.mark.parametrize("name", FORMATS)
def test_an_entry_of_the_table(name: str) -> None:
    entry = FORMATS[name]
    assert entry.name == name and isinstance(reader(name), Reader)
    assert entry.folder or entry.endings
    assert all(ending.startswith(".") and ending == ending.lower() for ending in entry.endings)


def test_a_format_is_found_behind_a_long_beginning(tmp_path: Path) -> None:
    """The head of a large file is cut within a table."""
    images = [{"id": i, "file_name": f"walk/{i:06}.jpg", "coco_url": "x" * 50} for i in range(4000)]
    path = writers.dump(tmp_path / "a.json", {"images": images, "annotations": []})
    assert path.stat().st_size > HEAD
    assert detect(path) == "coco"
    path = writers.write_alphapose(tmp_path / "b.json", writers.bodies(frames=400))
    assert path.stat().st_size > HEAD
    assert detect(path) == "alphapose"


def test_names_do_not_decide(tmp_path: Path) -> None:
    found = writers.bodies()
    for write, format in ((writers.write_coco, "coco"), (writers.write_mmpose, "mmpose")):
        assert detect(write(tmp_path / "alphapose-results.JSON", found)) == format
    one = (
        writers.write_openpose(tmp_path / "o", writers.bodies("body25")) / "walk_000000000002_keypoints.json"
    )
    assert detect(one) == "openpose"
    assert [(t.name, t.start, len(t)) for t in read(one).tracks] == [("walk_000000000002", 0, 1)] * 2


def test_an_image_id_with_or_without_ending(tmp_path: Path) -> None:
    """AlphaPose writes names, Ultralytics stems; a box of x, y, width, height is ``box`` or ``bbox``."""
    found = writers.bodies(count=1)
    for image, extra, format in (
        ("walk_0001.jpg", {}, "alphapose"),
        ("walk_0001", {}, "coco"),
        ("cam01.0001", {}, "coco"),
        (3, {}, "coco"),
        (3, {"box": [1, 2, 3, 4]}, "alphapose"),
        (3, {"idx": 2}, "alphapose"),
        ("walk_0001.jpg", {"bbox": [1, 2, 3, 4]}, "coco"),
    ):
        entry = {
            "image_id": image,
            "category_id": 1,
            "keypoints": writers.numbers(found[0, 0]),
            "score": 1,
        } | extra
        assert detect(writers.dump(tmp_path / "a.json", [entry])) == format


def test_an_empty_list_may_be_many_formats(tmp_path: Path) -> None:
    path = writers.dump(tmp_path / "a.json", [])
    message = (
        r"may be coco \(COCO.*\) or alphapose \(.*\) or mmpose \(.*\) or ultralytics \(.*\); give --format"
    )
    with pytest.raises(FormatError, match=message):
        read(path)
    for name in ("coco", "alphapose", "mmpose", "ultralytics"):
        assert read(path, format=name).tracks == ()


@pytest.mark.parametrize(
    "content", [b"", b"\x89PNG\r\n", b"{}", b'{"a": 1}', b"[1, 2]", b"[[", b'"text"', b"\xff"]
)
def test_other_files(tmp_path: Path, content: bytes) -> None:
    for ending in (".json", ".txt", ".xyz", ""):
        path = tmp_path / f"a{ending}"
        path.write_bytes(content)
        message = r"not a file of a known format; known are coco, openpose.*--format"
        if ending == ".json" and content in (b"", b"\x89PNG\r\n", b"[[", b"\xff"):
            message = r"an empty file; expected JSON|not a whole JSON document"
        with pytest.raises(FormatError, match=message):
            detect(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("walk.mp4", "", "a video, not poses; estimate them first"),
        ("walk.slp", "", "export it as an analysis file"),
        ("walk.mot", "", "give the .trc"),
        (
            "walk.json",
            '[{"bbox": [1, 2, 3, 4], "image_id": 1, "score": 0.5}]',
            "boxes of people without keyp",
        ),
    ],
)
def test_files_that_are_near_poses_say_what_to_give(tmp_path: Path, name: str, content: str, message: str):
    (tmp_path / name).write_text(content)
    with pytest.raises(FormatError, match=f"{name}: .*{message}"):
        detect(tmp_path / name)


def test_other_folders(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="not a folder of a known format"):
        detect(tmp_path)
    (tmp_path / "a.json").write_text(json.dumps({"a": 1}))
    (tmp_path / "sub").mkdir()
    with pytest.raises(FormatError, match=r"not a folder of a known format, but a.json in it may be poses"):
        detect(tmp_path)
    for name, message in (
        ("openpose", "a.json, entry people: Field required"),
        ("mmpose", "a.json, entry instance_info: Field required"),
        ("ultralytics", "a.json, entry the document: .*list"),
        ("coco", "no such file"),
        ("alphapose", "no such file"),
    ):
        with pytest.raises((FormatError, FileNotFoundError), match=message):
            read(tmp_path, ReadOptions(frames="order"), format=name)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such file or folder; check the path"):
        read(tmp_path / "a.json")
    for name in FORMATS:
        with pytest.raises(FileNotFoundError, match=r"a\.json: no such f.*; check the path"):
            read(tmp_path / "a.json", format=name)
    with pytest.raises(ValueError, match="unknown format 'c3po'; known: coco, openpose"):
        read(tmp_path / "a.json", format="c3po")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[{},]", "not a whole JSON document"),
        (b'{"a": 1}\n{"a": 2}\n', "not a whole JSON document .Extra data: line 2"),
        (b"// comment\n[]", "not a whole JSON document"),
        (b'[{"a": nan}]', "not a whole JSON document .*char 7"),
        (b"[" * 100_000, "lists or objects nested too deeply"),
        (b" \n", "an empty file; expected JSON"),
        ("[]".encode("utf-16"), "UTF-16 or UTF-32 text; save it as UTF-8"),
        ("[]".encode("utf-16-le"), "UTF-16 or UTF-32 text; save it as UTF-8"),
        ("[]".encode("utf-32-be"), "UTF-16 or UTF-32 text; save it as UTF-8"),
        (b"null", "not a file of a known format"),
    ],
)
def test_a_file_of_json_that_is_none_says_why(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=rf"a\.json: {message}"):
        detect(path)


def test_a_table_in_utf_16_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("frame,nose_x,nose_y\n0,1,2\n", encoding="utf-16")
    with pytest.raises(FormatError, match=r"a\.csv: UTF-16 or UTF-32 text; save it as UTF-8"):
        detect(tmp_path / "a.csv")
