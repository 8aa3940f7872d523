"""Keypoints of the user's own estimator: from JSON files to pairs of a data set of keypoints."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hanet.cache.files import CacheMetadata, CacheWriter, PoseCache
from hanet.estimators.common.joint_mixes import GUESSED
from hanet.files.hashing import file_hash
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17
from stages import estimate, workspace
from stages.params.load import ParamsError, load
from tests.support import tiny

pytestmark = pytest.mark.slow

MIX = GUESSED["coco17", "jhmdb15"]
RNG = np.random.default_rng(8)
BODY = RNG.uniform(0, 100, size=(17, 2))
WHERE = {"walk": 100.0, "run": 150.0, "sit": 120.0, "lost": 200.0, "gone": 210.0}
SPLITS = {"train": ["walk", "lost"], "val": ["run"], "test": ["sit", "gone"]}
OFF = np.array([2.0, 0.0])
"""Pixels that detections are off."""
FOUND = ("walk", "run", "sit")


def keypoints(name: str) -> np.ndarray:
    """COCO's 17 keypoints of a clip's five frames."""
    return BODY + WHERE[name] + np.arange(5)[:, None, None]


def truth(name: str) -> PoseSequence:
    """The same as JHMDB's joints."""
    found = PoseSequence(
        name=name,
        values=keypoints(name).astype(np.float32),
        skeleton=COCO17,
        representation="2d",
        fps=25.0,
        unit="px",
        frame_of_reference="image",
        boxes=np.tile(np.array([0, 0, 100, 100], dtype=np.float32), (5, 1)),
        image_size=(320, 240),
    )
    return MIX(found)


def write_files(kind: str) -> dict[str, Any]:
    """Files of that format, images numbered from 1; returns the parameters that name them."""
    moved = {name: keypoints(name) + OFF for name in FOUND}
    rows = {name: np.dstack([values, np.full((5, 17), 0.8)]).reshape(5, 51) for name, values in moved.items()}
    folder = Path("found")
    folder.mkdir()
    if kind == "coco":
        images = [
            {"id": 10 * k + t, "file_name": f"{name}/{t + 1:05}.png"}
            for k, name in enumerate(FOUND)
            for t in range(5)
        ]
        results = [
            {"image_id": 10 * k + t, "category_id": 1, "keypoints": rows[name][t].tolist(), "score": 0.9}
            for k, name in enumerate(FOUND)
            for t in range(5)
        ]
        (folder / "images.json").write_text(json.dumps({"images": images}))
        (folder / "results.json").write_text(json.dumps(results))
        return {"files": ["found/results.json"], "images": "found/images.json"}
    if kind == "alphapose":
        results = [
            {"image_id": f"{name}/{t + 1:05}.png", "keypoints": rows[name][t].tolist(), "score": 2.9}
            for name in FOUND
            for t in range(5)
        ]
        (folder / "alphapose-results.json").write_text(json.dumps(results))
        return {"files": ["found/alphapose-results.json"]}
    if kind == "mmpose":
        for name in FOUND:
            frames = [
                {
                    "frame_id": t + 1,
                    "instances": [{"keypoints": moved[name][t].tolist(), "keypoint_scores": [0.8] * 17}],
                }
                for t in range(5)
            ]
            (folder / f"{name}.json").write_text(json.dumps(frames))
        return {"files": [f"found/{name}.json" for name in FOUND]}
    # OpenPose's COCO model: its 18 keypoints with the neck, which is dropped.
    order = [0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10]
    for name in FOUND:
        for t in range(5):
            numbers = np.zeros((18, 3))
            numbers[order] = rows[name][t].reshape(17, 3)
            people = [{"pose_keypoints_2d": numbers.ravel().tolist()}]
            (folder / f"{name}_{t + 1:012}_keypoints.json").write_text(json.dumps({"people": people}))
    return {"files": ["found"]}


@pytest.fixture
def data(project: Path, params: dict[str, Any]) -> Callable[..., None]:
    """Writes ground truth, and parameters with these settings of the estimate."""

    def write(**options: Any) -> None:
        params["experiments"]["kinect"] |= {"dataset": "uiprmd"}
        params["experiments"]["kinect"]["estimate"] = {"kind": "keypoints", "first_frame": 1, **options}
        Path("params.yaml").write_text(tiny.as_yaml(params))
        for split, names in SPLITS.items():
            first = truth(names[0])
            described = CacheMetadata.of(first, dataset="uiprmd", split=split, estimator="gt")
            with CacheWriter(workspace.POSES / "uiprmd" / f"gt-{split}.parquet", described) as writer:
                for name in names:
                    writer.write(truth(name))

    return write


@pytest.fixture(autouse=True)
def any_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever kinds of data sets there are: this one has its ground truth in place."""
    monkeypatch.setattr("hanet.datasets.uiprmd.options.UIPRMD.estimates", ("keypoints",))


def failure(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as caught:
        estimate.main("kinect")
    assert caught.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("kind", ["coco", "alphapose", "mmpose", "openpose"])
def test_files_become_pairs(data: Callable[..., None], kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = write_files(kind)
    data(format=kind, **options)
    estimate.main("kinect")
    assert "  test: 1 of 2 people found\n" in capsys.readouterr().out
    for split, names in SPLITS.items():
        detected = PoseCache.open(workspace.detected_path("kinect", split))
        gt = list(PoseCache.open(workspace.truth_path("kinect", split)).sequences())
        # Who was never found is missed in test, and nothing to learn from in train.
        kept = names if split == "test" else [name for name in names if name in FOUND]
        assert [s.name for s in gt] == kept
        for found, true in zip(detected.sequences(), gt, strict=True):
            assert found.scores is not None
            if found.name in FOUND:
                np.testing.assert_allclose(found.values, true.values + OFF, rtol=0, atol=1e-3)
                np.testing.assert_allclose(found.scores, 0.8, rtol=0, atol=1e-6)
            else:
                assert not found.values.any() and not found.scores.any()
        provenance = detected.metadata.provenance
        assert (provenance["joints"], provenance["format"]) == (MIX.name, kind)
        assert provenance["people"] == len(names) and provenance["found"] == 1
        first = options["files"][0]
        hashed = provenance["sources_sha256"][f"0:{Path(first).name}"]
        assert len(hashed) == 64 and (kind == "openpose" or hashed == file_hash(Path(first)))
        assert detected.metadata.estimator == f"keypoints-{kind}"
        assert next(detected.sequences()).image_size == (320, 240)


def test_frames_are_counted_from_the_first(
    data: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    data(format="coco", **write_files("coco") | {"first_frame": 2})
    message = failure(capsys)
    assert "found/results.json: walk has a frame 1, before first_frame 2; correct first_frame" in message


def test_videos_of_other_names(data: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    data(format="mmpose", **write_files("mmpose"))
    for path in Path("found").iterdir():
        path.rename(path.with_name(f"my_{path.name}"))
    data(format="mmpose", files=[f"found/my_{name}.json" for name in FOUND])
    assert "(walk, lost) is among the files' (my_walk, my_run, my_sit)" in failure(capsys)


def test_nobody_is_near(data: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    data(format="coco", **write_files("coco"), max_distance=0.01)
    assert "nobody of 2 annotated people was found within max_distance 0.01" in failure(capsys)
    assert not (workspace.PAIRS / "kinect").exists()


def test_a_file_that_is_missing(data: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    data(format="coco", files=["nowhere.json"])
    assert "nowhere.json: no such file; check the path" in failure(capsys)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "mmpose", "images": "a.json"}, "images belongs to format coco, got mmpose"),
        ({"format": "openpose", "min_score": 0.3}, "OpenPose gives people no score; leave min_score out"),
        ({"format": "hmr"}, 'estimate.format: expected coco, openpose, alphapose or mmpose, got "hmr"'),
    ],
)
def test_settings_that_do_not_go_together(
    data: Callable[..., None], options: dict[str, Any], message: str
) -> None:
    data(files=["a"], **options)
    with pytest.raises(ParamsError, match=message):
        load()
