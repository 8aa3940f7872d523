"""The state of a training in one file: tensors, and in the header its fingerprint and progress."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from hanet.files.atomic import remove_leftovers, whole_file
from hanet.files.json_text import parse_json
from hanet.files.safe_tensors import read_tensors


def save_state(path: Path, tensors: dict[str, Tensor], fingerprint: str, progress: dict[str, Any]) -> None:
    """Write the state atomically. Only one process at a time may write it."""
    # Tensors may share memory (e.g. the best and the current weights), which the format does not allow.
    copies = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
    remove_leftovers(path)
    metadata = {
        "fingerprint": fingerprint,
        "progress": (noted := json.dumps(progress)),
        "progress_sha256": hashlib.sha256(noted.encode()).hexdigest(),
        "tensors_sha256": _tensors_hash(copies),
    }
    with whole_file(path) as temporary:
        try:
            save_file(copies, temporary, metadata=metadata)
        except SafetensorError as error:  # how it reports a full or read-only disk
            raise OSError(f"{path}: cannot be written ({error}); the last epoch's state is kept") from error


def load_state(path: Path, fingerprint: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Read tensors (on the CPU) and progress; None for a missing file or another fingerprint.

    Raises:
        ValueError: the file is damaged or unreadable; the message says to delete it.
    """
    if not path.is_file():
        return None
    remedy = "delete it to start over"
    try:
        with safe_open(path, framework="pt") as file:
            if (file.metadata() or {}).get("fingerprint") != fingerprint:
                return None
        tensors, metadata = read_tensors(path, remedy=remedy)
    except (SafetensorError, ValueError) as error:
        raise ValueError(f"{path}: not a whole training state ({error}); {remedy}") from error
    progress = metadata.get("progress", "")
    hashes = {
        "tensors": _tensors_hash(tensors),
        "progress": hashlib.sha256(progress.encode()).hexdigest(),
    }
    for part, expected in hashes.items():  # earlier states have one hash or none
        if metadata.get(f"{part}_sha256", expected) != expected:
            raise ValueError(
                f"{path}: not a whole training state (SHA-256 of its {part} is not the one noted); {remedy}"
            )
    return tensors, parse_json(progress, dict, where=f"{path}, its progress", remedy=remedy)


def _tensors_hash(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names and bytes, by name."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        digest.update(tensor.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def pack(networks: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """All tensors of networks and of an optimizer, by dotted names."""
    state = {f"{name}.{k}": v for name, net in networks.items() for k, v in net.state_dict().items()}
    for index, values in optimizer.state_dict()["state"].items():
        state |= {f"optimizer.{index}.{k}": v for k, v in values.items()}
    return state


def unpack(
    state: dict[str, Tensor], networks: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer
) -> None:
    """Load the tensors that `pack` named into networks and optimizer, on their devices."""
    for name, network in networks.items():
        network.load_state_dict(with_prefix(state, f"{name}."))
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in with_prefix(state, "optimizer.").items():
        index, key = name.split(".", 1)
        moments.setdefault(int(index), {})[key] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": moments, "param_groups": groups})


def with_prefix(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The entries whose names start with `prefix`, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
