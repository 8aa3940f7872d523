"""The splits of Penn Action."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hanet.datasets.common.content import Content, Item
from hanet.datasets.penn_action.clips import PennActionError, read_clip
from hanet.datasets.penn_action.options import PennActionIngest
from hanet.options import SPLITS


def penn_action(raw: Path, options: PennActionIngest) -> Content:
    """Keypoints ``gt-<split>`` of the official split; validation is drawn from its training clips by name.

    A clip in which some joint is never visible has no pose to refine; it is left out and noted in the report.

    Raises:
        PennActionError: no labels, or one that cannot be read.
    """
    files = sorted(raw.rglob("labels/*.mat"))
    if not files:
        raise PennActionError(
            f"{raw}: expected files labels/*.mat, got none; unpack Penn_Action.tar.gz, or correct "
            "download.folder in params.yaml"
        )
    notes: dict[str, Any] = {"left_out": dict.fromkeys(SPLITS, 0), "actions": {}}
    clips = {path.stem: path for path in files}
    trains = {name: read_clip(path).train for name, path in clips.items()}
    training = [name for name, train in trains.items() if train]
    rng = np.random.default_rng(options.seed)
    held_out = round(options.val_share * len(training))
    validation = {training[i] for i in rng.permutation(len(training))[:held_out]}

    def split_of(name: str) -> str:
        return "test" if not trains[name] else "val" if name in validation else "train"

    def items(split: str) -> Iterator[Item]:
        kept = 0
        for name, path in clips.items():
            if split_of(name) != split or (options.limit is not None and kept >= options.limit):
                continue
            clip = read_clip(path)
            if clip.hidden:
                notes["left_out"][split] += 1
                continue
            kept += 1
            notes["actions"][clip.action] = notes["actions"].get(clip.action, 0) + 1
            yield Item(clip.poses)

    return Content(
        {split: items(split) for split in SPLITS},
        declared=[leak.declaration() for leak in options.declared],
        notes=notes,
    )
