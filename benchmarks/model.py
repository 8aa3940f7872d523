"""HANet on watched frames compared with the published dense form: a forward pass and a training step.

Run ``python -m benchmarks.model``; writes benchmarks/results/model.md. All forms share weights and take
turns. The dense form (`benchmarks.dense`) computes encoder and memory at all frames, masks the unwatched
ones, and uses PyTorch's own attention. The forward pass on watched frames is also run by ONNX Runtime.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.dense import DenseHANet
from benchmarks.report import Floor, Page, Ratio, Table, in_turns, matrix_product, median, run
from hanet.models.export import write
from hanet.models.exported import INPUT
from hanet.models.hanet import HANet, HANetConfig
from hanet.models.losses import hanet_loss

RUNS = 5
CASES = {
    "default run (51 frames, d 32)": (
        HANetConfig(channels=51, interval=5, window=51, hidden=32, layers=3),
        64,
    ),
    "AIST++, 3D (101 frames, d 32)": (
        HANetConfig(channels=42, interval=5, window=101, hidden=32, layers=5),
        32,
    ),
    "Human3.6M, FCN (101 frames, d 64)": (
        HANetConfig(channels=51, interval=5, window=101, hidden=64, layers=5),
        16,
    ),
    "AIST++, SMPL (101 frames, d 32, interval 10)": (
        HANetConfig(channels=144, interval=10, window=101, hidden=32, layers=5, pre_norm=False),
        32,
    ),
    "Sub-JHMDB, 2D (11 frames, d 256)": (
        HANetConfig(channels=30, interval=5, window=11, hidden=256, layers=5, pre_norm=False),
        8,
    ),
}
STEP_COST = 3
"""Arithmetic of a step over that of a forward pass: gradients of inputs and of weights cost as much each."""
PRODUCTS = ("aten::mm", "aten::addmm")
ATTENTION = ("aten::bmm", "aten::_softmax", "aten::_softmax_backward_data", "flash_attention")
DROPOUT = ("aten::bernoulli_",)


COLUMNS = {
    "configuration": "",
    "batch": "d",
    "what": "",
    "dense ms": ".1f",
    "watched ms": ".1f",
    "dense / watched": ".2f",
    "their arithmetic": ".2f",
    "GFLOP/s": ".1f",
    "of the peak": ".0%",
    "in products": ".0%",
    "in attention": ".0%",
    "in random numbers": ".0%",
}
EXPORTED_COLUMNS = {
    "configuration": "",
    "batch": "d",
    "ONNX Runtime ms": ".1f",
    "dense / ONNX Runtime": ".2f",
    "GFLOP/s": ".1f",
    "of the peak": ".0%",
    "same in the next window": ".1%",
}


def forward(model: torch.nn.Module, x: torch.Tensor) -> None:
    """Refine without gradients."""
    with torch.no_grad():
        model.eval()(x)


def step(model: torch.nn.Module, x: torch.Tensor, interval: int) -> None:
    """Forward with dropout, loss and backward."""
    model.zero_grad()
    hanet_loss(model.train()(x), torch.zeros_like(x), interval=interval, loss_weight=1.0).total.backward()


class Refined(torch.nn.Module):
    """The decoder's poses alone."""

    def __init__(self, model: HANet) -> None:
        super().__init__()
        self.model = model

    def forward(self, detected: torch.Tensor) -> torch.Tensor:
        return self.model(detected).decoder_pose


def by_onnx_runtime(model: HANet, dense: DenseHANet, x: torch.Tensor) -> tuple[float, float, float, float]:
    """A forward pass in ONNX Runtime on one thread, in turns with the dense form, whose result it has.

    Returns:
        Its milliseconds, how many times as fast it is, its GFLOP/s, and those of a product of matrices.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    with TemporaryDirectory() as folder:
        write(Refined(model).eval(), x, path := Path(folder) / "model.onnx", "a benchmark")
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    inputs = {INPUT: x.numpy()}
    model.eval()
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(session.run(None, inputs)[0]), model(x).decoder_pose)
    product, operations = matrix_product()
    slow, fast, peak = in_turns(
        lambda: forward(dense, x),
        lambda: session.run(None, inputs),
        product,
        runs=RUNS,
        clock=time.process_time,
    )
    rate, most = arithmetic(model, x) / median(fast) / 1e9, operations / median(peak) / 1e9
    return 1e3 * median(fast), median(slow / fast), rate, most


def same_in_next_window(model: HANet) -> int:
    """Operations of a forward pass that give the same in the window which starts an interval later.

    At the watched frames that both have: the encoder's first matrix, and queries, keys and values of its
    first stage before positions are added. Its attention sees other frames, and all else comes after it.
    """
    enter, attention = model.encoder.enter[0], model.encoder.stages[0].attention
    layers = (enter, attention.query, attention.key, attention.value)
    return (model.config.watched - 1) * sum(2 * layer.weight.numel() for layer in layers)


def arithmetic(model: torch.nn.Module, x: torch.Tensor) -> int:
    """Operations of a forward pass: of matrix products, convolutions and attention alone."""
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        forward(model, x)
    return counter.get_total_flops()


def shares(call: Callable[[], None]) -> tuple[float, float, float]:
    """Shares of the time in products of matrices, in attention, and in dropout's random numbers."""
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        call()
    events = profiler.key_averages()
    total = sum(event.self_cpu_time_total for event in events)
    products, attention, dropout = (
        sum(event.self_cpu_time_total for event in events if any(name in event.key for name in names)) / total
        for names in (PRODUCTS, ATTENTION, DROPOUT)
    )
    return products, attention, dropout


def limit(name: str, kind: str, times: float, fewer: float, part: tuple[float, float, float]) -> str:
    """What stops a configuration, in words."""
    products, attention, dropout = part
    random = f", random numbers of dropout {dropout:.0%}" if kind != "forward" else ""
    return (
        f"HANet, {name}, {kind}: {times:.1f} times as fast with {fewer:.1f} times less arithmetic. Products "
        f"of matrices take {products:.0%} of the time, attention {attention:.0%}{random}. Nothing more "
        "can be left out exactly, so beyond the ratio of arithmetic only faster kernels help."
    )


def measure() -> Page:
    """Both forms of every configuration, on one thread."""
    torch.set_num_threads(1)
    product, operations = matrix_product()
    rows, exported, floors, ratios, limits = [], [], [], [], []
    for name, (config, batch) in CASES.items():
        torch.manual_seed(0)
        watched = HANet(config)
        dense = DenseHANet(watched)
        x = torch.randn(batch, config.window, config.channels)
        ours, theirs = arithmetic(watched, x), arithmetic(dense, x)
        milliseconds, times, rate, most = by_onnx_runtime(watched, dense, x)
        same = batch * same_in_next_window(watched) / ours
        exported.append([name, batch, milliseconds, times, rate, rate / most, same])
        what = f"HANet, {name}: forward by ONNX Runtime"
        floors.append(Floor(what, rate, most, "GFLOP/s", "product of matrices"))
        ratios.append(Ratio(what, times, "the published dense form"))
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
                warm_up=1,
                clock=time.process_time,
            )
            rate, most = cost * ours / median(fast) / 1e9, operations / median(peak) / 1e9
            times, fewer = median(slow / fast), theirs / ours
            part = shares(lambda call=call, model=watched: call(model))
            milliseconds = [1e3 * median(slow), 1e3 * median(fast)]
            rows.append([name, batch, kind, *milliseconds, times, fewer, rate, rate / most, *part])
            floors.append(Floor(f"HANet, {name}: {kind}", rate, most, "GFLOP/s", "product of matrices"))
            ratios.append(Ratio(f"HANet, {name}: {kind}", times, "the published dense form"))
            limits.append(limit(name, kind, times, fewer, part))
    return Page(
        "model",
        "HANet: watched frames only, compared with the dense form",
        f"One thread, CPU time; medians of {RUNS} calls in turns, ratios of pairs. The dense form computes "
        "encoder and memory at all frames and masks them; its attention is PyTorch's multi-head attention "
        "with returned weights, frames first. *Their arithmetic* is the ratio of operations of a forward "
        "pass. A training step is forward (with dropout), loss and "
        f"backward; its arithmetic is counted as {STEP_COST} forward passes in evaluation. The peak is "
        "NumPy's product of two float32 matrices of 1024 × 1024 in the same turns. Shares are of one call "
        "of the watched form, by PyTorch's profiler. The second table is the forward pass of the exported "
        "network in ONNX Runtime. *Same in the next window* is the share of its arithmetic that gives the "
        "same in the window which starts an interval later: what `--stride 1` could compute once per track.",
        [Table(COLUMNS, rows), Table(EXPORTED_COLUMNS, exported)],
        floors,
        ratios,
        closing="Tried once, beside other work, and not kept: `torch.compile` (Inductor, g++). It took 164 s "
        "for the default run's training step, which was then 0.80 times as fast, and 36 s for the forward "
        "pass, then 1.19 times as fast; ONNX Runtime needs no compiler and gains as much.",
        limits=limits,
    )


if __name__ == "__main__":
    run(measure)
