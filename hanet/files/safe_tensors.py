"""Read safetensors files that may be damaged: one error that names the file."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load
from torch import Tensor


def parse_tensors(content: bytes, *, where: str, remedy: str) -> dict[str, Tensor]:
    """The tensors of a file's content, on the CPU.

    Raises:
        ValueError: not a whole safetensors file.
    """
    try:
        return load(content)
    # A header that lies makes the parser fail in ways of its own.
    except (SafetensorError, ValueError, TypeError, KeyError, RuntimeError, OverflowError) as error:
        raise ValueError(f"{where}: not a whole safetensors file ({error}); {remedy}") from error


def read_tensors(path: Path, *, remedy: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a file, on the CPU, and its metadata.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a whole safetensors file.
    """
    content = path.read_bytes()
    tensors = parse_tensors(content, where=str(path), remedy=remedy)
    with safe_open(path, framework="pt") as file:
        return tensors, file.metadata() or {}
