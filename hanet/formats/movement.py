"""Data sets of movement (netCDF 4, which is HDF5): ``position`` and ``confidence`` over time and individuals.

Axes are found by name in the file's dimension scales; ``fps`` is an attribute, and ``time`` is in seconds if
there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hanet.files.atomic import whole_file
from hanet.formats import hdf5
from hanet.formats.base import FormatError, PoseFile, ReadOptions
from hanet.formats.dense import Changes, Dense, pose_file, read_bytes
from hanet.formats.image_names import MAX_FRAME
from hanet.formats.keypoint_sets import from_names
from hanet.formats.new_file import NewFile
from hanet.formats.source import Source

if TYPE_CHECKING:
    import h5py

_POSITION = ("time", "individuals", "keypoints", "space")
_SINGULAR = {"individual": "individuals", "keypoint": "keypoints"}


def sniff(source: Source) -> bool:
    """netCDF with a variable ``position``; netCDF 3 begins with CDF."""
    return source.head.startswith(b"CDF") or {"position", "space"} <= set(hdf5.entries(source))


def read(path: Path, options: ReadOptions) -> PoseFile:
    """The individuals of a data set as tracks.

    2D positions are taken for pixels, 3D ones for metres.

    Raises:
        FileNotFoundError: no such file.
        FormatError: not a whole netCDF 4 file of poses.
        ValueError: options that contradict the file.
    """
    raw = read_bytes(path)
    if raw.startswith(b"CDF"):
        raise FormatError(f"{path}: netCDF 3; write it with engine='h5netcdf' or 'netcdf4'")
    names, values, scores, (rate, start) = hdf5.read_by(partial(_load, path), path, raw)
    if values.shape[3] not in (2, 3) or values.shape[2] != len(names) or not values.size:
        raise FormatError(
            f"{path}, position: {values.shape} for {len(names)} keypoints; expected x, y (and z)"
        )
    try:
        skeleton = from_names(names, path.stem)
    except ValueError as error:
        raise FormatError(f"{path}, keypoints: {error}") from None
    found = Dense(
        format="movement",
        path=path,
        values=values,
        scores=scores,
        skeleton=skeleton,
        unit="px" if values.shape[3] == 2 else "m",
        fps=rate,
        start=start,
    )
    return pose_file(found, options, lambda out, changes: _save(raw, path, out, changes))


def _load(
    path: Path, file: h5py.File
) -> tuple[list[str], np.ndarray, np.ndarray | None, tuple[float | None, int]]:
    """Names of joints, positions and confidence in the order of `_POSITION`, rate and first frame."""
    values = _ordered(file, "position", _POSITION, path)
    names = hdf5.texts(file, _dimension(file, "position", "keypoints", path), path)
    scores = None
    if "confidence" in file:
        scores = _ordered(file, "confidence", _POSITION[:3], path)
        if scores.shape != values.shape[:3]:
            raise FormatError(f"{path}, confidence: {scores.shape}, expected {values.shape[:3]}")
    return names, values, scores, _time(file, path)


def _time(file: h5py.File, path: Path) -> tuple[float | None, int]:
    """Frames per second, or None where nobody said it, and the number of the first frame."""
    fps = file.attrs.get("fps")
    rate = float(np.ravel(fps)[0]) if fps is not None and np.size(fps) == 1 else None
    rate = None if rate is None or not np.isfinite(rate) else rate
    if "time" not in file:
        return rate, 0
    first = float(np.ravel(hdf5.numbers(file, "time", path))[0])
    frame = (
        first
        if rate is None or hdf5.as_text(file.attrs.get("time_unit", "seconds")) == "frames"
        else first * rate
    )
    if not 0 <= frame < MAX_FRAME:
        raise FormatError(f"{path}, time: begins at {first:g}, expected 0 or more")
    return rate, round(frame)


def _axes(file: h5py.File, name: str, path: Path) -> list[str]:
    """Names of a variable's axes."""
    data = hdf5.dataset(file, name, path)
    axes = []
    for axis in data.dims:
        scale = next(iter(axis.values())).name if len(axis) else axis.label
        name = str(scale).strip("/")
        axes.append(_SINGULAR.get(name, name))
    return axes


def _dimension(file: h5py.File, name: str, axis: str, path: Path) -> str:
    """The variable with the labels of an axis."""
    at = _axes(file, name, path).index(axis)
    return str(next(iter(hdf5.dataset(file, name, path).dims[at].values())).name)


def _order(file: h5py.File, name: str, wanted: Sequence[str], path: Path) -> list[int]:
    axes = _axes(file, name, path)
    if sorted(axes) != sorted(wanted):
        raise FormatError(f"{path}, {name}: axes {', '.join(axes)}, expected {', '.join(wanted)}")
    return [axes.index(axis) for axis in wanted]


def _ordered(file: h5py.File, name: str, wanted: Sequence[str], path: Path) -> np.ndarray:
    return hdf5.numbers(file, name, path).transpose(_order(file, name, wanted, path))


def _save(raw: bytes, path: Path, out: Path, changes: Changes) -> list[str]:
    """A filled joint without a confidence gets 0."""

    def change(file: h5py.File) -> None:
        position = hdf5.dataset(file, "position", path)
        stored = position[()]
        touched = changes.changed | changes.dropped
        stored.transpose(_order(file, "position", _POSITION, path))[touched] = changes.values[touched]
        position[...] = stored
        if "confidence" in file:
            confidence = hdf5.dataset(file, "confidence", path)
            scores = confidence[()]
            view = scores.transpose(_order(file, "confidence", _POSITION[:3], path))
            view[changes.filled & ~(view >= 0)] = 0
            confidence[...] = scores

    hdf5.write_changed(out, path, raw, change)
    return []


def create(path: Path, new: NewFile) -> list[str]:
    """A data set of movement 0.x: ``position`` (time, space, keypoints, individuals), ``confidence``."""
    import h5py

    values, scores = new.stacked(), new.scores()
    T, P, J, D = values.shape
    times = np.arange(new.frames.start, new.frames.stop)
    labels = {
        "space": list("xyz"[:D]),
        "keypoints": list(new.skeleton.joints),
        "individuals": [f"id_{track.track}" for track in new.tracks],
    }
    with whole_file(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["ds_type"] = "poses"
        file.attrs["source_software"] = new.source
        file.attrs["time_unit"] = "frames" if new.fps is None else "seconds"
        if new.fps is not None:
            file.attrs["fps"] = new.fps
        scales = {"time": file.create_dataset("time", data=times if new.fps is None else times / new.fps)}
        for name, items in labels.items():
            scales[name] = file.create_dataset(name, data=items, dtype=h5py.string_dtype())
        for name, scale in scales.items():
            scale.make_scale(name)
        unknown = np.full((T, P, J), np.nan) if scores is None else scores
        for name, array, axes in (
            ("position", values.transpose(0, 3, 2, 1), ("time", "space", "keypoints", "individuals")),
            ("confidence", unknown.transpose(0, 2, 1), ("time", "keypoints", "individuals")),
        ):
            data = file.create_dataset(name, data=array)
            data.attrs["_FillValue"] = np.array([np.nan])
            for i, axis in enumerate(axes):
                data.dims[i].attach_scale(scales[axis])
    return []
