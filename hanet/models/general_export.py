"""The general refiner's weights on disk: safetensors for PyTorch, ONNX for everything else.

The ONNX network is `hanet.models.general_layout.OneBody`: it takes features with the frames last. The
networks of `hanet.models.general_baselines` are written and read likewise, without ONNX.

`write_weights` makes ``general.safetensors``, ``general.onnx`` and ``general.json`` (configuration, the
files' SHA-256, the writer's metadata); `load_general` reads the first back.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as format_safetensors

from hanet.files.atomic import whole_file, write_bytes, write_text
from hanet.files.hashing import file_hash
from hanet.files.json_text import read_json
from hanet.files.safe_tensors import read_tensors
from hanet.models.general import General
from hanet.models.general_baselines import Baseline, build
from hanet.models.general_inputs import FEATURES
from hanet.models.general_layout import OneBody
from hanet.models.general_options import BaselineConfig, GeneralConfig
from hanet.models.tensors import check_tensors, expected_shapes, require_finite

SAFETENSORS, ONNX, DESCRIPTION = "general.safetensors", "general.onnx", "general.json"
OPSET = 17


def write_weights(folder: Path, model: General | Baseline, metadata: Mapping[str, Any]) -> None:
    """Write all files, each whole or not at all.

    Args:
        folder: made where it is not there.
        model: the weights.
        metadata: what the description says besides, as values of JSON.
    """
    tensors = {name: value.contiguous() for name, value in model.state_dict().items()}
    write_bytes(folder / SAFETENSORS, format_safetensors(tensors))
    names = [SAFETENSORS]
    if isinstance(model, General):
        with whole_file(folder / ONNX) as path:
            _export(model, path)
        names.append(ONNX)
    hashes = {name: file_hash(folder / name) for name in names}
    description = {"config": model.config.to_dict(), "sha256": hashes, **metadata}
    write_text(folder / DESCRIPTION, json.dumps(description, indent=1) + "\n")


def _export(model: General, path: Path) -> None:
    example = torch.zeros(3, len(FEATURES), 16)
    joints, frames = {0: "joints", 1: "frames"}, {0: "joints", 2: "frames"}
    with warnings.catch_warnings():
        # The exporter by traces is deprecated, but quick; tests compare its output.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            OneBody(model).eval(),
            (example,),
            str(path),
            input_names=["features"],
            output_names=["weights", "periods"],
            dynamic_axes={"features": frames, "weights": joints, "periods": frames},
            opset_version=OPSET,
            dynamo=False,
        )


def load_general(folder: Path) -> General | Baseline:
    """The network with its weights.

    Raises:
        FileNotFoundError: no such files.
        ValueError: damaged files, or a configuration and weights that do not fit; the message names the file.
    """
    remedy = "write both files again (hanet.models.general_export.write_weights)"
    description = read_json(folder / DESCRIPTION, dict, remedy=remedy)
    tensors, _ = read_tensors(folder / SAFETENSORS, remedy=remedy)
    complaint = f"{folder / SAFETENSORS}: does not fit {DESCRIPTION}"
    try:
        kind = BaselineConfig if "network" in description["config"] else GeneralConfig
        config = kind.from_dict(description["config"])
        check_tensors(
            tensors, expected_shapes(config, lambda: build(config), len(tensors), complaint), complaint
        )
        require_finite(tensors, str(folder / SAFETENSORS))
        model = build(config)
        model.load_state_dict(tensors)
    except (ValueError, TypeError, LookupError) as error:
        said = str(error).removeprefix(f"{complaint}: ")
        raise ValueError(f"{complaint} ({said}); {remedy}") from error
    return model.eval()
