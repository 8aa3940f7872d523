"""Sub-JHMDB's three official splits, and the published pool of them, whose test clips are also training
clips.

The three splits divide the same 316 clips in three ways. The published experiments (DeciWatch, HANet) take
all three as one data set: 687 training and 261 test entries of 316 clips, each used three times, so nearly
every test entry's clip is also in training. `pooled` returns this for comparison and reports the leak;
`three_split` returns an official split: train one model per split and average the scores.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hanet.datasets.common.declaration import Declaration, Kind
from hanet.poses.names import name_seed

SPLITS = (1, 2, 3)

_FILE = re.compile(r"(\w+)_test_split([123])\.txt")
_ORIGIN = "unpack sub_splits.zip of jhmdb.is.tue.mpg.de again"


class JhmdbError(ValueError):
    """A missing or unusable file of JHMDB; the message names the file and the remedy."""


class Clip(NamedTuple):
    """One clip.

    Attributes:
        action: its action, the folder it lies in.
        name: its name, without ``.avi``.
    """

    action: str
    name: str

    @property
    def source(self) -> str:
        """The video from which the clip was cut: HMDB's clip name up to the action.

        ``April_09_brush_hair_u_nm_np1_ba_goo_0`` comes from ``April_09``.
        """
        return self.name.split(f"_{self.action}_", 1)[0]


@dataclass(frozen=True)
class Pooled:
    """The three official splits as one data set.

    Attributes:
        splits: ``train``, ``val`` and ``test``: their clips, one entry per official split that has the clip
            there.
        seen_share: share of test entries, in [0, 1], whose clip is also a training entry.
    """

    splits: Mapping[str, tuple[Clip, ...]]
    seen_share: float

    @property
    def text(self) -> str:
        """What must be reported with every number of this split."""
        train, test = len(self.splits["train"]), len(self.splits["test"])
        return (
            f"Sub-JHMDB's three official splits pooled, as published: {train} training and {test} test "
            f"entries; {self.seen_share:.1%} of the test entries are clips that training has seen"
        )

    @property
    def declarations(self) -> tuple[Declaration, ...]:
        """Leaks to declare to `hanet.datasets.common.leakage.check_leakage`: train and val into test."""
        kinds: tuple[Kind, ...] = ("clip", "group", "sequence", "frame")
        firsts = [name for name in ("train", "val") if self.splits[name]]
        return tuple(Declaration((first, "test"), kinds, self.text) for first in firsts)


def read_split(folder: Path, k: int) -> dict[str, tuple[Clip, ...]]:
    """Read one official split: ``train`` and ``test``, by action, then in the files' order.

    Args:
        folder: ``sub_splits``.
        k: 1, 2 or 3.

    Raises:
        JhmdbError: no file of that split, an invalid line, a clip listed twice, or a split without training
            or test clips.
    """
    if k not in SPLITS:
        raise JhmdbError(f"Sub-JHMDB has the splits 1, 2 and 3, got {k}")
    paths = sorted(p for p in folder.glob("*.txt") if (m := _FILE.fullmatch(p.name)) and int(m[2]) == k)
    if not paths:
        raise JhmdbError(f"{folder}: no files <action>_test_split{k}.txt; {_ORIGIN}")
    split: dict[str, list[Clip]] = {"train": [], "test": []}
    seen: set[Clip] = set()
    for path in paths:
        action = path.name.removesuffix(f"_test_split{k}.txt")
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if not line.strip():
                continue
            name, _, part = line.strip().rpartition(" ")
            clip = Clip(action, name.strip().removesuffix(".avi"))
            if part not in ("1", "2") or not name.strip().endswith(".avi") or "/" in name:
                raise JhmdbError(
                    f"{path}:{number}: expected a clip and its part, like walk_0.avi 1 (1 train, 2 test), "
                    f"got {line!r}; {_ORIGIN}"
                )
            if clip in seen:
                raise JhmdbError(f"{path}:{number}: clip {clip.name} comes twice; {_ORIGIN}")
            seen.add(clip)
            split["train" if part == "1" else "test"].append(clip)
    if empty := [name for name, clips in split.items() if not clips]:
        raise JhmdbError(f"{folder}: split {k} has no {' and no '.join(empty)} clips; {_ORIGIN}")
    return {name: tuple(clips) for name, clips in split.items()}


def three_split(
    folder: Path, k: int, *, val_share: float = 0.1, seed: int = 4321
) -> dict[str, tuple[Clip, ...]]:
    """An official split with a validation part: ``train``, ``val`` and ``test``.

    `val` is taken out of `train`: about `val_share` of each action's clips (`hold_out`).

    Raises:
        JhmdbError: as `read_split`.
        ValueError: `val_share` outside [0, 1).
    """
    split = read_split(folder, k)
    held = hold_out(split["train"], share=val_share, seed=seed)
    return _divided(split["train"], held) | {"test": split["test"]}


def pooled(folder: Path, *, val_share: float = 0.0, seed: int = 4321) -> Pooled:
    """The union, with repetition, of the three official splits, as published.

    The published pool has no validation part; the best epoch was selected on test. With `val_share`, clips
    are held out of training in all three splits, as in `three_split`; most of them are also in test.

    Raises:
        JhmdbError: as `read_split`.
        ValueError: `val_share` outside [0, 1).
    """
    official = [read_split(folder, k) for k in SPLITS]
    train = tuple(clip for split in official for clip in split["train"])
    test = tuple(clip for split in official for clip in split["test"])
    splits = _divided(train, hold_out(train, share=val_share, seed=seed)) | {"test": test}
    known = set(splits["train"])
    return Pooled(splits=splits, seen_share=sum(clip in known for clip in test) / len(test))


def hold_out(clips: tuple[Clip, ...], *, share: float, seed: int) -> frozenset[Clip]:
    """Clips to hold out for validation: per action, complete source videos in a random order drawn from
    `seed`.

    Videos are added up to the action's rounded `share` of clips, at least one clip. A larger video is skipped
    unless only larger ones remain, and one video always stays in training. The result for an action depends
    only on its own clips and the seed. An action with a single source video has no validation clips.

    Raises:
        ValueError: `share` outside [0, 1).
    """
    if not 0 <= share < 1:
        raise ValueError(f"the share to hold out must be at least 0 and below 1, got {share}")
    actions: defaultdict[str, defaultdict[str, set[Clip]]] = defaultdict(lambda: defaultdict(set))
    for clip in clips:
        actions[clip.action][clip.source].add(clip)
    held: set[Clip] = set()
    for action, videos in actions.items() if share else ():
        wanted = max(round(share * sum(map(len, videos.values()))), 1)
        rng = np.random.default_rng(name_seed(seed, action))
        order = [sorted(videos)[i] for i in rng.permutation(len(videos))]
        taken: set[Clip] = set()
        for video in order[:-1]:
            if len(taken) + len(videos[video]) <= wanted:
                taken |= videos[video]
        if not taken and len(order) > 1:
            taken = videos[min(order, key=lambda video: len(videos[video]))]
        held |= taken
    return frozenset(held)


def _divided(clips: tuple[Clip, ...], held: frozenset[Clip]) -> dict[str, tuple[Clip, ...]]:
    return {
        "train": tuple(clip for clip in clips if clip not in held),
        "val": tuple(clip for clip in clips if clip in held),
    }
