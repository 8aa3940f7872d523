"""The table of formats, and how a file finds its own."""

from __future__ import annotations

from pathlib import Path

from hanet.formats.base import Format, FormatError, PoseFile, Reader, ReadOptions
from hanet.formats.source import Source


def _coco() -> Reader:
    from hanet.formats import coco

    return coco


def _openpose() -> Reader:
    from hanet.formats import openpose

    return openpose


def _alphapose() -> Reader:
    from hanet.formats import alphapose

    return alphapose


def _mmpose() -> Reader:
    from hanet.formats import mmpose

    return mmpose


def _ultralytics() -> Reader:
    from hanet.formats import ultralytics

    return ultralytics


FORMATS: dict[str, Format] = {
    entry.name: entry
    for entry in (
        Format("coco", "COCO keypoint results and annotations", (".json",), _coco),
        Format("openpose", "OpenPose's folder of JSON files", (".json",), _openpose, folder=True),
        Format("alphapose", "AlphaPose's results", (".json",), _alphapose),
        Format("mmpose", "MMPose's predictions", (".json",), _mmpose, folder=True),
        Format("ultralytics", "Ultralytics' results", (".json", ".txt"), _ultralytics, folder=True),
    )
}
"""Every format by the name that ``--format`` takes."""


def read(path: Path, options: ReadOptions | None = None, *, format: str | None = None) -> PoseFile:
    """Read a file or folder of poses.

    Args:
        path: the file or folder.
        options: what the file does not say; None for nothing.
        format: key in `FORMATS`; None to find it by name and content.

    Raises:
        FileNotFoundError: nothing there.
        FormatError: no known format or several, or not what the format allows.
        ValueError: an unknown format name, or an option that is needed or contradicts the file.
    """
    if format is not None and format not in FORMATS:
        raise ValueError(f"unknown format {format!r}; known: {', '.join(FORMATS)}")
    return FORMATS[format or detect(path)].load().read(path, options or ReadOptions())


def detect(path: Path) -> str:
    """The format of a file or folder by its name and the beginning of its content.

    Raises:
        FileNotFoundError: nothing there.
        FormatError: none fits, or several do; the message lists them.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder; check the path")
    source = Source(path)
    found = [entry for entry in FORMATS.values() if entry.fits(source)]
    if len(found) == 1:
        return found[0].name
    if found:
        names = " or ".join(f"{entry.name} ({entry.title})" for entry in found)
        raise FormatError(f"{path}: may be {names}; give --format")
    kind = "folder" if source.is_folder else "file"
    raise FormatError(
        f"{path}: not a {kind} of a known format; known are {', '.join(FORMATS)}; if it is one of them, "
        "give --format to learn what is wrong with it"
    )
