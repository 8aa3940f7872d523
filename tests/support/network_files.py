"""Small ONNX models in the formats of RTMPose, of heat maps and of MoveNet, whose answers are known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

JOINTS = 17


def _save(path: Path, given: object, nodes: Sequence[object], outputs: Sequence[object], **constants) -> Path:
    held = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(list(nodes), "test", [given], list(outputs), held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))
    return path


def _floats(name: str, shape: Sequence[int | str]):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))


def simcc(
    path: Path,
    *,
    size: tuple[int | str, int | str] = (256, 192),
    batch: int | str = "batch",
    joints: int = JOINTS,
    names: tuple[str, str] = ("simcc_x", "simcc_y"),
) -> Path:
    """RTMPose's format: every joint lies at the brightest pixel; two cells per pixel."""
    nodes = []
    for name, axes in zip(names, ([1, 2], [1, 3]), strict=True):
        nodes += [
            helper.make_node("ReduceMax", ["input"], [f"{name}_line"], axes=axes, keepdims=0),
            helper.make_node("Unsqueeze", [f"{name}_line", "last"], [f"{name}_cells"]),
            helper.make_node("Tile", [f"{name}_cells", "twice"], [f"{name}_pairs"]),
            helper.make_node("Reshape", [f"{name}_pairs", "flat"], [f"{name}_one"]),
            helper.make_node("Tile", [f"{name}_one", "joints"], [name]),
        ]
    outputs = [_floats(name, ("batch", joints, f"{name}_cells_")) for name in names]
    return _save(
        path, _floats("input", (batch, 3, *size)), nodes, outputs,
        last=np.array([2]), twice=np.array([1, 1, 2]), flat=np.array([0, 1, -1]),
        joints=np.array([1, joints, 1]),
    )  # fmt: skip


def heatmap(path: Path, *, size: tuple[int, int] = (256, 192)) -> Path:
    """Heat maps of a cell per four pixels, each of the brightest pixel in it."""
    nodes = [
        helper.make_node("ReduceMax", ["input"], ["grey"], axes=[1], keepdims=1),
        helper.make_node("MaxPool", ["grey"], ["one"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Tile", ["one", "joints"], ["maps"]),
    ]
    outputs = [_floats("maps", (1, JOINTS, size[0] // 4, size[1] // 4))]
    return _save(path, _floats("input", (1, 3, *size)), nodes, outputs, joints=np.array([1, JOINTS, 1, 1]))


def movenet(path: Path, found: np.ndarray, *, side: int = 192, dtype: int = TensorProto.INT32) -> Path:
    """MoveNet's format: always `found`, (17, 3): y, x and score."""
    given = helper.make_tensor_value_info("input", dtype, [1, side, side, 3])
    nodes = [helper.make_node("Identity", ["found"], ["output_0"])]
    constant = found.astype(np.float32).reshape(1, 1, *found.shape)
    return _save(path, given, nodes, [_floats("output_0", constant.shape)], found=constant)
