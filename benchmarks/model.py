"""HANet on watched frames compared with the published dense form: time of a forward pass and of a training
step.

Run ``python -m benchmarks.model`` in the repository's root (under a minute on one core). Both forms share
weights and alternate within one process; the table gives each one's fastest call, which other load on the
machine disturbs least, and the ratio.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.dense import DenseHANet
from hanet.models.hanet import HANet, HANetConfig
from hanet.models.losses import hanet_loss

CASES = {
    "small (51 frames, d 32, 3 layers)": (
        HANetConfig(channels=42, interval=5, window=51, hidden=32, layers=3),
        64,
    ),
    "h36m_fcn_3d (101 frames, d 64, 5 layers)": (
        HANetConfig(channels=51, interval=5, window=101, hidden=64, layers=5),
        16,
    ),
}
RESULT = Path(__file__).parent / "results" / "model.md"


def time_pair(a: Callable[[], object], b: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Fastest milliseconds of two functions, called in turn so that both meet the same disturbances."""
    times: tuple[list[float], list[float]] = ([], [])
    for repeat in range(repeats + 1):
        for function, series in zip((a, b), times, strict=True):
            start = time.perf_counter()
            function()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            if repeat:  # the first call warms up
                series.append(1000 * (time.perf_counter() - start))
    return min(times[0]), min(times[1])


def forward(model: torch.nn.Module, x: torch.Tensor) -> None:
    with torch.no_grad():
        model.eval()(x)


def step(model: torch.nn.Module, x: torch.Tensor, interval: int) -> None:
    model.zero_grad()
    hanet_loss(model.train()(x), torch.zeros_like(x), interval=interval, loss_weight=1.0).total.backward()


def table(repeats: int, device: str) -> str:
    lines = [
        "| configuration | batch | what | dense ms | watched ms | dense / watched |",
        "|---|---|---|---|---|---|",
    ]
    for name, (config, batch) in CASES.items():
        torch.manual_seed(0)
        watched = HANet(config).to(device)
        dense = DenseHANet(watched).to(device)
        x = torch.randn(batch, config.window, config.channels, device=device)
        for what, run in (
            ("forward", forward),
            ("training step", lambda model, x, interval=config.interval: step(model, x, interval)),
        ):
            slow, fast = time_pair(lambda: run(dense, x), lambda: run(watched, x), repeats)  # noqa: B023
            lines.append(f"| {name} | {batch} | {what} | {slow:.1f} | {fast:.1f} | {slow / fast:.2f} |")
    return "\n".join(lines)


def machine(device: str) -> str:
    if device == "cuda":
        return torch.cuda.get_device_name()
    info = Path("/proc/cpuinfo")
    names = (
        [line for line in info.read_text().splitlines() if line.startswith("model name")]
        if info.exists()
        else []
    )
    cpu = names[0].partition(":")[2].strip() if names else platform.processor() or platform.machine()
    return f"{cpu}, {torch.get_num_threads()} thread(s)"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=10, help="timed calls of each form")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--output", type=Path, default=RESULT, help="Markdown file to write")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    text = (
        "# HANet: watched frames only, compared with the dense form\n\n"
        f"`python -m benchmarks.model --repeats {arguments.repeats} --threads {arguments.threads} "
        f"--device {arguments.device}` on {machine(arguments.device)}, PyTorch {torch.__version__}.\n"
        "Fastest call each. The dense form computes encoder and memory at all frames and masks them. A\n"
        "training step is forward (with dropout), loss and backward.\n\n"
        f"{table(arguments.repeats, arguments.device)}\n"
    )
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
