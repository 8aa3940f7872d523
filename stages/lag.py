"""What a fixed lag costs: ``python -m stages.lag MOTION FOLDER``.

Writes docs/results/lag.md and lag.json. MOTION is the folder of motion capture that `stages.general` trains
on: its validation clips, with drawn errors, choose the One Euro filter's parameters at each lag (the general
refiner's were chosen on them as well). FOLDER has real detections, as for `stages.domains`; nothing is chosen
on it.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path

import numpy as np
from jaxtyping import Float

from hanet.datasets.domains.read import read_domains
from hanet.files.atomic import write_text
from hanet.methods.filters import Input, one_euro
from hanet.methods.fixed_lag import FixedLag
from hanet.methods.general import GeneralRefiner
from hanet.metrics.domains import Row, Score, row, score
from hanet.poses.gaps import interpolate
from hanet.poses.pair import Pair
from hanet.poses.scale import body_scale
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17
from hanet.progress import console
from hanet.training.general_windows import Motion
from hanet.training.noise_bank import corrupt
from stages import workspace
from stages.general import read_motion

PAGE = Path("docs/results/lag.md")
LAGS = (0.0, 33.0, 66.0, 100.0)
NETWORK_LAGS = (33.0, 100.0)
THINNED = {"UI-PRMD, Kinect v2": 5, "AIST++, 2D detector": 3}
"""Domains of which only every so many sequences are scored: the network refines every frame's past again."""
CUTOFFS = (0.5, 1.0, 2.0, 4.0, 8.0)
BETAS = (0.0, 0.5, 2.0, 8.0, 32.0)
"""Hertz per body scale and second."""
CHOSEN_ON = "CMU validation motion, drawn errors"
ALL_GAPS = 1e6
"""Seconds: the scores fill every gap."""
CLIPS = 60
FRAMES = (120, 400)
SMALL = np.array([2e-3, 1e-3])
"""Body scales below which position and acceleration errors count as none, as in the refiner's loss."""


@dataclass
class Delayed:
    """The One Euro filter, whose value at a frame is taken for the one of `lag` milliseconds before.

    It is causal but for that: a joint without a detection keeps its last place.
    """

    min_cutoff: float
    beta: float
    lag: float

    def refine(self, sequence: PoseSequence) -> PoseSequence:
        """Smoothed poses."""
        values = _held(sequence.values)
        T, frames = len(values), round(self.lag * sequence.fps / 1000)
        channels = np.concatenate([values, np.repeat(values[-1:], frames, axis=0)]).reshape(T + frames, -1)
        beta = self.beta / body_scale(values)
        smooth = one_euro(channels, sequence.fps, self.min_cutoff, beta, 1.0)[frames:]
        return sequence.with_values(smooth.reshape(values.shape))


@dataclass
class Timed:
    """A method, and the milliseconds that it took per frame."""

    refine: Callable[[PoseSequence], PoseSequence]
    seconds: float = 0.0
    frames: int = 0
    scores: list[Score] = field(default_factory=list)

    def run(self, pair: Pair) -> None:
        """Refine and score a sequence."""
        start = time.process_time()
        refined = self.refine(pair.detected)
        self.seconds += time.process_time() - start
        self.frames += len(pair.detected)
        self.scores.append(score(pair, _filled(refined.values)))


def main(motion: Path, folder: Path) -> None:
    """Choose, score, write."""
    with workspace.stage("lag"):
        clips = drawn_pairs(read_motion(sorted(motion.glob("cmu_subjects*.npz")))[1])
        chosen = {lag: choose_one_euro(clips, lag) for lag in LAGS}
        deep = [pair for pair in clips if pair.detected.unit == "m"]
        domains: dict[str, list[dict[str, object]]] = {CHOSEN_ON: _rows(deep, chosen)}
        pairs = list(read_domains(folder, lambda gt, rng: corrupt(gt, 30.0, rng, mirror=_MIRROR).values))
        for name in dict.fromkeys(pair.domain for pair in pairs):
            console.print(f"  {name}", markup=False)
            own = [pair for pair in pairs if pair.domain == name]
            domains[name] = _rows(own[:: THINNED.get(name, 1)], chosen)
        numbers = {"one_euro": {f"{lag:g} ms": asdict(found) for lag, found in chosen.items()}, **domains}
        write_text(PAGE.with_suffix(".json"), json.dumps(numbers, indent=1) + "\n")
        write_text(PAGE, _page(domains, chosen))


_MIRROR = H36M17.mirror.tolist()


def drawn_pairs(clips: Sequence[Motion], count: int | None = None, seed: int = 7) -> list[Pair]:
    """Pieces of clips at 60 and 30 frames per second, in 3D and 2D, with drawn errors."""
    rng = np.random.default_rng(seed)
    pairs = []
    for i in range(CLIPS if count is None else count):
        every = 1 + i % 2
        gt = clips[i % len(clips)].joints[::every].astype(np.float64)
        length = int(rng.integers(*FRAMES))
        start = int(rng.integers(0, max(len(gt) - length, 0) + 1))
        gt = gt[start : start + length, :, : 3 - (i % 4 >= 2)]
        fps = clips[i % len(clips)].fps / every
        drawn = corrupt(gt, fps, rng, mirror=_MIRROR)
        if np.isfinite(drawn.values).all(axis=2).any(axis=0).all():
            if gt.shape[2] == 2:
                detected = PoseSequence.keypoints("drawn", drawn.values, H36M17, fps=fps)
            else:
                detected = PoseSequence.joints(
                    "drawn", drawn.values, H36M17, fps=fps, frame_of_reference="world"
                )
            pairs.append(Pair("drawn", "", detected, gt))
    return pairs


def choose_one_euro(pairs: Sequence[Pair], lag: float) -> Delayed:
    """Parameters of the lowest mean log ratio of errors: positions, and half as much accelerations."""
    tried = [Delayed(cutoff, beta, lag) for cutoff, beta in product(CUTOFFS, BETAS)]
    return min(tried, key=lambda method: drawn_loss(pairs, method.refine))


def drawn_loss(pairs: Sequence[Pair], refine: Callable[[PoseSequence], PoseSequence]) -> float:
    """The criterion by which methods are chosen on drawn errors."""
    ratios = []
    for pair in pairs:
        before, after = (_errors(values, pair.gt) for values in (
            pair.detected.values, refine(pair.detected).values
        ))  # fmt: skip
        ratios.append(np.log((after + SMALL) / (before + SMALL)))
    return float(np.mean(ratios, axis=0) @ [1.0, 0.5])


def _errors(values: np.ndarray, gt: np.ndarray) -> np.ndarray:
    wrong = (_filled(values) - gt) / body_scale(gt)
    lengths = (np.linalg.norm(x, axis=2).mean() for x in (wrong, np.diff(wrong, 2, axis=0)))
    return np.array(list(lengths))


def _rows(pairs: list[Pair], chosen: dict[float, Delayed]) -> list[dict[str, object]]:
    methods: dict[str, Timed] = {
        "input": Timed(Input().refine),
        "input, gaps held": Timed(lambda sequence: sequence.with_values(_held(sequence.values))),
        "general, offline": Timed(GeneralRefiner().refine),
    }
    for lag in LAGS:
        methods[f"general, {lag:g} ms"] = Timed(FixedLag(ALL_GAPS, lag).refine)
        if lag in NETWORK_LAGS:
            methods[f"network, {lag:g} ms"] = Timed(FixedLag(ALL_GAPS, lag, network=True).refine)
        methods[f"One Euro, {lag:g} ms"] = Timed(chosen[lag].refine)
    for pair in pairs:
        for method in methods.values():
            method.run(pair)
    rng = np.random.default_rng(4321)
    before = methods["input"].scores
    rows = {name: row(name, pairs, before, timed.scores, rng) for name, timed in methods.items()}
    return [
        {
            **asdict(one),
            "error_gain": _share(rows, one, "error"),
            "accel_gain": _share(rows, one, "accel"),
            "ms_per_frame": 1000 * methods[name].seconds / methods[name].frames,
        }
        for name, one in rows.items()
    ]


def _share(rows: dict[str, Row], one: Row, name: str) -> float:
    """Share of what the offline refiner gains."""
    first, offline = getattr(rows["input"], name), getattr(rows["general, offline"], name)
    return (first - getattr(one, name)) / (first - offline)


def _page(domains: dict[str, list[dict[str, object]]], chosen: dict[float, Delayed]) -> str:
    said = "; ".join(
        f"{lag:g} ms: cutoff {one.min_cutoff:g} Hz, beta {one.beta:g}" for lag, one in chosen.items()
    )
    lines = [
        "# What a fixed lag costs",
        "",
        "`python -m stages.lag MOTION FOLDER` writes this page. *General, 100 ms* is `hanet.Stream`, "
        "*network, 100 ms* the same with `network=True`: no pose depends on what came more than 100 ms "
        "after it. The One Euro filter's value at a frame is taken for the frame of so long before, which "
        "is when it fits best; its parameters were chosen at each lag on motion capture with drawn errors "
        f"({said} per body scale and second). Those draws, in 3D, are the first table; nothing was chosen "
        "on the other domains.",
        "",
        "Gain is the share of what the offline refiner takes off the input's error; columns are otherwise "
        "those of [the domain matrix](domains.md). Gaps of the input are filled by straight lines, which "
        "takes later frames: *gaps held* is what is known live. Of UI-PRMD every fifth sequence is "
        "scored, of AIST++ every third. Times are CPU milliseconds per frame.",
        "",
    ]
    for name, rows in domains.items():
        lines += [f"## {name}", "", "| method | error | gain | Accel | gain | unharmed | ms |"]
        lines += ["|---|---:|---:|---:|---:|---:|---:|"]
        for one in rows:
            number = {key: float(value) for key, value in one.items() if isinstance(value, float)}
            lines.append(
                f"| {one['method']} | {number['error']:.2f} | {number['error_gain']:.0%} "
                f"| {number['accel']:.2f} | {number['accel_gain']:.0%} | {100 * number['unharmed']:.1f} "
                f"| {number['ms_per_frame']:.3f} |"
            )
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _held(values: Float[np.ndarray, "T J D"]) -> Float[np.ndarray, "T J D"]:
    """Gaps filled by the last value, or before the first one by that."""
    known = np.isfinite(values).all(axis=2)
    rows = np.maximum.accumulate(np.where(known, np.arange(len(values))[:, None], -1), axis=0)
    rows = np.where(rows < 0, known.argmax(axis=0), rows)
    return values[rows, np.arange(values.shape[1])]


def _filled(values: np.ndarray) -> np.ndarray:
    rows = np.arange(len(values))
    return interpolate(values.reshape(len(values), -1).astype(np.float64), rows, rows).reshape(values.shape)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
