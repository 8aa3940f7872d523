"""2D data sets: Sub-JHMDB and both years of PoseTrack."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from hanet.data.jhmdb import read_jhmdb
from hanet.data.jhmdb_splits import Clip, pooled, three_split
from hanet.data.posetrack import PoseTrackVideo, annotation_files, write_labels
from hanet.data.views import name_seed
from hanet.poses import PoseSequence
from stages._ingest import Content, Item, first_clips
from stages.schema.datasets import JhmdbIngest, PoseTrack17Ingest, PoseTrackIngest

ReadVideo = Callable[[Path], tuple[PoseTrackVideo, tuple[PoseSequence, ...]]]
TELLING = 4
"""Labelled joints that a frame needs to be compared: with fewer, pixels of two people may agree by chance."""


def jhmdb(raw: Path, options: JhmdbIngest) -> Content:
    """Keypoints ``gt-<split>``; pooled as published, with the leak that this is, or one official split."""
    folder = raw / "sub_splits"
    declared = [leak.declaration() for leak in options.declared]
    splits: dict[str, tuple[Clip, ...]]
    if options.split is None:
        union = pooled(folder, val_share=options.val_share, seed=options.seed)
        splits = dict(union.splits)
        declared += union.declarations
    else:
        splits = three_split(folder, options.split, val_share=options.val_share, seed=options.seed)
    actions = {clip.name: clip for clips in splits.values() for clip in clips}

    def group(name: str) -> str:
        """The video that a clip was cut from: what official splits keep together, action by action."""
        return f"{actions[name].action}/{actions[name].source}"

    def items(clips: tuple[Clip, ...]) -> Iterator[Item]:
        yield from map(Item, read_jhmdb(raw, clips, boxes=options.boxes))

    return Content(
        {split: first_clips(items(clips), options.limit) for split, clips in splits.items()},
        group=group,
        groups="videos",
        declared=declared,
        notes={"protocol": options.protocol, "official_split": options.split, "boxes": options.boxes},
    )


def posetrack(raw: Path, options: PoseTrackIngest, read_video: ReadVideo) -> Content:
    """Keypoints ``gt-<split>`` and what mean average precision needs besides, ``labels-<split>.jsonl``.

    The official test videos have no public annotations: tests are on the official validation videos.
    """
    train = annotation_files(_annotations(raw) / "train")
    held = held_out(train, share=options.val_share, seed=options.seed)
    files = {
        "train": [path for path in train if path not in held][: options.limit],
        "val": [path for path in train if path in held][: options.limit],
        "test": annotation_files(_annotations(raw) / "val")[: options.limit],
    }

    def items(paths: list[Path]) -> Iterator[Item]:
        for path in paths:
            for sequence in read_video(path)[1]:
                if isinstance(options, PoseTrack17Ingest):
                    sequence = replace(sequence, image_size=options.image_size)
                yield Item(sequence, compared=(telling(sequence),))

    def labels(folder: Path) -> None:
        for split, paths in files.items():
            write_labels(folder / f"labels-{split}.jsonl", (read_video(path)[0] for path in paths))

    return Content(
        {split: items(paths) for split, paths in files.items()},
        groups="videos",
        declared=[leak.declaration() for leak in options.declared],
        notes={"videos": {split: len(paths) for split, paths in files.items()}},
        finish=labels,
    )


def _annotations(raw: Path) -> Path:
    """Where the folders train and val are: 2018's archive has them one folder down."""
    return raw / "annotations" if (raw / "annotations").is_dir() else raw


def held_out(paths: list[Path], *, share: float, seed: int) -> frozenset[Path]:
    """Whole videos for validation, at least one, drawn by `seed` and the names."""
    wanted = max(1, round(share * len(paths)))
    draws = {path: np.random.default_rng(name_seed(seed, path.stem)).random() for path in paths}
    return frozenset(sorted(paths, key=draws.__getitem__)[:wanted])


def telling(sequence: PoseSequence) -> PoseSequence:
    """The sequence with nothing in frames of too few labelled joints, see `TELLING`."""
    known = np.isfinite(sequence.values).all(axis=2).sum(axis=1)
    values = np.where((known >= TELLING)[:, None, None], sequence.values, np.nan)
    return replace(sequence, values=values.astype(sequence.values.dtype))
