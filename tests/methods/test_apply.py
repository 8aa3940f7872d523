"""Whole caches through a method: wild and missing poses, other units, empty input, broken results."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from hanet.cache.files import CacheMetadata, CacheWriter, PoseCache
from hanet.formats import read
from hanet.methods.any_video import OverGaps
from hanet.methods.apply import refine_cache, write_refined
from hanet.methods.filters import Gaussian
from hanet.methods.pose_files import refine_cache_file, refine_file
from hanet.methods.smoothing import General
from hanet.poses.plausible import NoPosesError
from hanet.poses.sequence import PoseSequence
from tests.poses.test_plausible import person

GAUSSIAN = OverGaps(Gaussian(2.0), longest=5)


@dataclass(frozen=True)
class Breaking:
    """Returns NaN for frame 6 of whatever it is given."""

    name = "breaking"
    observed = 1.0

    def refine(self, sequence: PoseSequence) -> PoseSequence:
        values = sequence.values.copy()
        values[6] = np.nan
        return sequence.with_values(values)


def cache(folder, *sequences: PoseSequence) -> PoseCache:
    metadata = CacheMetadata.of(person(), dataset="d", split="test", estimator="e")
    with CacheWriter(folder / "in.parquet", metadata) as writer:
        for sequence in sequences:
            writer.write(sequence)
    return PoseCache.open(folder / "in.parquet")


def refine(folder, *sequences: PoseSequence, method=GAUSSIAN):
    out = folder / "out.parquet"
    results = refine_cache(method, cache(folder, *sequences), out, parameters={})
    return results, list(PoseCache.open(out).sequences())


@pytest.mark.parametrize("wild", [1e30, np.inf, -3e38, 1e10])
def test_one_wild_frame_leaves_its_neighbours_finite(tmp_path, wild):
    poses = person(60)
    poses.values[30] = wild
    (result,), (refined,) = refine(tmp_path, poses)
    assert (result.wild, result.missing, result.left) == (17, 17, 0)
    assert np.isfinite(refined.values).all() and np.abs(refined.values).max() < 2
    assert np.isfinite(result.before)


def test_a_track_without_poses_does_not_cost_the_others(tmp_path):
    nobody = replace(person(9), name="b", values=np.full((9, 17, 3), np.nan, np.float32))
    (first, second), refined = refine(tmp_path, person(), nobody)
    assert (first.left, second.left) == (0, 9 * 17)
    assert np.isfinite(refined[0].values).all() and np.isnan(refined[1].values).all()


def test_input_without_poses_is_said_and_nothing_is_written(tmp_path):
    nobody = replace(person(9), values=np.full((9, 17, 3), np.nan, np.float32))
    with pytest.raises(NoPosesError, match=r"in\.parquet: a, track 0: "):
        refine(tmp_path, nobody)
    with pytest.raises(NoPosesError, match=r"in\.parquet holds no poses: there is nothing to refine"):
        refine(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


def test_a_file_without_a_known_joint_is_said_also_by_methods_that_could_return_it(tmp_path):
    """The general refiner and filters return NaN for NaN."""
    nobody = replace(person(9), values=np.full((9, 17, 3), 1e30, np.float32))
    metadata = CacheMetadata.of(nobody, dataset="d", split="test", estimator="e")
    with CacheWriter(tmp_path / "in.parquet", metadata) as writer:
        writer.write(nobody)
    message = r"in\.parquet: no joint is known in any frame.*, so there is nothing to refine"
    for refine_any in (
        lambda: refine_cache_file(tmp_path / "in.parquet", tmp_path / "out.parquet", General()),
        lambda: refine_file(read(tmp_path / "in.parquet"), tmp_path / "out.parquet", General()),
    ):
        with pytest.raises(NoPosesError, match=message):
            refine_any()
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


@pytest.mark.parametrize(
    ("poses", "message"),
    [
        (person(scale=1000.0), r"in\.parquet: a, track 0: expected joints in metres"),
        (person(offset=5.0), r"in\.parquet: a, track 0: expected poses relative to pelvis"),
    ],
)
def test_another_unit_or_origin_is_refused(tmp_path, poses, message):
    with pytest.raises(ValueError, match=message):
        refine(tmp_path, poses)
    assert not (tmp_path / "out.parquet").exists()


def test_a_result_that_is_no_pose_names_track_and_frame(tmp_path):
    poses = replace(person(), track=4, start=100)
    with pytest.raises(ValueError, match=r"a, track 4, frame 106: the refined pose is not finite"):
        refine(tmp_path, poses, method=Breaking())
    with pytest.raises(ValueError, match=r"a, track 4, frame 106"):
        write_refined(Breaking(), cache(tmp_path, poses), tmp_path / "out.parquet", {})
    poses.values[6] = np.nan
    (result,), _ = refine(tmp_path, poses, method=Breaking())
    assert (result.missing, result.left) == (17, 17)
