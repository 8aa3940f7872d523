"""Annotations of PoseTrack, and files of labels, that are cut off or wrong: refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hanet.cache.video_labels import LabelsError, read_labels, write_labels
from hanet.datasets.posetrack import year2017, year2018
from hanet.datasets.posetrack.videos import PoseTrackError
from tests.support.posetrack_files import YEARS, scene, write17, write18

both = pytest.mark.parametrize("year", YEARS)


@both
@pytest.mark.parametrize("keep", [0.0, 0.4, 0.99])
def test_a_truncated_file(tmp_path, year, keep):
    write, read = YEARS[year]
    path = write(tmp_path, scene())
    content = path.read_text()
    path.write_text(content[: int(len(content) * keep)])
    with pytest.raises(PoseTrackError, match=rf"{path.name}: not an annotation file.*get the file again"):
        read(path)


@both
def test_a_missing_file(tmp_path, year):
    with pytest.raises(PoseTrackError, match=r"a.json: no such file; unpack PoseTrack's annotations there"):
        YEARS[year][1](tmp_path / "a.json")


def test_the_other_years_file(tmp_path):
    with pytest.raises(PoseTrackError, match=r"annolist: Field required .*check the year of the release"):
        year2017.read_video(write18(tmp_path, scene()))
    with pytest.raises(PoseTrackError, match=r"images: Field required .*check the year of the release"):
        year2018.read_video(write17(tmp_path, scene()))


def _edit(path: Path, edit: Callable[[Any], None]) -> Path:
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))  # NaN becomes the word NaN, as Python writes it
    return path


WRONG18: dict[str, tuple[Callable[[Any], Any], str]] = {
    "a joint too few": (
        lambda c: c["annotations"][1].update(keypoints=[1.0] * 48),
        r"track 3 in frame 8 has 48 numbers of keypoints, expected 51",
    ),
    "other joints": (
        lambda c: c["categories"][0].update(keypoints=["nose", "left_eye"]),
        r"keypoints are nose, l_eye, expected nose, head_bottom, .*not a file of PoseTrack2018",
    ),
    "NaN": (
        lambda c: c["annotations"][0]["keypoints"].__setitem__(4, float("nan")),
        r"annotations.0.keypoints.4: Input should be a finite number \(1 such faults\)",
    ),
    "a word": (
        lambda c: c["annotations"][0].update(bbox_head=[1, 2, 3, "wide"]),
        r"annotations.0.bbox_head.3: Input should be a valid number",
    ),
    "a track twice": (
        lambda c: c["annotations"][1].update(image_id=10_004),
        r"track 3 is twice in frame 4; give one of the two another track_id",
    ),
    "another image": (
        lambda c: c["annotations"][0].update(image_id=7),
        r"an annotation of image_id 7, which is not among the images",
    ),
    "an image twice": (lambda c: c["images"].append(c["images"][0]), r"an image is listed twice"),
    "two names of an id": (
        lambda c: c["images"][1].update(id=10_004),
        r"an image is listed twice",
    ),
    "a number too large": (
        lambda c: c["images"][0].update(file_name="images/2147483648.jpg"),
        r"expected frame numbers of up to 6 digits, got image 'images/2147483648.jpg'",
    ),
    "no number": (
        lambda c: c["images"][0].update(file_name="images/last.jpg"),
        r"image 'images/last.jpg' is not named by its frame's number",
    ),
    "half a region": (
        lambda c: c["images"][4]["ignore_regions_y"].pop(),
        r"000008.jpg: ignore_regions_x and ignore_regions_y differ in length",
    ),
}


@pytest.mark.parametrize("fault", WRONG18)
def test_a_malformed_file_of_2018(tmp_path, fault):
    edit, message = WRONG18[fault]
    path = _edit(write18(tmp_path, scene()), edit)
    with pytest.raises(PoseTrackError, match=rf"{path.name}: .*{message}"):
        year2018.read_video(path)


WRONG17: dict[str, tuple[Callable[[Any], Any], str]] = {
    "a joint too many": (
        lambda c: c["annolist"][0]["annorect"][0]["annopoints"][0]["point"][0].update(id=[15]),
        r"annolist.0.annorect.0.annopoints.0.point.0.id.0: Input should be less than 15",
    ),
    "a joint twice": (
        lambda c: c["annolist"][0]["annorect"][0]["annopoints"][0]["point"][0].update(id=[2]),
        r"track 3 in frame 4 has joint 2 \(r_hip\) twice",
    ),
    "NaN": (
        lambda c: c["annolist"][0]["annorect"][0]["annopoints"][0]["point"][0].update(x=[float("nan")]),
        r"point.0.x.0: Input should be a finite number",
    ),
    "a track twice": (
        lambda c: c["annolist"][0]["annorect"].append(c["annolist"][0]["annorect"][0]),
        r"track 3 is twice in frame 4",
    ),
    "no track": (lambda c: c["annolist"][0]["annorect"][0].pop("track_id"), r"track_id: Field required"),
    "an image twice": (lambda c: c["annolist"].append(c["annolist"][0]), r"an image is listed twice"),
    "no image": (
        lambda c: c["annolist"][2].update(image=[]),
        r"annolist.2.image: List should have at least 1",
    ),
}


@pytest.mark.parametrize("fault", WRONG17)
def test_a_malformed_file_of_2017(tmp_path, fault):
    edit, message = WRONG17[fault]
    path = _edit(write17(tmp_path, scene()), edit)
    with pytest.raises(PoseTrackError, match=rf"{path.name}: .*{message}"):
        year2017.read_video(path)


def test_a_person_without_a_head_box(tmp_path):
    path = _edit(write18(tmp_path, scene()), lambda c: c["annotations"][0].pop("bbox_head"))
    assert year2018.read_video(path)[0].heads[3, 4] is None
    path = _edit(write17(tmp_path, scene()), lambda c: c["annolist"][0]["annorect"][0].pop("y2"))
    video, _ = year2017.read_video(path)
    assert video.heads[3, 4] is None
    write_labels(tmp_path / "labels.jsonl", [video])
    assert list(read_labels(tmp_path / "labels.jsonl")) == [video]


def test_labels_are_written_whole_or_not_at_all(tmp_path):
    video, _ = year2018.read_video(write18(tmp_path, scene()))
    path = tmp_path / "labels" / "val.jsonl"
    with pytest.raises(LabelsError, match=rf"val.jsonl: video {video.name} comes twice"):
        write_labels(path, iter([video, video]))
    assert not path.parent.exists()
    write_labels(path, [])
    assert list(read_labels(path)) == []


@pytest.mark.parametrize("line", ["{", "[]", "{}", '{"name": "a", "heads": [[1, 2]]}', '{"heads": []}', "1"])
def test_damaged_labels_of_an_earlier_release(tmp_path, line):
    video, _ = year2018.read_video(write18(tmp_path, scene()))
    path = tmp_path / "val.jsonl"
    write_labels(path, [video])
    path.write_text(path.read_text().split("\n")[1] + "\n" + line)
    reader = read_labels(path)
    assert next(reader) == video
    with pytest.raises(LabelsError, match=r"val.jsonl:2: not the labels of a video .*write the file again"):
        next(reader)


def test_no_flipped_bit_changes_labels(tmp_path):
    video, _ = year2018.read_video(write18(tmp_path, scene()))
    path = tmp_path / "val.jsonl"
    write_labels(path, [video])
    whole = path.read_bytes()
    for position in np.random.default_rng(0).choice(len(whole), 200):
        flipped = bytearray(whole)
        flipped[position] ^= 1 << position % 8
        path.write_bytes(flipped)
        with pytest.raises(LabelsError, match=r"val.jsonl:?"):
            list(read_labels(path))
    for rest in (whole[:-1], whole[:100], whole.split(b"\n")[0], whole + whole.split(b"\n")[1]):
        path.write_bytes(rest)
        with pytest.raises(LabelsError, match=r"its SHA-256 differs from what was written|not the labels"):
            list(read_labels(path))


def test_labels_that_are_not_there(tmp_path):
    with pytest.raises(LabelsError, match=r"val.jsonl: no such file; write the file again from"):
        next(read_labels(tmp_path / "val.jsonl"))
