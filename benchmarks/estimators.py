"""Estimators over images: frames per second by batch size, and the share of reading and cropping.

Run from the repository: ``python -m benchmarks.estimators``; writes benchmarks/results/estimators.md. Takes
some minutes on a CPU. Weights are random, which changes no timing; images are drawn, JPEG, 1280 × 720.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.report import Page, Ratio, Table, median, run
from hanet.estimators.images.adapters import (
    BodyEstimator,
    DCPoseEstimator,
    Estimator,
    SimpleBaselineEstimator,
)
from hanet.estimators.images.batches import PersonTrack
from hanet.estimators.images.batches import run as estimate
from hanet.estimators.images.dcpose import DCPose
from hanet.estimators.images.footage import Footage
from hanet.estimators.images.pare import PARE
from hanet.estimators.images.simplebaseline import PoseResNet
from hanet.estimators.images.spin import HMR
from hanet.poses.skeletons import MPII16

BATCHES = (1, 2, 4)
FRAMES, RUNS = 4, 5
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


def clock(device: str) -> float:
    """CPU seconds of this process, nearly independent of other load; on a GPU wall-clock seconds."""
    return time.process_time() if device == "cpu" else time.perf_counter()


def track(footage: Footage, frames: int) -> PersonTrack:
    """One person in `frames` frames, which can be read once."""
    clip = footage.clip("", 0, frames, 25.0)
    boxes = np.tile(np.array(BOX, dtype=np.float32), (frames, 1))
    return PersonTrack(name="a", frames=clip.frames, boxes=boxes, fps=25.0, tail=clip.tail)


def seconds(estimator: Estimator, person: PersonTrack, *, batch: int, device: str) -> float:
    """Time from files to poses."""
    begin = clock(device)
    for _ in estimate(estimator, [person], batch=batch, device=device, half=device != "cpu", ahead=2 * batch):
        pass
    return clock(device) - begin


def reading(estimator: Estimator, person: PersonTrack) -> float:
    """Time to read and crop only, which a separate thread does."""
    begin = time.process_time()
    for frame in person.frames:
        if frame.image is not None:
            estimator.prepare(frame.image, frame.image, frame.image, person.boxes[0])
    return time.process_time() - begin


def measure() -> Page:
    """All estimators at all sizes of a batch."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        torch.set_num_threads(1)
    rows, ratios = [], []
    with tempfile.TemporaryDirectory() as name:
        footage = draw(Path(name), FRAMES)
        for title, estimator in estimators(device).items():
            seconds(estimator, track(footage, 1), batch=1, device=device)
            turns = [
                [seconds(estimator, track(footage, FRAMES), batch=b, device=device) for b in BATCHES]
                for _ in range(RUNS)
            ]
            times = np.array(turns)
            share = reading(estimator, track(footage, FRAMES)) / median(times[:, 0])
            speeds = [median(times[:, 0] / times[:, i]) for i in range(1, len(BATCHES))]
            rows.append([title, FRAMES / median(times[:, 0]), *speeds, share])
            ratios.append(Ratio(f"{title}: batches of {BATCHES[-1]}", speeds[-1], "one crop at a time"))
    columns = {
        "estimator": "",
        "frames/s, batch 1": ".2f",
        **{f"speed, batch {b}": ".2f" for b in BATCHES[1:]},
        "reading": ".0%",
    }
    return Page(
        "estimators",
        "Estimators over images",
        f"From JPEG files of 1280 × 720 to poses, {FRAMES} frames of one person after a warm-up, "
        f"medians of {RUNS} rounds in turns, "
        + ("half precision on a GPU" if device != "cpu" else "one thread, as in each worker of the stage")
        + ". *Frames/s* counts frames per second of the process's own CPU time, which other work on the "
        "machine changes little; *speed* is relative to a batch of 1 in the same run; *reading* is the share "
        "of reading and cropping, which the stage does in a separate thread. Speed grows with workers up to "
        "the number of cores.",
        [Table(columns, rows)],
        ratios=ratios,
        limits=[
            "Estimators in batches: one crop fills a core already, as each is GFLOPs of convolutions, so a "
            "batch saves little more than calls; speed grows with cores and workers."
        ]
        if device == "cpu"
        else [],
    )


if __name__ == "__main__":
    run(measure)
