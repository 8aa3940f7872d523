"""The splits of Sub-JHMDB."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hanet.datasets.common.content import Content, Item, first_clips
from hanet.datasets.jhmdb.clips import read_jhmdb
from hanet.datasets.jhmdb.options import JhmdbIngest
from hanet.datasets.jhmdb.splits import Clip, pooled, three_split


def jhmdb(raw: Path, options: JhmdbIngest) -> Content:
    """Keypoints ``gt-<split>``; the published pool, with its declared leak, or one official split."""
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
        """The video from which a clip was cut: official splits keep its clips together, action by action."""
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
