"""What is written is read by the programs that others read these formats with."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pose_format.utils.openpose import load_openpose_directory
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from hanet.formats import ReadOptions, read
from tests.support import keypoint_writers as writers

SIZE = (1280, 720)


def average_precision(truth: Path, results: Path) -> float:
    annotations = COCO(str(truth))
    evaluation = COCOeval(annotations, annotations.loadRes(str(results)), "keypoints")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return float(evaluation.stats[0])


def test_pycocotools_scores_written_results(tmp_path: Path) -> None:
    """Moved by half a pixel they are as good as before, moved by 30 pixels none is right."""
    found = writers.bodies()
    images = [
        {"id": t, "file_name": f"walk/{t}.jpg", "width": SIZE[0], "height": SIZE[1]}
        for t in range(len(found))
    ]
    annotations = [
        {
            **{"id": 1 + 10 * t + p, "image_id": t, "category_id": 1, "iscrowd": 0, "num_keypoints": 17},
            **{"area": 2e4, "bbox": [100, 100, 100, 200]},
            "keypoints": writers.numbers(np.c_[person[:, :2], np.full(17, 2)]),
        }
        for t, group in enumerate(found)
        for p, person in enumerate(group)
    ]
    categories = [{"id": 1, "name": "person", "keypoints": writers.NAMES["coco17"], "skeleton": []}]
    document = {"images": images, "annotations": annotations, "categories": categories}
    truth = writers.dump(tmp_path / "truth.json", document)
    poses = read(writers.write_coco(tmp_path / "results.json", found), ReadOptions(images=truth))
    for shift, right in ((0.5, 1.0), (30.0, 0.0)):
        moved = [replace(track, values=track.values + np.array([shift, 0])) for track in poses.tracks]
        poses.write(tmp_path / "out.json", moved)
        assert average_precision(truth, tmp_path / "out.json") == pytest.approx(right)
    # The annotations themselves, refined: still a file of annotations.
    labels = read(truth)
    labels.write(
        tmp_path / "labels.json", [replace(t, values=t.values + np.array([30.0, 0])) for t in labels.tracks]
    )
    assert average_precision(tmp_path / "labels.json", tmp_path / "out.json") == pytest.approx(1.0)


def test_pose_format_reads_written_folders(tmp_path: Path) -> None:
    """Body moved by three pixels; face, hands and confidence as they were."""
    folder = writers.write_openpose(tmp_path / "in", writers.bodies("body25", count=1))
    for path in folder.iterdir():
        document = json.loads(path.read_text())
        for key, count in (("face", 70), ("hand_left", 21), ("hand_right", 21)):
            document["people"][0][f"{key}_keypoints_2d"] = [1.5, 2.5, 0.5] * count
        writers.dump(path, document)
    poses = read(folder)
    poses.write(tmp_path / "out", [replace(track, values=track.values + 3) for track in poses.tracks])
    before, after = (
        load_openpose_directory(str(path), fps=25, width=SIZE[0], height=SIZE[1]).body
        for path in (folder, tmp_path / "out")
    )
    shift = np.asarray(after.data - before.data)
    assert shift.shape == (4, 1, 137, 2)
    np.testing.assert_allclose(shift[:, :, :25], 3, atol=1e-4)
    assert not shift[:, :, 25:].any()
    np.testing.assert_array_equal(before.confidence, after.confidence)
