"""A trained network as one ONNX file, for use without PyTorch (`hanet.models.exported`)."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hanet.files.atomic import whole_file
from hanet.models import checkpoints, trained_skeleton
from hanet.models.exported import INPUT, KEY, OUTPUT, SEAL, UNSEALED, ExportedNetwork, description, seal_of
from hanet.models.layers import ATTENTION
from hanet.models.registry import Model, Network, network_of
from hanet.models.trained_on import PoseKind
from hanet.poses.sequence import DIMS

WRITTEN, OPSET = 20, 23
"""Versions of ONNX's operators: the newest that the exporter writes, and the first with Attention."""
TOLERANCE = 1e-5
"""Largest difference to PyTorch's result, of poses of the size of one (metres, shares of the image)."""


class _Refined(nn.Module):
    """The refined poses alone, as `hanet.models.registry.Network.refine` gives them."""

    def __init__(self, network: Network, model: Model) -> None:
        super().__init__()
        self._network = network
        self.model = model

    def forward(self, detected: Tensor) -> Tensor:
        return self._network.refine(self.model, detected)


def export(folder: Path, out: Path, kind: PoseKind) -> float:
    """Write the network of a checkpoint as ONNX, whole or not at all, and compare it with PyTorch.

    Args:
        folder: the checkpoint.
        out: file to write.
        kind: the poses that it was trained on.

    Returns:
        The largest difference between ONNX Runtime's result and PyTorch's on random poses.

    Raises:
        FileNotFoundError, ValueError: as `checkpoints.load`; or the results differ by more than `TOLERANCE`.
    """
    model = checkpoints.load(folder)
    network = network_of(model.config)
    described = checkpoints.read_description(folder)
    joints = described["metadata"].get(trained_skeleton.KEY) or {}
    skeleton = trained_skeleton.from_dict(kind.skeleton, joints, folder)
    channels = len(skeleton) * DIMS[kind.representation]
    module = _Refined(network, model).eval()
    text = description(network.name, model.config, kind.to_dict(), joints, described["weights_sha256"])
    generator = torch.Generator().manual_seed(0)
    with whole_file(out) as path:
        write(module, torch.randn(2, model.config.window, channels, generator=generator), path, text)
        poses = torch.randn(5, model.config.window, channels, generator=generator)
        with torch.inference_mode():
            expected = module(poses).numpy()
        difference = float(np.abs(ExportedNetwork.open(path).refine(poses.numpy()) - expected).max())
        if not difference <= TOLERANCE:
            raise ValueError(
                f"{folder}: ONNX Runtime's result differs from PyTorch's by {difference:.1e}, more than "
                f"{TOLERANCE:g}; nothing was written"
            )
    return difference


def _transposed(graph: Any, value: Any) -> Any:
    """The last two axes changed places, which the exporter does not know by the name ``mT``."""
    *batch, rows, columns = range(value.type().dim())
    return graph.op("Transpose", value, perm_i=[*batch, columns, rows])


def write(module: nn.Module, example: Tensor, path: Path, text: str) -> None:
    """Write a module of one input and one result as ONNX, for any number of windows; `text` describes it.

    What it computes is not compared, see `export`.
    """
    import onnx
    from torch.onnx import register_custom_op_symbolic  # pyright: ignore[reportPrivateImportUsage]

    register_custom_op_symbolic("aten::mT", _transposed, WRITTEN)
    with warnings.catch_warnings():
        # The exporter by traces is deprecated, but quick; `export` compares its output.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (example,),
            str(path),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: {0: "windows"}, OUTPUT: {0: "windows"}},
            opset_version=WRITTEN,
            custom_opsets={ATTENTION.partition("::")[0]: 1},
            dynamo=False,
        )
    model = onnx.load(str(path))
    for node in model.graph.node:
        node.domain = ""  # that of Attention was ours
    del model.opset_import[:]
    model.opset_import.append(onnx.helper.make_opsetid("", OPSET))
    onnx.checker.check_model(model)
    onnx.helper.set_model_props(model, {KEY: text, SEAL: UNSEALED})
    content = model.SerializeToString()
    path.write_bytes(content.replace(UNSEALED.encode(), seal_of(content).encode(), 1))
