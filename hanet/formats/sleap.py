"""SLEAP's analysis files (HDF5): ``tracks`` with ``node_names``, ``track_names`` and ``point_scores``.

The order of axes is in each dataset's attribute ``dims``; files without it have SLEAP's own, (track, xy,
node, frame).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hanet.files.atomic import whole_file
from hanet.formats import hdf5
from hanet.formats.base import FormatError, PoseFile, ReadOptions
from hanet.formats.dense import Changes, Dense, pose_file, read_bytes
from hanet.formats.keypoint_sets import from_names
from hanet.formats.new_file import NewFile
from hanet.formats.source import Source
from hanet.poses.skeletons import Skeleton

if TYPE_CHECKING:
    import h5py

_TRACKS = ("track", "xy", "node", "frame")
_SCORES = ("track", "node", "frame")
_OCCUPANCY = ("frame", "track")


def sniff(source: Source) -> bool:
    """HDF5 with ``tracks`` and ``node_names``."""
    return {"tracks", "node_names"} <= set(hdf5.entries(source))


def read(path: Path, options: ReadOptions) -> PoseFile:
    """The tracks of a file, from frame 0 on; SLEAP writes no rate.

    Raises:
        FileNotFoundError: no such file.
        FormatError: not a whole analysis file.
        ValueError: options that contradict the file.
    """
    raw = read_bytes(path)
    names, values, scores = hdf5.read_by(partial(_load, path), path, raw)
    found = Dense(
        format="sleap",
        path=path,
        values=values,
        scores=scores,
        skeleton=_skeleton(names, path),
        unit="px",
        fps=None,
    )
    return pose_file(found, options, lambda out, changes: _save(raw, path, out, changes))


def _load(path: Path, file: h5py.File) -> tuple[list[str], np.ndarray, np.ndarray | None]:
    """Names of joints, positions (frame, track, node, xy) and scores."""
    names = hdf5.texts(file, "node_names", path)
    values = _ordered(file, "tracks", ("frame", "track", "node", "xy"), _TRACKS, path)
    if values.shape[2:] != (len(names), 2) or not values.size:
        raise FormatError(f"{path}, tracks: {values.shape} for {len(names)} nodes; expected x and y of each")
    scores = None
    if "point_scores" in file:
        scores = _ordered(file, "point_scores", ("frame", "track", "node"), _SCORES, path)
        if scores.shape != values.shape[:3]:
            raise FormatError(f"{path}, point_scores: {scores.shape}, expected {values.shape[:3]}")
    return names, values, scores


def _skeleton(names: Sequence[str], path: Path) -> Skeleton:
    try:
        return from_names(names, path.stem)
    except ValueError as error:
        raise FormatError(f"{path}, node_names: {error}") from None


def _axes(data: h5py.Dataset, usual: tuple[str, ...], path: Path) -> tuple[str, ...]:
    """Names of a dataset's axes."""
    text = data.attrs.get("dims")
    axes = usual if text is None else tuple(json.loads(hdf5.as_text(text)))
    if sorted(axes) != sorted(usual) or data.ndim != len(usual):
        raise FormatError(f"{path}, {data.name}: axes {axes} of {data.shape}, expected {', '.join(usual)}")
    return axes


def _ordered(
    file: h5py.File, name: str, order: tuple[str, ...], usual: tuple[str, ...], path: Path
) -> np.ndarray:
    """A dataset's numbers with its axes in another order."""
    axes = _axes(hdf5.dataset(file, name, path), usual, path)
    return hdf5.numbers(file, name, path).transpose([axes.index(axis) for axis in order])


def _save(raw: bytes, path: Path, out: Path, changes: Changes) -> list[str]:
    """A filled joint without a score gets 0, and a frame with filled joints counts as occupied."""

    def change(file: h5py.File) -> None:
        touched = np.asarray(changes.changed | changes.dropped)
        _put(file, "tracks", _TRACKS, path, ("frame", "track", "node", "xy"), changes.values, touched)
        if "point_scores" in file:
            scores = _ordered(file, "point_scores", ("frame", "track", "node"), _SCORES, path)
            unknown = np.asarray(changes.filled & ~(scores >= 0))
            _put(
                file,
                "point_scores",
                _SCORES,
                path,
                ("frame", "track", "node"),
                np.zeros(scores.shape),
                unknown,
            )
        if "track_occupancy" in file:
            occupied = np.asarray(changes.filled.any(axis=2))
            _put(file, "track_occupancy", _OCCUPANCY, path, _OCCUPANCY, np.ones(occupied.shape), occupied)

    hdf5.write_changed(out, path, raw, change)
    return []


def _put(
    file: h5py.File,
    name: str,
    usual: tuple[str, ...],
    path: Path,
    order: tuple[str, ...],
    values: np.ndarray,
    where: np.ndarray,
) -> None:
    """Replace some of a dataset's numbers; `values` and `where` have their axes in `order`."""
    if not where.any():
        return
    data = hdf5.dataset(file, name, path)
    axes = _axes(data, usual, path)
    stored = data[()]
    view = stored.transpose([axes.index(axis) for axis in order])
    view[where] = values[where]
    data[...] = stored


def create(path: Path, new: NewFile) -> list[str]:
    """SLEAP's own order of axes; row 0 is frame 0."""
    import h5py

    before = ((new.frames.start, 0), (0, 0), (0, 0))
    values = np.pad(new.stacked(), (*before, (0, 0)), constant_values=np.nan)
    scores = new.scores()
    scores = None if scores is None else np.pad(scores, before, constant_values=np.nan)
    known = np.asarray(np.isfinite(values).all(axis=3))
    scores = np.where(known, 1.0 if scores is None else np.nan_to_num(scores), np.nan)
    tracks = [f"track_{track.track}".encode() for track in new.tracks]
    with whole_file(path) as temporary, h5py.File(temporary, "w") as file:
        file["tracks"] = values.transpose(1, 3, 2, 0)
        file["point_scores"] = scores.transpose(1, 2, 0)
        file["instance_scores"] = np.where(known, scores, 0).sum(axis=2).T / known.sum(axis=2).clip(1).T
        file["tracking_scores"] = np.zeros((len(tracks), len(known)))
        file["track_occupancy"] = known.any(axis=2).astype(np.uint8)
        file["node_names"] = [joint.encode() for joint in new.skeleton.joints]
        file["track_names"] = tracks
        bones = new.skeleton.bones
        file["edge_names"] = np.array(
            [[new.skeleton.joints[j].encode() for j in bone] for bone in bones], dtype="S"
        ).reshape(len(bones), 2)
        file["edge_inds"] = np.array(bones, dtype=np.int64).reshape(len(bones), 2)
    return [] if any(track.scores is not None for track in new.tracks) else ["scores of known joints are 1"]
