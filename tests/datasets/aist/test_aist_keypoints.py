"""AIST++'s detections against its reprojected joints, split by dancer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hanet.cache.files import PoseCache
from hanet.datasets import downloads
from hanet.datasets.aist.files import AistError
from hanet.datasets.aist.keypoints_content import aist_keypoints
from hanet.datasets.aist.options import AistKeypoints, AistKeypointsIngest
from hanet.datasets.common.ingest import write as ingest
from hanet.estimators.given.pairs import recorded
from tests.support import aist_files, dataset_files

DANCERS = {"train": ["d04"], "val": ["d02"], "test": ["d03"]}
NAMES = {
    "train": "gBR_sBM_cAll_d04_mBR2_ch08",
    "val": "gJS_sFM_cAll_d02_mJS4_ch09",
    "test": "gJS_sBM_cAll_d03_mJS2_ch07",
}


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    for seed, name in enumerate(NAMES.values()):
        aist_files.write(folder, name, frames=4, seed=seed)
    return folder


def test_detections_and_reprojected_joints_of_every_camera(raw: Path, tmp_path: Path) -> None:
    poses, pairs = tmp_path / "poses", tmp_path / "pairs"
    poses.mkdir()
    pairs.mkdir()
    path = raw / "keypoints2d" / f"{NAMES['test']}.pkl"
    stored = aist_files.write(raw, NAMES["test"], frames=4, seed=2)["keypoints2d"]
    stored[0, 1, 5] = np.nan  # a shoulder missing in one frame of c01
    stored[2, :, 9] = np.nan  # a wrist never seen by c03
    aist_files.save(path, {"keypoints2d": stored})
    options = AistKeypointsIngest(splits=DANCERS, cameras=["c01", "c02", "c03"])
    report = ingest(aist_keypoints(raw, options), raw, poses, "aist-keypoints")
    assert report["splits"]["test"]["dancers"] == ["d03"]
    assert report["cameras_left_out"] == [f"{NAMES['test']}/c03"]
    recorded(poses, pairs)
    found = list(PoseCache.open(pairs / "detected-test.parquet").sequences())
    truth = list(PoseCache.open(poses / "gt-test.parquet").sequences())
    assert [s.name for s in found] == [s.name for s in truth] == [f"{NAMES['test']}/c0{n}" for n in (1, 2)]
    assert {s.person for s in truth} == {"d03"}
    np.testing.assert_allclose(found[1].values, stored[1, ..., :2])
    assert np.isfinite(found[0].values).all() and found[0].scores is not None
    assert found[0].scores[1, 5] == 0


def test_a_dancer_in_no_split_is_named(raw: Path) -> None:
    options = AistKeypointsIngest(splits=DANCERS | {"test": ["d09"]})
    with pytest.raises(AistError, match="dancer d03 is in no split"):
        aist_keypoints(raw, options)


def test_faulty_sequences_are_left_out(raw: Path) -> None:
    (raw / "ignore_list.txt").write_text(NAMES["test"])
    content = aist_keypoints(raw, AistKeypointsIngest(splits=DANCERS))
    assert [len(list(items)) for items in content.splits.values()] == [9, 9, 0]


def test_a_folder_or_the_archive(raw: Path, tmp_path: Path) -> None:
    """What a user has unpacked, or what is fetched, lies in the same places."""
    made = dataset_files.aist(tmp_path)
    for number, download in enumerate(({"folder": str(raw)}, made)):
        described = AistKeypoints.model_validate(
            {"kind": "aist_keypoints", "download": download, "ingest": {"splits": DANCERS}}
        )
        target = tmp_path / f"target{number}"
        downloads.collect(
            described, target, dataset="aist-keypoints", archives=tmp_path / "a", hashes=tmp_path / "h"
        )
        assert list((target / "keypoints2d").glob("*.pkl")) and (target / "cameras/mapping.txt").is_file()
