"""Estimators over images: frames a second by batch, and what reading ahead in a thread is worth.

Run from the repository: ``python -m benchmarks.estimators``; writes benchmarks/results/estimators.md. Takes
some minutes on a CPU. Weights are random, which changes no timing; images are drawn, JPEG, 1280 × 720.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.report import environment, save
from hanet.estimators.adapters import BodyEstimator, DCPoseEstimator, Estimator, SimpleBaselineEstimator
from hanet.estimators.dcpose import DCPose
from hanet.estimators.footage import Footage
from hanet.estimators.pare import PARE
from hanet.estimators.run import PersonTrack, run
from hanet.estimators.simplebaseline import PoseResNet
from hanet.estimators.spin import HMR
from hanet.skeletons import MPII16

BATCHES = (1, 2, 4)
BOX = (400.0, 100.0, 700.0, 650.0)


def estimators(device: str) -> dict[str, Estimator]:
    """All of them at the size of their input."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return {
            "SimpleBaseline, ResNet-101, 384 × 384, flip test": SimpleBaselineEstimator(
                network=PoseResNet(16, layers=101).eval().to(device), skeleton=MPII16, pixels=(384, 384)
            ),
            "DCPose, HRNet-W48, 3 × 288 × 384": DCPoseEstimator(network=DCPose().eval().to(device)),
            "SPIN, ResNet-50, 224 × 224": BodyEstimator(network=HMR().eval().to(device)),
            "PARE, HRNet-W32, 224 × 224": BodyEstimator(network=PARE().eval().to(device)),
        }


def draw(folder: Path, frames: int) -> Footage:
    """Images with something to decode."""
    rng = np.random.default_rng(0)
    for frame in range(frames):
        coarse = Image.fromarray(rng.integers(0, 255, (90, 160, 3)).astype(np.uint8))
        coarse.resize((1280, 720)).save(folder / f"{frame:04d}.jpg")
    return Footage("{frame:04d}.jpg", root=folder)


def seconds(
    estimator: Estimator, footage: Footage, frames: int, *, batch: int, device: str, half: bool, ahead: int
) -> float:
    """Time to estimate that many frames of one person, from files to poses."""
    clip = footage.clip("", 0, frames, 25.0)
    boxes = np.tile(np.array(BOX, dtype=np.float32), (frames, 1))
    track = PersonTrack(name="a", frames=clip.frames, boxes=boxes, fps=25.0, tail=clip.tail)
    begin = time.perf_counter()
    for _ in run(estimator, [track], batch=batch, device=device, half=half, ahead=ahead):
        pass
    return time.perf_counter() - begin


def report(frames: int) -> None:
    """Measure everything and write the table."""
    gpu = torch.cuda.is_available()
    device = "cuda" if gpu else "cpu"
    if not gpu:
        torch.set_num_threads(1)
    lines = [
        "# Estimators over images",
        "",
        f"From JPEG files of 1280 × 720 to poses, {frames} frames of one person, "
        + ("a GPU, half precision" if gpu else "one thread, as a worker of the stage has")
        + ". *Speed* is over a batch of 1 in the same run; *ahead* is the time without reading ahead in a "
        "thread over the time with it, at the largest batch. Other work on the machine moves frames a second; "
        "ratios within a row less. A worker is one process: workers add up to as many as there are cores.",
        "",
        "| estimator | frames/s, batch 1 | "
        + " | ".join(f"speed, batch {b}" for b in BATCHES[1:])
        + " | ahead |",
        "|---|---:|" + "---:|" * len(BATCHES),
    ]
    with tempfile.TemporaryDirectory() as name:
        footage = draw(Path(name), frames)
        for title, estimator in estimators(device).items():
            options = {"device": device, "half": gpu}
            # Warm up: the first batch of a size sets memory up.
            seconds(estimator, footage, 2, batch=2, ahead=0, **options)
            times = {b: seconds(estimator, footage, frames, batch=b, ahead=2 * b, **options) for b in BATCHES}
            alone = seconds(estimator, footage, frames, batch=BATCHES[-1], ahead=0, **options)
            speeds = [f"{times[1] / times[b]:.2f} ×" for b in BATCHES[1:]]
            cells = [title, f"{frames / times[1]:.2f}", *speeds, f"{alone / times[BATCHES[-1]]:.2f} ×"]
            lines.append(f"| {' | '.join(cells)} |")
            print(lines[-1], flush=True)
    save("estimators", [*lines, "", environment()])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=8)
    report(parser.parse_args().frames)
