"""HANet's training step on a GPU: speed-up by larger batches and bfloat16, and deviations of the outputs.

Run ``python -m benchmarks.gpu`` in the repository's root on a machine with a GPU (about a minute).
"""

from __future__ import annotations

import time

import torch
from torch import Tensor

from benchmarks.report import Page, Table, run
from hanet.models.hanet import HANet, HANetConfig
from hanet.models.losses import hanet_loss

CASES = {
    "small (51 frames, d 32, 3 layers)": HANetConfig(channels=51, interval=5, window=51, hidden=32, layers=3),
    "h36m_fcn_3d (101 frames, d 64, 5 layers)": HANetConfig(
        channels=51, interval=5, window=101, hidden=64, layers=5
    ),
    "jhmdb_2d (11 frames, d 256, 5 layers)": HANetConfig(
        channels=30, interval=5, window=11, hidden=256, layers=5, pre_norm=False
    ),
}
BATCHES = (64, 256, 1024)


def step_ms(config: HANetConfig, batch: int, *, half: bool) -> float:
    """Milliseconds of forward (with dropout), loss, backward and optimizer."""
    model = HANet(config).cuda()
    optimizer = torch.optim.AdamW(model.parameters(), amsgrad=True, fused=True)
    x = torch.randn(batch, config.window, config.channels, device="cuda")
    gt = torch.randn_like(x)

    def step() -> None:
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=half):
            output = model(x)
        loss = hanet_loss(output, gt, interval=config.interval, loss_weight=5.0).total
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    for _ in range(5):
        step()
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(20):
        step()
    torch.cuda.synchronize()
    return (time.perf_counter() - start) / 20 * 1000


@torch.no_grad()
def deviations(config: HANetConfig) -> tuple[float, ...]:
    """``max|a-b| / std(b)`` of decoder poses against float64: CPU, GPU, GPU in bfloat16; random weights."""
    torch.manual_seed(0)
    model, x = HANet(config).eval(), torch.randn(64, config.window, config.channels)
    exact = model.double()(x.double()).decoder_pose
    cpu = model.float()(x).decoder_pose
    model, x = model.cuda(), x.cuda()
    gpu = model(x).decoder_pose
    with torch.autocast("cuda", dtype=torch.bfloat16):
        half = model(x).decoder_pose

    def off(found: Tensor) -> float:
        return float((found.double().cpu() - exact).abs().max() / exact.std())

    return off(cpu), off(gpu), off(half)


def measure() -> Page:
    """Steps by batch, and deviations."""
    torch.backends.cudnn.allow_tf32 = False  # as the pipeline does
    rows = []
    for name, config in CASES.items():
        base = 0.0
        for batch in BATCHES:
            single, half = (step_ms(config, batch, half=half) for half in (False, True))
            speed = 1000 * batch / min(single, half)
            base = base or speed
            rows.append([name, batch, single, half, speed, speed / base])
    steps = {
        "configuration": "",
        "batch": "d",
        "float32 ms": ".1f",
        "bfloat16 ms": ".1f",
        "windows/s, the faster": ",.0f",
        "against batch 64": ".1f",
    }
    off = {"configuration": "", "CPU float32": ".1e", "GPU float32": ".1e", "GPU bfloat16": ".1e"}
    return Page(
        "gpu",
        "HANet on a GPU",
        f"{torch.cuda.get_device_name()}. Training steps, mean of 20 after 5. The second table has decoder "
        "poses against float64, `max|a-b| / std(b)`, with random weights and convolutions in full float32.",
        [Table(steps, rows), Table(off, [[name, *deviations(config)] for name, config in CASES.items()])],
    )


if __name__ == "__main__":
    run(measure)
