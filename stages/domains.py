"""The domain matrix: filters and the general refiner on real detections, ``python -m stages.domains FOLDER``.

Writes docs/results/domains.md and domains.json. No method learns from these files. The Gaussian of the row
"best Gaussian" is chosen on each domain itself, which no user could do: it is what a filter can reach at
most.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from hanet.datasets.domains.read import read_domains
from hanet.files.atomic import write_text
from hanet.methods.base import Method
from hanet.methods.filters import Gaussian, Input
from hanet.methods.general import GeneralRefiner
from hanet.methods.self_tuned import SelfTuned
from hanet.metrics.domains import Row, Score, row, score
from hanet.poses.gaps import interpolate
from hanet.poses.pair import Pair
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17
from hanet.progress import console
from hanet.results.domains import domains_page
from hanet.training.noise_bank import corrupt
from stages import workspace

PAGE = Path("docs/results/domains.md")
NOTE = (
    "`make domains FOLDER=…` writes this page. No method learned from these files. The best Gaussian is "
    "chosen on the domain itself, by its error, which no user could do: the most that a Gaussian can reach."
)
SIGMAS = (0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
FIXED = 2.0
METHODS: dict[str, Method] = {
    "input": Input(),
    "self-tuned": SelfTuned(),
    "general": GeneralRefiner(),
}


def main(folder: Path) -> None:
    """Score all methods on all domains of a folder."""
    with workspace.stage("domains"):
        pairs = list(read_domains(folder, _drawn))
        domains = {}
        for name in dict.fromkeys(pair.domain for pair in pairs):
            console.print(f"  {name}", markup=False)
            chosen = [pair for pair in pairs if pair.domain == name]
            people = len({pair.person for pair in chosen})
            domains[name] = (chosen[0].detected.unit, len(chosen), people, _rows(chosen))
        write_text(PAGE, domains_page(domains, [NOTE]))
        numbers = {name: [asdict(one) for one in rows] for name, (_, _, _, rows) in domains.items()}
        write_text(PAGE.with_suffix(".json"), json.dumps(numbers, indent=1) + "\n")


def _drawn(gt: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return corrupt(gt, 30.0, rng, mirror=H36M17.mirror.tolist()).values


def _rows(pairs: list[Pair]) -> list[Row]:
    before = _scores(Input(), pairs)
    rows = {name: _row(name, pairs, before, _scores(method, pairs)) for name, method in METHODS.items()}
    tried = [
        _row(f"best Gaussian (σ = {sigma:g} frames)", pairs, before, _scores(Gaussian(sigma), pairs))
        for sigma in SIGMAS
    ]
    fixed = replace(tried[SIGMAS.index(FIXED)], method=f"Gaussian (σ = {FIXED:g} frames)")
    return [rows["input"], fixed, min(tried, key=lambda one: one.error), rows["self-tuned"], rows["general"]]


def _row(name: str, pairs: list[Pair], before: list[Score], after: list[Score]) -> Row:
    return row(name, pairs, before, after, np.random.default_rng(4321))


def _scores(method: Method, pairs: Iterable[Pair]) -> list[Score]:
    return [score(pair, _filled(method.refine(pair.detected))) for pair in pairs]


def _filled(sequence: PoseSequence) -> np.ndarray:
    rows = np.arange(len(sequence))
    flat = sequence.values.reshape(len(sequence), -1).astype(np.float64)
    return interpolate(flat, rows, rows).reshape(sequence.values.shape)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
