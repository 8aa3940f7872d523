"""How fast trained networks are without PyTorch, on one thread: ``python -m benchmarks.exported``.

ONNX Runtime and PyTorch take turns. Beside each time stand the operations of a window (PyTorch's count, two a
multiplication and addition) and the share of the core's peak, which is NumPy's product of two float32
matrices of 1024 × 1024 in the same run.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.report import Floor, Page, Ratio, Table, in_turns, matrix_product, median, run
from hanet.methods.network_cost import window_flops
from hanet.models import checkpoints
from hanet.models.export import export
from hanet.models.exported import INPUT, OUTPUT, ExportedNetwork
from hanet.models.options import Config
from hanet.models.registry import named, network_of
from hanet.models.trained_on import PoseKind

KIND = PoseKind("h36m17", "3d", "m", "camera_root_relative", 60.0)
RUNS, PROFILED = 60, 10
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


def measure() -> Page:
    """Every network with one window and with 64, on one thread."""
    torch.set_num_threads(1)
    rows, floors, ratios, limits = [], [], [], []
    for name, (network, options) in CONFIGS.items():
        config = named(network).config(**options)
        for windows in (1, 64):
            row, peak, profile = measured(network, config, windows)
            rows.append([name, windows, *row, row[-1] / peak])
            what = f"ONNX Runtime, {name}: {windows} window" + ("s" if windows > 1 else "")
            floors.append(Floor(what, row[-1], peak, "GFLOP/s", "product of matrices"))
            ratios.append(Ratio(what, row[3], "PyTorch"))
            limits.append(f"{what}: {row[0]:.2f} ms, {row[-1] / peak:.0%} of the peak. {profile}")
    columns = {
        "network": "",
        "windows": "d",
        "ONNX Runtime ms, median": ".2f",
        "99th percentile": ".2f",
        "PyTorch ms, median": ".2f",
        "PyTorch / ONNX": ".1f",
        "GFLOP/s": ".1f",
        "of the peak": ".0%",
    }
    return Page(
        "exported",
        "Trained networks without PyTorch",
        f"{RUNS} calls each in turns, one thread, wall time. Operations are PyTorch's count, two a "
        "multiplication and addition; the peak is NumPy's product of two float32 matrices of 1024 × 1024 "
        "in the same turns.",
        [Table(columns, rows)],
        floors,
        ratios,
        limits=limits,
    )


def node_profile(path: Path, poses: np.ndarray) -> str:
    """How many nodes ONNX Runtime runs, and the operators that take most of their time, in words."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.enable_profiling = True
    options.profile_file_prefix = str(path.with_suffix(""))
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    for _ in range(PROFILED):
        session.run([OUTPUT], {INPUT: poses})
    events = json.loads(Path(session.end_profiling()).read_text())
    nodes = [event for event in events if event["name"].endswith("_kernel_time")]
    spent: Counter[str] = Counter()
    for event in nodes:
        spent[event["args"]["op_name"]] += event["dur"]
    most = ", ".join(f"{name} {time / spent.total():.0%}" for name, time in spent.most_common(4))
    return f"It runs {len(nodes) // PROFILED} nodes; shares of their time: {most}."


def measured(network: str, config: Config, windows: int) -> tuple[list[float], float, str]:
    """Milliseconds (ONNX median and 99th percentile, PyTorch), their ratio, GFLOP/s; the core's peak; and
    where the time goes.
    """
    model = named(network).build(config).eval()
    rng = np.random.default_rng(0)
    poses = rng.normal(size=(windows, config.window, 51)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        checkpoints.save(model, folder)
        export(Path(folder), Path(folder) / "model.onnx", KIND)
        exported = ExportedNetwork.open(Path(folder) / "model.onnx")
        profile = node_profile(Path(folder) / "model.onnx", poses)
    tensor = torch.from_numpy(poses)
    product, operations = matrix_product()

    def by_torch() -> None:
        with torch.inference_mode():
            network_of(config).refine(model, tensor)

    ours, theirs, peak = in_turns(lambda: exported.refine(poses), by_torch, product, runs=RUNS)
    rate = windows * window_flops(model, 51) / median(ours) / 1e9
    slowest = float(np.quantile(ours, 0.99))
    times = [1e3 * median(ours), 1e3 * slowest, 1e3 * median(theirs), median(theirs / ours), rate]
    return times, operations / median(peak) / 1e9, profile


if __name__ == "__main__":
    run(measure)
