"""HANet on watched frames compared with the published dense form: a forward pass and a training step.

Run ``python -m benchmarks.model``; writes benchmarks/results/model.md. Both forms share weights and take
turns. The dense form computes encoder and memory at all frames and masks the unwatched ones.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from benchmarks.dense import DenseHANet
from benchmarks.report import Floor, Page, Ratio, Table, in_turns, matrix_product, median, run
from hanet.methods.network_cost import window_flops
from hanet.models.hanet import HANet, HANetConfig
from hanet.models.losses import hanet_loss

RUNS = 5
CASES = {
    "default run (51 frames, d 32)": (
        HANetConfig(channels=51, interval=5, window=51, hidden=32, layers=3),
        64,
    ),
    "Human3.6M, FCN (101 frames, d 64)": (
        HANetConfig(channels=51, interval=5, window=101, hidden=64, layers=5),
        16,
    ),
    "AIST++, 3D (101 frames, d 128)": (
        HANetConfig(channels=51, interval=5, window=101, hidden=128, layers=5),
        8,
    ),
    "SMPL (101 frames, d 128, interval 10)": (
        HANetConfig(channels=144, interval=10, window=101, hidden=128, layers=5, pre_norm=False),
        8,
    ),
    "Sub-JHMDB, 2D (11 frames, d 256)": (
        HANetConfig(channels=30, interval=5, window=11, hidden=256, layers=5, pre_norm=False),
        8,
    ),
}
STEP_COST = 3
"""Arithmetic of a step over that of a forward pass: gradients of inputs and of weights cost as much each."""


def forward(model: torch.nn.Module, x: torch.Tensor) -> None:
    """Refine without gradients."""
    with torch.no_grad():
        model.eval()(x)


def step(model: torch.nn.Module, x: torch.Tensor, interval: int) -> None:
    """Forward with dropout, loss and backward."""
    model.zero_grad()
    hanet_loss(model.train()(x), torch.zeros_like(x), interval=interval, loss_weight=1.0).total.backward()


def measure() -> Page:
    """Both forms of every configuration, on one thread."""
    torch.set_num_threads(1)
    product, operations = matrix_product()
    rows, floors, ratios = [], [], []
    for name, (config, batch) in CASES.items():
        torch.manual_seed(0)
        watched = HANet(config)
        dense = DenseHANet(watched)
        x = torch.randn(batch, config.window, config.channels)
        arithmetic = batch * window_flops(watched, config.channels)
        kinds: dict[str, tuple[Callable[[torch.nn.Module], None], int]] = {
            "forward": (lambda model, x=x: forward(model, x), 1),
            "training step": (lambda model, x=x, every=config.interval: step(model, x, every), STEP_COST),
        }
        for kind, (call, cost) in kinds.items():
            slow, fast, peak = in_turns(
                lambda call=call, model=dense: call(model),
                lambda call=call, model=watched: call(model),
                product,
                runs=RUNS,
            )
            rate, most = cost * arithmetic / median(fast) / 1e9, operations / median(peak) / 1e9
            times = median(slow / fast)
            rows.append([name, batch, kind, 1e3 * median(slow), 1e3 * median(fast), times, rate, rate / most])
            floors.append(Floor(f"HANet, {name}: {kind}", rate, most, "GFLOP/s", "product of matrices"))
            ratios.append(Ratio(f"HANet, {name}: {kind}", times, "the published dense form"))
    columns = {
        "configuration": "",
        "batch": "d",
        "what": "",
        "dense ms": ".1f",
        "watched ms": ".1f",
        "dense / watched": ".2f",
        "GFLOP/s": ".1f",
        "of the peak": ".0%",
    }
    return Page(
        "model",
        "HANet: watched frames only, compared with the dense form",
        f"One thread; medians of {RUNS} calls in turns, ratios of pairs. The dense form computes encoder "
        "and memory at all frames and masks them. A training step is forward (with dropout), loss and "
        f"backward; its arithmetic is counted as {STEP_COST} forward passes. The peak is NumPy's product of "
        "two float32 matrices of 1024 × 1024 in the same turns.",
        [Table(columns, rows)],
        floors,
        ratios,
    )


if __name__ == "__main__":
    run(measure)
