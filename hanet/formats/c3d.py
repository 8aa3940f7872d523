"""C3D: 3D markers of motion capture, with their residuals, analog samples, events and parameters.

All markers are one track. Points that Vicon's models compute and that are no positions (angles, forces,
moments, powers, scalars, as ``POINT:ANGLES`` and others list them) are left as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hanet.files.atomic import write_bytes
from hanet.formats.base import FormatError, PoseFile, ReadOptions
from hanet.formats.c3d_file import C3D, new_file, parse
from hanet.formats.cells import METRES
from hanet.formats.dense import Changes, Dense, pose_file, read_bytes
from hanet.formats.keypoint_sets import from_names
from hanet.formats.new_file import NewFile
from hanet.formats.source import Source

_NO_POSITIONS = ("ANGLES", "FORCES", "MOMENTS", "POWERS", "SCALARS", "REACTIONS")


def sniff(source: Source) -> bool:
    """80 in the second byte."""
    return source.head[1:2] == b"\x50"


def read(path: Path, options: ReadOptions) -> PoseFile:
    """The markers of a file as one track, whose frames begin with the file's first number.

    Raises:
        FileNotFoundError: no such file.
        FormatError: not a whole C3D file, or another unit than m, cm or mm.
        ValueError: options that contradict the file.
    """
    file = parse(path, read_bytes(path))
    labels = _labels(file)
    other = {label for group in _NO_POSITIONS for label in _texts(file, group)}
    at = np.array([i for i, label in enumerate(labels) if label not in other])
    if not len(at):
        raise FormatError(f"{path}: no markers among {', '.join(labels[:6])}")
    names = [labels[i] for i in at]
    unit = next(iter(_texts(file, "UNITS")), "mm").lower()
    if unit not in METRES:
        raise FormatError(f"{path}: POINT:UNITS must be one of {', '.join(METRES)}, got {unit!r}")
    try:
        skeleton = from_names(names, path.stem)
    except ValueError as error:
        raise FormatError(f"{path}, POINT:LABELS: {error}") from None
    values, fourth = file.read_points()
    gone = fourth[:, at] < 0
    found = Dense(
        format="c3d",
        path=path,
        values=np.where(gone[..., None], np.nan, values[:, at])[:, None],
        scores=None,
        skeleton=skeleton,
        unit=unit,
        fps=file.rate,
        start=file.first,
        notes=[f"{len(labels) - len(at)} points are no positions and stay as they are"]
        * (len(at) < len(labels)),
    )
    return pose_file(found, options, lambda out, changes: _save(file, at, out, changes))


def _texts(file: C3D, name: str) -> list[str]:
    value = file.parameters.get(f"POINT:{name}")
    return [text for text in value if text] if isinstance(value, list) else []


def _labels(file: C3D) -> list[str]:
    """Names of all points; ``LABELS2``, … hold those beyond 255, and points without a name get one."""
    labels: list[str] = []
    for name in ("LABELS", *(f"LABELS{i}" for i in range(2, 20))):
        value = file.parameters.get(f"POINT:{name}")
        labels += value if isinstance(value, list) else []
    labels = labels[: file.points]
    labels += [""] * (file.points - len(labels))
    return [label or f"point{i + 1}" for i, label in enumerate(labels)]


def _save(file: C3D, at: np.ndarray, out: Path, changes: Changes) -> Sequence[str]:
    """Write the points back; `at` are the markers among them."""
    shape = (file.frames, file.points)
    values = np.full((*shape, 3), np.nan)
    values[:, at] = changes.values[:, 0]
    masks = {}
    for name in ("changed", "filled", "dropped"):
        masks[name] = np.zeros(shape, dtype=bool)
        masks[name][:, at] = getattr(changes, name)[:, 0]
    raw, beyond = file.with_points(values, **masks)
    write_bytes(out, raw)
    if not beyond:
        return []
    return [f"{beyond} positions lie beyond the file's 16-bit integers and stay as they were"]


def create(path: Path, new: NewFile) -> list[str]:
    """Markers of one person in millimetres as 32-bit floats; a joint without a place has residual −1."""
    [track] = new.tracks
    assert new.fps is not None
    first = max(track.start, 1)
    write_bytes(path, new_file(track.skeleton.joints, 1000 * track.values, new.fps, first))
    return [f"frames are counted from 1: frame {track.start} is {first}"] if first != track.start else []
