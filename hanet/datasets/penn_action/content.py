"""The splits of Penn Action."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hanet.datasets.common.content import Content, Item
from hanet.datasets.penn_action.clips import Clip, PennActionError, read_clip
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
    notes: dict[str, Any] = {"left_out": {}, "actions": {}}
    clips = [read_clip(path) for path in files]  # small: twenty megabytes of keypoints
    training = [clip.poses.name for clip in clips if clip.train]
    rng = np.random.default_rng(options.seed)
    held_out = round(options.val_share * len(training))
    validation = {training[i] for i in rng.permutation(len(training))[:held_out]}

    def split_of(clip: Clip) -> str:
        return "test" if not clip.train else "val" if clip.poses.name in validation else "train"

    def items(split: str) -> Iterator[Item]:
        of_split = [clip for clip in clips if split_of(clip) == split]
        whole = [clip for clip in of_split if not clip.hidden]
        notes["left_out"][split] = len(of_split) - len(whole)
        for clip in whole[: options.limit]:
            notes["actions"][clip.action] = notes["actions"].get(clip.action, 0) + 1
            yield Item(clip.poses)

    return Content(
        {split: items(split) for split in SPLITS},
        declared=[leak.declaration() for leak in options.declared],
        notes=notes,
    )
