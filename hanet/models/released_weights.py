"""Checkpoints that authors released: read without running code in them, renamed, checked."""

from __future__ import annotations

import os
import pickle
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

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
"""Patterns of our names of a decoder layer's tensors, and what the released models have in their place.

An encoder layer's ``norm_feedforward`` is their ``norm2``: a pattern that says so has to come before these.
"""


def substitute(name: str, patterns: Iterable[tuple[str, str]]) -> str:
    """The name with all patterns replaced, one after the other."""
    for pattern, replacement in patterns:
        name = re.sub(pattern, replacement, name)
    return name


def grouped(names: Iterable[str], rename: Callable[[str], str]) -> dict[str, tuple[str, ...]]:
    """Released names, and for each the names of ours that it holds, one below the other.

    It is one to one, but for attention's query, key and value, which the released models store as one.
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
    """Give `model` the weights of a released checkpoint.

    Args:
        model: filled in place.
        source: the checkpoint; its names may have or lack ``module.`` and, after it, `prefix`.
        names: released names with `prefix`, and for each those of the model, as `grouped` gives them.
        prefix: what all released names begin with.
        unread: names and shapes of tensors that must be there and are left out.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a file that holds more than tensors and plain values, or tensors that are missing,
            unexpected or of another shape than the model's; all are named.
    """
    content = source if isinstance(source, Mapping) else _torch_load(Path(source))
    released = {
        prefix + name.removeprefix("module.").removeprefix(prefix): tensor
        for name, tensor in content.get("state_dict", content).items()
    }
    own = model.state_dict()
    expected = dict(unread or {})
    for name, parts in names.items():
        expected[name] = (sum(len(own[part]) for part in parts), *own[parts[0]].shape[1:])
    released = {name: _without_kernel(tensor, expected.get(name)) for name, tensor in released.items()}
    check_tensors(released, expected, f"not a released {type(model).__name__} of this configuration")
    tensors: dict[str, Tensor] = {}
    for name, parts in names.items():
        tensors |= dict(zip(parts, released[name].chunk(len(parts)), strict=True))
    model.load_state_dict(tensors)


def check_tensors(
    tensors: Mapping[str, Any], expected: Mapping[str, tuple[int, ...]], complaint: str
) -> None:
    """Refuse tensors that are missing, unexpected or misshapen (ValueError), naming up to ten of them."""
    problems = [f"{name} is missing" for name in sorted(set(expected) - set(tensors))]
    problems += [f"{name} is unexpected" for name in sorted(set(tensors) - set(expected))]
    for name in sorted(set(expected) & set(tensors)):
        tensor, shape = tensors[name], expected[name]
        if not isinstance(tensor, Tensor):
            problems.append(f"{name} is a {type(tensor).__name__}, expected a tensor")
        elif tensor.shape != shape:
            problems.append(f"{name} is {tuple(tensor.shape)}, but the configuration asks for {shape}")
    if problems:
        more = f"; and {len(problems) - 10} more" if len(problems) > 10 else ""
        raise ValueError(f"{complaint}: {'; '.join(problems[:10])}{more}")


def _without_kernel(tensor: Any, shape: tuple[int, ...] | None) -> Any:
    """The tensor in the expected shape, where all that differs is a convolution's kernel of size 1."""
    if isinstance(tensor, Tensor) and shape is not None and tensor.shape[: len(shape)] == shape:
        return tensor.reshape(shape) if tensor.shape[len(shape) :].numel() == 1 else tensor
    return tensor


def _torch_load(path: Path) -> Mapping[str, Any]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{path} holds more than tensors and plain values, and reading it could run code. Where you "
            f"trust the file, save its state dict alone with torch.save and load that ({error})"
        ) from error
    if not isinstance(content, Mapping):
        raise ValueError(f"{path} holds a {type(content).__name__}, expected a state dict")
    return content
