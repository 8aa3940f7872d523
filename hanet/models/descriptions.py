"""Read the ``model.json`` of a trained checkpoint without PyTorch, which a light installation lacks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hanet.files.json_text import parse_json

FORMAT_VERSION = 2
WEIGHTS = "model.safetensors"
DESCRIPTION = "model.json"
EXPORTED = "model.onnx"
"""The same network in the same folder as ONNX, see `hanet.models.export`; a folder may lack it."""
AGAIN = "restore the checkpoint, or train it again"


def read_description(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Network, configuration, SHA-256 of the weights and metadata of a checkpoint.

    Raises:
        FileNotFoundError: the folder has no description.
        ValueError: another format version, or a key that is missing or of another type.
    """
    path = Path(folder) / DESCRIPTION
    description = parse_json(read_file(path), dict, where=str(path), remedy=AGAIN)
    version = description.get("format_version")
    if version == 1 and not isinstance(version, bool):  # knew HANet alone
        description["network"] = "hanet"
    elif version != FORMAT_VERSION:
        raise ValueError(f"{path} has format version {version!r}, this package reads 1 to {FORMAT_VERSION}")
    expected = ("network", "config", "weights_sha256", "metadata")
    if missing := [key for key in expected if key not in description]:
        raise ValueError(f"{path} lacks {', '.join(missing)}; {AGAIN}")
    for key, kind in (("network", str), ("config", dict), ("weights_sha256", str), ("metadata", dict)):
        if not isinstance(description[key], kind):
            raise ValueError(
                f"{path}: {key} must be a {kind.__name__}, got {description[key]!r:.50}; {AGAIN}"
            )
    return description


def read_file(path: Path) -> bytes:
    """A file of a checkpoint.

    Raises:
        FileNotFoundError: no such file; the message says what a checkpoint is.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path} is missing: a checkpoint is a folder with {DESCRIPTION} and {WEIGHTS}"
        ) from None
