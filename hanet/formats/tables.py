"""CSV tables of poses: a row per frame, a row per joint, or DeepLabCut's with three or four header lines.

Wide tables have columns ``<joint>_x``, ``<joint>_y``, perhaps ``_z`` and ``_score``. Tidy ones have columns
for the joint's name, ``x``, ``y``, perhaps ``z`` and a score. Both may have a frame number, a time in
seconds, a person and a sequence. DeepLabCut's headers are ``scorer``, perhaps ``individuals``,
``bodyparts``, ``coords``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hanet.formats.base import FormatError, PoseFile, ReadOptions
from hanet.formats.cells import CellTrack, Table, pose_file, unguarded
from hanet.formats.image_names import MAX_FRAME
from hanet.formats.keypoint_sets import from_names
from hanet.formats.source import Source
from hanet.poses.plausible import check_metres

_JOINT = ("joint", "bodypart", "bodyparts", "keypoint", "keypoints", "marker", "landmark", "name")
_FRAME = ("frame", "frame_number", "frame_id", "frame#", "image_id")
_TIME = ("seconds", "time", "time_s", "timestamp", "t")
_PERSON = ("track", "track_id", "person", "person_id", "individual", "individuals", "id", "idx")
_SEQUENCE = ("sequence", "video", "file")
_SCORE = ("score", "confidence", "likelihood", "visibility", "conf", "c", "p")
_WIDE = re.compile(rf"(.+?)[_.: ](x|y|z|{'|'.join(_SCORE)})", re.IGNORECASE)


def sniff(source: Source) -> bool:
    """DeepLabCut's header, or names of columns for coordinates."""
    lines = source.head.removeprefix(b"\xef\xbb\xbf").decode(errors="replace").splitlines()
    if not lines:
        return False
    words = [word.strip().strip('"') for word in re.split("[,;\t]", lines[0])]
    if words[0] == "scorer":
        return True
    lower = [word.lower() for word in words]
    tidy = {"x", "y"} <= set(lower) and any(name in lower for name in _JOINT)
    wide = [match[2].lower() for word in words if (match := _WIDE.fullmatch(word))]
    return tidy or {"x", "y"} <= set(wide)


def read(path: Path, options: ReadOptions) -> PoseFile:
    """The tracks of a table.

    2D coordinates are taken for pixels; 3D ones for metres, or for millimetres where bodies would be hundreds
    of metres tall, which a note says.

    Raises:
        FileNotFoundError: no such file.
        FormatError: no columns of coordinates, joints of different coordinates, a frame twice, times without
            a common rate, or a cell that is not a number.
        ValueError: ``fps`` contradicts the file's times.
    """
    table = Table.open(path)
    if not table.rows:
        raise FormatError(f"{path}: the file is empty; expected a table of poses")
    if table.rows[0][:1] == ["scorer"]:
        found = _deeplabcut(table)
    else:
        names = [word.strip().lower() for word in table.rows[0]]
        tidy = {"x", "y"} <= set(names) and any(name in names for name in _JOINT)
        found = _tidy(table, names) if tidy else _wide(table, names)
    skeleton = from_names([unguarded(joint) for joint in found.joints], path.stem)
    unit = "px" if found.tracks[0].columns.shape[1] == 2 else "m"
    empty = ""
    made = {"fps": found.fps, "empty": empty}
    poses = pose_file("csv", table, found.tracks, skeleton, options, unit=unit, **made)
    if unit == "m" and _in_millimetres(poses):
        note = "3D coordinates were taken for millimetres"
        return pose_file("csv", table, found.tracks, skeleton, options, unit="mm", notes=[note], **made)
    return poses


def _in_millimetres(poses: PoseFile) -> bool:
    try:
        for track in poses.tracks:
            check_metres(track)
    except ValueError as error:
        return "divide millimetres" in str(error)
    return False


@dataclass(frozen=True)
class _Found:
    tracks: Sequence[CellTrack]
    joints: Sequence[str]
    fps: float | None


def _deeplabcut(table: Table) -> _Found:
    rows, path = table.rows, table.path
    depth = 4 if len(rows) > 1 and rows[1][:1] == ["individuals"] else 3
    if len(rows) <= depth or rows[depth - 1][:1] != ["coords"]:
        raise FormatError(f"{path}: not DeepLabCut's header: expected scorer, bodyparts, coords and rows")
    columns: dict[str, dict[str, dict[str, int]]] = {}
    for i in range(1, len(rows[depth - 1])):
        person = rows[1][i] if depth == 4 else ""
        columns.setdefault(person, {}).setdefault(rows[depth - 2][i], {})[rows[depth - 1][i]] = i
    joints = list(dict.fromkeys(joint for parts in columns.values() for joint in parts))
    body = list(range(depth, len(rows)))
    numbered = all(row[:1] and row[0].strip().isdecimal() for row in rows[depth:])
    frames = [int(table.number(i, 0)) for i in body] if numbered else list(range(len(body)))
    tracks = []
    for number, parts in enumerate(columns.values()):
        tracks.append(
            _track(
                table,
                path.stem,
                number,
                {joint: dict(zip(frames, body, strict=True)) for joint in joints},
                joints,
                parts,
            )
        )
    return _Found(tracks, joints, None)


def _wide(table: Table, names: Sequence[str]) -> _Found:
    parts: dict[str, dict[str, int]] = {}
    for i, name in enumerate(table.rows[0]):
        if match := _WIDE.fullmatch(name.strip()):
            parts.setdefault(match[1], {})[match[2].lower()] = i
    parts = {joint: found for joint, found in parts.items() if {"x", "y"} <= set(found)}
    if not parts:
        raise FormatError(
            f"{table.path}: no columns <joint>_x and <joint>_y, and none for joint, x and y; got "
            f"{', '.join(names[:6])}"
        )
    groups = _groups(table, names)
    tracks = []
    for number, (key, frames) in enumerate(groups.items()):
        first = {frame: lines[0] for frame, lines in frames.items()}
        places = {joint: dict(first) for joint in parts}
        if twice := next((frame for frame, lines in frames.items() if len(lines) > 1), None):
            raise FormatError(f"{table.path}: frame {twice} of {key[0]}, {key[1]} comes twice")
        tracks.append(_track(table, key[0], _number(key[1], number), places, list(parts), parts))
    return _Found(tracks, list(parts), _rate(table, names))


def _tidy(table: Table, names: Sequence[str]) -> _Found:
    at = next(names.index(name) for name in _JOINT if name in names)
    axes = {axis: names.index(axis) for axis in ("x", "y", "z") if axis in names}
    axes |= {name: names.index(name) for name in _SCORE if name in names}
    joints = list(
        dict.fromkeys(row[at].strip() for row in table.rows[1:] if len(row) > at and row[at].strip())
    )
    tracks = []
    for number, (key, frames) in enumerate(_groups(table, names).items()):
        places: dict[str, dict[int, int]] = {joint: {} for joint in joints}
        for frame, lines in frames.items():
            for line in lines:
                joint = _cell(table, line, at)
                if joint not in places:
                    raise FormatError(f"{table.path}, line {line + 1}: no name of a joint")
                if frame in places[joint]:
                    raise FormatError(
                        f"{table.path}, line {line + 1}: {joint} of frame {frame} comes twice; give a column "
                        "for the person"
                    )
                places[joint][frame] = line
        parts = dict.fromkeys(joints, axes)
        tracks.append(_track(table, key[0], _number(key[1], number), places, joints, parts))
    return _Found(tracks, joints, _rate(table, names))


def _cell(table: Table, line: int, column: int) -> str:
    """A cell's text; none beyond the row's end."""
    row = table.rows[line]
    return row[column].strip() if column < len(row) else ""


def _column(names: Sequence[str], wanted: Sequence[str]) -> int | None:
    return next((names.index(name) for name in wanted if name in names), None)


def _groups(table: Table, names: Sequence[str]) -> dict[tuple[str, str], dict[int, list[int]]]:
    """Lines by frame, for each (sequence, person)."""
    frame, person, sequence = (_column(names, wanted) for wanted in (_FRAME, _PERSON, _SEQUENCE))
    groups: dict[tuple[str, str], dict[int, list[int]]] = {}
    joint = _column(names, _JOINT) if {"x", "y"} <= set(names) else None
    if frame is None and joint is not None:
        raise FormatError(f"{table.path}: no column for the frame; expected {', '.join(_FRAME[:3])}")
    for line in range(1, len(table.rows)):
        row = table.rows[line]
        if not any(cell.strip() for cell in row):
            continue
        number = float(line - 1) if frame is None else table.number(line, frame)
        if not 0 <= number < MAX_FRAME or number != number // 1:
            raise FormatError(f"{table.path}, line {line + 1}: expected a frame number, got {number:g}")
        key = (
            table.path.stem if sequence is None else unguarded(_cell(table, line, sequence)),
            "0" if person is None else _cell(table, line, person),
        )
        groups.setdefault(key, {}).setdefault(int(number), []).append(line)
    if not groups:
        raise FormatError(f"{table.path}: no rows below the header")
    return groups


def _number(person: str, otherwise: int) -> int:
    return int(person) if person.isdecimal() else otherwise


def _rate(table: Table, names: Sequence[str]) -> float | None:
    """Frames per second from the column of times, or None without one."""
    time, frame = _column(names, _TIME), _column(names, _FRAME)
    if time is None:
        return None
    lines = range(1, len(table.rows))
    seconds = np.array([table.number(i, time) for i in lines])
    frames = np.arange(len(seconds)) if frame is None else np.array([table.number(i, frame) for i in lines])
    timed = np.isfinite(seconds) & np.isfinite(frames)
    seconds, frames = seconds[timed], frames[timed]
    steps, passed = np.diff(frames), np.diff(seconds)
    forward = (steps > 0) & (passed > 0)
    if not forward.any():
        return None
    rates = steps[forward] / passed[forward]
    rate = float(np.ptp(frames) / np.ptp(seconds))
    if np.abs(rates / rate - 1).max() > 0.05 * max(1.0, rate / 100):  # times are often rounded
        raise FormatError(
            f"{table.path}: times of uneven steps ({rates.min():.4g} to {rates.max():.4g} per second); "
            "resample the poses to one rate"
        )
    whole = round(rate)
    return float(whole) if whole and abs(rate / whole - 1) < 6e-4 else rate


def _track(
    table: Table,
    name: str,
    number: int,
    places: dict[str, dict[int, int]],
    joints: Sequence[str],
    parts: dict[str, dict[str, int]],
) -> CellTrack:
    dims = {sum(axis in parts[joint] for axis in ("x", "y", "z")) for joint in joints if joint in parts}
    if len(dims) != 1 or (depth := dims.pop()) < 2:
        raise FormatError(f"{table.path}: expected x and y, or x, y and z, for each joint of {name}")
    frames = [frame for lines in places.values() for frame in lines]
    first, last = min(frames), max(frames)
    if (last - first + 1) > 20 * len(set(frames)) + 10_000:
        raise FormatError(f"{table.path}: frames {first} to {last} with {len(set(frames))} rows; check them")
    rows = np.full((last - first + 1, len(joints)), -1)
    columns = np.full((len(joints), depth), -1)
    scores = np.full(len(joints), -1)
    for j, joint in enumerate(joints):
        if joint not in parts:
            continue
        for frame, line in places[joint].items():
            rows[frame - first, j] = line
        columns[j] = [parts[joint][axis] for axis in "xyz"[:depth]]
        scores[j] = next((parts[joint][name] for name in _SCORE if name in parts[joint]), -1)
    return CellTrack(name, number, first, rows, columns, scores if (scores >= 0).any() else None)
