"""Detections drawn about a data set's own keypoints: sizes, hidden joints, repetition, kinds of frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hanet.cache.files import CacheMetadata, CacheWriter, PoseCache
from hanet.cache.frame_kinds import read_kinds
from hanet.datasets.jhmdb.options import SubJhmdb
from hanet.estimators.drawn.options import DrawnEstimate
from hanet.estimators.drawn.pairs import drawn
from hanet.estimators.fcn.options import DetectorErrors
from hanet.poses.frame_kinds import FRAME_KINDS
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import JHMDB15, PENN13

NONE = DetectorErrors(
    jitter=0.0, drift=0.0, drift_time=1.0, burst_rate=0.0, burst_time=1.0, burst_size=0.0,
    swap_rate=0.0, swap_time=1.0,
)  # fmt: skip


def clip(frames: int = 400, hidden: tuple[int, int] | None = None) -> PoseSequence:
    """A person of 100 pixels; `hidden` are frames in which the left wrist is unknown."""
    values = np.random.default_rng(1).uniform(0, 100, (13, 2)) + np.arange(frames)[:, None, None]
    known = np.ones((frames, 13), dtype=bool)
    if hidden:
        known[slice(*hidden), PENN13.index("l_wrist")] = False
        values[~known] = np.nan
    low = np.arange(frames)[:, None] + [0.0, 0.0]
    return PoseSequence.keypoints(
        "0001", values.astype(np.float32), PENN13, fps=30.0, labelled=known,
        boxes=np.concatenate([low, low + 100], axis=1).astype(np.float32), image_size=(640, 480),
    )  # fmt: skip


def run(folder: Path, truth: PoseSequence, detector: DetectorErrors | str) -> PoseSequence:
    """The detections of one clip, of all splits alike."""
    poses, pairs = folder / "poses", folder / "pairs"
    for path in (poses, pairs):
        path.mkdir(parents=True)
    for split in ("train", "test"):
        with CacheWriter(
            poses / f"gt-{split}.parquet",
            CacheMetadata.of(truth, dataset="penn-action", split=split, estimator="gt"),
        ) as writer:
            writer.write(truth)
    drawn(poses, pairs, DrawnEstimate(kind="drawn", seed=7, detector=detector))
    assert not (pairs / "detected-val.parquet").exists()
    cache = PoseCache.open(pairs / "detected-test.parquet")
    assert cache.metadata.estimator == "drawn" and "detector" in cache.metadata.provenance
    return next(cache.sequences())


def test_without_errors_it_is_the_truth(tmp_path: Path) -> None:
    truth = clip()
    np.testing.assert_array_equal(run(tmp_path, truth, NONE).values, truth.values)


def test_a_hidden_joint_is_detected_where_it_would_be(tmp_path: Path) -> None:
    wrist, whole = PENN13.index("l_wrist"), clip()
    found = run(tmp_path, clip(hidden=(50, 60)), NONE)
    assert np.isfinite(found.values).all()
    np.testing.assert_allclose(found.values[50:60, wrist], whole.values[50:60, wrist], atol=1e-4)


def test_measured_errors_have_their_size_and_repeat(tmp_path: Path) -> None:
    truth = clip(3000)
    found = run(tmp_path / "a", truth, "aist-1")
    error = np.linalg.norm(found.values - truth.values, axis=2)
    assert 0.5 < np.median(error) < 5  # of a person of 100 pixels
    assert found.scores is not None and (found.scores == 0).any()
    np.testing.assert_array_equal(run(tmp_path / "b", truth, "aist-1").values, found.values)
    kinds = read_kinds(tmp_path / "a/pairs/kinds-test.parquet")
    ((frames, numbers),) = kinds.values()
    assert len(frames) == 3000 and {*map(int, numbers)} <= {*range(len(FRAME_KINDS))} and numbers.any()


def test_jhmdbs_trunk_takes_the_errors_of_its_neighbours(tmp_path: Path) -> None:
    """The table has no belly, neck or face: a hip's, a shoulder's and the nose's errors stand in."""
    T = 6000
    values = np.random.default_rng(1).uniform(0, 100, (15, 2)) + np.zeros((T, 1, 1))
    truth = PoseSequence.keypoints(
        "a", values.astype(np.float32), JHMDB15, fps=25.0, image_size=(320, 240),
        boxes=np.tile(np.float32([0, 0, 100, 100]), (T, 1)),
    )  # fmt: skip
    found = run(tmp_path, truth, "aist-1")
    moved = np.median(np.linalg.norm(np.diff(found.values, axis=0), axis=2), axis=0)
    for joint, like in (("belly", "l_hip"), ("neck", "l_shoulder")):
        assert moved[JHMDB15.index(joint)] == pytest.approx(moved[JHMDB15.index(like)], rel=0.1)
    assert "drawn" in SubJhmdb.estimates


def test_a_joint_that_is_never_seen_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="0001, track 0: no frame shows l_wrist"):
        run(tmp_path, clip(hidden=(0, 400)), NONE)
