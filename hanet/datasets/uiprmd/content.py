"""UI-PRMD: Vicon's joints and the Kinect's, from ready pairs or from the release."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from hanet.datasets.common.content import Content, Item, first_clips
from hanet.datasets.uiprmd.alignment import aligned, shared_rotation
from hanet.datasets.uiprmd.collect import PairsError
from hanet.datasets.uiprmd.options import UIPRMD, AlignedIngest, SubjectsIngest, UIPRMDRaw
from hanet.datasets.uiprmd.pairs import read_pairs, split_of, subject_of
from hanet.datasets.uiprmd.recordings import episodes
from hanet.options import SPLITS
from hanet.poses.sequence import PoseSequence

KINECT = frozenset({"kinect"})


def content(raw: Path, described: UIPRMD | UIPRMDRaw) -> Content:
    """From ready pairs or from the release."""
    if isinstance(described, UIPRMD):
        return pairs(raw, described.ingest)
    return released(raw, described.ingest)


def pairs(raw: Path, options: SubjectsIngest) -> Content:
    """Caches ``gt-<split>`` (Vicon's joints) and ``kinect-<split>``, from ready pairs."""

    def items(split: str) -> Iterator[Item]:
        yield from _items(pair for pair in read_pairs(raw) if split_of(pair[1].name, options.splits) == split)

    return Content(
        {split: items(split) for split in SPLITS},
        estimators=KINECT,
        group=_group,
        groups="subjects",
        people=True,
    )


def released(raw: Path, options: AlignedIngest) -> Content:
    """The same caches from the release: each episode is aligned by its own rotation or by the training
    subjects'.
    """
    left_out: dict[str, str] = {}
    shared = options.rotation == "shared"
    rotation = shared_rotation(episodes(raw, options.splits["train"])) if shared else None

    def items(split: str) -> Iterator[Item]:
        found = 0
        for item in _items(aligned(raw, options.splits[split], rotation=rotation, left_out=left_out)):
            yield item
            found += 1
        if not found and left_out:
            raise PairsError(
                f"no episode of {split} is of use, {len(left_out)} are left out; the first: "
                f"{next(iter(left_out.values()))}"
            )

    return Content(
        {split: first_clips(items(split), options.limit) for split in SPLITS},
        estimators=KINECT,
        group=_group,
        groups="subjects",
        people=True,
        declared=[leak.declaration() for leak in options.declared],
        notes={"episodes_left_out": left_out, "rotation": options.rotation},
    )


def _items(pairs: Iterable[tuple[PoseSequence, PoseSequence]]) -> Iterator[Item]:
    for kinect, vicon in pairs:
        yield Item(vicon, {"kinect": kinect})


def _group(name: str) -> str:
    return f"subject {subject_of(name)}"
