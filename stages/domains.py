"""The domain matrix: filters and the general refiner on real detections.

``python -m stages.domains FOLDER [TRAINED]`` writes docs/results/domains.md and domains.json. No method
learns from these files. The Gaussian of the row "best Gaussian" is chosen on each domain itself, which no
user could do: it is what a filter can reach at most. TRAINED has networks of `stages.general` with other
seeds, steps or variants, a folder each; the tables of seeds and ablations and domains-trained.json show them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hanet.datasets.domains.read import read_domains
from hanet.files.atomic import write_text
from hanet.files.json_text import read_json
from hanet.methods.base import Method
from hanet.methods.filters import Gaussian, Input
from hanet.methods.general import GeneralRefiner
from hanet.methods.general_baseline import TrainedBaseline
from hanet.methods.self_tuned import SelfTuned
from hanet.metrics.domains import Row, Score, row, score
from hanet.models.general_export import DESCRIPTION, ONNX
from hanet.models.general_options import BaselineConfig
from hanet.poses.gaps import interpolate
from hanet.poses.pair import Pair
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17
from hanet.progress import console
from hanet.results.domains import Trained, domains_page
from hanet.training.noise_bank import corrupt
from stages import workspace
from stages.general import VARIANTS

PAGE = Path("docs/results/domains.md")
NOTE = (
    "`make domains FOLDER=…` writes this page. No method learned from these files. The best Gaussian is "
    "chosen on the domain itself, by its error, which no user could do: the most that a Gaussian can reach."
)
WEIGHTS = Path("hanet/weights")
SIGMAS = (0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
FIXED = 2.0
METHODS: dict[str, Method] = {
    "input": Input(),
    "self-tuned": SelfTuned(),
    "general": GeneralRefiner(),
}


def main(folder: Path, networks: Path | None = None) -> None:
    """Score all methods on all domains of a folder."""
    with workspace.stage("domains"):
        groups = [] if networks is None else read_trained(networks)
        across: list[dict[str, list[Row]]] = [{} for _ in groups]
        pairs = list(read_domains(folder, _drawn))
        domains = {}
        for name in dict.fromkeys(pair.domain for pair in pairs):
            console.print(f"  {name}", markup=False)
            chosen = [pair for pair in pairs if pair.domain == name]
            people = len({pair.person for pair in chosen})
            domains[name] = (chosen[0].detected.unit, len(chosen), people, _rows(chosen))
            before = _scores(Input(), chosen)
            for group, rows in zip(groups, across, strict=True):
                console.print(f"    {group.name}", markup=False)
                rows[name] = [
                    _row(group.name, chosen, before, _scores(method, chosen)) for method in group.methods
                ]
        trained = [
            Trained(group.name, group.steps, group.loss, rows)
            for group, rows in zip(groups, across, strict=True)
        ]
        write_text(PAGE, domains_page(domains, [NOTE], trained))
        numbers = {name: [asdict(one) for one in rows] for name, (_, _, _, rows) in domains.items()}
        write_text(PAGE.with_suffix(".json"), json.dumps(numbers, indent=1) + "\n")
        if trained:
            path = PAGE.with_name("domains-trained.json")
            write_text(path, json.dumps([asdict(one) for one in trained], indent=1) + "\n")


@dataclass(frozen=True)
class Group:
    """Networks that differ in their seed only.

    Attributes:
        name, steps, loss: see `hanet.results.domains.Trained`.
        methods: one per network.
    """

    name: str
    steps: int
    loss: tuple[float, ...]
    methods: tuple[Method, ...]


def read_trained(folder: Path) -> list[Group]:
    """The packaged network and those below a folder, by variant and steps, in the order of `VARIANTS`.

    Raises:
        ValueError: a network outside `VARIANTS`.
    """
    found: dict[tuple[int, int], list[tuple[float, Method]]] = {}
    for path in [WEIGHTS, *sorted(one.parent for one in folder.glob("*/general.json"))]:
        said = read_json(path / DESCRIPTION, dict, remedy="train again by python -m stages.general")
        key = (_variant(said, path), -int(said["training"]["steps"]))
        method = TrainedBaseline(path) if "network" in said["config"] else GeneralRefiner(weights=path / ONNX)
        found.setdefault(key, []).append((float(said["validation"]["loss"]), method))
    names = [variant.label for variant in VARIANTS.values()]
    groups = [
        Group(names[variant], -steps, *zip(*each, strict=True))
        for (variant, steps), each in sorted(found.items())
    ]
    plain: list[tuple[str, Method]] = [
        ("no network: self-tuned", SelfTuned()),
        ("without bound", GeneralRefiner(trust=np.inf)),
    ]
    return [*groups, *(Group(name, 0, (), (method,)) for name, method in plain)]


def _variant(said: dict[str, Any], path: Path) -> int:
    training, other = said["training"], "network" in said["config"]
    for i, variant in enumerate(VARIANTS.values()):
        weights = (variant.harm, variant.acceleration)
        if other == isinstance(variant.config, BaselineConfig) and weights == (
            training["harm"], training["acceleration"]
        ) and variant.config.from_dict(said["config"]) == variant.config:  # fmt: skip
            return i
    raise ValueError(f"{path}: expected one of stages.general's variants, got another network or training")


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
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
