"""The table of formats, and how a file finds its own."""

from __future__ import annotations

from pathlib import Path

from hanet.formats.base import Format, FormatError, PoseFile, Reader, ReadOptions
from hanet.formats.source import Source
from hanet.poses.errors import NoPosesError


def reader(name: str) -> Reader:
    """The module of a format; a KeyError where there is none."""
    found = _of_text(name) or _of_arrays(name)
    if found is None:
        raise KeyError(name)
    return found


def _of_text(name: str) -> Reader | None:
    """Formats of text."""
    match name:
        case "coco":
            from hanet.formats import coco

            return coco
        case "openpose":
            from hanet.formats import openpose

            return openpose
        case "alphapose":
            from hanet.formats import alphapose

            return alphapose
        case "mmpose":
            from hanet.formats import mmpose

            return mmpose
        case "ultralytics":
            from hanet.formats import ultralytics

            return ultralytics
        case "trc":
            from hanet.formats import trc

            return trc
        case "csv":
            from hanet.formats import tables

            return tables
        case "bvh":
            from hanet.formats import bvh

            return bvh
    return None


def _of_arrays(name: str) -> Reader | None:
    """Formats of arrays."""
    match name:
        case "numpy":
            from hanet.formats import arrays

            return arrays
        case "cache":
            from hanet.formats import caches

            return caches
        case "c3d":
            from hanet.formats import c3d

            return c3d
        case "deeplabcut":
            from hanet.formats import deeplabcut

            return deeplabcut
        case "sleap":
            from hanet.formats import sleap

            return sleap
        case "movement":
            from hanet.formats import movement

            return movement
        case "pose":
            from hanet.formats import pose_binary

            return pose_binary
        case "smpl":
            from hanet.formats import smpl_results

            return smpl_results
    return None


FORMATS: dict[str, Format] = {
    entry.name: entry
    for entry in (
        Format("coco", "COCO keypoint results and annotations", (".json",)),
        Format("openpose", "OpenPose's folder of JSON files", (".json",), folder=True),
        Format("alphapose", "AlphaPose's results", (".json",)),
        Format("mmpose", "MMPose's predictions", (".json",), folder=True),
        Format("ultralytics", "Ultralytics' results", (".json", ".txt"), folder=True),
        Format("trc", "OpenSim's TRC", (".trc",)),
        Format("c3d", "C3D files of motion capture", (".c3d",)),
        Format("deeplabcut", "DeepLabCut's predictions (HDF5)", (".h5", ".hdf5")),
        Format("sleap", "SLEAP's analysis files", (".h5", ".hdf5")),
        Format("movement", "movement's data sets (netCDF)", (".nc",)),
        Format("pose", "Binary .pose files", (".pose",)),
        Format("bvh", "Biovision's BVH", (".bvh",)),
        Format("csv", "CSV tables, DeepLabCut's too", (".csv", ".tsv")),
        Format("smpl", "SMPL bodies of VIBE, WHAM, ROMP and others", (".pkl", ".pk", ".pt", ".npz")),
        Format("numpy", "NumPy arrays", (".npy", ".npz")),
        Format("cache", "Pose caches of this project", (".parquet",)),
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
    try:
        return reader(format or detect(path)).read(path, options or ReadOptions())
    except (ValueError, OverflowError) as error:
        if path.name in str(error) or isinstance(error, NoPosesError):
            raise
        raise FormatError(f"{path}: {error}; write it again, or correct this") from error


def detect(path: Path) -> str:
    """The format of a file or folder by its name and the beginning of its content.

    Raises:
        FileNotFoundError: nothing there.
        FormatError: none fits, or several do; the message lists them.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder; check the path")
    source = Source(path)
    found = [entry for entry in FORMATS.values() if entry.may_be(source) and reader(entry.name).sniff(source)]
    if len(found) == 1:
        return found[0].name
    if found:
        names = " or ".join(f"{entry.name} ({entry.title})" for entry in found)
        raise FormatError(f"{path}: may be {names}; give --format")
    if (path / "Config.toml").is_file():
        raise FormatError(f"{path}: a project of Pose2Sim; give its folder pose, or a file in pose-3d")
    from hanet.formats.hints import hint

    if known := hint(source, {ending for entry in FORMATS.values() for ending in entry.endings}):
        raise FormatError(f"{path}: {known}")
    kind = "folder" if source.is_folder else "file"
    raise FormatError(
        f"{path}: not a {kind} of a known format; known are {', '.join(FORMATS)}; if it is one of them, "
        "give --format to learn what is wrong with it"
    )
