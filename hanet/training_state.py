"""The state of a training in one file: tensors, and in its header what it belongs to and how far it got."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor


def save_state(path: Path, tensors: dict[str, Tensor], fingerprint: str, progress: dict[str, Any]) -> None:
    """Write under a temporary name, flush to disk, rename: a kill leaves the old state or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    # Tensors may share memory (the best weights may be the current ones), which the format refuses.
    copies = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
    save_file(copies, temporary, metadata={"fingerprint": fingerprint, "progress": json.dumps(progress)})
    with temporary.open("rb") as handle:
        os.fsync(handle.fileno())
    temporary.replace(path)


def load_state(
    path: Path, fingerprint: str, device: torch.device
) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The tensors and progress in `path`; None where there is no file, or one of another fingerprint.

    Raises:
        ValueError: the file is damaged; says to delete it.
    """
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            metadata = file.metadata() or {}
            if metadata.get("fingerprint") != fingerprint:
                return None
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
    except SafetensorError as error:
        raise ValueError(
            f"{path}: not a whole training state ({error}); delete it to start afresh"
        ) from error
    return tensors, json.loads(metadata["progress"])


def below(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The entries whose names start with `prefix`, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
