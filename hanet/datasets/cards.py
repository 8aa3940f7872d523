"""Data set cards: ingested contents, terms of use, and the remaining steps before ingestion.

Contents come from the pose caches that the stage ingest wrote, terms and steps from `hanet.datasets.sources`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hanet.cache.files import PoseCache
from hanet.cache.metadata import CacheMetadata
from hanet.datasets.sources import SOURCES, DatasetSource, source_of
from hanet.download.by_hand import user_folder
from hanet.files.json_text import read_json

REPORT = "report.json"


class CardError(ValueError):
    """An unknown data set, or an unreadable report; the message says what to do."""


@dataclass(frozen=True)
class SplitCard:
    """One split's ground truth.

    Attributes:
        name: the split.
        sequences, frames: their number.
        labelled: share of joints, over all frames, that are reliable ground truth, in [0, 1].
        described: the cache's metadata.
        others: names of other caches of the same frames, such as ``keypoints``.
    """

    name: str
    sequences: int
    frames: int
    labelled: float
    described: CacheMetadata
    others: tuple[str, ...]


@dataclass(frozen=True)
class Card:
    """A data set.

    Attributes:
        name: its name in params.yaml.
        source: what its publisher offers; None if unknown.
        splits: the ingested splits; empty before ingestion.
        leakage: result of the leakage check, in words; None before ingestion.
        leak: a declared leak, to be reported with every number; None without one.
    """

    name: str
    source: DatasetSource | None
    splits: tuple[SplitCard, ...]
    leakage: str | None = None
    leak: str | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """Remaining steps before ingestion, one per line; none for an ingested data set."""
        return () if self.splits else tuple(_steps(self))


def names(poses: Path) -> list[str]:
    """All data sets with a known publisher, in the order of `SOURCES`, then other ingested ones by name."""
    ingested = {path.parent.name for path in poses.glob("*/gt-*.parquet")}
    return [*SOURCES, *sorted(ingested - set(SOURCES))]


def read_card(name: str, poses: Path) -> Card:
    """Collect the card of a data set.

    Args:
        name: its name in params.yaml.
        poses: folder that the stage ingest writes data sets into.

    Raises:
        CardError: a data set that is not ingested and has no known publisher, or an unreadable report.
        hanet.cache.files.CacheError: an unreadable cache.
    """
    source, folder = source_of(name), poses / name
    caches = sorted(folder.glob("gt-*.parquet"), key=_rank)
    if source is None and not caches:
        raise CardError(
            f"no data set {name}: it is not ingested in {poses} and has no known publisher. A data set of "
            "params.yaml has a card once it is in run.datasets and ingested (`dvc repro ingest`). Known: "
            f"{', '.join(names(poses))}"
        )
    report = _report(folder / REPORT)
    splits = tuple(_split(path, report["splits"]) for path in caches)
    return Card(name, source, splits, report["leakage"], report["leak"])


def _rank(path: Path) -> tuple[int, str]:
    """Sort key: splits in order of use, then others by name."""
    order = ("source", "train", "val", "test")
    split = path.stem.removeprefix("gt-")
    return (order.index(split) if split in order else len(order)), split


def _report(path: Path) -> dict[str, Any]:
    """Splits, leakage and leak from ingest's report; empty without a report."""
    nothing: dict[str, Any] = {"splits": {}, "leakage": None, "leak": None}
    if not path.is_file():
        return nothing
    try:
        report = nothing | read_json(path, dict, remedy="ingest the data set again")
    except ValueError as error:
        raise CardError(str(error)) from None
    splits = report["splits"]
    if not (isinstance(splits, dict) and all(isinstance(row, dict) for row in splits.values())):
        raise CardError(f"{path}: expected a mapping of splits; ingest the data set again")
    if not all(isinstance(report[key], str | None) for key in ("leakage", "leak")):
        raise CardError(f"{path}: expected text under leakage and leak; ingest the data set again")
    return report


def _split(path: Path, reported: dict[str, dict[str, Any]]) -> SplitCard:
    cache, split = PoseCache.open(path), path.stem.removeprefix("gt-")
    row = reported.get(split, {})
    if not (isinstance(row.get("sequences"), int) and isinstance(row.get("labelled"), int | float)):
        row = _counted(cache)
    others = sorted(other.stem.removesuffix(f"-{split}") for other in path.parent.glob(f"*-{split}.parquet"))
    return SplitCard(
        name=split,
        sequences=row["sequences"],
        frames=cache.num_frames,
        labelled=row["labelled"],
        described=cache.metadata,
        others=tuple(name for name in others if name != "gt"),
    )


def _counted(cache: PoseCache) -> dict[str, Any]:
    """Count sequences and the labelled share by reading a whole cache, one sequence at a time."""
    sequences, joints, labelled = 0, 0, 0
    for sequence in cache.sequences():
        known = np.isfinite(sequence.values).all(axis=2)
        labelled += int((known if sequence.labelled is None else known & sequence.labelled).sum())
        sequences, joints = sequences + 1, joints + known.size
    return {"sequences": sequences, "labelled": labelled / max(joints, 1)}


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
                f"{folder}, the folder in {source.environment}"
                if folder
                else (
                    f"a folder, and set datasets.{card.name}.download.folder in params.yaml or the variable "
                    f"{source.environment} to it"
                )
            )
            yield f"put {', '.join(file.name for file in lacking)} into {where}"
    for file in source.remote:
        yield f"{file.name} is downloaded from {file.urls[0]}" + (f" ({file.help})" if file.help else "")
    yield f"add {card.name} to run.datasets in params.yaml, and run `dvc repro ingest`"


def facts(card: Card) -> list[tuple[str, str]]:
    """Facts about a data set: pairs of title and text."""
    found = []
    if card.source:
        found += [
            ("what", card.source.title),
            *([("as published", card.source.published)] if card.source.published else []),
            ("from", card.source.home_page),
            ("access", card.source.access),
            ("terms", card.source.terms),
            ("reference", card.source.reference),
        ]
    if card.splits:
        poses = card.splits[-1].described
        joints = f"{len(poses.skeleton)} joints ({poses.skeleton.name})"
        frame = poses.frame_of_reference.replace("_", " ")
        found.append(("poses", f"{poses.representation}, {joints}, {poses.unit}, {frame}, {poses.fps:g} fps"))
        found.append(("leakage", card.leakage or "not checked; ingest it again"))
    if card.leak:
        found.append(("declared leak, to be reported with every number", card.leak))
    if card.missing:
        found.append(("not ingested", "next steps"))
    return found


def split_cells(split: SplitCard) -> tuple[str, ...]:
    """Name, sequences, frames, minutes, labelled share and other caches of a split, as text."""
    return (
        split.name,
        f"{split.sequences:,}",
        f"{split.frames:,}",
        f"{split.frames / split.described.fps / 60:,.1f}",
        f"{split.labelled:.1%}",
        ", ".join(split.others),
    )
