"""Small networks trained in one step (`torch.vmap` over stacked weights) against one after another.

Run ``python -m benchmarks.ensembles`` in the repository's root: a GPU if available, else the CPU (a few
minutes). Both ways start from the same weights, see the same batches and are checked to give equal gradients.
Dropout is on while timing. Times are the median of 7 rounds after 2, alternating between the two ways in one
run; a round steps every network once.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from statistics import median

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state

from benchmarks.report import Page, Ratio, Table, run
from hanet.models.deciwatch import DeciWatchConfig
from hanet.models.hanet import HANetConfig
from hanet.models.registry import Config, network_of
from hanet.models.smoothnet import SmoothNetConfig
from hanet.training.options import TrainingOptions

CASES: dict[str, Config] = {
    "HANet (51 frames, d 32, 3 layers)": HANetConfig(channels=51, interval=5, window=51, hidden=32, layers=3),
    "DeciWatch (51 frames, d 32, 3 + 3 layers)": DeciWatchConfig(
        channels=51, interval=5, window=51, hidden=32, encoder_layers=3, decoder_layers=3
    ),
    "SmoothNet (51 frames, d 512)": SmoothNetConfig(window=51),
}
OPTIONS = TrainingOptions(epochs=1, batch=64, stride=1, learning_rate=1e-3, loss_weight=5.0)


class OneByOne:
    """Networks and an optimizer for each."""

    def __init__(self, config: Config, models: list[nn.Module]) -> None:
        self.config, self.models = config, models
        self.optimizers = [torch.optim.AdamW(m.parameters(), amsgrad=True, fused=True) for m in models]

    def step(self, detected: Tensor, gt: Tensor) -> None:
        """Step every network with the batch of its number."""
        for model, optimizer, x, y in zip(self.models, self.optimizers, detected, gt, strict=True):
            optimizer.zero_grad(set_to_none=True)
            network = network_of(self.config)
            network.losses(network.output(model, x), y, self.config, OPTIONS, None)["loss"].backward()
            optimizer.step()

    def gradient(self) -> Tensor:
        """Of all networks (members, weights), in one order of names."""
        return torch.stack([_flat({k: p.grad for k, p in m.named_parameters()}, 0) for m in self.models])


class Stacked:
    """The same networks as one module, whose weights have an additional first axis, with one optimizer."""

    def __init__(self, config: Config, models: list[nn.Module]) -> None:
        self.config, self.skeleton = config, models[0]
        weights, buffers = stack_module_state(models)
        self.weights, self.buffers = weights, buffers
        self.optimizer = torch.optim.AdamW(self.weights.values(), amsgrad=True, fused=True)
        self.losses = torch.vmap(self._loss, randomness="different")

    def _loss(self, weights: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        def call(_: object, windows: Tensor) -> object:
            return functional_call(self.skeleton, (weights, buffers), (windows,))

        network = network_of(self.config)
        return network.losses(network.output(call_of(call), x), y, self.config, OPTIONS, None)["loss"]

    def step(self, detected: Tensor, gt: Tensor) -> None:
        """Step every network with the batch of its number."""
        self.optimizer.zero_grad(set_to_none=True)
        # The gradient of the sum with respect to a network's weights is that of the network's own loss.
        self.losses(self.weights, self.buffers, detected, gt).sum().backward()
        self.optimizer.step()

    def gradient(self) -> Tensor:
        """Of all networks (members, weights), in one order of names."""
        return _flat({k: p.grad for k, p in self.weights.items()}, 1)


def call_of(function: Callable[[object, Tensor], object]) -> Callable[[Tensor], object]:
    """The function that replaces a module's call."""
    return lambda windows: function(None, windows)


def _flat(gradients: dict[str, Tensor | None], axis: int) -> Tensor:
    found = {name: gradient for name, gradient in gradients.items() if gradient is not None}
    return torch.cat([found[name].flatten(axis) for name in sorted(found)], dim=axis)


def batches(config: Config, members: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Random detected and true poses (members, B, T, C)."""
    shape = (members, OPTIONS.batch, config.window, getattr(config, "channels", 51))
    gt = torch.randn(shape, device=device)
    return gt + 0.1 * torch.randn(shape, device=device), gt


def members_of(config: Config, members: int, device: torch.device) -> list[nn.Module]:
    """Networks of seeds 0, 1, ..."""
    models = []
    for seed in range(members):
        torch.manual_seed(seed)
        models.append(network_of(config).build(config).to(device).train())
    return models


def deviation(config: Config, device: torch.device) -> float:
    """``max|a-b| / max|b|`` of the gradients of three networks, without dropout, in float64.

    There, since an L1 loss turns its gradient's sign where rounding moves a pose across the true one.
    """
    detected, gt = (values.double() for values in batches(config, 3, device))
    ways = []
    for way in (Stacked, OneByOne):
        trained = way(config, [m.double().eval() for m in members_of(config, 3, device)])
        trained.step(detected, gt)
        ways.append(trained.gradient())
    return float((ways[0] - ways[1]).abs().max() / ways[1].abs().max())


def times_ms(config: Config, members: int, device: torch.device) -> tuple[float, float, float]:
    """Milliseconds of a round, one by one and stacked, and the median ratio of pairs."""
    ways = [way(config, members_of(config, members, device)) for way in (OneByOne, Stacked)]
    data = batches(config, members, device)
    taken: list[list[float]] = [[], []]
    for round_ in range(9):
        for way, times in zip(ways, taken, strict=True):
            start = time.perf_counter()
            way.step(*data)
            if device.type == "cuda":
                torch.cuda.synchronize()
            if round_ >= 2:
                times.append(1000 * (time.perf_counter() - start))
    times = median(a / b for a, b in zip(*taken, strict=True))
    return median(taken[0]), median(taken[1]), times


def measure(members: Sequence[int] = (4,)) -> Page:
    """Every network, stacked and not."""
    torch.backends.cudnn.allow_tf32 = False  # as the pipeline does
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(1)
    rows, ratios = [], []
    for name, config in CASES.items():
        off = deviation(config, device)
        for count in members:
            single, stacked, times = times_ms(config, count, device)
            rows.append([name, count, single, stacked, times, off])
            ratios.append(Ratio(f"{count} networks stacked, {name}", times, "one after another"))
    columns = {
        "network": "",
        "members": "d",
        "one by one, ms": ".0f",
        "stacked, ms": ".0f",
        "speed-up": ".2f",
        "gradient error, in float64": ".0e",
    }
    return Page(
        "ensembles",
        "Several networks in one step",
        f"One step of several networks with batches of {OPTIONS.batch} in float32, alternately one by one "
        "and stacked by `torch.vmap`, "
        + (torch.cuda.get_device_name() if device.type == "cuda" else "on one CPU thread")
        + ".",
        [Table(columns, rows)],
        ratios=ratios,
        closing=NOT_KEPT,
    )


NOT_KEPT = """**Not kept.** On a CPU core, stacking the weights of four networks is not faster: the arithmetic
is the same, and it already fills the core. Attention has no batched form of its fast kernel there (PyTorch
says so and runs one member after another). So each seed and ablation is trained separately: each resumes,
fails and is logged on its own.

It was not measured on a GPU. There, a step of the small HANet takes as long at batch 1024 as at 64
([gpu.md](gpu.md): 18 and 23 ms), because kernel launches take most of its time; sixteen networks at batch 64
might step in the time of one. Measure this case on a GPU, with
`python -m benchmarks.ensembles --members 4 16`, before adding it to the product."""


def main() -> None:
    """Measure with the number of networks asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, nargs="+", default=[4], help="how many networks")
    members = parser.parse_args().members
    run(lambda: measure(members))


if __name__ == "__main__":
    main()
