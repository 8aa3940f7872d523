"""Read official estimator checkpoints without running code in them, and check them against the network.

The networks here name their tensors as the authors' code does, so a file fits after its prefix is removed.
Other contents of a file (optimizer state, a licensed body model) are excluded by an explicit list of names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from hanet.files.hashing import file_hash
from hanet.files.torch_file import read_torch
from hanet.models.tensors import check_tensors, require_finite


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The place and names of the network's tensors in an official file.

    Attributes:
        container: the key of the state dict in the file.
        prefix: prefix of tensors' names, which is removed; ``""`` for none.
        bare: whether names without the prefix, and a bare state dict, are also accepted.
        left_out: beginnings (with the prefix) of names that are not part of the network.
        only_prefixed: whether names without the prefix belong to something else and are left out.
        renamed: regular expressions of names in older files, and their current replacements.
    """

    container: str
    prefix: str = ""
    bare: bool = False
    left_out: tuple[str, ...] = ()
    only_prefixed: bool = False
    renamed: tuple[tuple[str, str], ...] = ()

    def tensors(self, content: Mapping[str, Any], origin: str) -> dict[str, Any]:
        """Extract the network's tensors, under the network's names.

        Raises:
            ValueError: the container is missing or not a state dict.
        """
        state = content.get(self.container, content if self.bare else None)
        if not isinstance(state, Mapping) or not all(isinstance(name, str) for name in state):
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
    """Load an official checkpoint into `network`; returns the file's SHA-256 for the record.

    Batch norms' counters of batches may be missing: old files lack them, and they are not used.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file has more than tensors and plain values, is damaged, or belongs to another
            network; the message names the first tensors that are missing, unexpected or of another shape.
    """
    content = read_torch(path)
    tensors = layout.tensors(content, str(path))
    own: dict[str, Tensor] = network.state_dict()
    counters = {name: own[name] for name in own if name.endswith(".num_batches_tracked")}
    tensors = counters | tensors
    expected = {name: tuple(tensor.shape) for name, tensor in own.items()}
    check_tensors(tensors, expected, f"{path} is not an official {type(network).__name__}")
    require_finite(tensors, str(path))
    network.load_state_dict(tensors)
    return file_hash(path)
