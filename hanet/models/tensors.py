"""The tensors of a file and the network that a configuration describes: do they fit?"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from hanet.models.config import Settings


def expected_shapes(
    config: Settings, build: Callable[[], nn.Module], tensors: int, complaint: str
) -> dict[str, tuple[int, ...]]:
    """Shapes of a network's tensors, found without memory for them: a file may ask for any size.

    Args:
        config: of the network.
        build: makes it.
        tensors: how many the file has; a network of more layers is not built.
        complaint: the beginning of messages.

    Raises:
        ValueError: a configuration of more layers than tensors, or one that cannot be built.
    """
    layers = {name: value for name, value in config.to_dict().items() if name.endswith(("layers", "blocks"))}
    if above := {name: value for name, value in layers.items() if value > tensors}:
        raise ValueError(f"{complaint}: it has {tensors} tensors, which cannot be of {reprlib.repr(above)}")
    try:
        with torch.device("meta"):
            model = build()
    except (RuntimeError, OverflowError, MemoryError, TypeError, ValueError) as error:
        raise ValueError(f"{complaint}: {str(error).splitlines()[0]}") from error
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def check_tensors(
    tensors: Mapping[str, Any], expected: Mapping[str, tuple[int, ...]], complaint: str
) -> None:
    """Raise ValueError for missing, unexpected or misshapen tensors, naming up to ten of them."""
    problems = [f"{name} is missing" for name in sorted(set(expected) - set(tensors))]
    problems += [f"{name} is unexpected" for name in sorted(set(tensors) - set(expected))]
    for name in sorted(set(expected) & set(tensors)):
        tensor, shape = tensors[name], expected[name]
        if not isinstance(tensor, Tensor):
            problems.append(f"{name} is a {type(tensor).__name__}, expected a tensor")
        elif (
            tensor.is_sparse
            or tensor.is_quantized
            or not (tensor.is_floating_point() or name.endswith(".num_batches_tracked"))
        ):
            problems.append(f"{name} is of {tensor.dtype}, expected dense floating-point numbers")
        elif tensor.shape != shape:
            problems.append(f"{name} is {tuple(tensor.shape)}, but the configuration expects {shape}")
    if problems:
        more = f"; and {len(problems) - 10} more" if len(problems) > 10 else ""
        raise ValueError(f"{complaint}: {'; '.join(problems[:10])}{more}")


def require_finite(tensors: Mapping[str, Tensor], name: str) -> None:
    """Refuse weights that hold NaN or infinity (ValueError), naming up to ten tensors."""
    bad = sorted(key for key, tensor in tensors.items() if not bool(tensor.isfinite().all()))
    if bad:
        more = f" and {len(bad) - 10} more" if len(bad) > 10 else ""
        raise ValueError(
            f"{name}: expected finite weights, got NaN or infinity in {', '.join(bad[:10])}{more}; train the "
            "model again, or get its file again"
        )
