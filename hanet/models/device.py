"""Where networks run: a GPU where there is one, else the CPU."""

from __future__ import annotations

import torch


def hardware() -> str:
    """What decides how a computation rounds: device, threads, PyTorch."""
    device = (
        torch.cuda.get_device_name()
        if torch.cuda.is_available()
        else f"{torch.get_num_threads()} CPU threads"
    )
    return f"{device}, PyTorch {torch.__version__}"


def device() -> torch.device:
    """A GPU where there is one.

    Its convolutions are told to keep float32's digits: by default they take 10 bits of them.
    """
    torch.backends.cudnn.allow_tf32 = False
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
