"""Leakage guard: detects the same recordings, people or poses in two splits of a data set.

Splits are compared by clip and by group (names alone), and by content: whole sequences, single frames, and,
where groups are people, bodies: limbs of equal lengths under two names (`hanet.poses.bodies`).
Frames are compared by a 64-bit hash of their pose, so ten million frames need a few hundred megabytes.
Content is compared in one representation: the same motion in another camera, frame rate or estimator's output
has other values and is detected only by name.

Axes: T frames, J joints, D numbers per joint, N frames over several sequences.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float, UInt64

from hanet.datasets.common.declaration import Declaration, Kind
from hanet.poses.bodies import limb_lengths, same_body
from hanet.poses.names import clip_of
from hanet.poses.sequence import PoseSequence, Unit

_MEANING: dict[Kind, str] = {
    "clip": "belong to clips that {first} has too",
    "group": "belong to groups that {first} has too",
    "body": "are of a body that {first} has too, under another name",
    "sequence": "lie in sequences that repeat one of {first}",
    "frame": "repeat a pose of {first}",
}
_STEP: dict[Unit, float] = {"px": 1e-2, "m": 1e-4, "rot6d": 1e-4}
"""Poses are equal when they round to the same multiples of this: far below a detector's noise, and far above
the rounding of single precision. (A value near the border of two multiples may still change sides, so a few
per cent of frames go undetected in a copy of another precision.)"""
_UNKNOWN = np.iinfo(np.int64).min
_SHOWN = 5


class LeakageError(ValueError):
    """Undeclared leaks between splits; the message lists all of them."""


@dataclass(frozen=True)
class Leak:
    """What two splits share.

    Attributes:
        kind: ``clip`` (a name up to its first ``/``), ``group`` (as the caller defines it), ``body`` (limbs
            of the same lengths in two groups), ``sequence`` (the same poses in the same order under any name)
            or ``frame`` (the same single pose).
        splits: the two splits, in the order given.
        offenders: the shared clips or groups, or, for content, the later split's sequences that have it, in
            that split's order.
        frames: affected frames of the later split.
        total: all frames of the later split.
        reason: why the leak is allowed; empty for an undeclared leak.
    """

    kind: Kind
    splits: tuple[str, str]
    offenders: tuple[str, ...]
    frames: int
    total: int
    reason: str = ""

    @property
    def share(self) -> float:
        """Affected share of the later split's frames, in (0, 1]."""
        return self.frames / self.total

    def __str__(self) -> str:
        first, second = self.splits
        meaning = _MEANING[self.kind].format(first=first)
        more = f" and {len(self.offenders) - _SHOWN} more" if len(self.offenders) > _SHOWN else ""
        declared = f" (declared: {self.reason})" if self.reason else ""
        return (
            f"{first} → {second}, {self.kind}: {self.frames} of {self.total} frames ({self.share:.2%}) of "
            f"{second} {meaning}: {', '.join(self.offenders[:_SHOWN])}{more}{declared}"
        )


@dataclass(frozen=True, eq=False)
class SequenceSummary:
    """What the guard stores of a sequence: 8 bytes per frame.

    Attributes:
        name: the sequence's name.
        num_frames: T, all its frames.
        hashes: of the N ≤ T frames that hold a pose, in order.
        limbs: lengths of the body's limbs, metres; None where they are unknown.
    """

    name: str
    num_frames: int
    hashes: UInt64[np.ndarray, " N"]
    limbs: Float[np.ndarray, " L"] | None = None


def summarize(sequence: PoseSequence) -> SequenceSummary:
    """Hash a sequence's frames, except those without a pose: all NaN, or all joints at one point.

    Such frames (nobody visible, joints coded as zeros) are equal everywhere and are no evidence of a leak.
    """
    values = sequence.values
    empty = np.isnan(values).all(axis=(1, 2)) | (values == values[:, :1]).all(axis=(1, 2))
    hashes = frame_hashes(values[~empty], _STEP[sequence.unit])
    return SequenceSummary(sequence.name, len(sequence), hashes, limb_lengths(sequence))


def frame_hashes(values: Float[np.ndarray, "T J D"], step: float) -> UInt64[np.ndarray, " T"]:
    """A 64-bit hash of each frame's values, rounded to multiples of `step`; all NaN are one value.

    Each value is mixed in by splitmix64 (Steele et al., OOPSLA 2014), so order matters. Among ten million
    different frames the chance of any two sharing a hash is about 3 in a million.
    """
    J, D = values.shape[1:]
    rounded = np.rint(values.reshape(-1, J * D).astype(np.float64) / step)
    steps = np.full(rounded.shape, _UNKNOWN)
    np.copyto(steps, rounded, where=np.isfinite(rounded), casting="unsafe")
    hashes = np.zeros(len(values), dtype=np.uint64)
    for column in steps.view(np.uint64).T:
        hashes = _splitmix64(hashes ^ column)
    return hashes


def _splitmix64(x: UInt64[np.ndarray, " T"]) -> UInt64[np.ndarray, " T"]:
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def find_leaks(
    splits: Mapping[str, Iterable[PoseSequence | SequenceSummary]],
    *,
    group: Callable[[str], str] | None = None,
    people: bool = False,
) -> list[Leak]:
    """Every leak between any two splits, one record per pair and kind; an empty list for a clean data set.

    A sequence is reported under every kind by which it leaks.

    Args:
        splits: sequences of each split, the training split first; iterated once, only hashes are stored.
        group: name of the group (a subject, say) that a sequence belongs to, by the sequence's name.
        people: whether groups are people, so that one body in two of them is a leak.

    Raises:
        ValueError: fewer than two splits, or one without frames.
    """
    contents = {name: _index(sequences, group) for name, sequences in splits.items()}
    empty = [name for name, content in contents.items() if not any(s.num_frames for s in content.sequences)]
    if empty or len(contents) < 2:
        raise ValueError(
            f"expected frames in two or more splits, got the splits {', '.join(contents) or 'none'}"
            + (f", without any in {', '.join(empty)}" if empty else "")
            + "; an iterator that was read before is empty"
        )
    return [
        leak
        for (first, a), (second, b) in combinations(contents.items(), 2)
        for leak in _compare(a, b, (first, second), group, people)
    ]


def check_leakage(
    splits: Mapping[str, Iterable[PoseSequence | SequenceSummary]],
    *,
    group: Callable[[str], str] | None = None,
    people: bool = False,
    declared: Sequence[Declaration] = (),
) -> list[Leak]:
    """Raise LeakageError where splits leak, except for declared leaks.

    Args:
        splits, group, people: as in `find_leaks`.
        declared: allowed leaks.

    Returns:
        The declared leaks found, with their reasons, to be printed with every number.

    Raises:
        LeakageError: any other leak; the message names splits, share and first offenders of each.
        ValueError: as `find_leaks`, or a declaration for a missing split.
    """
    unknown = sorted({split for d in declared for split in d.splits} - set(splits))
    if unknown:
        raise ValueError(f"leaks are declared for {', '.join(unknown)}; the splits are {', '.join(splits)}")
    allowed, refused = [], []
    for leak in find_leaks(splits, group=group, people=people):
        declaration = next((d for d in declared if d.covers(leak.kind, leak.splits)), None)
        if declaration is None:
            refused.append(leak)
        else:
            allowed.append(replace(leak, reason=declaration.reason))
    if refused:
        raise LeakageError(
            f"{report(refused)}\nRemove the shared clips from one split; or, where the comparison needs "
            "them, "
            "declare the leak with its reason"
        )
    return allowed


def report(leaks: Sequence[Leak]) -> str:
    """The leaks, one per line below a heading, or a line that there are none."""
    if not leaks:
        return "No leak between the splits found."
    return "\n".join(["Leaks between splits:", *(f"- {leak}" for leak in leaks)])


@dataclass(frozen=True, eq=False)
class _Split:
    """A split's sequences and their identifiers: labels by kind, and all hashes in order."""

    sequences: list[SequenceSummary]
    labels: dict[Kind, set[str]]
    hashes: UInt64[np.ndarray, " N"]


def _labels(sequence: SequenceSummary, group: Callable[[str], str] | None) -> dict[Kind, str]:
    labels: dict[Kind, str] = {"clip": clip_of(sequence.name)}
    if group is not None:
        labels["group"] = group(sequence.name)
    if len(sequence.hashes):
        labels["sequence"] = hashlib.blake2b(sequence.hashes.tobytes(), digest_size=16).hexdigest()
    return labels


def _index(sequences: Iterable[PoseSequence | SequenceSummary], group: Callable[[str], str] | None) -> _Split:
    summaries = [s if isinstance(s, SequenceSummary) else summarize(s) for s in sequences]
    labels: dict[Kind, set[str]] = {kind: set() for kind in _MEANING}
    for summary in summaries:
        for kind, label in _labels(summary, group).items():
            labels[kind].add(label)
    hashes = np.concatenate([np.zeros(0, np.uint64), *(s.hashes for s in summaries)])
    hashes.sort()
    return _Split(summaries, labels, hashes)


def _compare(
    a: _Split, b: _Split, splits: tuple[str, str], group: Callable[[str], str] | None, people: bool
) -> Iterator[Leak]:
    # Offenders of each kind with their frames; dicts preserve the order of the later split.
    found: dict[Kind, dict[str, int]] = {kind: {} for kind in _MEANING}

    def add(kind: Kind, offender: str, frames: int) -> None:
        found[kind][offender] = found[kind].get(offender, 0) + frames

    for sequence in b.sequences:
        for kind, label in _labels(sequence, group).items():
            if label in a.labels[kind]:
                add(kind, sequence.name if kind == "sequence" else label, sequence.num_frames)
        if shared := int(_among(sequence.hashes, a.hashes).sum()):
            add("frame", sequence.name, shared)
    if people and group is not None:
        for offender, frames in _known_bodies(a, b, group):
            add("body", offender, frames)
    total = sum(sequence.num_frames for sequence in b.sequences)
    for kind, offenders in found.items():
        if offenders:
            yield Leak(kind, splits, tuple(offenders), sum(offenders.values()), total)


def _known_bodies(a: _Split, b: _Split, group: Callable[[str], str]) -> Iterator[tuple[str, int]]:
    """Sequences of `b` with the body of another group's in `a`, ``name (like other)``, and their frames."""
    known = [s for s in a.sequences if s.limbs is not None]
    if not known:
        return
    bodies = np.stack([s.limbs for s in known if s.limbs is not None])
    groups = np.array([group(s.name) for s in known])
    for sequence in b.sequences:
        if sequence.limbs is None:
            continue
        alike = same_body(sequence.limbs, bodies) & (groups != group(sequence.name))
        if alike.any():
            yield f"{sequence.name} (like {known[int(alike.argmax())].name})", sequence.num_frames


def _among(hashes: UInt64[np.ndarray, " T"], known: UInt64[np.ndarray, " N"]) -> Bool[np.ndarray, " T"]:
    """Which hashes occur in `known`, which is sorted."""
    if len(known) == 0:
        return np.zeros(len(hashes), dtype=bool)
    place = np.searchsorted(known, hashes)
    return known[np.minimum(place, len(known) - 1)] == hashes
