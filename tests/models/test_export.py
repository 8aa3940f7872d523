"""Trained networks as ONNX: the poses of PyTorch, without it, and files that are not what they should be."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from hanet.methods.exported import ExportedMethod, mirrored
from hanet.methods.learned import LearnedMethod
from hanet.models import checkpoints
from hanet.models.export import TOLERANCE, export
from hanet.models.exported import KEY, ExportedNetwork
from hanet.models.options import CONFIGS
from hanet.models.registry import named
from hanet.models.trained_on import PoseKind
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17
from hanet.poses.transforms import mirror
from tests.support.mutations import flip_bit

KIND = PoseKind("h36m17", "3d", "m", "camera_root_relative", 60.0)
OPTIONS: dict[str, dict[str, Any]] = {
    "hanet": {"interval": 5, "window": 21, "hidden": 16, "layers": 2, "frame_path": True, "residual": True},
    "deciwatch": {"interval": 5, "window": 21, "hidden": 16},
    "smoothnet": {"window": 16, "hidden": 32, "residual_hidden": 16},
    "mlp": {"window": 5, "hidden": 32},
    "tcn": {"window": 21, "hidden": 16, "blocks": 2},
}


def checkpoint(folder: Path, network: str) -> Path:
    """A network with drawn weights."""
    torch.manual_seed(3)
    kind = CONFIGS[network]
    options: dict[str, Any] = dict(OPTIONS[network])
    if "channels" in {field.name for field in dataclasses.fields(kind)}:
        options["channels"] = 51
    model = named(network).build(kind(**options)).eval()
    with torch.no_grad():
        for weight in model.parameters():  # those that start at zero too
            weight.add_(0.05 * torch.randn_like(weight))
    checkpoints.save(model, folder, metadata={"poses": KIND.to_dict()})
    return folder


def walk(frames: int, rng: np.random.Generator) -> PoseSequence:
    values = np.cumsum(rng.normal(scale=0.01, size=(frames, 17, 3)), axis=0).astype(np.float32)
    return PoseSequence.joints(
        "walk", values - values[:, :1], H36M17, fps=60.0, frame_of_reference="camera_root_relative"
    )


@pytest.mark.parametrize("network", OPTIONS)
@pytest.mark.parametrize(("stride", "phases", "axis"), [(1, (0,), 0), (5, (0, 1, 4), None)])
def test_the_poses_of_pytorch(
    network: str,
    stride: int,
    phases: tuple[int, ...],
    axis: int | None,
    tmp_path: Path,
    rng: np.random.Generator,
) -> None:
    folder = checkpoint(tmp_path / network, network)
    assert export(folder, tmp_path / "model.onnx", KIND) <= TOLERANCE
    exported = ExportedNetwork.open(tmp_path / "model.onnx")
    assert exported.poses == KIND.to_dict()
    model = checkpoints.load(folder)
    for frames in (7, 83, 200):  # fewer than a window, a window at the end, several batches
        track = walk(frames, rng)
        ours = ExportedMethod(exported, stride=stride, phases=phases, mirror_axis=axis)
        theirs = LearnedMethod(model, stride=stride, phases=phases, mirror_axis=axis)
        assert ours.observed == theirs.observed
        refined, expected = ours.refine(track).values, theirs.refine(track).values
        assert refined.dtype == expected.dtype
        np.testing.assert_allclose(refined, expected, atol=TOLERANCE)
        assert np.abs(expected - track.values).max() > 100 * TOLERANCE


def test_an_attention_is_one_node_and_no_shape_is_computed(tmp_path: Path) -> None:
    export(checkpoint(tmp_path / "hanet", "hanet"), tmp_path / "model.onnx", KIND)
    kinds = Counter(node.op_type for node in onnx.load(tmp_path / "model.onnx").graph.node)
    layers = OPTIONS["hanet"]["layers"]
    assert kinds["Attention"] == 3 * layers  # one in an encoder layer, two in a decoder layer
    assert not kinds.keys() & {"Shape", "Gather", "Softmax"}


def test_mirror_images_are_those_of_training(rng: np.random.Generator) -> None:
    windows = rng.normal(size=(2, 3, 51)).astype(np.float32)
    expected = mirror(torch.from_numpy(windows), H36M17, axis=1).numpy()
    np.testing.assert_array_equal(mirrored(windows, H36M17.mirror, 1), expected)


def test_it_runs_without_pytorch(tmp_path: Path) -> None:
    export(checkpoint(tmp_path / "hanet", "hanet"), tmp_path / "model.onnx", KIND)
    program = (
        "import sys; sys.modules['torch'] = None; from pathlib import Path; import numpy as np\n"
        "from hanet.models.exported import ExportedNetwork\n"
        "import hanet.methods.trained\n"
        "network = ExportedNetwork.open(Path(sys.argv[1]))\n"
        "assert np.isfinite(network.refine(np.ones((3, 21, 51), dtype=np.float32))).all()"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "model.onnx")], check=True, timeout=120)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda path: path.write_bytes(path.read_bytes()[:-500]),
            "is not a whole ONNX model|description is damaged",
        ),
        (lambda path: path.write_bytes(b"{}"), "is not a whole ONNX model"),
        (lambda path: described(path, None), "not one that `hanet export-onnx` wrote"),
        (lambda path: described(path, "{"), "expected JSON"),
        (lambda path: described(path, '{"format_version": 9}'), "has format version 9, this package reads 1"),
        (lambda path: described(path, '{"format_version": 1, "network": "x"}'), "its description is damaged"),
    ],
)
def test_files_that_are_no_export(tmp_path: Path, change: Any, message: str) -> None:
    path = tmp_path / "model.onnx"
    export(checkpoint(tmp_path / "mlp", "mlp"), path, KIND)
    change(path)
    with pytest.raises(ValueError, match=message) as caught:
        ExportedNetwork.open(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_flipped_bits_are_noticed(tmp_path: Path, rng: np.random.Generator) -> None:
    """Weights take most of the file; before 0.3 their bits were read as other weights."""
    path = tmp_path / "model.onnx"
    export(checkpoint(tmp_path / "mlp", "mlp"), path, KIND)
    whole = path.read_bytes()
    for bit in rng.integers(0, 8 * len(whole), 100):
        path.write_bytes(flip_bit(whole, int(bit)))
        with pytest.raises(ValueError, match=r"its SHA-256 differs|not a whole ONNX model"):
            ExportedNetwork.open(path)
    path.write_bytes(whole)
    ExportedNetwork.open(path)


def described(path: Path, text: str | None) -> None:
    """The file with another description, or none."""
    model = onnx.load(str(path))
    del model.metadata_props[:]
    if text is not None:
        onnx.helper.set_model_props(model, {KEY: text})
    onnx.save(model, str(path))


def test_tracks_that_do_not_fit(tmp_path: Path, rng: np.random.Generator) -> None:
    export(checkpoint(tmp_path / "mlp", "mlp"), tmp_path / "model.onnx", KIND)
    network = ExportedNetwork.open(tmp_path / "model.onnx")
    with pytest.raises(ValueError, match="stride must be from 1 to the window's 5 frames, got 6"):
        ExportedMethod(network, stride=6)
    track = walk(20, rng)
    track.values[4, 2] = np.nan
    with pytest.raises(ValueError, match="walk: frame 4 has NaN"):
        ExportedMethod(network, stride=1).refine(track)
