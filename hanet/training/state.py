"""The state of a training in one file: tensors, and in its header what it belongs to and how far it got."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from hanet.files.atomic import remove_leftovers, whole_file


def save_state(path: Path, tensors: dict[str, Tensor], fingerprint: str, progress: dict[str, Any]) -> None:
    """Write the state whole: a kill leaves the old one or the new one. One process at a time may write it."""
    # Tensors may share memory (the best weights may be the current ones), which the format refuses.
    copies = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
    remove_leftovers(path)
    with whole_file(path) as temporary:
        save_file(copies, temporary, metadata={"fingerprint": fingerprint, "progress": json.dumps(progress)})


def load_state(path: Path, fingerprint: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Tensors (on the CPU) and progress in `path`; None where there is none, or one of another fingerprint.

    Raises:
        ValueError: the file is damaged; says to delete it.
    """
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("fingerprint") != fingerprint:
                return None
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
    except SafetensorError as error:
        raise ValueError(
            f"{path}: not a whole training state ({error}); delete it to start afresh"
        ) from error
    return tensors, json.loads(metadata["progress"])


def pack(networks: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """All tensors of networks and of an optimizer, by dotted names."""
    state = {f"{name}.{k}": v for name, net in networks.items() for k, v in net.state_dict().items()}
    for index, values in optimizer.state_dict()["state"].items():
        state |= {f"optimizer.{index}.{k}": v for k, v in values.items()}
    return state


def unpack(
    state: dict[str, Tensor], networks: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer
) -> None:
    """Put the tensors that `pack` named back, on whatever device networks and optimizer are."""
    for name, network in networks.items():
        network.load_state_dict(below(state, f"{name}."))
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in below(state, "optimizer.").items():
        index, key = name.split(".", 1)
        moments.setdefault(int(index), {})[key] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": moments, "param_groups": groups})


def below(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The entries whose names start with `prefix`, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
