"""Pose files of other programs: read, refined, and written back in the same format.

>>> poses = read(Path("alphapose-results.json"), ReadOptions(fps=25.0))
>>> poses.write(Path("refined.json"), [smooth(track) for track in poses.tracks])

A format is one module with the functions ``sniff`` and ``read`` (`hanet.formats.base.Reader`), one entry of
`FORMATS` and one round-trip test. Modules of formats are imported when they are needed.
"""

from hanet.formats.base import Format, FormatError, PoseFile, ReadOptions
from hanet.formats.readers import read_alphapose, read_coco, read_mmpose, read_openpose
from hanet.formats.registry import FORMATS, detect, read

__all__ = [
    "FORMATS",
    "Format",
    "FormatError",
    "PoseFile",
    "ReadOptions",
    "detect",
    "read",
    "read_alphapose",
    "read_coco",
    "read_mmpose",
    "read_openpose",
]
