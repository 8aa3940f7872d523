"""Every data set from its publisher's files to caches: download and ingest, in this process, in small."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hanet.cache.files import PoseCache
from hanet.cache.video_labels import read_labels
from hanet.datasets.aist.source import AISTPP
from hanet.datasets.common import published
from hanet.datasets.common.options import Remote
from hanet.datasets.common.raw import ARCHIVES
from hanet.estimators.fcn import network as fcn
from hanet.estimators.fcn.lifting import Lifting
from hanet.files.atomic import write_text
from hanet.files.hashing import file_hash
from hanet.poses.skeletons import COCO17, H36M17, JHMDB15, LIMBS12, LSP14, POSETRACK15, POSETRACK17
from stages import download, estimate, ingest, train, workspace
from tests.support import aist_files, dataset_files, jhmdb_files, tiny
from tests.support.dataset_files import CMU, DANCES, SHARED_DANCERS, archive, failure

Run = Callable[..., dict[str, Any]]
Stderr = pytest.CaptureFixture[str]
SPLITS = ("train", "val", "test")


@pytest.fixture
def through(project: Path, params: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Puts a data set described so through both stages; its report."""
    for name in ("HUMAN36M", "3DPW", "POSETRACK2017", "POSETRACK2018", "UIPRMD"):
        monkeypatch.delenv(f"HANET_{name}_FOLDER", raising=False)

    def run(kind: str, download_section: dict[str, Any], ingest_section: dict[str, Any]) -> dict[str, Any]:
        params["datasets"]["it"] = {"kind": kind, "download": download_section, "ingest": ingest_section}
        write_text(Path("params.yaml"), tiny.as_yaml(params))
        download.main("it")
        ingest.main("it")
        return json.loads((workspace.POSES / "it" / "report.json").read_text())

    return run


def cache(kind: str, split: str) -> PoseCache:
    return PoseCache.open(workspace.POSES / "it" / f"{kind}-{split}.parquet")


def counts(report: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {split: (row["sequences"], row["frames"]) for split, row in report["splits"].items()}


# --- 3DPW


def test_3dpw(through: Run, tmp_path: Path) -> None:
    path = dataset_files.pw3d(tmp_path)
    report = through("pw3d", {"folder": str(path.parent)}, {})
    # The first person's third frame has no camera: two runs, five frames. The second person has all.
    assert counts(report) == {"train": (3, 11), "val": (2, 5), "test": (2, 5)}
    assert report["frames_without_camera_left_out"] == {"train": 1, "val": 1, "test": 1}
    assert report["splits"]["train"]["labelled"] == pytest.approx(12 / 14)
    assert report["leak"] is None
    for split in SPLITS:
        truth, smpl, found = (cache(kind, split) for kind in ("gt", "smpl", "openpose"))
        assert truth.metadata.skeleton == LSP14 and truth.metadata.estimator == "gt"
        assert smpl.metadata.unit == "rot6d" and smpl.metadata.estimator == "gt"
        assert found.metadata.skeleton == COCO17 and found.metadata.estimator == "openpose"
        assert truth.num_frames == smpl.num_frames == found.num_frames
        sources = truth.metadata.provenance["sources_sha256"]
        assert sources == {"sequenceFiles.zip": file_hash(path)}


def test_a_file_that_the_user_has_to_get(through: Run, tmp_path: Path, capsys: Stderr) -> None:
    message = failure(capsys, through, "pw3d", {"folder": "nowhere"}, {})
    assert "sequenceFiles.zip: missing" in message and "1. read and accept the licence" in message
    assert "datasets.it.download.folder in params.yaml, or HANET_3DPW_FOLDER" in message
    assert not (workspace.RAW / "it").exists()


def test_the_environment_names_the_folder_too(
    through: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANET_3DPW_FOLDER", str(dataset_files.pw3d(tmp_path).parent))
    assert counts(through("pw3d", {"folder": "nowhere"}, {"limit": 1}))["train"] == (3, 11)


def test_a_hash_noted_on_first_use_survives_and_is_held_to(
    through: Run, tmp_path: Path, capsys: Stderr
) -> None:
    path = dataset_files.pw3d(tmp_path)
    section = {"folder": str(path.parent)}
    through("pw3d", section, {})
    noted = json.loads((workspace.HASHES / "it.json").read_text())
    assert noted == {"sequenceFiles.zip": file_hash(path)}
    # Another machine: the hashes are there, the archives are not.
    (workspace.SCRATCH / "archives" / "it" / "sequenceFiles.zip").unlink()
    with zipfile.ZipFile(path, "a") as zipped:
        zipped.writestr("sequenceFiles/more.txt", "more")
    before = (workspace.RAW / "it" / ARCHIVES).read_text()
    assert "sequenceFiles.zip has SHA-256" in failure(capsys, through, "pw3d", section, {})
    assert (workspace.RAW / "it" / ARCHIVES).read_text() == before
    pinned = section | {"sha256": {"sequenceFiles.rar": "0" * 64}}
    message = failure(capsys, through, "pw3d", pinned, {})
    assert "sequenceFiles.rar is no file of it; the files are sequenceFiles.zip" in message


# --- AIST++


def test_aist_in_some_cameras(through: Run, tmp_path: Path) -> None:
    options = {"cameras": ["c01", "c05"], "stride": 2, "declared": [SHARED_DANCERS]}
    report = through("aist", dataset_files.aist(tmp_path), options)
    assert counts(report) == {"train": (2, 6), "val": (2, 6), "test": (2, 6)}  # frames 0, 2 and 4
    assert report["splits"]["train"]["dancers"] == ["d04"]
    assert report["leak"] == "dancers are shared (train and val share a group: 100.0% of val's frames)"
    assert "(declared: dancers are shared)" in report["leakage"]
    truth, keypoints = cache("gt", "test"), cache("keypoints", "test")
    assert (truth.metadata.fps, truth.metadata.skeleton) == (30.0, COCO17)
    sequences = list(zip(truth.sequences(), keypoints.sequences(), strict=True))
    assert [gt.name for gt, _ in sequences] == [f"{DANCES['test'][0]}/{camera}" for camera in ("c01", "c05")]
    for gt, seen in sequences:
        assert gt.frames.tolist() == [0, 1, 2] and seen.boxes is not None and seen.boxes.shape == (3, 4)


def test_aist_and_an_estimator_of_its_limbs(through: Run, params: dict[str, Any], tmp_path: Path) -> None:
    """On LSP-14, of which 12 joints are labelled; a wrist of one frame and all of another are unknown."""
    section = dataset_files.aist(tmp_path, ignored=())
    triangulated = np.random.default_rng(0).normal(0, 50, (5, 17, 3))
    triangulated[1, COCO17.index("r_wrist")] = triangulated[3] = np.nan
    path = tmp_path / "made" / "keypoints3d" / f"{DANCES['train'][0]}.pkl"
    aist_files.save(path, {"keypoints3d": triangulated, "keypoints3d_optim": triangulated})
    archive(tmp_path / "mirror" / "fullset.zip", tmp_path / "made", "aist_plusplus_final/")
    params["experiments"]["tiny"] |= {"dataset": "it"}
    params["experiments"]["tiny"]["estimate"] |= {"train_on": "target", "out_of_fold": 2}
    params["experiments"]["tiny"]["estimate"]["training"] |= {"steps": 2, "batch": 4, "mirror": True}
    params["run"] |= {"datasets": ["it"], "estimates": {"tiny": "it"}}
    options = {"skeleton": "lsp14", "cameras": ["c01", "c05"], "optimised": False}
    through("aist", section, options | {"declared": [SHARED_DANCERS]})
    estimate.main("tiny")
    network, _, _ = fcn.load(workspace.PAIRS / "tiny" / "fcn.safetensors")
    assert network.lifting == Lifting(LSP14, tuple(range(12)), tuple(range(12)))
    rows = train.rows("tiny", "train")
    assert rows.detected.shape == (20, 3 * 14) and rows.labelled is not None
    known = rows.labelled.unflatten(1, (14, 3)).all(dim=-1)
    lost = {(frame, LSP14.index("r_wrist")) for frame in (1, 6)} | {(f, j) for f in (3, 8) for j in range(12)}
    expected = [[j < 12 and (frame, j) not in lost for j in range(14)] for frame in range(20)]
    assert known.tolist() == expected
    first = next(PoseCache.open(workspace.detected_path("tiny", "train")).sequences())
    assert first.labelled is not None and first.labelled.all(axis=1).tolist() == [False] * 5
    assert first.labelled[:, :12].all(axis=1).tolist() == [True, False, True, False, True]
    np.testing.assert_allclose(first.values[3], first.values[[2, 4]].mean(axis=0), atol=1e-5)
    assert not first.values[:, 12:].any()


def test_shared_dancers_that_are_not_declared(through: Run, tmp_path: Path, capsys: Stderr) -> None:
    message = failure(capsys, through, "aist", dataset_files.aist(tmp_path), {})
    assert (
        "train → val, group: 45 of 45 frames" in message
        and "belong to groups that train has too: d04" in message
    )
    assert not (workspace.POSES / "it").exists()


def test_a_mirror_comes_before_the_publisher(through: Run, tmp_path: Path) -> None:
    described = published.pinned(AISTPP.remote, {}, "it")
    section = Remote(mirrors=("/far", "https://a.org/data/"), login="a.org")
    (file,) = [published.mirrored(file, section) for file in described]
    assert file.urls[:2] == ("/far", "https://a.org/data/fullset.zip")
    assert file.urls[2:] == described[0].urls
    assert file.credentials is not None
    assert (file.credentials.environment, file.credentials.host) == ("HANET_MIRROR", "a.org")


# --- Human3.6M


def test_human36m_and_an_estimator_on_it(through: Run, params: dict[str, Any], tmp_path: Path) -> None:
    params["experiments"]["tiny"] |= {"dataset": "it"}
    params["experiments"]["tiny"]["estimate"] |= {"train_on": "target", "out_of_fold": 2}
    params["experiments"]["tiny"]["estimate"]["training"] |= {"steps": 2, "batch": 4}
    params["run"] |= {"datasets": ["it"], "estimates": {"tiny": "it"}}
    options = {"validation": ["S8"], "cameras": ["54138969", "60457274"], "stride": 2}
    report = through("human36m", dataset_files.human36m(tmp_path), options)
    # Both recordings of two frames, in two cameras, of S1, S5, S6 and S7; of S11 the field leaves one out.
    assert counts(report) == {"train": (16, 32), "val": (4, 8), "test": (6, 12)}
    assert report["splits"]["test"]["subjects"] == ["S9", "S11"]
    assert report["recordings_left_out"] == ["S11_Directions"]
    assert cache("gt", "val").metadata.skeleton == H36M17 and cache("keypoints", "val").metadata.unit == "px"
    estimate.main("tiny")
    found, truth = (
        PoseCache.open(path("tiny", "test")) for path in (workspace.detected_path, workspace.truth_path)
    )
    assert (found.metadata.estimator, found.num_frames) == ("fcn", truth.num_frames)


def test_an_estimator_without_source_clips(through: Run, params: dict[str, Any], capsys: Stderr) -> None:
    params["experiments"]["tiny"] |= {"dataset": "it"}
    params["run"] |= {"datasets": ["it"], "estimates": {"tiny": "it"}}
    message = failure(capsys, through, "human36m", {"folder": "x"}, {"validation": ["S8"]})
    assert "expected target, as data set it has no source clips, got source" in message


# --- Sub-JHMDB


def test_an_official_split_of_jhmdb(through: Run, tmp_path: Path) -> None:
    section = dataset_files.jhmdb(tmp_path)
    report = through("sub_jhmdb", section, {"protocol": "three_split", "split": 2, "seed": 1})
    # Of each action's four training clips one is held out.
    assert counts(report) == {"train": (6, 18), "val": (2, 6), "test": (4, 12)}
    assert (report["leak"], report["official_split"], report["boxes"]) == (None, 2, "mask")
    sequence = next(cache("gt", "test").sequences())
    assert sequence.skeleton == JHMDB15 and sequence.image_size == (320, 240) and sequence.boxes is not None
    assert sequence.boxes[0].tolist() == [3, 4, 50, 60]


def test_the_published_pool_says_what_it_leaks(through: Run, tmp_path: Path) -> None:
    section = dataset_files.jhmdb(tmp_path) | {"puppet_masks": False}
    report = through("sub_jhmdb", section, {"protocol": "pooled", "boxes": "joints", "seed": 1})
    assert not (workspace.RAW / "it" / "puppet_mask").exists()
    # 24 training entries of 12 clips; of each action one clip, two entries, is held out.
    assert counts(report) == {"train": (20, 60), "val": (4, 12), "test": (12, 36)}
    assert report["leak"] == (
        "Sub-JHMDB's three official splits pooled, as published: 20 training and 12 test entries; 83.3% "
        "of the test entries are clips that training has seen (train and test share a clip: 10 of 12 clips, "
        "83.3% of test's frames; val and test share a clip: 2 of 12 clips, 16.7% of test's frames)"
    )


def test_a_clip_copied_into_another_split_is_refused(through: Run, tmp_path: Path, capsys: Stderr) -> None:
    section = dataset_files.jhmdb(tmp_path)
    made = tmp_path / "made" / "joint_positions"
    first, second = (made / "walk" / jhmdb_files.clip("walk", k).name for k in (0, 1))
    (second / "joint_positions.mat").write_bytes((first / "joint_positions.mat").read_bytes())
    archive(tmp_path / "mirror" / "joint_positions.zip", made, "joint_positions/")
    options = {"protocol": "three_split", "split": 1, "val_share": 0.25, "seed": 1}
    message = failure(capsys, through, "sub_jhmdb", section, options)
    assert "sequence: 3 of 12 frames (25.00%) of test lie in sequences that repeat one of" in message


@pytest.mark.parametrize(
    ("section", "options", "message"),
    [
        (
            {},
            {"protocol": "pooled", "split": 1, "seed": 1},
            "split (1, 2 or 3) belongs to protocol: three_split",
        ),
        ({}, {"protocol": "three_split", "seed": 1}, "split (1, 2 or 3) belongs to protocol: three_split"),
        (
            {"puppet_masks": False},
            {"protocol": "pooled", "seed": 1},
            "ingest.boxes: mask needs download.puppet_masks: true",
        ),
    ],
)
def test_settings_of_jhmdb_that_do_not_fit(
    through: Run, capsys: Stderr, section: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    assert message in failure(capsys, through, "sub_jhmdb", section, options)


# --- PoseTrack


@pytest.mark.parametrize("year", ["2017", "2018"])
def test_several_people_and_their_labels(through: Run, tmp_path: Path, year: str) -> None:
    section = dataset_files.posetrack(tmp_path, year)
    report = through(f"posetrack{year[2:]}", section, {"val_share": 0.3, "seed": 3})
    # Of each video track 3 in frames 4 to 8, track 0 in frame 6, and the nose in frame 4.
    assert counts(report) == {"train": (6, 14), "val": (3, 7), "test": (3, 7)}
    assert report["videos"] == {"train": 2, "val": 1, "test": 1}
    assert report["splits"]["test"]["videos"] == ["d"]
    assert report["leak"] is None
    skeleton = {"2017": POSETRACK15, "2018": POSETRACK17}[year]
    assert cache("gt", "test").metadata.skeleton == skeleton
    (video,) = read_labels(workspace.POSES / "it" / "labels-test.jsonl")
    assert (video.name, video.labelled, list(video.ignore)) == ("d", (4, 6, 8), [8])


# --- CMU


def test_cmu_and_an_estimator_of_its_source_subjects(
    through: Run, params: dict[str, Any], tmp_path: Path
) -> None:
    params["experiments"]["tiny"] |= {"dataset": "it"}
    params["experiments"]["tiny"]["estimate"]["training"] |= {"steps": 2}
    params["run"] |= {"datasets": ["it"], "estimates": {"tiny": "it"}}
    report = through("cmu", dataset_files.cmu(tmp_path), CMU)
    assert counts(report) == {"source": (2, 120), "train": (3, 150), "val": (3, 180), "test": (3, 210)}
    assert report["splits"]["val"]["subjects"] == ["subject 2"]
    assert report["frames_left_out"] == {"cmu_05_02": 2}
    estimate.main("tiny")
    assert PoseCache.open(workspace.detected_path("tiny", "test")).num_frames == 210


def test_a_motion_of_two_subjects_is_a_leak(through: Run, tmp_path: Path, capsys: Stderr) -> None:
    """Seen by other cameras in either split: the bodies are compared."""
    section = dataset_files.cmu(tmp_path)
    subjects = tmp_path / "made" / "subjects"
    for suffix in ("01.asf", "01_01.amc"):
        copy = subjects / "03" / suffix.replace("01", "03", 1)
        copy.write_bytes((subjects / "01" / suffix).read_bytes())
    archive(tmp_path / "mirror" / "allasfamc.zip", subjects, "all_asfamc/subjects/")
    message = failure(capsys, through, "cmu", section, CMU)
    assert "train → test, sequence: 50 of 50 frames (100.00%) of test" in message


def test_splits_of_cmu(through: Run, params: dict[str, Any], capsys: Stderr) -> None:
    splits = {"train": [1], "val": [2]}
    message = failure(capsys, through, "cmu", {}, CMU | {"splits": splits})
    assert "expected the splits train, val, test, and source where an estimator is trained" in message
    message = failure(capsys, through, "cmu", {}, CMU | {"splits": splits | {"test": [1]}})
    assert "listed more than once: 1" in message


# --- UI-PRMD as released


@pytest.mark.parametrize("rotation", ["episode", "shared"])
def test_uiprmd_as_released(through: Run, params: dict[str, Any], tmp_path: Path, rotation: str) -> None:
    params["experiments"]["kinect"] |= {"dataset": "it"}
    params["run"] |= {"datasets": ["it"], "estimates": {"kinect": "it"}, "experiments": ["kinect"]}
    params["run"] |= {"models": ["first"], "ablations": []}
    options = {"splits": {"train": [1, 2], "val": [7], "test": [9]}, "rotation": rotation}
    section = dataset_files.uiprmd(tmp_path)
    if rotation == "shared":  # an episode of training that is too short to align has no rotation to share
        (
            tmp_path / "made" / "Segmented Movements" / "Vicon" / "Positions" / "m02_s01_e01_positions.txt"
        ).unlink()
        archive(tmp_path / "mine" / "Segmented Movements.zip", tmp_path / "made")
    report = through("uiprmd_raw", section, options)
    assert {split: n for split, (n, _) in counts(report).items()} == {"train": 2, "val": 1, "test": 1}
    assert list(report["episodes_left_out"]) == ["m02_s01_e01"]
    assert report["rotation"] == rotation
    estimate.main("kinect")
    found, truth = (
        PoseCache.open(path("kinect", "test")) for path in (workspace.detected_path, workspace.truth_path)
    )
    assert found.metadata.estimator == "kinect" and truth.metadata.skeleton == LIMBS12
    (kinect,), (vicon,) = found.sequences(), truth.sequences()
    assert kinect.key == vicon.key == ("m01_s09_e01", 0) and len(kinect) == len(vicon)
