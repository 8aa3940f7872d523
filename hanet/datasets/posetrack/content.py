"""The splits of both years of PoseTrack, with the labels that mAP needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from hanet.cache.video_labels import write_labels
from hanet.datasets.common.content import Content, Item
from hanet.datasets.posetrack.options import PoseTrack17Ingest, PoseTrackIngest
from hanet.datasets.posetrack.videos import annotation_files
from hanet.poses.names import name_seed
from hanet.poses.sequence import PoseSequence
from hanet.poses.video_labels import PoseTrackVideo

ReadVideo = Callable[[Path], tuple[PoseTrackVideo, tuple[PoseSequence, ...]]]


MIN_LABELLED = 4
"""Minimum number of labelled joints for comparing a frame: with fewer, two people's pixels may agree by
chance.
"""


def posetrack(raw: Path, options: PoseTrackIngest, read_video: ReadVideo) -> Content:
    """Keypoints ``gt-<split>``, and ``labels-<split>.jsonl`` for mean average precision.

    The official test videos have no public annotations, so the test split is the official validation videos.
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
                yield Item(sequence, compared=(with_enough_labels(sequence),))

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
    """The folder of train and val: 2018's archive has them one level down."""
    return raw / "annotations" if (raw / "annotations").is_dir() else raw


def held_out(paths: list[Path], *, share: float, seed: int) -> frozenset[Path]:
    """Hold out complete videos for validation, at least one, drawn by `seed` and the names."""
    wanted = max(1, round(share * len(paths)))
    draws = {path: np.random.default_rng(name_seed(seed, path.stem)).random() for path in paths}
    return frozenset(sorted(paths, key=draws.__getitem__)[:wanted])


def with_enough_labels(sequence: PoseSequence) -> PoseSequence:
    """The sequence with frames of too few labelled joints set to NaN, see `MIN_LABELLED`."""
    known = np.isfinite(sequence.values).all(axis=2).sum(axis=1)
    values = np.where((known >= MIN_LABELLED)[:, None, None], sequence.values, np.nan)
    return replace(sequence, values=values.astype(sequence.values.dtype))
