"""Biovision's BVH: a hierarchy of joints, then a line of channels per frame.

The rotations of every joint are refined as rotations and come back as Euler angles in the joint's own order
of channels. Positions (of the root, as a rule) stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hanet.files.atomic import write_bytes
from hanet.formats.base import FormatError, PoseFile, ReadOptions, Update
from hanet.formats.dense import Dense, check_options
from hanet.formats.documents import Document, Lines
from hanet.formats.linking import MAX_JOINTS
from hanet.formats.source import Source
from hanet.formats.turns import euler_to_6d, nearest_euler
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import Skeleton

MAX_NAMES = 1000
_ROTATIONS = {"xrotation": "X", "yrotation": "Y", "zrotation": "Z"}
_POSITIONS = ("xposition", "yposition", "zposition")


def sniff(source: Source) -> bool:
    """The word HIERARCHY."""
    return source.head.removeprefix(b"\xef\xbb\xbf").lstrip()[:9].upper() == b"HIERARCHY"


@dataclass(frozen=True)
class _Joint:
    """A joint with three rotations.

    Attributes:
        name: as in the file.
        order: axes of its channels, as ``ZXY``.
        columns: which of a frame's numbers they are.
    """

    name: str
    order: str
    columns: tuple[int, ...]


@dataclass(eq=False)
class _Hierarchy:
    """What the lines above MOTION say, in their order.

    Attributes:
        joints: those with three rotations.
        parents: the joint above each, -1 for none.
        left: names of joints with rotations that are not three.
        channels: numbers per frame.
        motion: line of MOTION.
    """

    joints: list[_Joint] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    channels: int = 0
    motion: int = 0

    def add(self, name: str, kinds: Sequence[str], parent: int) -> int:
        """A joint with its channels; returns its number, the parent's where it is left out.

        Raises:
            ValueError: an unknown channel.
        """
        turns = []
        for column, kind in enumerate(map(str.lower, kinds), start=self.channels):
            if kind in _ROTATIONS:
                turns.append((_ROTATIONS[kind], column))
            elif kind not in _POSITIONS:
                raise ValueError(f"unknown channel {kind[:40]}")
        self.channels += len(kinds)
        order = "".join(axis for axis, _ in turns)
        if sorted(order) != ["X", "Y", "Z"]:
            self.left += [name] if turns else []
            return parent
        self.parents.append(parent)
        self.joints.append(_Joint(name, order, tuple(column for _, column in turns)))
        return len(self.joints) - 1


def read(path: Path, options: ReadOptions) -> PoseFile:
    """The rotations of a file as one track from frame 0 on.

    Raises:
        FileNotFoundError: no such file.
        FormatError: not a whole BVH file.
        ValueError: options that contradict the file.
    """
    document = Lines.open(path)
    lines = document.parse()
    words = [[word for word in line[::2] if word] for line in lines]
    hierarchy = _hierarchy(words, path)
    fps, rows = _motion(words, hierarchy, path)
    if 3 * len(rows) * len(hierarchy.joints) > MAX_JOINTS:  # three times as many numbers as keypoints
        raise FormatError(f"{path}: more than {MAX_JOINTS // 3} rotations over all frames; split the file")
    numbers = _numbers(words, rows, hierarchy.channels, path)
    names = tuple(joint.name for joint in hierarchy.joints)
    try:
        skeleton = Skeleton(path.stem, names, tuple(hierarchy.parents), (0,))
    except ValueError as error:
        raise FormatError(f"{path}: {error}") from None
    values = np.stack(
        [euler_to_6d(joint.order, numbers[:, joint.columns]) for joint in hierarchy.joints], axis=1
    )
    notes = [f"{', '.join(hierarchy.left[:6])}: not three rotations, left as they are"] * bool(hierarchy.left)
    found = Dense(
        format="bvh", path=path, values=values[:, None], scores=None, skeleton=skeleton, unit="rot6d", fps=fps
    )
    check_options(found, options)
    known = np.asarray(np.isfinite(values).all(axis=2))
    track = PoseSequence(path.stem, values, skeleton, "smpl", fps, "rot6d", "parent", labelled=known)
    return PoseFile(
        format="bvh",
        path=path,
        tracks=(track,),
        fps=fps,
        fps_known=True,
        skeleton=skeleton,
        unit="rot6d",
        save=lambda out, updates: _save(document, hierarchy, rows, numbers, out, updates),
        notes=(*notes, "positions stay as they are; rotations are refined"),
    )


def _hierarchy(words: Sequence[Sequence[str]], path: Path) -> _Hierarchy:
    """The lines above MOTION."""
    found = _Hierarchy()
    above = [-1]  # the joint of each open brace
    name = ""
    for i, line in enumerate(words):
        first, rest = (line[0].upper(), line[1:]) if line else ("", [])
        if first in ("ROOT", "JOINT"):
            name = " ".join(rest)
        elif first == "{":
            above.append(above[-1])
        elif first == "}":
            above.pop()
        elif first == "CHANNELS":
            if len(above) < 2 or not rest or rest[0] != str(len(rest) - 1):
                raise FormatError(f"{path}, line {i + 1}: expected a number of channels and their names")
            try:
                above[-1] = found.add(name, rest[1:], above[-2])
            except ValueError as error:
                raise FormatError(f"{path}, line {i + 1}: {error}") from None
        elif first == "MOTION":
            if not 0 < len(found.joints) <= MAX_NAMES:
                count = len(found.joints)
                raise FormatError(f"{path}: {count} joints with three rotations, expected 1 to {MAX_NAMES}")
            found.motion = i
            return found
        if not above:
            raise FormatError(f"{path}, line {i + 1}: a brace too many")
    raise FormatError(f"{path}: not a whole BVH file; no line MOTION")


def _motion(words: Sequence[Sequence[str]], hierarchy: _Hierarchy, path: Path) -> tuple[float, list[int]]:
    """Frames per second, and the lines of the frames."""
    at = [i for i in range(hierarchy.motion + 1, len(words)) if words[i]]
    try:
        count = int(words[at[0]][-1])
        text = words[at[1]][-1]
        seconds = float(text)
    except (IndexError, ValueError):
        raise FormatError(
            f"{path}: expected lines Frames: and Frame Time: with numbers after MOTION"
        ) from None
    rows = at[2:]
    if count != len(rows) or not rows:
        raise FormatError(f"{path}: {len(rows)} lines of frames, expected {count}; write the file again")
    if not 1e-4 <= seconds <= 10:
        raise FormatError(f"{path}: Frame Time must be 0.0001 to 10 seconds, got {seconds:g}")
    whole = round(1 / seconds)
    rounding = 0.51 * 10.0 ** -len(text.partition(".")[2])
    # 0.008333 is 120 fps, 0.033367 is 29.97.
    exact = whole > 0 and abs(1 / whole - seconds) <= rounding
    return float(whole) if exact else 1 / seconds, rows


def _numbers(words: Sequence[Sequence[str]], rows: Sequence[int], channels: int, path: Path) -> np.ndarray:
    numbers = np.empty((len(rows), channels))
    for t, i in enumerate(rows):
        if len(words[i]) != channels:
            raise FormatError(f"{path}, line {i + 1}: {len(words[i])} numbers, expected {channels}")
        try:
            numbers[t] = [float(word) for word in words[i]]
        except ValueError as error:
            raise FormatError(f"{path}, line {i + 1}: expected numbers ({str(error)[:80]})") from None
    return np.where(np.abs(numbers) < 1e9, numbers, np.nan)


def _save(
    document: Document,
    hierarchy: _Hierarchy,
    rows: Sequence[int],
    numbers: np.ndarray,
    out: Path,
    updates: Sequence[Update],
) -> list[str]:
    """Rewrite the angles of changed joints, with as many decimals as the source has, at least six."""
    [update] = updates
    lines = document.parse()
    at = [[k for k in range(0, len(line), 2) if line[k]] for line in lines]
    text = " ".join(lines[rows[0]])
    decimals = max(6, *(len(word.partition(".")[2]) for word in text.split() if "e" not in word.lower()))
    for j, joint in enumerate(hierarchy.joints):
        changed = np.flatnonzero(update.changed[:, j])
        if not len(changed):
            continue
        before = numbers[changed][:, joint.columns]
        angles = nearest_euler(joint.order, update.values[changed, j], before)
        for t, new in zip(changed.tolist(), angles.tolist(), strict=True):
            line, places = lines[rows[t]], at[rows[t]]
            for column, angle in zip(joint.columns, new, strict=True):
                line[places[column]] = f"{angle:.{min(decimals, 12)}f}"
    write_bytes(out, document.dump(lines))
    return []
