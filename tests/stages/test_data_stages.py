"""download, ingest and estimate, in this process on small raw data."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hanet.cache.files import PoseCache
from hanet.datasets.uiprmd.pairs import read_pairs
from hanet.estimators.fcn import network as fcn
from hanet.estimators.fcn import pretrained
from hanet.estimators.fcn.lifting import HUMAN36M
from hanet.estimators.fcn.pairs import detections, folds_of
from hanet.files.atomic import write_text
from hanet.files.hashing import file_hash
from hanet.poses.names import clip_of
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17
from stages import download, estimate, ingest, workspace
from tests.support import tiny
from tests.support.dataset_files import failure

Write = Callable[[], None]
Stderr = pytest.CaptureFixture[str]


@pytest.fixture
def write(project: Path, params: dict[str, Any]) -> Write:
    """Writes the parameters as they are then."""
    return lambda: write_text(Path("params.yaml"), tiny.as_yaml(params))


@pytest.fixture
def raw(project: Path, write: Write) -> Path:
    """Raw clips and parameters in place."""
    write()
    tiny.write_raw(project / "data" / "raw" / "clips")
    return project / "data" / "raw" / "clips"


# --- download


def test_a_folder_of_the_users_is_copied(project: Path, write: Write, params: dict[str, Any]) -> None:
    tiny.write_pairs(project / "external")
    write()
    download.main("uiprmd")
    assert len(list(read_pairs(workspace.RAW / "uiprmd"))) == 100
    download.main("uiprmd")  # again, over what is there


def test_a_folder_is_held_to_its_hashes(
    project: Path, write: Write, params: dict[str, Any], capsys: Stderr
) -> None:
    tiny.write_pairs(project / "external")
    names = [f"m{k:02}.npz" for k in range(1, 11)]
    params["datasets"]["uiprmd"]["download"]["sha256"] = dict.fromkeys(names, "0" * 64)
    write()
    assert "m01.npz has SHA-256" in failure(capsys, download.main, "uiprmd")
    assert not workspace.RAW.joinpath("uiprmd").exists()


def test_a_package_that_is_not_offered(
    project: Path, write: Write, monkeypatch: pytest.MonkeyPatch, capsys: Stderr
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    write()
    assert failure(capsys, download.main, "clips").startswith("Error: ")
    assert not workspace.RAW.joinpath("clips").exists()


# --- ingest


def test_ingest_reports_what_it_read_and_checked(raw: Path, capsys: Stderr) -> None:
    ingest.main("clips")
    report = json.loads((workspace.POSES / "clips" / "report.json").read_text())
    all_known = {"labelled": 1.0}
    source = {"people": ["humanoid", "acclaim"], "sequences": 4, "frames": 2 * (40 + 60)}
    assert report["splits"] == {
        "source": source | all_known,
        "train": {"people": ["climb_0", "climb_1"], "sequences": 4, "frames": 240} | all_known,
        "val": {"people": ["climb_2"], "sequences": 2, "frames": 120} | all_known,
        "test": {"people": ["climb_3", "climb_4"], "sequences": 4, "frames": 240} | all_known,
    }
    assert report["leak"] is None
    assert set(report["glitch_frames_left_out"].values()) == {0}
    assert report["leakage"] == "No leak between the splits found."
    assert "  train: 4 sequences, 240 frames\n" in capsys.readouterr().out
    for split in ("source", "train", "val", "test"):
        joints = PoseCache.open(workspace.POSES / "clips" / f"gt-{split}.parquet")
        keypoints = PoseCache.open(workspace.POSES / "clips" / f"keypoints-{split}.parquet")
        assert (joints.metadata.representation, keypoints.metadata.representation) == ("3d", "2d")
        assert joints.num_frames == keypoints.num_frames == report["splits"][split]["frames"]
        hashes = joints.metadata.provenance["sources_sha256"]
        assert hashes["pybullet/pybullet_data/humanoid/humanoid.urdf"] == file_hash(
            raw / "pybullet" / "pybullet_data" / "humanoid" / "humanoid.urdf"
        )


def test_ingest_is_reproducible(raw: Path) -> None:
    ingest.main("clips")
    before = {p.name: p.read_bytes() for p in (workspace.POSES / "clips").iterdir()}
    ingest.main("clips")
    assert {p.name: p.read_bytes() for p in (workspace.POSES / "clips").iterdir()} == before


def test_glitches_are_left_out_and_counted(raw: Path) -> None:
    path = next(raw.glob("holosoma/**/mocap_climb_seq_3/*.npy"))
    values = np.load(path)
    values[120] += 5.0  # one frame far away, the 31st of 60 at 30 fps
    np.save(path, values)
    ingest.main("clips")
    left_out = json.loads((workspace.POSES / "clips" / "report.json").read_text())["glitch_frames_left_out"]
    assert 3 <= left_out["climb_3"] <= 9  # the frame and, by the spline, some beside it
    runs = [
        s
        for s in PoseCache.open(workspace.POSES / "clips" / "gt-test.parquet").sequences()
        if "climb_3" in s.name
    ]
    assert len(runs) == 2 * 2  # two cameras see the time before and the time after
    assert sum(len(s) for s in runs) == 2 * (60 - left_out["climb_3"])


def test_a_clip_of_glitches_alone(raw: Path, capsys: Stderr) -> None:
    path = next(raw.glob("holosoma/**/mocap_climb_seq_3/*.npy"))
    np.save(path, np.random.default_rng(3).normal(size=np.load(path).shape))
    assert failure(capsys, ingest.main, "clips") == (
        "Error: clip climb_3: all 60 frames are glitches; check datasets.*.ingest.glitches\n"
    )
    assert not (workspace.POSES / "clips").exists()


@pytest.mark.parametrize(
    ("people", "message"),
    [
        (
            {"climb_4": ["climb_5"]},
            "clip climb_4 must be of one person, got none; change datasets.clips.ingest.",
        ),
        ({"climb_4": ["climb_[34]"]}, "clip climb_3 must be of one person, got climb_3 and climb_4; change "),
        (
            {"others": ["walker_*", "omomo_*", "climb_4"], "climb_4": ["climb_9"]},
            "no clip of climb_4; datasets.",
        ),
    ],
)
def test_people_that_are_not_told_apart(
    raw: Path,
    write: Write,
    params: dict[str, Any],
    capsys: Stderr,
    people: dict[str, list[str]],
    message: str,
) -> None:
    params["datasets"]["clips"]["ingest"]["people"] |= people
    write()
    assert failure(capsys, ingest.main, "clips").startswith(f"Error: {message}")


def test_one_body_under_two_names_is_a_leak(
    raw: Path, write: Write, params: dict[str, Any], capsys: Stderr
) -> None:
    """A person of train moves in test too, another time and in another way, under another name."""
    paths = {n: next(raw.glob(f"holosoma/**/mocap_climb_seq_{n}/*.npy")) for n in (0, 4)}
    frames = np.load(paths[0])
    np.save(paths[4], frames[::-1] * np.array([-1.0, -1.0, 1.0]) + np.array([3.0, -1.0, 0.5]))
    message = failure(capsys, ingest.main, "clips")
    assert message.startswith("Error: Leaks between splits:\n- train → test, body: 60 of 120 frames (50.00%)")
    assert "train has too, under another name: climb_4/cam0 (like climb_0" not in message
    assert "of test are of a body that train has too, under another name: climb_4 (like climb_0)\n" in message
    ingested = params["datasets"]["clips"]["ingest"]
    ingested["declared"] = [{"splits": ["train", "test"], "kinds": ["body"], "reason": "twins"}]
    write()
    ingest.main("clips")
    report = json.loads((workspace.POSES / "clips" / "report.json").read_text())
    assert report["leak"] == "twins (train and test share a body: 50.0% of test's frames)"


def test_a_clip_in_two_splits_is_a_leak(raw: Path, capsys: Stderr) -> None:
    """Under another name, somewhere else in the world, and so seen by other cameras."""
    clips = {n: next(raw.glob(f"holosoma/**/mocap_climb_seq_{n}/*.npy")) for n in (0, 4)}
    np.save(clips[4], np.load(clips[0]) + np.array([3.0, -1.0, 0.5]))
    message = failure(capsys, ingest.main, "clips")
    assert "train → test, sequence: 60 of 120 frames (50.00%) of test lie in sequences that repeat" in message
    assert "train: climb_4\n" in message
    assert not (workspace.POSES / "clips").exists()


def test_a_copied_episode_is_a_leak(project: Path, write: Write, capsys: Stderr) -> None:
    tiny.write_pairs(workspace.RAW / "uiprmd")
    path = workspace.RAW / "uiprmd" / "m01.npz"
    episodes = dict(np.load(path))
    np.savez(path, **(episodes | {"m01_s09_e01": episodes["m01_s01_e01"]}))
    write()
    assert "m01_s09_e01" in (message := failure(capsys, ingest.main, "uiprmd"))
    assert "train → test, sequence: 12 of 240 frames (5.00%) of test" in message


def test_raw_files_that_are_missing(project: Path, write: Write, capsys: Stderr) -> None:
    write()
    assert "run the download stage" in failure(capsys, ingest.main, "clips")


def test_subjects_are_split_and_their_recorded_poses_with_them(project: Path, write: Write) -> None:
    tiny.write_pairs(workspace.RAW / "uiprmd")
    write()
    ingest.main("uiprmd")
    report = json.loads((workspace.POSES / "uiprmd" / "report.json").read_text())
    assert report["splits"]["val"] == {
        "subjects": ["subject 7", "subject 8"],
        "sequences": 20,
        "frames": 240,
        "labelled": 1.0,
    }
    estimate.main("kinect")
    pairs = {detected.name: (detected, truth) for detected, truth in read_pairs(workspace.RAW / "uiprmd")}
    for split, subjects in {"train": range(1, 7), "val": (7, 8), "test": (9, 10)}.items():
        found = PoseCache.open(workspace.detected_path("kinect", split))
        truth = PoseCache.open(workspace.truth_path("kinect", split))
        assert found.metadata.estimator == "kinect" and truth.metadata.estimator == "gt"
        assert found.metadata.split == split
        for detected, gt in zip(found.sequences(), truth.sequences(), strict=True):
            np.testing.assert_array_equal(detected.values, pairs[detected.name][0].values)
            np.testing.assert_array_equal(gt.values, pairs[detected.name][1].values)
            assert int(detected.name[5:7]) in subjects


def test_a_split_without_subjects_in_the_data(
    project: Path, write: Write, params: dict[str, Any], capsys: Stderr
) -> None:
    tiny.write_pairs(workspace.RAW / "uiprmd")
    params["datasets"]["uiprmd"]["ingest"]["splits"] = {
        "train": list(range(1, 10)),
        "val": [10],
        "test": [11],
    }
    write()
    assert "uiprmd: no sequence in test; change datasets.uiprmd.ingest" in failure(
        capsys, ingest.main, "uiprmd"
    )


# --- estimate


@pytest.fixture
def poses(raw: Path) -> Path:
    """Ground truth in place."""
    ingest.main("clips")
    return workspace.POSES / "clips"


def test_an_off_the_shelf_estimator_learns_from_source_clips_alone(
    poses: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[str]] = []
    train = fcn.train_fcn

    def spy(pairs, *arguments, **options):
        seen.append({clip_of(keypoints.name) for keypoints, _ in pairs})
        return train(pairs, *arguments, **options)

    monkeypatch.setattr(fcn, "train_fcn", spy)
    estimate.main("tiny")
    assert seen == [{"humanoid3d_wave", "acclaim_demo"}]
    folder = workspace.PAIRS / "tiny"
    network, scale, _ = fcn.load(folder / "fcn.safetensors")
    for split in ("train", "val", "test"):
        found = PoseCache.open(folder / f"detected-{split}.parquet")
        truth = PoseCache.open(folder / f"gt-{split}.parquet")
        assert found.num_frames == truth.num_frames
        assert found.metadata.provenance["weights_sha256"] == file_hash(folder / "fcn.safetensors")
        assert (folder / f"gt-{split}.parquet").read_bytes() == (poses / f"gt-{split}.parquet").read_bytes()
    options = ingest.load().experiment("tiny").estimate
    keypoints, _ = detections(poses, "test", options)[0]
    expected = fcn.estimate(network, scale, keypoints)
    first = next(PoseCache.open(folder / "detected-test.parquet").sequences())
    np.testing.assert_allclose(first.values, expected.values, atol=1e-6)


def test_pretrained_weights_need_no_training_and_refuse_their_own_people(
    poses: Path, write: Write, params: dict[str, Any], capsys: Stderr
) -> None:
    described = params["experiments"]["tiny"]["estimate"]
    del described["training"]
    described["pretrained"] = "cmu-1"
    write()
    estimate.main("tiny")
    folder = workspace.PAIRS / "tiny"
    assert sorted(path.name for path in folder.glob("*")) == [
        *(f"{kind}-{split}.parquet" for kind in ("detected", "gt") for split in ("test", "train", "val")),
        "kinds-test.parquet",
    ]
    cache = PoseCache.open(folder / "detected-test.parquet")
    path = pretrained.find("cmu-1")
    assert cache.metadata.provenance["weights_sha256"] == file_hash(path)
    assert set(cache.people.values()) == {"climb_3", "climb_4"}
    report = json.loads((poses / "report.json").read_text())
    _, _, bodies = fcn.load(path)
    report["bodies"]["test"]["climb_4"] = bodies["subject 3"].tolist()
    (poses / "report.json").write_text(json.dumps(report))
    assert failure(capsys, estimate.main, "tiny").startswith(
        "Error: climb_4 of test has the body of subject 3, whom the estimator was trained on; leave one"
    )


def test_one_person_is_held_out(raw: Path, write: Write, params: dict[str, Any]) -> None:
    params["datasets"]["clips"]["ingest"]["hold_out"] = "climb_1"
    write()
    ingest.main("clips")
    splits = json.loads((workspace.POSES / "clips" / "report.json").read_text())["splits"]
    assert {split: row["people"] for split, row in splits.items()} == {
        "source": ["humanoid", "acclaim"],
        "train": ["climb_0", "climb_3", "climb_4"],
        "val": ["climb_2"],
        "test": ["climb_1"],
    }


def test_a_data_set_for_an_estimator_alone(raw: Path, write: Write, params: dict[str, Any]) -> None:
    """Source and one split to measure it on; its file names the bodies that it was trained on."""
    ingested = params["datasets"]["clips"]["ingest"]
    ingested["splits"] = {"source": ["humanoid", "climb_0"], "test": ["climb_1"]}
    ingested["left_out"] += ["acclaim", "climb_2", "climb_3", "climb_4"]
    ingested["source_variation"] = {"bones": 0.1, "limb_degrees": 20.0, "tilt_degrees": 20.0}
    params["experiments"]["tiny"]["estimate"]["training"] |= {"half": True, "width": 16}
    write()
    ingest.main("clips")
    estimate.main("tiny")
    folder = workspace.PAIRS / "tiny"
    assert sorted(path.name for path in folder.glob("*.parquet")) == [
        "detected-test.parquet",
        "gt-test.parquet",
        "kinds-test.parquet",
    ]
    _, _, bodies = fcn.load(folder / "fcn.safetensors")
    report = json.loads((workspace.POSES / "clips" / "report.json").read_text())
    assert {name: limbs.round(5).tolist() for name, limbs in bodies.items()} == {
        name: pytest.approx(limbs, abs=2e-5) for name, limbs in report["bodies"]["source"].items()
    }
    assert list(bodies) == ["climb_0", "humanoid"]


def test_out_of_fold_networks_never_saw_the_clip_they_predict(
    poses: Path, write: Write, params: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    params["experiments"]["tiny"]["estimate"] |= {"train_on": "target", "out_of_fold": 2}
    params["experiments"]["tiny"]["estimate"]["training"]["steps"] = 2
    write()
    learned: dict[int, set[str]] = {}
    predicted: list[tuple[set[str], str]] = []
    train, predict = fcn.train_fcn, fcn.estimate
    networks = []  # kept alive, so that no id is given twice

    def spy_train(pairs, *arguments, **options):
        network, scale = train(pairs, *arguments, **options)
        networks.append(network)
        learned[id(network)] = {clip_of(keypoints.name) for keypoints, _ in pairs}
        return network, scale

    def spy_predict(network, scale, keypoints):
        predicted.append((learned[id(network)], clip_of(keypoints.name)))
        return predict(network, scale, keypoints)

    monkeypatch.setattr(fcn, "train_fcn", spy_train)
    monkeypatch.setattr(fcn, "estimate", spy_predict)
    estimate.main("tiny")
    assert list(learned.values()) == [{"climb_0", "climb_1"}, {"climb_1"}, {"climb_0"}]
    assert len(predicted) == 4 + 2 + 4
    assert all(clip not in clips for clips, clip in predicted)
    # The sequences keep their order, whatever fold they were in.
    folder = workspace.PAIRS / "tiny"
    names = [
        [s.name for s in PoseCache.open(folder / f"{kind}-train.parquet").sequences()]
        for kind in ("gt", "detected")
    ]
    assert names[0] == names[1]


@pytest.mark.parametrize("folds", [3, 9])
def test_folds_are_as_many_as_clips_at_most(
    poses: Path, write: Write, params: dict[str, Any], capsys: Stderr, folds: int
) -> None:
    params["experiments"]["tiny"]["estimate"] |= {"train_on": "target", "out_of_fold": folds}
    write()
    assert failure(capsys, estimate.main, "tiny") == (
        f"Error: out_of_fold must be from 2 to the 2 training clips, got {folds}\n"
    )
    assert not (workspace.PAIRS / "tiny").exists()


def test_folds_hold_whole_clips() -> None:
    joints = np.zeros((1, 17, 3), dtype=np.float32)
    names = ["b/cam0", "a/cam0", "c/cam0", "b/cam1", "a/cam1"]
    poses = [
        PoseSequence.joints(name, joints, H36M17, fps=30.0, frame_of_reference="camera") for name in names
    ]
    pairs = [(one, one) for one in poses]
    assert folds_of(pairs, 2) == [[1, 2, 4], [0, 3]]
    assert folds_of(pairs, 3) == [[1, 4], [0, 3], [2]]


def test_fcn_from_the_official_ports_files(
    poses: Path, write: Write, params: dict[str, Any], project: Path
) -> None:
    described = params["experiments"]["tiny"]["estimate"]
    del described["training"]
    described |= {"weights": "gt_ckpt_best.pth.tar", "statistics": "stat_3d.pth.tar"}
    write()
    torch.manual_seed(0)
    torch.save({"state_dict": fcn.FCN().state_dict()}, "gt_ckpt_best.pth.tar")
    used = np.arange(3, 51)
    torch.save({"mean": np.full(96, 100.0), "std": np.full(96, 50.0), "dim_use": used}, "stat_3d.pth.tar")
    estimate.main("tiny")
    folder = workspace.PAIRS / "tiny"
    provenance = PoseCache.open(folder / "detected-test.parquet").metadata.provenance
    assert provenance["official"] == {
        "weights_sha256": file_hash(Path("gt_ckpt_best.pth.tar")),
        "statistics_sha256": file_hash(Path("stat_3d.pth.tar")),
        "keypoints_of": "source",
    }
    assert "training" not in provenance
    network, scale, _ = fcn.load(folder / "fcn.safetensors")
    np.testing.assert_allclose(scale.output_mean, 0.1, rtol=1e-6)
    options = ingest.load().experiment("tiny").estimate
    pairs = detections(poses, "source", options)
    inputs = torch.cat([HUMAN36M.inputs(keypoints) for keypoints, _ in pairs])
    assert torch.equal(scale.input_mean, inputs.mean(0))
    keypoints, _ = detections(poses, "test", options)[0]
    first = next(PoseCache.open(folder / "detected-test.parquet").sequences())
    np.testing.assert_allclose(first.values, fcn.estimate(network, scale, keypoints).values, atol=1e-6)
