"""A user's own network file: models whose answers are known, wrong files, and MoveNet itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import TensorProto
from pydantic import ValidationError

from hanet.estimators.images.network_files import FileEstimator, simcc
from hanet.estimators.images.options import ImagesEstimate
from hanet.estimators.images.weights import EstimatorSpec
from hanet.estimators.mediapipe.video import Video
from hanet.poses.skeletons import COCO17
from tests.support import network_files
from tests.support.paths import ROOT

BOX = np.array([40.0, 30.0, 100.0, 150.0])
SHARED = ROOT.parent / "shared" / "data"


def picture(x: int, y: int) -> np.ndarray:
    """A dark picture with a bright square of 3 × 3 pixels around (x, y)."""
    image = np.zeros((200, 160, 3), np.uint8)
    image[y - 1 : y + 2, x - 1 : x + 2] = 255
    return image


def found(estimator: FileEstimator, image: np.ndarray, count: int = 1) -> tuple[np.ndarray, np.ndarray]:
    x, crop = estimator.prepare(image, image, image, BOX)
    poses = estimator.poses(torch.stack([x] * count), [crop] * count)
    assert poses.scores is not None
    return poses.values, poses.scores


@pytest.mark.parametrize("batch", [1, "batch"])
@pytest.mark.parametrize(("x", "y"), [(70, 90), (45, 140), (90, 40)])
def test_simcc_finds_the_brightest_pixel(tmp_path: Path, batch: int | str, x: int, y: int):
    estimator = FileEstimator.load(network_files.simcc(tmp_path / "a.onnx", batch=batch), "simcc")
    assert estimator.pixels == (192, 256) and estimator.skeleton == COCO17
    values, scores = found(estimator, picture(x, y), count=3)
    assert values.shape == (3, 17, 2)
    # The box is 60 × 120 pixels, padded to the crop's aspect and by 1.25: 1.7 crop pixels per pixel.
    np.testing.assert_allclose(values, np.broadcast_to([x, y], values.shape), atol=1.2)
    np.testing.assert_allclose(scores, (1 - 0.406) / 0.225, rtol=1e-5)  # blue's mean and deviation


def test_channels_are_swapped(tmp_path: Path):
    path = network_files.simcc(tmp_path / "a.onnx")
    image = picture(70, 90) * np.array([1, 0, 0], np.uint8)  # red
    _, rgb = found(FileEstimator.load(path, "simcc"), image)
    _, bgr = found(FileEstimator.load(path, "simcc", channels="bgr"), image)
    np.testing.assert_allclose(rgb, (1 - 0.485) / 0.229, rtol=1e-5)
    np.testing.assert_allclose(bgr, (1 - 0.406) / 0.225, rtol=1e-5)


def test_simcc_by_hand():
    across, down = np.zeros((1, 2, 8)), np.zeros((1, 2, 12))
    across[0, 0, 5], down[0, 0, 7] = 0.9, 0.4
    across[0, 1, 3] = 0.8  # nothing in y: no joint
    points, scores = simcc(across, down, (4, 6))
    np.testing.assert_array_equal(points, [[[2.5, 3.5], [0, 0]]])
    np.testing.assert_array_equal(scores, [[0.4, 0]])


def test_heat_maps_find_the_brightest_cell(tmp_path: Path):
    estimator = FileEstimator.load(network_files.heatmap(tmp_path / "a.onnx"), "heatmap")
    values, scores = found(estimator, picture(70, 90), count=2)
    assert np.abs(values - [70, 90]).max() < 3.5 and (scores > 2).all()  # a cell is 2.3 pixels


@pytest.mark.parametrize("dtype", [TensorProto.INT32, TensorProto.UINT8, TensorProto.FLOAT])
def test_movenet_is_y_x_and_score_in_a_square(tmp_path: Path, dtype: int):
    answer = np.stack([np.linspace(0, 1, 17), np.linspace(1, 0.5, 17), np.linspace(0.1, 0.9, 17)], axis=1)
    estimator = FileEstimator.load(network_files.movenet(tmp_path / "a.onnx", answer, dtype=dtype), "movenet")
    values, scores = found(estimator, picture(70, 90), count=2)
    # The square's middle is the box's, its side 1.25 × 120 pixels.
    wanted = np.array([70, 90]) + (answer[:, [1, 0]] - 0.5) * 150
    np.testing.assert_allclose(values, [wanted, wanted], atol=1e-4)
    np.testing.assert_allclose(scores, [answer[:, 2]] * 2, atol=1e-6)


def test_a_model_of_any_size_needs_pixels(tmp_path: Path):
    path = network_files.simcc(tmp_path / "a.onnx", size=("height", "width"))
    with pytest.raises(ValueError, match="takes any size; set pixels of the estimate"):
        FileEstimator.load(path, "simcc")
    assert FileEstimator.load(path, "simcc", pixels=(96, 128)).pixels == (96, 128)
    fixed = network_files.simcc(tmp_path / "b.onnx")
    with pytest.raises(ValueError, match=r"its input is 192 × 256, pixels are \[96, 128\]"):
        FileEstimator.load(fixed, "simcc", pixels=(96, 128))


@pytest.mark.parametrize(
    ("write", "layout", "said"),
    [
        (lambda p: p.write_bytes(b"no model"), "simcc", "not a model that can be run: "),
        (lambda p: network_files.simcc(p, joints=26), "simcc", r"\(B, 17, k · width\).*\(1, 26, 384\)"),
        (lambda p: network_files.simcc(p, names=("a", "b")), "simcc", r"simcc_x and simcc_y, got a \(1"),
        (lambda p: network_files.simcc(p), "heatmap", r"one output \(1, 17, any, any\), got simcc"),
        (lambda p: network_files.heatmap(p), "simcc", r"simcc_y, got maps \(1, 17, 64, 48\)"),
        (lambda p: network_files.heatmap(p), "movenet", r"input \(1, height, width, 3\), got \(1, 3"),
        (lambda p: network_files.movenet(p, np.zeros((17, 3))), "simcc", r"an input \(B, 3, height, width\)"),
        (lambda p: network_files.movenet(p, np.zeros((6, 56))), "movenet", r"output \(1, 1, 17, 3\) or"),
        (lambda p: network_files.simcc(p, batch=4), "simcc", r"\(B, 3, height, width\), got \(4, 3"),
    ],
)  # fmt: skip
def test_wrong_files_are_told_in_one_line(tmp_path: Path, write, layout, said: str):
    path = tmp_path / "a.onnx"
    write(path)
    with pytest.raises(ValueError, match=said) as raised:
        FileEstimator.load(path, layout)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)


def test_files_that_are_not_there_or_of_another_kind(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"estimate.weights names an .onnx or .tflite model"):
        FileEstimator.load(tmp_path / "a.onnx", "simcc")
    (tmp_path / "a.pth").touch()
    with pytest.raises(ValueError, match=r"ends in .onnx or .tflite"):
        FileEstimator.load(tmp_path / "a.pth", "simcc")


def test_the_kind_is_built_from_its_options(tmp_path: Path):
    path = network_files.simcc(tmp_path / "a.onnx")
    spec = EstimatorSpec(kind="onnx", weights=path, layout="simcc", channels="bgr")
    settings = spec.settings()
    assert settings.keys() == {"kind", "layout", "channels", "weights_sha256", "runtimes"}
    assert (settings["layout"], settings["channels"]) == ("simcc", "bgr")
    built = spec.build()
    assert isinstance(built, FileEstimator) and built.channels == "bgr"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "onnx needs layout"),
        ({"layout": "simcc", "padding": 1.2}, "padding: not of onnx"),
        ({"layout": "yolo"}, "layout"),
    ],
)
def test_options(given: dict[str, object], said: str):
    common = {"kind": "onnx", "weights": "a.onnx", "images": "{name}/{frame:05d}.png"}
    with pytest.raises(ValidationError, match=said):
        ImagesEstimate.model_validate(common | given)
    with pytest.raises(ValidationError, match="layout: not of dcpose"):
        ImagesEstimate.model_validate(common | {"kind": "dcpose", "layout": "simcc"})
    assert ImagesEstimate.model_validate(common | {"layout": "movenet"}).channels == "rgb"


def test_movenet_itself_on_a_filmed_person():
    """Its keypoints lie near BlazePose's, another detector's, in a frame of OpenCap's walk."""
    pytest.importorskip("ai_edge_litert")
    model, folder = SHARED / "movenet" / "movenet_single_pose_lightning_ptq.tflite", SHARED / "opencap"
    if not model.is_file() or not folder.is_dir():
        pytest.skip(f"needs {model} and {folder}")
    with np.load(folder / "pairs.npz") as pairs:
        names = [str(name) for name in pairs["mediapipe_joints"]]
        seen = pairs["walk/mediapipe_D2"][30]
    frame = next(f for i, f in enumerate(Video.open(folder / "walk" / "video.mp4").images()) if i == 30)
    low, high = seen.min(axis=0), seen.max(axis=0)
    box = np.concatenate([low - 0.1 * (high - low), high + 0.1 * (high - low)])
    estimator = FileEstimator.load(model, "movenet")
    x, crop = estimator.prepare(frame, frame, frame, box)
    poses = estimator.poses(x[None], [crop])
    parts = {"sho": "shoulder", "elb": "elbow", "wri": "wrist", "ank": "ankle"}
    index = [COCO17.index(f"{name[0]}_{parts.get(name[1:], name[1:])}") for name in names]
    off = np.linalg.norm(poses.values[0, index] - seen, axis=1)
    assert np.median(off) < 0.03 * (high - low).max(), off
