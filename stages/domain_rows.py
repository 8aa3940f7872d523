"""Rows of the domain matrix: methods scored on a domain's sequences, and networks of `stages.general`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hanet.files.json_text import read_json
from hanet.methods.base import Method
from hanet.methods.filters import Input
from hanet.methods.general import GeneralRefiner
from hanet.methods.general_baseline import TrainedBaseline
from hanet.methods.self_tuned import SelfTuned
from hanet.metrics.domains import Row, Score, row, score
from hanet.models.general_export import DESCRIPTION, ONNX
from hanet.models.general_options import BaselineConfig
from hanet.poses.gaps import interpolate
from hanet.poses.pair import Pair
from hanet.poses.sequence import PoseSequence
from hanet.results.domains import Trained
from stages.general import VARIANTS
from stages.one_domain import DOMAINS, LABELS, TESTED

WEIGHTS = Path("hanet/weights")
FULL = next(iter(VARIANTS.values())).label


@dataclass(frozen=True)
class Group:
    """Networks that differ in their seed only, or a method without one.

    Attributes:
        name, steps, loss: see `hanet.results.domains.Trained`.
        methods: one per network.
        domain: that the networks learned from; None for motion capture with drawn errors.
    """

    name: str
    steps: int
    loss: tuple[float, ...]
    methods: tuple[Method, ...]
    domain: str | None = None

    def rows(self, pairs: Sequence[Pair], before: Sequence[Score]) -> list[Row]:
        """A row per network; `before` are the input's scores."""
        return [row_of(self.name, pairs, before, scores(method, pairs)) for method in self.methods]


def read_groups(folder: Path) -> list[Group]:
    """The packaged network and those below a folder: first by variant and steps, then by domain and steps.

    Raises:
        ValueError: a network outside `VARIANTS`.
    """
    found: dict[tuple[int, int, int], list[tuple[float, Method]]] = {}
    for path in [WEIGHTS, *sorted(one.parent for one in folder.glob("*/general.json"))]:
        said = read_json(path / DESCRIPTION, dict, remedy="train again by python -m stages.general")
        domain = said["validation"].get("domain")
        key = (
            -1 if domain is None else DOMAINS.index(domain),
            _variant(said, path),
            -int(said["training"]["steps"]),
        )
        method = TrainedBaseline(path) if "network" in said["config"] else GeneralRefiner(weights=path / ONNX)
        found.setdefault(key, []).append((float(said["validation"]["loss"]), method))
    names = [variant.label for variant in VARIANTS.values()]
    return [
        Group(
            names[variant] if domain < 0 else LABELS[DOMAINS[domain]],
            -steps,
            *zip(*each, strict=True),
            domain=None if domain < 0 else DOMAINS[domain],
        )
        for (domain, variant, steps), each in sorted(found.items())
    ]


def _variant(said: dict[str, Any], path: Path) -> int:
    training, other = said["training"], "network" in said["config"]
    for i, variant in enumerate(VARIANTS.values()):
        weights = (variant.harm, variant.acceleration)
        if other == isinstance(variant.config, BaselineConfig) and weights == (
            training["harm"], training["acceleration"]
        ) and variant.config.from_dict(said["config"]) == variant.config:  # fmt: skip
            return i
    raise ValueError(f"{path}: expected one of stages.general's variants, got another network or training")


def crossed(groups: Sequence[Group]) -> list[Group]:
    """Rows of the tables of train-on by test-on; none where no network learned from one domain.

    No network, those of motion capture with as many steps, and those of one domain.
    """
    own = [group for group in groups if group.domain is not None]
    steps = {group.steps for group in own}
    same = [
        Group("CMU motion, drawn errors", group.steps, group.loss, group.methods)
        for group in groups
        if group.domain is None and group.name == FULL and group.steps in steps
    ]
    plain = [Group("input", 0, (), (Input(),)), Group("no network: self-tuned", 0, (), (SelfTuned(),))]
    return [*plain, *same, *own] if own else []


def across(groups: Sequence[Group], pairs: Sequence[Pair]) -> list[Trained]:
    """All groups' rows on all domains."""
    tables: list[dict[str, list[Row]]] = [{} for _ in groups]
    for name in dict.fromkeys(pair.domain for pair in pairs) if groups else ():
        chosen = [pair for pair in pairs if pair.domain == name]
        before = scores(Input(), chosen)
        for group, table in zip(groups, tables, strict=True):
            table[name] = group.rows(chosen, before)
    return [
        Trained(group.name, group.steps, group.loss, table, TESTED[group.domain] if group.domain else ())
        for group, table in zip(groups, tables, strict=True)
    ]


def row_of(name: str, pairs: Sequence[Pair], before: Sequence[Score], after: Sequence[Score]) -> Row:
    """A row whose interval is resampled alike for all methods."""
    return row(name, pairs, before, after, np.random.default_rng(4321))


def scores(method: Method, pairs: Iterable[Pair]) -> list[Score]:
    """A method's scores of each sequence, its gaps filled by straight lines."""
    return [score(pair, _filled(method.refine(pair.detected))) for pair in pairs]


def _filled(sequence: PoseSequence) -> np.ndarray:
    rows = np.arange(len(sequence))
    flat = sequence.values.reshape(len(sequence), -1).astype(np.float64)
    return interpolate(flat, rows, rows).reshape(sequence.values.shape)
