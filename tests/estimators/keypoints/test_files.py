"""Videos of the user's files find the data set's sequences by what their names mean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hanet.datasets.posetrack.year2018 import read_video
from hanet.estimators.keypoints.options import KeypointsEstimate
from hanet.estimators.keypoints.pairs import named_as, pairs, read
from hanet.formats import read_openpose
from hanet.poses.skeletons import POSETRACK17
from tests.support import keypoint_writers as writers

VIDEO = "000001_mpii_test"


@pytest.fixture
def found() -> np.ndarray:
    """One person of four frames, without ears."""
    bodies = writers.bodies("posetrack17", count=1)
    bodies[:, :, 3:5] = 0
    return bodies


def annotation(folder: Path, found: np.ndarray, file_name: str) -> Path:
    """PoseTrack2018's file of a video."""
    images = [
        {
            "id": 10000010000 + t,
            "file_name": file_name.format(t),
            "is_labeled": True,
            "width": 640,
            "height": 480,
        }
        for t in range(len(found))
    ]
    annotations = [
        {
            "id": t,
            "image_id": 10000010000 + t,
            "track_id": 0,
            "keypoints": writers.numbers(group[0]),
            "bbox": [150.0, 90.0, 120.0, 220.0],
        }
        for t, group in enumerate(found)
    ]
    categories = [{"id": 1, "name": "person", "keypoints": writers.NAMES["posetrack17"]}]
    document = {"images": images, "annotations": annotations, "categories": categories}
    return writers.dump(folder / "annotations" / f"{VIDEO}.json", document)


@pytest.mark.parametrize(
    "file_name",
    [
        "images/val/000001_mpii_test/{:06}.jpg",
        "000001_mpii_test/{:06}.jpg",
        "/data/posetrack/images/val/000001_mpii_test/{:06}.jpg",
        "D:\\posetrack\\images\\val\\000001_mpii_test\\{:06}.jpg",
    ],
)
def test_posetracks_own_names_of_images(tmp_path: Path, found: np.ndarray, file_name: str) -> None:
    images = annotation(tmp_path, found, file_name)
    results = writers.write_coco(tmp_path / "results.json", found, first_image=10000010000)
    options = KeypointsEstimate(kind="keypoints", format="coco", files=(str(results),), images=str(images))
    _, truth = read_video(images)
    paired, counted = pairs(list(truth), read(options, fps=25.0), options, keep=True)
    assert (counted.people, counted.found, counted.joints) == (1, 1, None)
    ((detected, gt),) = paired
    assert detected.name == gt.name == VIDEO and detected.skeleton is POSETRACK17
    known = [j for j in range(17) if j not in (3, 4)]
    np.testing.assert_allclose(detected.values[:, known], found[:, 0, known, :2], rtol=1e-6)


def test_a_name_that_may_mean_two_sequences(tmp_path: Path) -> None:
    folder = writers.write_openpose(tmp_path / "o", writers.bodies("body25"), video="cam0")
    videos: Any = {"cam0": read_openpose(folder, fps=25.0)}
    named = named_as(videos, ["climb/cam0", "fall/cam1"])
    assert list(named) == ["climb/cam0"] and {track.name for track in named["climb/cam0"]} == {"climb/cam0"}
    assert list(named_as(videos, ["run"])) == ["cam0"]
    with pytest.raises(
        ValueError, match=r"video 'cam0' of the files may be climb/cam0 or fall/cam0; name files"
    ):
        named_as(videos, ["climb/cam0", "fall/cam0"])


def test_what_was_assumed_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = writers.write_coco(tmp_path / "walk.json", writers.bodies(count=1))
    entries = [entry | {"category_id": 0} for entry in json.loads(path.read_text())]
    writers.dump(path, entries)
    options = KeypointsEstimate(kind="keypoints", format="coco", files=(str(path),))
    assert [track.name for track in read(options, fps=25.0)["walk"]] == ["walk"]
    assert "category 0, the only one with keypoints, was taken for people" in " ".join(
        capsys.readouterr().out.split()
    )
