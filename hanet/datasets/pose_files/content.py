"""Released pose files in the pipeline: collected, split, paired. Shared by download and ingest.

The files contain an estimator's poses and their ground truth for train and test. Validation sequences are
held out of train. Splits are compared by content, and by names where files have them (SmoothNet's may lack
them).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from hanet.datasets.common.content import Content, Item, Poses
from hanet.datasets.common.declaration import Declaration
from hanet.datasets.pose_files.joints import read_release
from hanet.datasets.pose_files.layouts import OFFICIAL
from hanet.datasets.pose_files.options import HeldOut, Released, ReleasedFiles, ReleasedIngest
from hanet.datasets.pose_files.smpl import read_smpl_release
from hanet.options import SPLITS
from hanet.poses.sequence import PoseSequence

Pairs = list[tuple[Poses, Poses]]


def read(raw: Path, options: ReleasedFiles, split: str) -> Pairs:
    """An official split's sequences as (detected, ground truth)."""
    if options.representation == "smpl":
        return list(read_smpl_release(raw, options.dataset, options.estimator, split, layout=options.layout))
    return list(
        read_release(
            raw,
            options.dataset,
            options.estimator,
            split,
            layout=options.layout,
            representation=options.representation,
        )
    )


def splits(raw: Path, options: ReleasedFiles, ingest: ReleasedIngest) -> dict[str, Pairs]:
    """The sequences of train, val and test; validation sequences are removed from train.

    Raises:
        ValueError: as `held_out` and `read_release`.
    """
    learned, test = (read(raw, options, split) for split in OFFICIAL)
    val = held_out((name_of(pair) for pair in learned), ingest.val)
    return {
        "train": [pair for pair in learned if name_of(pair) not in val],
        "val": [pair for pair in learned if name_of(pair) in val],
        "test": test,
    }


def name_of(pair: tuple[Poses, Poses]) -> str:
    return Item(pair[1]).poses.name


def held_out(names: Iterable[str], val: HeldOut | Sequence[str]) -> set[str]:
    """Select the validation sequences by name.

    Raises:
        ValueError: a pattern that matches no name, or no sequence left to train on.
    """
    known = sorted(set(names))
    if isinstance(val, HeldOut):
        count = max(1, round(val.share * len(known)))
        chosen = {known[i] for i in np.random.default_rng(val.seed).permutation(len(known))[:count]}
    else:
        for pattern in val:
            if not any(fnmatchcase(name, pattern) for name in known):
                raise ValueError(
                    f"ingest.val: {pattern!r} fits none of train's {len(known)} sequences, which are "
                    f"{', '.join(known[:5])}{', …' if len(known) > 5 else ''}"
                )
        chosen = {name for name in known if any(fnmatchcase(name, pattern) for pattern in val)}
    if len(chosen) == len(known):
        raise ValueError(f"ingest.val takes all {len(known)} sequences of train; leave some to learn from")
    return chosen


def content(raw: Path, described: Released) -> Content:
    """Caches ``gt-<split>`` and ``<estimator>-<split>``; a leak must be declared in `ingest.leak`."""
    options, ingest = described.download, described.ingest

    def known_as(truth: PoseSequence, split: str) -> PoseSequence:
        # A clip is the whole name. In SmoothNet's files names may be numbers, which occur in both train and
        # test.
        part = f"{'test' if split == 'test' else 'train'}:" if options.layout == "smoothnet" else ""
        return replace(truth, name=part + truth.name.replace("/", ":"))

    return Content(
        {
            split: [
                Item(truth, {options.estimator: detected}, [known_as(Item(truth).poses, split)])
                for detected, truth in pairs
            ]
            for split, pairs in splits(raw, options, ingest).items()
        },
        estimators=frozenset({options.estimator}),
        declared=[
            Declaration((split, "test"), ("clip", "group", "sequence", "frame"), ingest.leak)
            for split in SPLITS
            if ingest.leak is not None and split != "test"
        ],
    )
