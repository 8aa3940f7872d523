"""The device for networks: a GPU if available, else the CPU."""

from __future__ import annotations

import torch


def hardware(threads: int | None = None) -> str:
    """Device, threads (those of the process, unless given) and PyTorch version, which determine rounding."""
    device = (
        torch.cuda.get_device_name()
        if torch.cuda.is_available()
        else f"{threads or torch.get_num_threads()} CPU threads"
    )
    return f"{device}, PyTorch {torch.__version__}"


def device() -> torch.device:
    """A GPU if available, else the CPU.

    Sets convolutions to full float32 precision; the default (TF32) keeps a 10-bit mantissa.
    """
    torch.backends.cudnn.allow_tf32 = False
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
