"""The estimate kind mediapipe: from frames and ground truth to pairs, with a stand-in for MediaPipe."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hanet.cache.files import CacheMetadata, CacheWriter, PoseCache
from hanet.estimators.mediapipe import pairs
from hanet.estimators.mediapipe.engine import PYTHON_VARIABLE, MediaPipeError
from hanet.estimators.mediapipe.options import MediaPipeEstimate
from hanet.estimators.mediapipe.quality import quality
from hanet.options import SPLITS
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17, H36M17, SMPL24, Skeleton
from tests.support.mediapipe_stand_in import stand_in

LEVELS = {"a/cam0": [100, 0, 120], "a/cam1": [0, 0], "b/cam0": [80, 90]}
"""First byte of each frame by sequence; the stand-in sees nobody up to 20."""


def truth(name: str, count: int, skeleton: Skeleton, start: int) -> PoseSequence:
    if skeleton == COCO17:
        return PoseSequence.keypoints(
            name, np.zeros((count, 17, 2), np.float32), COCO17, fps=25.0, start=start
        )
    values = np.zeros((count, len(skeleton), 3), np.float32)
    return PoseSequence.joints(
        name, values, skeleton, fps=25.0, frame_of_reference="camera", start=start
    ).root_relative()


def data_set(folder: Path, skeleton: Skeleton = H36M17) -> Path:
    """Three sequences in every split, numbered from frame 1 of their images' number 2."""
    for split in SPLITS:
        sequences = [truth(name, len(levels), skeleton, 1) for name, levels in LEVELS.items()]
        described = CacheMetadata.of(sequences[0], dataset="d", split=split, estimator="gt", provenance={})
        with CacheWriter(folder / "poses" / f"gt-{split}.parquet", described) as writer:
            for sequence in sequences:
                writer.write(sequence)
    for name, levels in LEVELS.items():
        for number, level in enumerate(levels, 2):
            path = folder / "frames" / name / f"{number:03d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((32, 64, 3), level, np.uint8)).save(path)
    return folder / "poses"


def options(folder: Path, **more: object) -> MediaPipeEstimate:
    images = str(folder / "frames/{name}/{frame:03d}.png")
    return MediaPipeEstimate.model_validate(
        {"kind": "mediapipe", "images": images, "first_frame": 1, "shard": 2, "workers": 2, **more}
    )


@pytest.fixture(autouse=True)
def python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = stand_in(tmp_path / "python")
    monkeypatch.setenv(PYTHON_VARIABLE, str(path))
    return path


def test_frames_become_pairs(tmp_path: Path):
    poses, folder = data_set(tmp_path), tmp_path / "pairs"
    pairs.estimate(poses, folder, options(tmp_path), scratch=tmp_path / "scratch/x")
    detected = list(PoseCache.open(folder / "detected-test.parquet").sequences())
    assert [(s.name, s.start, len(s)) for s in detected] == [("a/cam0", 1, 3), ("b/cam0", 1, 2)]
    assert [s.name for s in PoseCache.open(folder / "gt-test.parquet").sequences()] == ["a/cam0", "b/cam0"]
    first = detected[0]
    assert (first.skeleton, first.representation, first.image_size) == (H36M17, "3d", (64, 32))
    np.testing.assert_allclose(first.values[0, H36M17.index("nose"), :2], [-0.235, 0.47], atol=1e-6)
    assert first.labelled is not None and first.labelled.all(axis=1).tolist() == [True, False, True]
    np.testing.assert_allclose(first.values[1], first.values[[0, 2]].mean(axis=0), atol=1e-6)  # filled
    with (folder / "missing-test.csv").open() as file:
        rows = list(csv.reader(file))[1:]
    assert [(row[0], row[2]) for row in rows] == [("a/cam0", "2"), ("a/cam1", "1"), ("a/cam1", "2")]
    assert {row[3] for row in rows} == {pairs.NOBODY}
    keypoints = list(PoseCache.open(folder / "keypoints-detected-test.parquet").sequences())
    assert [s.name for s in keypoints] == ["a/cam0", "b/cam0"]
    knee = keypoints[0].values[:, COCO17.index("r_knee")]
    np.testing.assert_allclose(knee[0], [64 * 26 / 33, 32 * (1 - 26 / 66)], rtol=1e-6)
    assert np.isnan(knee[1]).all()
    provenance = PoseCache.open(folder / "detected-test.parquet").metadata.provenance
    report = json.loads((folder / "detection.json").read_text())
    assert report["test"] == {"frames": 7, "found": pytest.approx(4 / 7)}
    assert provenance["mediapipe"] == "stand-in" and provenance["missing"]["tracks_left_out"] == 1
    assert not (tmp_path / "scratch/x").exists()


def test_an_unreadable_frame_is_missing_and_the_next_is_not(tmp_path: Path):
    poses = data_set(tmp_path)
    (tmp_path / "frames/a/cam0/003.png").write_bytes(b"no picture")
    pairs.estimate(poses, tmp_path / "pairs", options(tmp_path), scratch=tmp_path / "scratch")
    first = next(PoseCache.open(tmp_path / "pairs/detected-test.parquet").sequences())
    assert first.labelled is not None and first.labelled.all(axis=1).tolist() == [True, False, True]
    assert "003.png: cannot identify image file" in (tmp_path / "pairs/missing-test.csv").read_text()


def test_a_two_dimensional_data_set_gets_keypoints(tmp_path: Path):
    poses = data_set(tmp_path, COCO17)
    pairs.estimate(poses, tmp_path / "pairs", options(tmp_path), scratch=tmp_path / "scratch")
    first = next(PoseCache.open(tmp_path / "pairs/detected-val.parquet").sequences())
    assert (first.skeleton, first.unit) == (COCO17, "px")
    np.testing.assert_allclose(first.values[0, 0], [0, 32], atol=1e-5)  # the nose is landmark 0


def test_a_killed_run_resumes_with_the_missing_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    poses, made = data_set(tmp_path), []
    real = pairs.make

    def failing(shard, tools):
        if shard.split == "test":
            raise MediaPipeError("ended")
        made.append(shard.path.name)
        return real(shard, tools)

    monkeypatch.setattr(pairs, "make", failing)
    with pytest.raises(MediaPipeError, match="ended"):
        pairs.estimate(poses, tmp_path / "pairs", options(tmp_path, workers=1), scratch=tmp_path / "scratch")
    assert len(made) == 4 and not (tmp_path / "pairs/detected-train.parquet").exists()
    monkeypatch.setattr(pairs, "make", lambda shard, tools: made.append(shard.split) or real(shard, tools))
    pairs.estimate(poses, tmp_path / "pairs", options(tmp_path, workers=1), scratch=tmp_path / "scratch")
    assert made[4:] == ["test", "test"]


def test_the_error_is_of_joints_with_equal_names(tmp_path: Path):
    points = np.zeros((2, 17, 2), np.float32)
    points[0, :, 0] = 3
    points[1] = np.nan
    gt = PoseSequence.keypoints("a", np.zeros((2, 17, 2), np.float32), H36M17, fps=25.0)
    found = PoseSequence.keypoints("a", points, COCO17, fps=25.0)
    for name, sequence in (("gt", gt), ("found", found)):
        described = CacheMetadata.of(sequence, dataset="d", split="val", estimator=name, provenance={})
        with CacheWriter(tmp_path / f"{name}.parquet", described) as writer:
            writer.write(sequence)
    report = quality(tmp_path / "found.parquet", tmp_path / "gt.parquet", frames=4)
    assert report == {"frames": 4, "found": 0.25, "error_px_mean": 3.0, "error_px_median": 3.0}


def test_what_does_not_fit_is_refused(tmp_path: Path):
    poses = data_set(tmp_path)
    Image.fromarray(np.full((16, 16, 3), 100, np.uint8)).save(tmp_path / "frames/b/cam0/003.png")
    with pytest.raises(
        ValueError, match=r"b/cam0: frame 2 has \(16, 16\) pixels, the frames before have \(64, 32\)"
    ):
        pairs.estimate(poses, tmp_path / "pairs", options(tmp_path), scratch=tmp_path / "scratch")
    with pytest.raises(FileNotFoundError, match="9 of 9 tracks have no image"):
        wrong = options(tmp_path, images=str(tmp_path / "none/{name}/{frame:03d}.png"))
        pairs.estimate(poses, tmp_path / "pairs", wrong, scratch=tmp_path / "scratch")
    with pytest.raises(ValueError, match=r"frame.* belongs into the last part of images"):
        options(tmp_path, images="{frame}/a.png")
    rotations = PoseSequence("a", np.zeros((1, 24, 6), np.float32), SMPL24, "smpl", 25.0, "rot6d", "parent")
    with pytest.raises(ValueError, match="d has rotations, MediaPipe gives keypoints and joints"):
        pairs.conversion(
            CacheMetadata.of(rotations, dataset="d", split="train", estimator="gt", provenance={})
        )
