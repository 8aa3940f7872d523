"""NumPy files of poses: one array (T, J, D) or (T, P, J, D), alone (npy) or among others (npz).

In an npz it is called `poses`, `keypoints`, `joints`, … or is the only one of such a shape; `fps`,
`joints` or `joint_names` (J names), `scores` and `unit` are read where they are there. Nothing is unpickled.
A third number that lies in [0, 1] while the others are pixels is a score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hanet.files.atomic import whole_file
from hanet.files.unpickle import read_npy, read_npz
from hanet.formats.base import UNKNOWN_FPS, FormatError, PoseFile, ReadOptions, Update
from hanet.formats.cells import METRES
from hanet.formats.keypoint_sets import KEYPOINT_SETS, from_names
from hanet.formats.linking import MAX_JOINTS
from hanet.formats.missing import missing
from hanet.formats.smpl_results import is_smpl_npz
from hanet.formats.source import Source
from hanet.poses.plausible import check_metres
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import Skeleton

_POSES = (
    "poses",
    "keypoints",
    "joints",
    "keypoints2d",
    "keypoints3d",
    "joints2d",
    "joints3d",
    "pred",
    "kpts",
)
_NAMES = ("joints", "joint_names", "keypoint_names", "names", "markers", "node_names")
_SCORES = ("scores", "confidence", "visibility", "vis", "conf")


def sniff(source: Source) -> bool:
    """An npy file, or an npz archive that has not the fields of SMPL bodies."""
    if source.path.suffix.lower() == ".npz":
        return source.head.startswith(b"PK") and not is_smpl_npz(source)
    return source.head.startswith(b"\x93NUMPY")


@dataclass(frozen=True, eq=False)
class _Layout:
    """The array of poses among those of the file.

    Attributes:
        arrays: all arrays by name; of an npy one under the empty name.
        key: name of the poses.
        dims: coordinates; a score may follow.
        scored: whether it does.
        scale: unit of the file in the tracks' unit.
    """

    arrays: Mapping[str, np.ndarray]
    key: str
    dims: int
    scored: bool
    scale: float

    @property
    def people(self) -> np.ndarray:
        """(T, P, J, D)."""
        values = self.arrays[self.key]
        return values[:, None] if values.ndim == 3 else values


def read(path: Path, options: ReadOptions) -> PoseFile:
    """The people of an array as tracks from frame 0 on.

    Raises:
        FileNotFoundError: no such file.
        FormatError: objects in place of numbers, no array of poses or several, or names of another count.
        ValueError: options that contradict the file, or joints without names where no skeleton is given.
    """
    arrays = _load(path)
    key = _poses(arrays, path)
    values = arrays[key]
    notes: list[str] = []
    scored = values.shape[-1] == 3 and _is_score(values)
    if scored:
        notes.append("the third number was taken for a score: it lies in [0, 1], the others do not")
    skeleton = _skeleton(arrays, key, values.shape[-2], path, options)
    fps = _scalar(arrays, "fps", path)
    if fps is not None and options.fps is not None and abs(fps / options.fps - 1) > 1e-3:
        raise ValueError(f"{path}: the file says {fps:g} fps, got {options.fps:g}; leave out --fps")
    rate = fps if fps is not None else options.fps
    if values.size > 3 * MAX_JOINTS:
        raise FormatError(f"{path}: more than {MAX_JOINTS} joints over all frames; split the file")
    dims = 2 if scored else values.shape[-1]
    layout = _Layout(arrays, key, dims, scored, 1.0)
    unit = "px"
    if dims == 3:
        layout, unit = _in_metres(layout, skeleton, notes)
    tracks = _tracks(layout, skeleton, rate or UNKNOWN_FPS, path, options)
    return PoseFile(
        format="numpy",
        path=path,
        tracks=tuple(tracks),
        fps=rate or UNKNOWN_FPS,
        fps_known=rate is not None,
        skeleton=skeleton,
        unit=unit,
        save=lambda out, updates: _save(layout, out, updates),
        notes=tuple(notes),
    )


def _load(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; check the path")
    with path.open("rb") as file:
        zipped = file.read(2) == b"PK"
    try:
        found = read_npz(path) if zipped else {"": read_npy(path)}
    except (ValueError, OSError) as error:
        raise FormatError(str(error)) from error
    if objects := [name for name, array in found.items() if not isinstance(array, np.ndarray)]:
        raise FormatError(
            f"{path}: objects in {', '.join(objects)}, expected arrays of numbers; leave them out"
        )
    return found


def _fits(array: np.ndarray) -> bool:
    return array.ndim in (3, 4) and array.shape[-1] in (2, 3) and array.dtype.kind in "fiu" and array.size > 0


def _poses(arrays: Mapping[str, np.ndarray], path: Path) -> str:
    fitting = [name for name, array in arrays.items() if _fits(array)]
    named = [name for name in fitting if name.lower() in _POSES]
    chosen = named if named else fitting
    if len(chosen) == 1:
        return chosen[0]
    shown = list(arrays.items())[:6]
    shapes = ", ".join(f"{name or 'the array'} {array.shape} of {array.dtype}" for name, array in shown)
    found = "several arrays" if chosen else "no array"
    raise FormatError(
        f"{path}: {found} of real numbers of shape (T, J, D) or (T, P, J, D) with D = 2 or 3; got {shapes}; "
        "save the poses alone, or as 'poses'"
    )


def _is_score(values: np.ndarray) -> bool:
    flat = values.reshape(-1, 3)
    flat = flat[np.isfinite(flat).all(axis=1)]
    return bool(
        len(flat) and ((flat[:, 2] >= 0) & (flat[:, 2] <= 1)).all() and np.abs(flat[:, :2]).max() > 20
    )


def _skeleton(
    arrays: Mapping[str, np.ndarray], key: str, count: int, path: Path, options: ReadOptions
) -> Skeleton:
    names = next(
        (arrays[n] for n in _NAMES if n != key and n in arrays and arrays[n].dtype.kind in "US"), None
    )
    if options.skeleton is not None:
        if options.skeleton not in KEYPOINT_SETS:
            raise ValueError(
                f"unknown skeleton {options.skeleton!r}; known: {', '.join(sorted(KEYPOINT_SETS))}"
            )
        if len(KEYPOINT_SETS[options.skeleton]) != count:
            raise FormatError(
                f"{path}: {count} joints, expected {len(KEYPOINT_SETS[options.skeleton])} of "
                f"{options.skeleton}; correct --skeleton"
            )
        return KEYPOINT_SETS[options.skeleton]
    if names is None:
        return from_names([f"joint{j}" for j in range(count)], path.stem)
    if names.shape != (count,):
        raise FormatError(f"{path}: {names.shape} names for {count} joints; give one per joint")
    return from_names([str(np.char.decode(n) if names.dtype.kind == "S" else n) for n in names], path.stem)


def _scalar(arrays: Mapping[str, np.ndarray], name: str, path: Path) -> float | None:
    if name not in arrays:
        return None
    value = arrays[name]
    if value.size != 1 or value.dtype.kind not in "fiu" or not 0 < float(value.reshape(-1)[0]) < 1e6:
        raise FormatError(f"{path}: {name} must be one positive number, got {value!r:.60}")
    return float(value.reshape(-1)[0])


def _in_metres(layout: _Layout, skeleton: Skeleton, notes: list[str]) -> tuple[_Layout, str]:
    """The layout with its scale: as the file says, or as large as people are, which a note says."""
    said = layout.arrays.get("unit")
    if said is not None and str(said) in METRES:
        return replace(layout, scale=METRES[str(said)]), str(said)
    for person in range(layout.people.shape[1]):
        values = layout.people[:, person, :, :3].astype(np.float64)
        track = PoseSequence.joints("poses", values, skeleton, fps=1.0, frame_of_reference="world")
        try:
            check_metres(track)
        except ValueError as error:
            if "divide millimetres" not in str(error):
                continue
            notes.append("3D coordinates were taken for millimetres, by the size of the people")
            return replace(layout, scale=1e-3), "mm"
    return layout, "m"


def _tracks(
    layout: _Layout, skeleton: Skeleton, fps: float, path: Path, options: ReadOptions
) -> list[PoseSequence]:
    T, P, J, _ = layout.people.shape
    given = next((layout.arrays[n] for n in _SCORES if n in layout.arrays), None)
    if layout.scored:
        scores = layout.people[..., 2].astype(np.float64)
    elif given is not None and given.size == T * P * J and given.dtype.kind in "fiu":
        scores = given.reshape(T, P, J).astype(np.float64)
    else:
        scores = None
    if scores is not None and not np.isfinite(scores).any():
        scores = None  # as of ground truth
    tracks = []
    for p in range(P):
        values = layout.people[:, p, :, : layout.dims].astype(np.float64)
        # The root of root-relative joints is at (0, 0, 0) by right.
        score = None if scores is None else scores[:, p]
        gone = missing(values, score, zeros=layout.dims == 2)
        if score is not None and options.min_score is not None:
            gone |= score < options.min_score
        values = np.where(gone[..., None], np.nan, values * layout.scale)
        shared: dict[str, Any] = {"fps": fps, "track": p, "scores": score, "labelled": ~gone}
        if layout.dims == 2:
            track = PoseSequence.keypoints(
                path.stem, values, skeleton, image_size=options.image_size, **shared
            )
        else:
            track = PoseSequence.joints(path.stem, values, skeleton, frame_of_reference="world", **shared)
        tracks.append(track)
    return tracks


def _save(layout: _Layout, out: Path, updates: Sequence[Update]) -> list[str]:
    source = layout.arrays[layout.key]
    kind = source.dtype if source.dtype.kind == "f" else np.dtype(np.float64)
    people = layout.people.astype(kind)
    for p, update in enumerate(updates):
        values = update.values / layout.scale
        touched = update.touched
        part = people[:, p, :, : layout.dims]
        part[touched] = values[touched]
        if layout.scored:
            people[:, p, :, 2][update.dropped] = 0
    arrays = {**layout.arrays, layout.key: people.reshape(source.shape)}
    with whole_file(out) as temporary, temporary.open("wb") as file:
        if "" in arrays:
            np.save(file, arrays[""], allow_pickle=False)
        else:
            np.savez_compressed(file, **arrays)
    return []
