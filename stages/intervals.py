"""Radii that hold nine of ten errors: ``python -m stages.intervals MOTION FOLDER``.

Fits `hanet.methods.intervals` to the motion capture that `stages.general` trains on, with drawn errors, and
writes hanet/weights/intervals.json. Half of the draws of the validation people choose the conformal factor,
the other half measure it. FOLDER has real detections, as for `stages.domains`; nothing is chosen on it.
Writes docs/results/intervals.md and intervals.json.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from hanet.datasets.domains.read import read_domains
from hanet.files.atomic import write_text
from hanet.methods.general import refine_general
from hanet.methods.intervals import FEATURES, SHARE, Intervals, Known, covered, features
from hanet.poses.pair import Pair
from hanet.poses.scale import body_scale, known_joints
from hanet.poses.skeletons import H36M17
from hanet.progress import console
from hanet.training.noise_bank import corrupt
from stages import workspace
from stages.general import read_motion
from stages.lag import drawn_pairs

PAGE = Path("docs/results/intervals.md")
WEIGHTS = Path("hanet/weights/intervals.json")
FITTED, CHOSEN = 600, 240
"""Pieces of motion to fit to, and to choose the factor on and measure."""
ROWS = 500
"""Joints and frames of a piece that the fit sees."""
STEPS, RATE = 3000, 0.02
LEAST = 1e-4
"""Body scales added to errors before their logarithm."""


@dataclass(frozen=True, eq=False)
class Judged:
    """A refined sequence.

    Attributes:
        pair: the detections with their truth.
        refined: poses.
        error: distance of each joint from the truth.
        varying: the same without each joint's mean difference over the sequence.
    """

    pair: Pair
    refined: Float[np.ndarray, "T J D"]
    error: Float[np.ndarray, "T J"]
    varying: Float[np.ndarray, "T J"]

    def known(self, model: Intervals) -> Known:
        """Errors with their radii."""
        detected = self.pair.detected.values.astype(np.float64)
        radii = model.radii(detected, self.refined, self.pair.detected.fps)
        return Known(self.error, radii, body_scale(detected))


def main(motion: Path, folder: Path) -> None:
    """Fit, choose, measure, write."""
    with workspace.stage("intervals"):
        train, validation = read_motion(sorted(motion.glob("*.npz")))
        fitted = [judge(pair) for pair in drawn_pairs(train, FITTED, seed=11)]
        held = [judge(pair) for pair in drawn_pairs(validation, CHOSEN, seed=12)]
        model = fit(fitted)
        model = model.scaled([one.known(model) for one in held[::2]])
        console.print(f"  {dict(zip(FEATURES, model.weights, strict=True))}, factor {model.factor:.3f}")
        _write(model, len(fitted), len(held[::2]))
        domains = {"CMU, drawn errors": held[1::2]}
        pairs = list(read_domains(folder, lambda gt, rng: corrupt(gt, 30.0, rng, mirror=_MIRROR).values))
        for name in dict.fromkeys(pair.domain for pair in pairs):
            domains[name] = [judge(pair) for pair in pairs if pair.domain == name]
        rows = {name: row(model, judged) for name, judged in domains.items()}
        write_text(PAGE.with_suffix(".json"), json.dumps(rows, indent=1) + "\n")
        write_text(PAGE, page(rows))


_MIRROR = H36M17.mirror.tolist()


def judge(pair: Pair) -> Judged:
    """Refine a sequence by the general refiner, and measure its errors."""
    shown = pair.detected
    refined = refine_general(shown.values.astype(np.float64), shown.fps, shown.scores)
    wrong = refined - pair.gt
    if pair.root:
        wrong = wrong - wrong[:, list(pair.root)].mean(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        known = known_joints(wrong)
        count = np.maximum(known.sum(axis=0), 1)[:, None]
        mean = np.where(known[..., None], wrong, 0.0).sum(axis=0) / count
        return Judged(pair, refined, np.linalg.norm(wrong, axis=2), np.linalg.norm(wrong - mean, axis=2))


def fit(judged: Sequence[Judged]) -> Intervals:
    """Weights by quantile regression on the errors' logarithms, each sequence counted alike."""
    import torch

    rng = np.random.default_rng(3)
    shown, wanted = [], []
    for one in judged:
        detected = one.pair.detected
        rows = features(detected.values.astype(np.float64), one.refined, detected.fps)
        known = np.isfinite(one.error)
        some = rng.integers(0, known.sum(), ROWS)
        shown.append(rows[known][some])
        scale = body_scale(detected.values.astype(np.float64))
        wanted.append(np.log(one.error[known][some] / scale + LEAST))
    x, y = np.concatenate(shown), np.concatenate(wanted)
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    mean[0], deviation[0] = 0.0, 1.0
    rows, target = torch.from_numpy((x - mean) / deviation), torch.from_numpy(y)
    weights = torch.zeros(len(FEATURES), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([weights], lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    draws = torch.Generator().manual_seed(4)
    for _ in range(STEPS):
        at = torch.randint(len(target), (4096,), generator=draws)
        left = target[at] - rows[at] @ weights
        loss = torch.maximum(SHARE * left, (SHARE - 1) * left).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    scaled = weights.detach().numpy() / deviation
    scaled[0] -= (scaled[1:] * mean[1:]).sum()
    return Intervals(tuple(scaled.tolist()))


def row(model: Intervals, judged: Sequence[Judged]) -> dict[str, float | int | str]:
    """Coverage of a domain: means over sequences; and with a factor from other people of the domain."""
    unit = judged[0].pair.detected.unit
    factor = 1000.0 if unit == "m" else 1.0
    known = [one.known(model) for one in judged]
    people = sorted({one.pair.person for one in judged})
    widened, wide = [], []
    for person in people:
        theirs = [i for i, one in enumerate(judged) if one.pair.person == person]
        others = [one for i, one in enumerate(known) if i not in theirs]
        if others:
            more = model.widened(others)
            own = [judged[i].known(more) for i in theirs]
            widened += [covered(one.error, one.radius) for one in own]
            wide += [factor * float(np.nanmedian(one.radius)) for one in own]
    return {
        "sequences": len(judged),
        "people": len(people),
        "unit": "mm" if unit == "m" else unit,
        "error": factor * float(np.nanmean([np.nanmean(one.error) for one in judged])),
        "radius": factor * float(np.mean([np.nanmedian(one.radius) for one in known])),
        "truth": _mean([covered(one.error, one.radius) for one in known]),
        "varying": _mean(
            [covered(one.varying, shown.radius) for one, shown in zip(judged, known, strict=True)]
        ),
        "others": _mean(widened),
        "others_radius": _mean(wide),
    }


def _mean(values: Sequence[float]) -> float:
    return float(np.nanmean(values)) if len(values) else float("nan")


def page(rows: dict[str, dict[str, float | int | str]]) -> str:
    """Markdown."""
    head = ["domain", "error", "radius", "truth, %", "constant errors out, %", "people's truth, %", "radius"]
    lines = [*TEXT, "", f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}"]
    for name, one in rows.items():
        number = {key: float(value) for key, value in one.items() if not isinstance(value, str)}
        shares = [f"{100 * number[key]:.1f}" for key in ("truth", "varying")]
        others = ["", ""]
        if np.isfinite(number["others"]):
            others = [f"{100 * number['others']:.1f}", f"{number['others_radius']:.1f}"]
        cells = [name, f"{number['error']:.1f} {one['unit']}", f"{number['radius']:.1f}", *shares, *others]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


TEXT = (
    "# Radii that hold nine of ten errors",
    "",
    "`python -m stages.intervals MOTION FOLDER` writes this page. `hanet.refine(..., "
    "return_intervals=True)` and `hanet refine --intervals` give each refined joint a radius that should "
    "hold its true place in 90 % of cases. The model was fitted to CMU motion with drawn errors; the "
    "first row has other draws, of people that it was not fitted to.",
    "",
    "*Truth* is the share of joints and frames within the radius, a mean over sequences. An estimator "
    "that puts a joint at the wrong place all the time looks right from its poses alone: for *constant "
    "errors out* each joint's mean error over the sequence is taken away first. For *people's truth* the "
    "radii get the bias that the domain's other people need, which `Intervals.widened` finds from poses "
    "with their truth; it is empty where there is one person. Errors are means, radii medians.",
)


def _write(model: Intervals, fitted: int, chosen: int) -> None:
    content = {
        "weights": {name: round(weight, 5) for name, weight in zip(FEATURES, model.weights, strict=True)},
        "factor": round(model.factor, 4),
        "share": SHARE,
        "fitted_sequences": fitted,
        "factor_sequences": chosen,
    }
    write_text(WEIGHTS, json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
