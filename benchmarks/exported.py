"""How fast trained networks are without PyTorch, on one thread: ``python -m benchmarks.exported``.

ONNX Runtime and PyTorch take turns. Beside each time stand the operations of a window (PyTorch's count, two a
multiplication and addition) and the share of the core's peak, which is NumPy's product of two float32
matrices of 1024 × 1024 in the same run.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.report import environment, save
from hanet.methods.network_cost import window_flops
from hanet.models import checkpoints
from hanet.models.export import export
from hanet.models.exported import ExportedNetwork
from hanet.models.options import Config
from hanet.models.registry import named, network_of
from hanet.models.trained_on import PoseKind

KIND = PoseKind("h36m17", "3d", "m", "camera_root_relative", 60.0)
RUNS = 60
CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "HANet of the default run (51 frames, d 32)": (
        "hanet",
        {"channels": 51, "interval": 5, "window": 51, "hidden": 32, "layers": 3, "frame_path": True},
    ),
    "HANet, released for Human3.6M (101 frames, d 64)": (
        "hanet",
        {"channels": 51, "interval": 5, "window": 101, "hidden": 64, "layers": 5},
    ),
    "DeciWatch of the default run": (
        "deciwatch",
        {"channels": 51, "interval": 5, "window": 51, "hidden": 32},
    ),
    "SmoothNet of the default run": ("smoothnet", {"window": 32, "hidden": 256, "residual_hidden": 128}),
}


def main() -> None:
    """Write and print the table."""
    torch.set_num_threads(1)
    rows = []
    for name, (network, options) in CONFIGS.items():
        config = named(network).config(**options)
        for windows in (1, 64):
            rows.append(row(name, network, config, windows))
    save(
        "exported",
        [
            "# Trained networks without PyTorch",
            "",
            f"{RUNS} calls each in turns, wall time. {environment()}",
            "",
            "| network | windows | ONNX Runtime ms, median | 99th percentile | PyTorch ms, median "
            "| PyTorch / ONNX | GFLOP/s | of the peak |",
            "|---|---:|---:|---:|---:|---:|---:|---:|",
            *rows,
        ],
    )


def row(name: str, network: str, config: Config, windows: int) -> str:
    """Times of one network for a batch of windows."""
    model = named(network).build(config).eval()
    rng = np.random.default_rng(0)
    poses = rng.normal(size=(windows, config.window, 51)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        checkpoints.save(model, folder)
        export(Path(folder), Path(folder) / "model.onnx", KIND)
        exported = ExportedNetwork.open(Path(folder) / "model.onnx")
    tensor = torch.from_numpy(poses)
    square = rng.normal(size=(1024, 1024)).astype(np.float32)

    def by_torch() -> None:
        with torch.inference_mode():
            network_of(config).refine(model, tensor)

    ours, theirs, product = timed(lambda: exported.refine(poses), by_torch, lambda: square @ square)
    operations = windows * window_flops(model, 51)
    rate, peak = operations / np.median(ours), 2 * 1024**3 / np.min(product)
    return (
        f"| {name} | {windows} | {1000 * np.median(ours):.2f} | {1000 * np.quantile(ours, 0.99):.2f} "
        f"| {1000 * np.median(theirs):.2f} | {np.median(theirs) / np.median(ours):.1f} "
        f"| {rate / 1e9:.1f} | {100 * rate / peak:.0f} % |"
    )


def timed(*functions: Callable[[], object]) -> list[np.ndarray]:
    """Seconds of every call, in turns; the first of each warms up."""
    seconds = np.empty((len(functions), RUNS + 3))
    for run in range(RUNS + 3):
        for number, function in enumerate(functions):
            start = time.perf_counter()
            function()
            seconds[number, run] = time.perf_counter() - start
    return list(seconds[:, 3:])


if __name__ == "__main__":
    main()
