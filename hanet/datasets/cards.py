"""Data set cards: what a data set holds as ingested, on which terms it is had, and what it still takes.

What is there comes from the pose caches that the stage ingest wrote, terms and steps from
`hanet.datasets.sources`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hanet.cache.files import PoseCache
from hanet.cache.metadata import CacheMetadata
from hanet.datasets.sources import SOURCES, DatasetSource, source_of
from hanet.download.by_hand import user_folder

REPORT = "report.json"


class CardError(ValueError):
    """No such data set, or a report that cannot be read; the message says what to do."""


@dataclass(frozen=True)
class SplitCard:
    """One split's ground truth.

    Attributes:
        name: the split.
        sequences, frames: how many.
        labelled: share of joints, over all frames, that may be trusted as ground truth, in [0, 1].
        described: what its numbers mean.
        beside: other caches of the same frames, such as ``keypoints``.
    """

    name: str
    sequences: int
    frames: int
    labelled: float
    described: CacheMetadata
    beside: tuple[str, ...]


@dataclass(frozen=True)
class Card:
    """A data set.

    Attributes:
        name: its name in params.yaml.
        source: where it comes from; None where no publisher is known.
        splits: what is ingested; nothing before that.
        leakage: what the guard found, in words; None before.
        leak: what must stand beside every number of it, or None.
    """

    name: str
    source: DatasetSource | None
    splits: tuple[SplitCard, ...]
    leakage: str | None = None
    leak: str | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """What it still takes to have it ingested, a line each; nothing where it is."""
        return () if self.splits else tuple(_steps(self))


def names(poses: Path) -> list[str]:
    """Every data set with a known publisher, in the order of `SOURCES`, then the others that are ingested."""
    ingested = {path.parent.name for path in poses.glob("*/gt-*.parquet")}
    return [*SOURCES, *sorted(ingested - set(SOURCES))]


def read_card(name: str, poses: Path) -> Card:
    """The card of a data set.

    Args:
        name: as in params.yaml.
        poses: the folder that the stage ingest writes data sets into.

    Raises:
        CardError: neither ingested nor of a known publisher, or a report that is none.
        hanet.cache.files.CacheError: a cache that cannot be read.
    """
    source, folder = source_of(name), poses / name
    caches = sorted(folder.glob("gt-*.parquet"), key=_rank)
    if source is None and not caches:
        raise CardError(
            f"no data set {name} in {poses} and no publisher of that name; one of params.yaml has a card "
            "once it is in run.datasets and ingested (`dvc repro ingest`). There are "
            f"{', '.join(names(poses))}"
        )
    report = _report(folder / REPORT)
    splits = tuple(_split(path, report.get("splits", {})) for path in caches)
    return Card(name, source, splits, report.get("leakage"), report.get("leak"))


def _rank(path: Path) -> tuple[int, str]:
    """In the order that splits are used in; others follow by name."""
    order = ("source", "train", "val", "test")
    split = path.stem.removeprefix("gt-")
    return (order.index(split) if split in order else len(order)), split


def _report(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        report = json.loads(path.read_text())
    except ValueError as error:
        raise CardError(f"{path}: not JSON ({error}); ingest the data set again") from None
    if not isinstance(report, dict):
        raise CardError(f"{path}: expected a mapping; ingest the data set again")
    return report


def _split(path: Path, reported: dict[str, dict[str, Any]]) -> SplitCard:
    cache, split = PoseCache.open(path), path.stem.removeprefix("gt-")
    row = reported.get(split, {})
    if not {"sequences", "labelled"} <= row.keys():
        row = _counted(cache)
    beside = sorted(other.stem.removesuffix(f"-{split}") for other in path.parent.glob(f"*-{split}.parquet"))
    return SplitCard(
        name=split,
        sequences=row["sequences"],
        frames=cache.num_frames,
        labelled=row["labelled"],
        described=cache.metadata,
        beside=tuple(name for name in beside if name != "gt"),
    )


def _counted(cache: PoseCache) -> dict[str, Any]:
    """Sequences and the labelled share by reading all of a cache, a sequence at a time."""
    sequences, joints, labelled = 0, 0, 0
    for sequence in cache.sequences():
        known = np.isfinite(sequence.values).all(axis=2)
        labelled += int((known if sequence.labelled is None else known & sequence.labelled).sum())
        sequences, joints = sequences + 1, joints + known.size
    return {"sequences": sequences, "labelled": labelled / joints}


def _steps(card: Card) -> Iterator[str]:
    source = card.source
    assert source is not None  # a card without a source has splits
    if source.manual:
        folder = user_folder("", source.environment)
        lacking = [file for file in source.manual if folder is None or not (folder / file.name).is_file()]
        for url, steps in dict.fromkeys((file.url, file.steps) for file in lacking):
            yield f"at {url}: " + "; ".join(steps)
        if lacking:
            where = (
                f"{folder}, the folder that {source.environment} names"
                if folder
                else (
                    f"a folder, and name it under datasets.{card.name}.download.folder in params.yaml or in "
                    f"{source.environment}"
                )
            )
            yield f"put {', '.join(file.name for file in lacking)} into {where}"
    for file in source.remote:
        yield f"{file.name} is fetched from {file.urls[0]}" + (f" ({file.help})" if file.help else "")
    yield f"add {card.name} to run.datasets in params.yaml, and run `dvc repro ingest`"
