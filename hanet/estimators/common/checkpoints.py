"""Official estimator checkpoints: read without running code in them, checked against the network.

The networks here name their tensors as the authors' code does, so a file fits as it is once the name that
wraps it is taken off. What a file holds besides the network (optimizer state, a body model under licence) is
left out by name, never by being unknown.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hanet.files.hashing import file_hash
from hanet.models.released_weights import check_tensors


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where an official file keeps the network's tensors.

    Attributes:
        container: the key of the state dict in the file.
        prefix: what tensors' names begin with, taken off; ``""`` for nothing.
        bare: whether names without the prefix, and a file that is the state dict itself, are accepted too.
        left_out: beginnings (with the prefix) of names that are no part of the network.
        only_prefixed: whether names without the prefix belong to something else and are left out.
        renamed: regular expressions of names that older files have, and what stands for them now.
    """

    container: str
    prefix: str = ""
    bare: bool = False
    left_out: tuple[str, ...] = ()
    only_prefixed: bool = False
    renamed: tuple[tuple[str, str], ...] = ()

    def tensors(self, content: Mapping[str, Any], origin: str) -> dict[str, Any]:
        """The network's tensors by its own names.

        Raises:
            ValueError: where the container is missing or holds something else.
        """
        state = content.get(self.container, content if self.bare else None)
        if not isinstance(state, Mapping):
            raise ValueError(
                f"{origin}: expected a state dict under {self.container!r}, the file holds "
                f"{', '.join(sorted(map(str, content))[:10]) or 'nothing'}"
            )
        kept = {
            name: tensor
            for name, tensor in state.items()
            if not name.startswith(self.left_out) and (name.startswith(self.prefix) or not self.only_prefixed)
        }
        if self.prefix and not self.bare and not any(name.startswith(self.prefix) for name in kept):
            raise ValueError(
                f"{origin}: expected names that begin with {self.prefix!r}, got "
                f"{', '.join(sorted(state)[:3]) or 'none'}"
            )
        return {self._own_name(name.removeprefix(self.prefix)): tensor for name, tensor in kept.items()}

    def _own_name(self, name: str) -> str:
        for pattern, replacement in self.renamed:
            name = re.sub(pattern, replacement, name)
        return name


def load_official(network: nn.Module, path: Path, layout: Layout) -> str:
    """Give `network` the weights of an official checkpoint; returns the file's SHA-256 for the record.

    Counters of batches that batch norms have seen may be missing: old files lack them and nothing reads them.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file holds more than tensors and plain values, is damaged, or is of another network;
            names the first tensors that are missing, unexpected or of another shape.
    """
    content = read_checkpoint(path)
    tensors = layout.tensors(content, str(path))
    own: dict[str, Tensor] = network.state_dict()
    counters = {name: own[name] for name in own if name.endswith(".num_batches_tracked")}
    tensors = counters | tensors
    expected = {name: tuple(tensor.shape) for name, tensor in own.items()}
    check_tensors(tensors, expected, f"{path} is not an official {type(network).__name__}")
    network.load_state_dict(tensors)
    return file_hash(path)


def read_checkpoint(path: Path) -> Mapping[str, Any]:
    """A PyTorch file's tensors and plain values; nothing in it is run.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds more than that, is damaged, or is no mapping.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{path} holds more than tensors and plain values, and reading it could run code. Where you "
            f"trust the file, save its state dict alone, under its key, with torch.save and load that "
            f"({error})"
        ) from error
    except (RuntimeError, EOFError, IndexError) as error:
        raise ValueError(f"{path} is no whole PyTorch file ({error}); get it again") from error
    if not isinstance(content, Mapping):
        raise ValueError(f"{path} holds a {type(content).__name__}, expected a mapping of names")
    return content
