"""OpenSim's track row column files (TRC): 3D markers of one person, tab-separated.

Line 3 has the values of line 2's names (``DataRate``, ``NumMarkers``, ``Units``, …), line 4 the markers, each
over three columns. Axes stay as they are. A marker that is never known is written back as it was; OpenSim's
tools stop at such markers, see `hanet.formats.exports` for files without them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hanet.formats.base import FormatError, PoseFile, ReadOptions
from hanet.formats.cells import METRES, CellTrack, Table, pose_file
from hanet.formats.keypoint_sets import from_names
from hanet.formats.source import Source


def sniff(source: Source) -> bool:
    """A first line that begins with PathFileType."""
    return source.head.lstrip(b"\xef\xbb\xbf").startswith(b"PathFileType")


def read(path: Path, options: ReadOptions) -> PoseFile:
    """The markers of a file as one track, whose frames begin with the file's first number.

    Raises:
        FileNotFoundError: no such file.
        FormatError: not a whole TRC file, another unit than m, cm or mm, frames that do not rise by one, or
            a cell that is not a number.
        ValueError: ``fps`` contradicts the file.
    """
    table = Table.open(path, "\t")
    rows = table.rows
    if len(rows) < 6 or not rows[0][0].lstrip("\ufeff").startswith("PathFileType"):
        raise FormatError(
            f"{path}: not a whole TRC file; expected five lines of header, then rows of markers"
        )
    header = dict(zip((key.strip() for key in rows[1]), (value.strip() for value in rows[2]), strict=False))
    unit = header.get("Units", "").lower().replace("meters", "m").replace("millim", "mm")
    if unit not in METRES:
        raise FormatError(f"{path}: Units must be one of {', '.join(METRES)}, got {header.get('Units')!r}")
    try:
        fps = float(header["DataRate"])
    except (KeyError, ValueError):
        raise FormatError(f"{path}: DataRate must be a number, got {header.get('DataRate')!r}") from None
    if not 0 < fps < 1e6:
        raise FormatError(f"{path}: DataRate must be positive frames per second, got {fps:g}")
    at = [i for i, name in enumerate(rows[3]) if name.strip() and i >= 2]
    names = [rows[3][i].strip() for i in at]
    if not names:
        raise FormatError(f"{path}, line 4: no names of markers")
    lines = [i for i in range(5, len(rows)) if rows[i] and rows[i][0].strip()]
    frames = [table.number(i, 0) for i in lines]
    if not frames or not all(np.diff(frames) == 1) or frames[0] != frames[0] // 1:
        raise FormatError(f"{path}: frame numbers must be whole and rise by 1; got {frames[:3]}…")
    cells = CellTrack(
        name=path.stem,
        number=0,
        start=int(frames[0]),
        rows=np.repeat(np.array(lines)[:, None], len(names), axis=1),
        columns=np.array([[i, i + 1, i + 2] for i in at]),
    )
    return pose_file(
        "trc", table, [cells], from_names(names, path.stem), options, fps=fps, unit=unit, empty=""
    )
