"""Ingestion common to all data sets: stream sequences into caches, count and compare them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hanet.cache.files import GROUND_TRUTH, CacheMetadata, CacheWriter
from hanet.datasets.common.content import Content, Item, _poses
from hanet.datasets.common.leakage import Leak, SequenceSummary, check_leakage, summarize
from hanet.datasets.common.leakage import report as leakage_report
from hanet.datasets.common.raw import source_hashes
from hanet.poses.names import clip_of
from hanet.smpl.side_table import SideWriter, side_path
from hanet.smpl.tracks import SmplTrack


def write(content: Content, raw: Path, folder: Path, dataset: str) -> dict[str, Any]:
    """Write ``gt-<split>.parquet`` and the other caches; return the report.

    Raises:
        LeakageError: undeclared leakage between splits.
        ValueError: a split without sequences.
    """
    hashes = source_hashes(raw)
    rows, compared = {}, {}
    for split, items in content.splits.items():
        rows[split], compared[split] = _write_split(items, folder, dataset, split, hashes, content)
    leaks = _leaks(compared, content)
    content.finish(folder)
    clips = {split: len({clip_of(s.name) for s in summaries}) for split, summaries in compared.items()}
    return {
        "splits": rows,
        "test_clips_seen": _seen(compared),
        "leakage": leakage_report(leaks) if len(compared) > 1 else "One split: there is none to share with.",
        "leak": _leak(leaks, clips),
        **({"bodies": _bodies(compared, content.group)} if content.people else {}),
        **content.notes,
    }


def _leaks(compared: Mapping[str, Sequence[SequenceSummary]], content: Content) -> list[Leak]:
    """The declared leaks; none where the test split is all there is."""
    if list(compared) == ["test"]:
        return []
    return check_leakage(compared, group=content.group, people=content.people, declared=content.declared)


def _write_split(
    items: Iterable[Item],
    folder: Path,
    dataset: str,
    split: str,
    hashes: Mapping[str, str],
    content: Content,
) -> tuple[dict[str, Any], list[SequenceSummary]]:
    """Write a split's caches; return its row of the report and its summaries for the leakage guard."""
    writers: dict[str, CacheWriter] = {}
    sides: dict[str, SideWriter] = {}
    compared: list[SequenceSummary] = []
    groups: dict[str, None] = {}  # keeps the order
    sequences, frames, joints, labelled = 0, 0, 0, 0
    with ExitStack() as open_files:
        for item in items:
            person = content.group(item.poses.name) if content.people else None
            for name, poses in {"gt": item.gt, **item.others}.items():
                sequence = replace(_poses(poses), person=person)
                if name not in writers:
                    described = CacheMetadata.of(
                        sequence,
                        dataset=dataset,
                        split=split,
                        estimator=name if name in content.estimators else GROUND_TRUTH,
                        provenance={"sources_sha256": dict(hashes)},
                    )
                    writer = CacheWriter(folder / f"{name}-{split}.parquet", described)
                    writers[name] = open_files.enter_context(writer)
                    if isinstance(poses, SmplTrack):
                        side = SideWriter(side_path(folder / f"{name}-{split}.parquet"))
                        sides[name] = open_files.enter_context(side)
                writers[name].write(sequence)
                if isinstance(poses, SmplTrack):
                    sides[name].write(poses)
            gt = item.poses
            compared += map(summarize, (gt,) if item.compared is None else item.compared)
            groups[content.group(gt.name)] = None
            sequences, frames, joints = sequences + 1, frames + len(gt), joints + gt.values[..., 0].size
            known = np.isfinite(gt.values).all(axis=2)
            labelled += int((known if gt.labelled is None else known & gt.labelled).sum())
    if not sequences:
        raise ValueError(
            f"{dataset}: no sequence in {split}; change datasets.{dataset}.ingest in params.yaml"
        )
    row = {"sequences": sequences, "frames": frames, "labelled": labelled / joints}
    return {content.groups: list(groups), **row}, compared


def _bodies(
    compared: Mapping[str, Sequence[SequenceSummary]], group: Callable[[str], str]
) -> dict[str, dict[str, list[float]]]:
    """Median limb lengths (metres, `hanet.poses.bodies`) of each split's people, where they are known."""
    found: dict[str, dict[str, list[Any]]] = {split: {} for split in compared}
    for split, summaries in compared.items():
        for summary in summaries:
            if summary.limbs is not None:
                found[split].setdefault(group(summary.name), []).append(summary.limbs)
    return {
        split: {person: np.median(limbs, axis=0).round(5).tolist() for person, limbs in people.items()}
        for split, people in found.items()
    }


def _seen(compared: Mapping[str, Sequence[SequenceSummary]]) -> float:
    """Share of the test split's entries whose clip is also in training, by name; 0 without a leak."""
    trained = {clip_of(summary.name) for summary in compared.get("train", ())}
    tested = [clip_of(summary.name) for summary in compared.get("test", ())]
    return sum(clip in trained for clip in tested) / max(len(tested), 1)


def _leak(leaks: Sequence[Leak], clips: Mapping[str, int]) -> str | None:
    """What to report with every number: each reason and what is shared; None without a leak.

    Per pair of splits the first kind is reported: splits that share clips also share groups and poses.
    """
    reported: set[tuple[str, str]] = set()
    reasons: dict[str, list[str]] = {}
    for leak in leaks:
        if leak.splits in reported:
            continue
        reported.add(leak.splits)
        first, second = leak.splits
        count = f"{len(leak.offenders)} of {clips[second]} clips, " if leak.kind == "clip" else ""
        reasons.setdefault(leak.reason, []).append(
            f"{first} and {second} share {'a pose' if leak.kind == 'frame' else f'a {leak.kind}'}: "
            f"{count}{leak.share:.1%} of {second}'s frames"
        )
    return ". ".join(f"{reason} ({'; '.join(found)})" for reason, found in reasons.items()) or None
