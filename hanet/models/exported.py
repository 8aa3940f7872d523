"""A network that `hanet.models.export` wrote as ONNX: NumPy and ONNX Runtime, no PyTorch.

The file carries the network's name and configuration and the kind of poses that it was trained on.

Axes: W windows, T frames per window, C channels (joints × dims).
"""

from __future__ import annotations

import hashlib
import json
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from hanet.files.json_text import parse_json
from hanet.models.options import CONFIGS, Config

KEY = "hanet"
"""The key of our description in the file's metadata."""
FORMAT_VERSION = 1
INPUT, OUTPUT = "detected", "refined"
SEAL = "hanet_sha256"
"""Entry of the file's metadata: SHA-256 of the file, in which `UNSEALED` stands in its place."""
UNSEALED = "sha256:" + "0" * 64
_AGAIN = "export the model again (hanet export-onnx)"


@dataclass(frozen=True, eq=False)
class ExportedNetwork:
    """A network in ONNX Runtime, on one thread of the CPU.

    Attributes:
        config: the network's configuration.
        poses: the kind of poses it was trained on, as in a checkpoint's metadata.
        joints: their joints, see `hanet.models.trained_skeleton`.
        weights_sha256: of the checkpoint that was exported.
        session: ONNX Runtime's.
    """

    config: Config
    poses: dict[str, Any]
    joints: dict[str, Any]
    weights_sha256: str
    session: Any

    @classmethod
    def open(cls, path: Path) -> ExportedNetwork:
        """Read a file of `hanet.models.export`.

        Raises:
            FileNotFoundError: no such file.
            ValueError: not an ONNX file, or not one that `hanet export-onnx` wrote.
        """
        import onnxruntime

        content = path.read_bytes()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4  # errors are raised
        try:
            with redirect_stdout(StringIO()):  # it prints some errors and tries again
                session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
            metadata = session.get_modelmeta().custom_metadata_map
            ends = [(end.name, end.shape[1:2]) for end in (*session.get_inputs(), *session.get_outputs())]
        except Exception as error:  # its classes have no common base but this
            reason = next(iter(str(error).splitlines()), type(error).__name__)[:200]
            raise ValueError(f"{path} is not a whole ONNX model ({reason}); {_AGAIN}") from error
        text, noted = metadata.get(KEY), metadata.get(SEAL)
        if noted not in (None, seal_of(content.replace(str(noted).encode(), UNSEALED.encode(), 1))):
            raise ValueError(f"{path}: damaged: its SHA-256 differs from what was written; {_AGAIN}")
        if text is None:
            raise ValueError(f"{path}: an ONNX model, but not one that `hanet export-onnx` wrote; {_AGAIN}")
        described = parse_json(text.encode(), dict, where=str(path), remedy=_AGAIN)
        version = described.get("format_version")
        if version != FORMAT_VERSION:
            raise ValueError(f"{path} has format version {version!r}, this package reads {FORMAT_VERSION}")
        try:
            config = CONFIGS[described["network"]].from_dict(described["config"])
            poses, joints = dict(described["poses"]), dict(described["joints"])
            weights = str(described["weights_sha256"])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"{path}: its description is damaged ({error}); {_AGAIN}") from error
        if [name for name, _ in ends] != [INPUT, OUTPUT] or ends[0][1] != [config.window]:
            raise ValueError(f"{path}: its network is not the one that it describes; {_AGAIN}")
        return cls(config, poses, joints, weights, session)

    def refine(self, windows: Float[np.ndarray, "W T C"]) -> Float[np.ndarray, "W T C"]:
        """Windows of detected poses to refined ones, in float32."""
        return self.session.run([OUTPUT], {INPUT: np.ascontiguousarray(windows, dtype=np.float32)})[0]


def seal_of(unsealed: bytes) -> str:
    """What stands under `SEAL` in the file with these bytes. Files of before 0.3 have none."""
    return f"sha256:{hashlib.sha256(unsealed).hexdigest()}"


def description(
    network: str, config: Config, poses: dict[str, Any], joints: dict[str, Any], weights_sha256: str
) -> str:
    """The text under `KEY` in the file's metadata."""
    return json.dumps(
        {
            "format_version": FORMAT_VERSION,
            "network": network,
            "config": config.to_dict(),
            "poses": poses,
            "joints": joints,
            "weights_sha256": weights_sha256,
        },
        sort_keys=True,
        allow_nan=False,
    )
