"""Read PyTorch's files (`.pt`, `.pth`, `.tar`) without running code in them."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch


def read_torch(path: Path, *, allowed: Sequence[Any] = ()) -> Mapping[Any, Any]:
    """A file's mapping of tensors and plain values, on the CPU; arguments and errors of `read_content`.

    Raises:
        ValueError: the file holds no mapping.
    """
    content = read_content(path, allowed=allowed)
    if not isinstance(content, Mapping):
        raise ValueError(f"{path} holds a {type(content).__name__}, expected a mapping of names")
    return content


def read_content(path: Path, *, allowed: Sequence[Any] = ()) -> Any:
    """What a file holds, tensors and plain values, on the CPU.

    Args:
        path: the file.
        allowed: more functions and types that it may name, as for `torch.serialization.safe_globals`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file holds more than tensors and plain values, or is damaged.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; check the path")
    try:
        _check_sizes(path)
        with torch.serialization.safe_globals(list(allowed)):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{path} holds more than tensors and plain values, and reading it could run code. Where you "
            f"trust the file, save its state dict alone with torch.save and load that ({_first_line(error)})"
        ) from error
    # A damaged file makes the unpickler fail wherever a value is of another kind than it wrote.
    except Exception as error:
        raise ValueError(f"{path} is no whole PyTorch file ({_first_line(error)}); get it again") from error
    return content


def _check_sizes(path: Path) -> None:
    """PyTorch stores its files' parts as they are: parts larger than the file are a lie."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        stated, size = sum(part.file_size for part in archive.infolist()), path.stat().st_size
    if stated > size:
        raise ValueError(f"its parts would have {stated} bytes, the file has {size}")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
