"""Whose pairs a network learns from, is chosen on and is tested on, where it is trained on one domain.

People are told apart as far as the files allow: the three actors of Bandai-1 are unnamed, so the rendered
clips that move like them are all tested on, and those that move like CMU's people are learned from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from hanet.poses.pair import Pair

Part = Literal["learn", "choose", "test"]


@dataclass(frozen=True)
class Split:
    """People of a training's domains.

    Attributes:
        label: of the training, in tables.
        domains: as `Pair.domain`.
        learn, choose, test: patterns of `Pair.person`.
    """

    label: str
    domains: tuple[str, ...]
    learn: tuple[str, ...]
    choose: tuple[str, ...]
    test: tuple[str, ...]

    def part(self, pairs: Iterable[Pair], part: Part) -> list[Pair]:
        """The domains' pairs of some of their people."""
        patterns = getattr(self, part)
        return [
            pair
            for pair in pairs
            if pair.domain in self.domains and any(fnmatchcase(pair.person, one) for one in patterns)
        ]


SPLITS = {
    "uiprmd": Split(
        "UI-PRMD's pairs",
        ("UI-PRMD, Kinect v2",),
        learn=("s0[1-6]",),
        choose=("s0[78]",),
        test=("s09", "s10"),
    ),
    "aistpp": Split(
        "AIST++'s pairs", ("AIST++, 2D detector",), learn=("d02", "d03"), choose=("d04",), test=("d06",)
    ),
    "rendered": Split(
        "rendered pairs, 2D and 3D",
        ("Rendered, MediaPipe 3D", "Rendered, MediaPipe 2D"),
        learn=("cmu_actions/train/*",),
        choose=("cmu_actions/test/*", "cmu_subjects*"),
        test=("bandai1/*",),
    ),
}
"""By the folder that `hanet.datasets.domains.read` reads."""


def held_out(pairs: Iterable[Pair]) -> list[Pair]:
    """Pairs of people that no training learned from or was chosen on; of domains without a split, all."""
    kept = []
    for pair in pairs:
        split = next((one for one in SPLITS.values() if pair.domain in one.domains), None)
        if split is None or split.part([pair], "test"):
            kept.append(pair)
    return kept
