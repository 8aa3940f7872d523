"""The table of formats that new files can be made of, and the functions that write them."""

from __future__ import annotations

from hanet.formats.new_file import Create, Target

_COUNTED = ("coco17", "halpe26", "halpe68", "wholebody133", "halpe136")
"""Sets of keypoints that readers know by their count."""
_OPENPOSE = ("body25", "openpose18", "mpi15", *_COUNTED)

TARGETS: dict[str, Target] = {
    "coco": Target(endings=(".json",), holds=("2d",), fps="lost", sets=_COUNTED),
    "openpose": Target(endings=("",), holds=("2d",), fps="lost", sets=_OPENPOSE),
    "alphapose": Target(endings=(".json",), holds=("2d",), fps="lost", sets=_COUNTED),
    "mmpose": Target(endings=(".json",), holds=("2d",), fps="lost"),
    "ultralytics": Target(endings=("",), holds=("2d",), fps="lost", sets=_COUNTED),
    "deeplabcut": Target(endings=(".csv",), holds=("2d",), fps="lost", named=True),
    "trc": Target(endings=(".trc",), holds=("3d",), people=False, scores=False),
    "c3d": Target(endings=(".c3d",), holds=("3d",), people=False, scores=False),
    "sleap": Target(endings=(".h5",), holds=("2d",), fps="lost"),
    "movement": Target(endings=(".nc",), holds=("2d", "3d"), fps="optional"),
    "pose": Target(endings=(".pose",), holds=("2d",)),
    "csv": Target(endings=(".csv",), holds=("2d", "3d"), videos=True, fps="optional"),
    "numpy": Target(endings=(".npz",), holds=("2d", "3d"), fps="optional"),
    "cache": Target(endings=(".parquet",), holds=("2d", "3d", "smpl"), videos=True),
}
"""By the name of the format, as in `hanet.formats.FORMATS` and as ``--to`` takes it."""
REFUSED: dict[str, str] = {
    "bvh": "needs lengths and directions of bones in a rest pose, which pose files do not hold",
    "smpl": "needs a body model fitted to the joints, and hanet fits none",
}
"""Formats that are read and written back, but not made from poses of others, and why."""


def creator(name: str) -> Create:
    """The function that writes a new file; a KeyError where `TARGETS` lacks the name."""
    found = _of_text(name) or _of_arrays(name)
    if found is None:
        raise KeyError(name)
    return found


def _of_text(name: str) -> Create | None:
    """Formats of text."""
    match name:
        case "coco":
            from hanet.formats.new_json import coco

            return coco
        case "openpose":
            from hanet.formats.new_json import openpose

            return openpose
        case "alphapose":
            from hanet.formats.new_json import alphapose

            return alphapose
        case "mmpose":
            from hanet.formats.new_json import mmpose

            return mmpose
        case "ultralytics":
            from hanet.formats.new_json import ultralytics

            return ultralytics
        case "deeplabcut":
            from hanet.formats.new_tables import deeplabcut

            return deeplabcut
        case "trc":
            from hanet.formats.new_tables import trc

            return trc
        case "csv":
            from hanet.formats.new_tables import table

            return table
    return None


def _of_arrays(name: str) -> Create | None:
    """Formats of arrays."""
    match name:
        case "numpy":
            from hanet.formats.new_tables import archive

            return archive
        case "cache":
            from hanet.formats.new_tables import cache

            return cache
        case "c3d":
            from hanet.formats.c3d import create

            return create
        case "sleap":
            from hanet.formats.sleap import create

            return create
        case "movement":
            from hanet.formats.movement import create

            return create
        case "pose":
            from hanet.formats.pose_binary import create

            return create
    return None
