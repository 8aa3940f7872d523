"""What a reader of the harness is: how to make its files, how to read them, how to damage them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hanet.download.unpack import ArchiveError
from tests.support.mutations import BYTES, Mutation, edit_json, edit_safetensors

REFUSALS = (ValueError, OSError, ArchiveError)
"""What a command shows as one line."""
JSON = (*BYTES, *[edit_json] * len(BYTES))
SAFETENSORS = (*BYTES, *[edit_safetensors] * len(BYTES))


@dataclass(frozen=True)
class Reader:
    """A reader and how to make what it reads.

    Attributes:
        make: writes valid files into a folder and returns those that may be damaged.
        read: reads them from the folder; what comes back is looked through for arrays.
        mutations: how to damage them.
        share: of the cases that other readers get, where one takes long.
        poses: whether it reads poses: numbers are finite, or NaN where a joint is missing.
    """

    make: Callable[[Path], Sequence[Path]]
    read: Callable[[Path], Any]
    mutations: tuple[Mutation, ...] = BYTES
    share: float = 1.0
    poses: bool = False


def arrays(value: Any, seen: set[int] | None = None) -> Iterator[np.ndarray]:
    """The arrays in what a reader gave."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, torch.Tensor):
        yield value.detach().float().numpy()
    elif isinstance(value, torch.nn.Module):
        yield from arrays(value.state_dict(), seen)
    elif isinstance(value, dict):
        for entry in value.values():
            yield from arrays(entry, seen)
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from arrays(entry, seen)
    elif is_dataclass(value) and not isinstance(value, type):
        for entry in fields(value):
            yield from arrays(getattr(value, entry.name, None), seen)
