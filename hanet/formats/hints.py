"""What to do with a file or folder of no known format, where its kind is plain."""

from __future__ import annotations

from collections.abc import Collection

from hanet.formats.base import FormatError
from hanet.formats.documents import Document
from hanet.formats.source import Source

_KINDS = {
    **dict.fromkeys(
        (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v"),
        "a video, not poses; estimate them first, with hanet estimate or any estimator",
    ),
    **dict.fromkeys(
        (".mot", ".sto"), "OpenSim's angles or forces, not positions of joints; give the .trc of the markers"
    ),
    ".slp": "a project of SLEAP; export it as an analysis file (.h5) and give that",
    ".mat": "a MATLAB file; save its poses as .csv or .npy, (T, J, D)",
    ".fbx": "an FBX file; export it as BVH or C3D",
}
"""By ending."""
_WIDE = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
"""Byte-order marks of UTF-16 and UTF-32."""


def hint(source: Source, endings: Collection[str]) -> str | None:
    """A sentence on a file of no known format, or None.

    Args:
        source: the file or folder.
        endings: those of pose files.
    """
    if source.is_folder:
        inside = [one.path.name for one in source.files if one.path.suffix.lower() in endings]
        if not inside:
            return None
        more = ", …" if len(inside) > 3 else ""
        return (
            f"not a folder of a known format, but {', '.join(inside[:3])}{more} in it may be poses; "
            "give a file (hanet refine and hanet convert also take a folder of files)"
        )
    if _is_boxes(source.json):
        return "boxes of people without keypoints; give the file of the keypoints"
    if source.head.startswith(_WIDE):
        return "UTF-16 or UTF-32 text; save it as UTF-8"
    return _not_json(source) or _KINDS.get(source.path.suffix.lower())


def _not_json(source: Source) -> str | None:
    """What is wrong with the text of a file that ends in .json, or None."""
    if source.path.suffix.lower() != ".json":
        return None
    if b"\x00" in source.head[:2]:
        return "UTF-16 or UTF-32 text; save it as UTF-8"
    if not source.head.strip():
        return "an empty file; expected JSON"
    try:
        Document.open(source.path).parse()
    except FormatError as error:
        return str(error).removeprefix(f"{source.path}: ")
    return None


def _is_boxes(document: object) -> bool:
    """Whether a JSON document is COCO's results of a detector of people."""
    return (
        isinstance(document, list)
        and bool(document)
        and all(isinstance(entry, dict) and "keypoints" not in entry for entry in document)
        and "bbox" in document[0]
    )
