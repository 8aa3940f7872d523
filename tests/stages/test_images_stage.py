"""Images to detected poses to a training step: all estimators, damage, and how it is written down."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from hanet.cache.files import PoseCache
from hanet.estimators.images import job
from hanet.estimators.images.detector import PersonDetector
from hanet.files.hashing import file_hash
from hanet.poses.skeletons import COCO17, JHMDB15, LSP14, POSETRACK17
from hanet.smpl.side_table import SideTable
from hanet.training.trainer import Trainer
from stages import estimate, workspace
from stages.params.load import ParamsError, load
from stages.train import rows
from tests.support import drawn, official_files

pytestmark = pytest.mark.slow

CLIPS = {"train": {"a": 5}, "val": {"b": 5}, "test": {"c": 1}}


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints, written when they are first asked for, and a body."""
    folder = tmp_path_factory.mktemp("weights")
    official_files.write_body(folder)
    return folder


@pytest.fixture
def given(project: Path, files: Path):
    """Puts an estimator's files into the project and writes its parameters."""

    def write(kind: str, dataset: str, **settings) -> None:
        if not (files / f"{kind}.pth").is_file():
            official_files.write_checkpoint(files / f"{kind}.pth", kind)
        Path("files").symlink_to(files)
        drawn.write_params(kind, dataset, **settings)

    return write


def detected(split: str) -> PoseCache:
    return PoseCache.open(workspace.detected_path("drawn", split))


def missing(split: str) -> list[dict[str, str]]:
    with (workspace.PAIRS / "drawn" / f"missing-{split}.csv").open() as file:
        return list(csv.DictReader(file))


def failure(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as caught:
        estimate.main("drawn")
    assert caught.value.code == 2
    assert not (workspace.PAIRS / "drawn").exists()
    return capsys.readouterr().err


def train_a_step(folder: Path) -> None:
    described = load().model("drawn", "hanet-paper")
    train, validation = rows("drawn", "train"), rows("drawn", "val")
    config = described.config(train.detected.shape[1])
    options = replace(described.training, epochs=1, warmup_epochs=0)
    Trainer(config, options, train, validation, folder=folder).run(lambda row: None)


@pytest.mark.parametrize(
    ("kind", "dataset", "skeleton"),
    [
        ("simplebaseline", "sub_jhmdb", JHMDB15),
        ("dcpose", "posetrack18", POSETRACK17),
        ("spin", "pw3d", LSP14),
        ("pare", "pw3d", LSP14),
    ],
)
def test_images_become_a_cache_that_a_refiner_learns_from(given, project, kind, dataset, skeleton) -> None:
    body = kind in ("spin", "pare")
    given(kind, dataset, **({"boxes": {"source": "openpose"}} if body else {}))
    drawn.write_data(CLIPS, skeleton=skeleton)
    estimate.main("drawn")
    for split, clips in CLIPS.items():
        cache = detected(split)
        assert cache.metadata.estimator == kind and cache.metadata.skeleton == skeleton
        assert cache.metadata.representation == ("3d" if body else "2d")
        [sequence], [gt] = cache.sequences(), PoseCache.open(workspace.truth_path("drawn", split)).sequences()
        assert (sequence.key, len(sequence)) == (gt.key, len(gt)) == ((*clips, 0), *clips.values())
        assert np.isfinite(sequence.values).all() and sequence.image_size == drawn.SIZE
        assert (sequence.scores is None) == body
        provenance = cache.metadata.provenance
        assert provenance["weights_sha256"] == file_hash(Path(f"files/{kind}.pth"))
        assert provenance["missing"]["frames"] == 0 and missing(split) == []
        if body:
            assert provenance["body"]["model_sha256"] == file_hash(Path("files/body.npz"))
            [rotations] = PoseCache.open(
                workspace.PAIRS / "drawn" / f"smpl-detected-{split}.parquet", representation="smpl"
            ).sequences()
            side = SideTable(workspace.PAIRS / "drawn" / f"smpl-detected-{split}-side.parquet")
            track = side.attach(rotations)
            assert len(track) == len(gt) and np.isfinite(track.betas).all()
            # The joints are those of the rotations and shapes on that body.
            posed = official_body(track.matrices(), torch.from_numpy(track.betas.copy()))
            np.testing.assert_allclose(sequence.values, posed, atol=1e-5)
    train_a_step(project / "training")
    assert not list((workspace.SCRATCH / "estimate").iterdir())


def official_body(rotations: torch.Tensor, betas: torch.Tensor) -> np.ndarray:
    from hanet.smpl.body import Body

    body = Body.load("files/body.npz", h36m_regressor="files/J_regressor_h36m.npy")
    joints = body.joint_set(body(rotations, betas), "lsp14").numpy()
    return joints - joints[:, list(LSP14.root)].mean(axis=1, keepdims=True)


def test_guessed_joints_are_fitted_to_training(given) -> None:
    given("simplebaseline", "sub_jhmdb")
    drawn.write_data(CLIPS)
    estimate.main("drawn")
    joints = detected("test").metadata.provenance["joints"]
    assert joints["conversion"] == "mpii16_to_jhmdb15_calibrated" and joints["note"] is None
    assert set(joints["weights"]) == {"neck", "belly", "face"}
    assert sum(joints["weights"]["neck"].values()) == pytest.approx(1, abs=1e-5)
    # By least squares no other weights are nearer to the training split's truth.
    fitted = [error_of_guessed()]
    drawn.write_params("simplebaseline", "sub_jhmdb", calibrate=False)
    estimate.main("drawn")
    assert detected("test").metadata.provenance["joints"]["conversion"] == "mpii16_to_jhmdb15_guessed"
    assert fitted[0] < error_of_guessed()


def error_of_guessed() -> float:
    [found], [gt] = (
        detected("train").sequences(),
        PoseCache.open(workspace.truth_path("drawn", "train")).sequences(),
    )
    return float(np.square(found.values[:, :3] - gt.values[:, :3]).sum())


def test_one_frame_does_not_fit_joints(given, capsys) -> None:
    given("simplebaseline", "sub_jhmdb")
    drawn.write_data({"train": {"a": 1}, "val": {"b": 1}, "test": {"c": 1}})
    estimate.main("drawn")
    joints = detected("test").metadata.provenance["joints"]
    assert joints["conversion"].endswith("_guessed") and "do not determine the weights" in joints["note"]
    assert "the guess is kept" in capsys.readouterr().out


# --- what cannot be seen


def test_a_damaged_image_is_missing_with_its_reason_and_no_zero(given) -> None:
    given("simplebaseline", "sub_jhmdb")
    drawn.write_data(CLIPS)
    whole = Path("frames/walk/a/00003.png")
    whole.write_bytes(whole.read_bytes()[:900])
    Path("frames/walk/a/00005.png").unlink()
    estimate.main("drawn")
    told = missing("train")
    assert [(row["sequence"], row["track"], row["frame"]) for row in told] == [
        ("a", "0", "2"),
        ("a", "0", "4"),
    ]
    assert told[0]["reason"].startswith("frames/walk/a/00003.png: ")
    assert "No such file" in told[1]["reason"]
    [sequence] = detected("train").sequences()
    assert sequence.labelled is not None and sequence.scores is not None
    assert sequence.labelled.all(axis=1).tolist() == [True, True, False, True, False]
    assert not sequence.scores[[2, 4]].any() and sequence.scores[[0, 1, 3]].any(axis=1).all()
    middle = (sequence.values[1] + sequence.values[3]) / 2
    np.testing.assert_allclose(sequence.values[2], middle, atol=1e-4)
    np.testing.assert_array_equal(sequence.values[4], sequence.values[3])
    assert detected("train").metadata.provenance["missing"] == {
        "frames": 2, "filled": "linearly in time", "tracks_left_out": 0,
    }  # fmt: skip


def test_a_track_without_any_pose_is_left_out(given, capsys) -> None:
    given("simplebaseline", "sub_jhmdb")
    drawn.write_data({"train": {"a": 5, "lost": 3}, "val": {"b": 5}, "test": {"c": 1}})
    for path in Path("frames/walk/lost").iterdir():
        path.write_bytes(b"damaged")
    estimate.main("drawn")
    for path in (workspace.detected_path("drawn", "train"), workspace.truth_path("drawn", "train")):
        assert [s.name for s in PoseCache.open(path).sequences()] == ["a"]
    assert [row["sequence"] for row in missing("train")] == ["lost"] * 3
    assert detected("train").metadata.provenance["missing"]["tracks_left_out"] == 1
    assert "train: 3 of 8 frames without a pose, 1 tracks left out" in capsys.readouterr().out


def test_a_split_without_any_pose_is_refused(given, capsys) -> None:
    given("simplebaseline", "sub_jhmdb")
    drawn.write_data(CLIPS)
    Path("frames/walk/c/00001.png").write_bytes(b"damaged")
    assert "test: no frame of any track has a pose" in failure(capsys)


def test_images_that_are_nowhere(given, capsys) -> None:
    given("simplebaseline", "sub_jhmdb")
    drawn.write_data(CLIPS)
    shutil.rmtree("frames/walk/b")
    told = failure(capsys)
    assert "1 of 3 tracks have no image; first paths searched:" in told
    assert "frames/*/b/00001.png. Correct images or first_frame" in told


def test_images_of_another_size(given, capsys) -> None:
    given("simplebaseline", "sub_jhmdb")
    drawn.write_data(CLIPS)
    for path in Path("frames/walk/a").iterdir():
        with Image.open(path) as image:
            image.resize((60, 50)).save(path)
    assert "a: its images are (60, 50), the ground truth is of images (120, 100)" in failure(capsys)


# --- boxes


def test_boxes_from_a_file(given) -> None:
    given("simplebaseline", "sub_jhmdb", boxes={"source": "boxes.csv"})
    drawn.write_data(CLIPS)
    lines = ["sequence,track,frame,x1,y1,x2,y2", "a,0,0,10,10,50,60", "a,0,4,50,10,90,60"]
    Path("boxes.csv").write_text("\n".join([*lines, "b,0,0,1,2,30,40", "c,0,0,1,2,30,40"]))
    estimate.main("drawn")
    [sequence] = detected("train").sequences()
    assert sequence.boxes is not None
    np.testing.assert_allclose(sequence.boxes[:, 0], [10, 20, 30, 40, 50])
    provenance = detected("train").metadata.provenance
    assert provenance["boxes_sha256"] == file_hash(Path("boxes.csv"))


class Finder(torch.nn.Module):
    """Finds two people in every image, as torchvision's detectors tell it; it needs no weights."""

    def forward(self, images: list[torch.Tensor]) -> list[dict[str, torch.Tensor]]:
        boxes = torch.tensor([[0.5, 0.5, 20.5, 20.5], [22.5, 22.5, 84.5, 84.5]])
        return [{"boxes": boxes, "scores": torch.tensor([0.99, 0.7]), "labels": torch.tensor([1, 1])}]


@pytest.mark.parametrize(("near", "expected"), [("gt", 22), (None, 0)])
def test_boxes_from_a_detector(given, monkeypatch, near, expected) -> None:
    given(
        "simplebaseline", "sub_jhmdb", boxes={"source": "detector", "weights": "detector.pth", "near": near}
    )
    Path("detector.pth").write_bytes(b"weights")
    monkeypatch.setattr("hanet.estimators.images.detector.load", lambda path, **_: PersonDetector(Finder()))
    drawn.write_data(CLIPS)
    estimate.main("drawn")
    [sequence] = detected("train").sequences()
    assert sequence.boxes is not None and (sequence.boxes[:, 0] == expected).all()
    provenance = detected("train").metadata.provenance
    assert provenance["detector_sha256"] == file_hash(Path("detector.pth"))


# --- settings


def test_weights_of_another_network(given, capsys) -> None:
    given("simplebaseline", "sub_jhmdb", layers=101)
    drawn.write_data(CLIPS)
    told = failure(capsys)
    assert "simplebaseline.pth is not an official PoseResNet" in told
    assert "layer3.10.bn1.bias is missing" in told


def test_weights_with_another_hash(given, capsys) -> None:
    given("simplebaseline", "sub_jhmdb", sha256="0" * 64)
    drawn.write_data(CLIPS)
    assert "expected 0000" in failure(capsys)


def test_poses_that_do_not_fit_the_data_set(given, capsys) -> None:
    given("spin", "pw3d", boxes={"source": "openpose"})
    drawn.write_data(CLIPS, skeleton=COCO17)
    assert "a body model gives lsp14 or smpl24" in failure(capsys)


def test_boxes_of_joints_in_space(given, capsys) -> None:
    given("spin", "pw3d")
    drawn.write_data(CLIPS, skeleton=LSP14)
    assert "boxes come from keypoints in the image" in failure(capsys)


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        ("dcpose", {"flip": True}, "flip: not of dcpose; leave it out"),
        ("spin", {"body": None}, "spin needs body, the path of SMPL's file"),
        ("simplebaseline", {"images": "{frame}/a.png"}, "frame.* belongs into the last part of images"),
        ("simplebaseline", {"images": "{video}.mp4"}, "images is a path with"),
        ("simplebaseline", {"boxes": {"source": "detector"}}, "weights belong to source: detector"),
    ],
)
def test_settings_that_do_not_go_together(project, kind, settings, message) -> None:
    dataset = "pw3d" if kind == "spin" else "sub_jhmdb"
    drawn.write_params(kind, dataset, **settings)
    with pytest.raises(ParamsError, match=message):
        load()


def test_lsp_joints_need_a_regressor(given, capsys) -> None:
    given("spin", "pw3d", boxes={"source": "openpose"}, regressor=None)
    drawn.write_data(CLIPS, skeleton=LSP14)
    assert "the 14 LSP joints need a regressor" in failure(capsys)


def test_workers_take_turns_on_gpus() -> None:
    assert [job.gpu_of(name, 2) for name in (0, 1, 2, "tcp://a:1")] == [0, 1, 0, 0]
