"""The domain matrix: filters and the general refiner on real detections.

``python -m stages.domains FOLDER [TRAINED]`` writes docs/results/domains.md and domains.json. No method
learns from these files, but for the networks of the last tables. The Gaussian of the row "best Gaussian" is
chosen on each domain itself, which no user could do: it is what a filter can reach at most. TRAINED has
networks of `stages.general` with other seeds, steps, variants or domains, a folder each; the tables of seeds,
ablations and domains, domains-trained.json and domains-crossed.json show them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from hanet.datasets.domains.read import read_domains
from hanet.files.atomic import write_text
from hanet.methods.base import Method
from hanet.methods.filters import Gaussian, Input
from hanet.methods.general import GeneralRefiner
from hanet.methods.self_tuned import SelfTuned
from hanet.metrics.domains import Row
from hanet.poses.pair import Pair
from hanet.progress import console
from hanet.results.domains import Trained, domains_page
from stages import workspace
from stages.domain_rows import Group, across, crossed, read_groups, row_of, scores
from stages.one_domain import drawn, tested_pairs

PAGE = Path("docs/results/domains.md")
NOTE = (
    "`make domains FOLDER=…` writes this page. No method learned from these files. The best Gaussian is "
    "chosen on the domain itself, by its error, which no user could do: the most that a Gaussian can reach. "
    "*General, bones*: the general refiner whose trust region the lengths of bones widen (`bones` 1)."
)
SIGMAS = (0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
FIXED = 2.0
METHODS: dict[str, Method] = {
    "input": Input(),
    "self-tuned": SelfTuned(),
    "general": GeneralRefiner(),
}
BONES = "general, bones"
"""The row of the general refiner whose trust region bones widen; of 3D domains."""


def main(folder: Path, networks: Path | None = None) -> None:
    """Score all methods on all domains of a folder."""
    with workspace.stage("domains"):
        groups = [] if networks is None else read_groups(networks)
        pairs = list(read_domains(folder, drawn))
        domains = {}
        for name in dict.fromkeys(pair.domain for pair in pairs):
            console.print(f"  {name}", markup=False)
            chosen = [pair for pair in pairs if pair.domain == name]
            people = len({pair.person for pair in chosen})
            domains[name] = (chosen[0].detected.unit, len(chosen), people, _rows(chosen))
        numbers = {name: [asdict(one) for one in rows] for name, (_, _, _, rows) in domains.items()}
        write_text(PAGE.with_suffix(".json"), json.dumps(numbers, indent=1) + "\n")
        trained = across(_of_motion(groups), pairs)
        own = across(crossed(groups), tested_pairs(folder, pairs) if groups else [])
        _write_numbers("domains-trained", trained)
        _write_numbers("domains-crossed", own)
        write_text(PAGE, domains_page(domains, [NOTE], trained, own))


def _of_motion(groups: Sequence[Group]) -> list[Group]:
    """Rows of the table of seeds and ablations."""
    if not groups:
        return []
    plain: list[tuple[str, Method]] = [
        ("no network: self-tuned", SelfTuned()),
        ("without bound", GeneralRefiner(trust=np.inf)),
    ]
    own = [group for group in groups if group.domain is None]
    return [*own, *(Group(name, 0, (), (method,)) for name, method in plain)]


def _write_numbers(name: str, tables: Sequence[Trained]) -> None:
    if tables:
        text = json.dumps([asdict(one) for one in tables], indent=1) + "\n"
        write_text(PAGE.with_name(f"{name}.json"), text)


def _rows(pairs: list[Pair]) -> list[Row]:
    before = scores(Input(), pairs)
    rows = {name: row_of(name, pairs, before, scores(method, pairs)) for name, method in METHODS.items()}
    tried = [
        row_of(f"best Gaussian (σ = {sigma:g} frames)", pairs, before, scores(Gaussian(sigma), pairs))
        for sigma in SIGMAS
    ]
    fixed = replace(tried[SIGMAS.index(FIXED)], method=f"Gaussian (σ = {FIXED:g} frames)")
    best = min(tried, key=lambda one: one.error)
    found = [rows["input"], fixed, best, rows["self-tuned"], rows["general"]]
    if pairs[0].detected.unit == "m":
        found.append(row_of(BONES, pairs, before, scores(GeneralRefiner(bones=1.0), pairs)))
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
