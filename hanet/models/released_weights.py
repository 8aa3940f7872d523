"""Read the authors' released checkpoints without running code in them; rename and check their tensors."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from hanet.files.torch_file import read_torch
from hanet.models.tensors import check_tensors, require_finite

Source = Mapping[str, Any] | str | os.PathLike[str]
"""A state dict or a file of one, plain or under the key ``state_dict``."""

LAYER_NAMES = (
    (r"\.norm_attention\.", ".norm1."),
    (r"\.norm_memory\.", ".norm2."),
    (r"\.norm_feedforward\.", ".norm3."),
    (r"\.feedforward\.widen\.", ".linear1."),
    (r"\.feedforward\.narrow\.", ".linear2."),
    (r"\.attention\.", ".self_attn."),
    (r"\.memory_attention\.", ".multihead_attn."),
    (r"\.(query|key|value)\.", ".in_proj_"),
    (r"\.out\.", ".out_proj."),
)
"""Patterns of our names of a decoder layer's tensors, and their replacements in the released models.

An encoder layer's ``norm_feedforward`` is their ``norm2``: a pattern for it must come before these.
"""


def substitute(name: str, patterns: Iterable[tuple[str, str]]) -> str:
    """Apply all patterns to a name, in order."""
    for pattern, replacement in patterns:
        name = re.sub(pattern, replacement, name)
    return name


def grouped(names: Iterable[str], rename: Callable[[str], str]) -> dict[str, tuple[str, ...]]:
    """Map released names to the names of ours that they contain, stacked along the first axis.

    The map is one to one, except for attention's query, key and value, which the released models store as
    one.
    """
    groups: dict[str, tuple[str, ...]] = {}
    for ours in names:
        theirs = rename(ours)
        groups[theirs] = (*groups.get(theirs, ()), ours)
    return groups


def load_weights(
    model: nn.Module,
    source: Source,
    names: Mapping[str, tuple[str, ...]],
    *,
    prefix: str = "",
    unread: Mapping[str, tuple[int, ...]] | None = None,
) -> None:
    """Load a released checkpoint into `model`.

    Args:
        model: modified in place.
        source: the checkpoint; its names may have or lack ``module.`` and, after it, `prefix`.
        names: released names with `prefix`, mapped to those of the model, as returned by `grouped`.
        prefix: prefix of all released names.
        unread: names and shapes of tensors that must be present and are ignored.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a file with more than tensors and plain values, or tensors that are missing, unexpected or
            of another shape than the model's; the message names them.
    """
    content = source if isinstance(source, Mapping) else read_torch(Path(source))
    state = content.get("state_dict", content)
    if not isinstance(state, Mapping):
        raise ValueError(f"{source}: expected a state dict under 'state_dict', got a {type(state).__name__}")
    released = {
        prefix + str(name).removeprefix("module.").removeprefix(prefix): tensor
        for name, tensor in state.items()
    }
    own = model.state_dict()
    expected = dict(unread or {})
    for name, parts in names.items():
        expected[name] = (sum(len(own[part]) for part in parts), *own[parts[0]].shape[1:])
    released = {name: _without_kernel(tensor, expected.get(name)) for name, tensor in released.items()}
    where = "the state dict" if isinstance(source, Mapping) else str(source)
    check_tensors(
        released, expected, f"{where} is not a released {type(model).__name__} of this configuration"
    )
    require_finite(released, where)
    tensors: dict[str, Tensor] = {}
    for name, parts in names.items():
        tensors |= dict(zip(parts, released[name].chunk(len(parts)), strict=True))
    model.load_state_dict(tensors)


def _without_kernel(tensor: Any, shape: tuple[int, ...] | None) -> Any:
    """The tensor in the expected shape, where it only differs by a convolution's kernel axis of size 1."""
    if isinstance(tensor, Tensor) and shape is not None and tensor.shape[: len(shape)] == shape:
        return tensor.reshape(shape) if tensor.shape[len(shape) :].numel() == 1 else tensor
    return tensor
