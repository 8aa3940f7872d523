"""Tracks of SMPL parameters: rotations as a PoseSequence, shape and place beside them.

The rotations are poses like any others: (T, 24, 6) on skeleton ``smpl24``, unit ``rot6d``, each relative to
the joint's parent, the first (the root) to the camera or world. They are cached, refined and compared as
such. The six numbers of a joint are in the layout `CACHE_LAYOUT`, that of HANet's released data, everywhere
in this package. What no refiner changes (shape, translation, size) goes in a side table: one Parquet file
beside the cache, a row a frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from jaxtyping import Float
from torch import Tensor

from hanet.data.cache import CacheMetadata, CacheWriter, PoseCache
from hanet.poses import PoseSequence
from hanet.rotations import (
    Layout6D,
    axis_angle_to_matrix,
    matrix_to_axis_angle,
    matrix_to_rotation_6d,
    rotation_6d_to_matrix,
)
from hanet.skeletons import SMPL24

CACHE_LAYOUT: Layout6D = "interleaved"
"""The 6D layout of every SMPL pose sequence and cache."""


@dataclass(frozen=True)
class SmplTrack:
    """One body over T consecutive frames.

    Attributes:
        poses: rotations (T, 24, 6) in `CACHE_LAYOUT`; NaN where there is none.
        betas: shape of each frame (estimators give one a frame), 10 coefficients.
        transl: translation (metres) in the root's frame of reference, or None where unknown.
        scaling: size of the body, a factor on vertices and joints before translation (AIST++'s `scaling`).

    Raises:
        ValueError: poses that are no SMPL rotations, or lengths that differ.
    """

    poses: PoseSequence
    betas: Float[np.ndarray, "T 10"]
    transl: Float[np.ndarray, "T 3"] | None = None
    scaling: float = 1.0

    def __post_init__(self) -> None:
        poses, T = self.poses, len(self.poses)
        if (poses.representation, poses.skeleton) != ("smpl", SMPL24):
            raise ValueError(
                f"{poses.name}: expected smpl poses on {SMPL24.name}, got {poses.representation} on "
                f"{poses.skeleton.name}"
            )
        if self.betas.shape != (T, 10):
            raise ValueError(f"{poses.name}: betas must be {(T, 10)}, got {self.betas.shape}")
        if self.transl is not None and self.transl.shape != (T, 3):
            raise ValueError(f"{poses.name}: transl must be {(T, 3)}, got {self.transl.shape}")
        if not self.scaling > 0:
            raise ValueError(f"{poses.name}: scaling must be positive, got {self.scaling}")

    def __len__(self) -> int:
        return len(self.poses)

    def matrices(self, rows: slice = slice(None)) -> Float[Tensor, "T 24 3 3"]:
        """Rotation matrices of some rows, single precision; NaN where a pose is."""
        six = torch.from_numpy(np.array(self.poses.values[rows], dtype=np.float32))
        return rotation_6d_to_matrix(six, layout=CACHE_LAYOUT)

    def axis_angle(self) -> Float[np.ndarray, "T 24 3"]:
        """Rotations as axis times angle (radians), as SMPL data sets store them."""
        return matrix_to_axis_angle(self.matrices()).numpy()

    def with_poses(self, poses: PoseSequence) -> SmplTrack:
        """The same shape and place with other rotations, e.g. refined ones."""
        return replace(self, poses=poses)

    def part(self, rows: slice) -> SmplTrack:
        """Some consecutive rows; frame numbers go along."""
        first, stop, _ = rows.indices(len(self))
        poses = replace(
            self.poses,
            start=self.poses.start + first,
            **{
                name: array[first:stop]
                for name in ("values", "scores", "labelled", "boxes")
                if (array := getattr(self.poses, name)) is not None
            },
        )
        transl = None if self.transl is None else self.transl[first:stop]
        return replace(self, poses=poses, betas=self.betas[first:stop], transl=transl)

    def turned(self, rotation: Float[np.ndarray, "*T 3 3"]) -> SmplTrack:
        """The same body in another frame of reference: the root turned, other joints as they were.

        The translation is unknown afterwards: SMPL turns about the pelvis of its rest pose, so it depends on
        the body.

        Args:
            rotation: from the old frame to the new one, (3, 3) or one a frame (T, 3, 3).
        """
        values = self.poses.values.copy()
        columns = values[:, 0].reshape(-1, 3, 2)  # see `CACHE_LAYOUT`
        values[:, 0] = (rotation @ columns).reshape(-1, 6)
        return replace(self, poses=replace(self.poses, values=values), transl=None)


def smpl_sequence(
    name: str,
    rotations: Float[np.ndarray, "T 24 3 3"],
    *,
    fps: float,
    track: int = 0,
    start: int = 0,
) -> PoseSequence:
    """Rotation matrices relative to the parents as a pose sequence."""
    six = matrix_to_rotation_6d(torch.from_numpy(rotations), layout=CACHE_LAYOUT).numpy()
    return PoseSequence(
        name, six.astype(np.float32), SMPL24, "smpl", fps, "rot6d", "parent", track=track, start=start
    )


def from_axis_angle(
    name: str,
    axis_angle: Float[np.ndarray, "T ..."],
    *,
    fps: float,
    betas: Float[np.ndarray, " *shape"] | None = None,
    transl: Float[np.ndarray, "T 3"] | None = None,
    scaling: float = 1.0,
    track: int = 0,
    start: int = 0,
) -> SmplTrack:
    """A track from the arrays of 3DPW, AIST++ and the released pose files.

    Args:
        name, fps, track, start: as in `PoseSequence`.
        axis_angle: (T, 72) or (T, 24, 3), radians; the first three turn the whole body.
        betas: (10,) for the whole track or (T, 10); coefficients beyond ten are an error; None: zeros.
        transl: metres; None: unknown.
        scaling: as in `SmplTrack`.

    Raises:
        ValueError: arrays of another shape.
    """
    T = len(axis_angle)
    if axis_angle.shape not in ((T, 72), (T, 24, 3)):
        raise ValueError(f"{name}: axis-angle poses are (T, 72) or (T, 24, 3), got {axis_angle.shape}")
    shape = np.zeros(10) if betas is None else betas
    if shape.shape not in ((10,), (T, 10)):
        raise ValueError(f"{name}: betas must be (10,) or {(T, 10)}, got {shape.shape}")
    vectors = torch.from_numpy(axis_angle.reshape(T, 24, 3).astype(np.float64))
    return SmplTrack(
        smpl_sequence(name, axis_angle_to_matrix(vectors).numpy(), fps=fps, track=track, start=start),
        np.broadcast_to(shape, (T, 10)).astype(np.float32),
        None if transl is None else transl.astype(np.float32),
        scaling,
    )


_NUMBER = pa.field("element", pa.float32(), nullable=False)
_SCHEMA = pa.schema(
    [
        pa.field("sequence", pa.string(), nullable=False),
        pa.field("track", pa.int32(), nullable=False),
        pa.field("frame", pa.int32(), nullable=False),
        pa.field("betas", pa.list_(_NUMBER, 10), nullable=False),
        # NaN where unknown: see hanet.data.schema on null lists of fixed size.
        pa.field("transl", pa.list_(_NUMBER, 3), nullable=False),
        pa.field("scaling", pa.float64(), nullable=False),
    ],
    metadata={b"hanet.smpl_side_table": b"1"},
)


def side_path(cache: str | Path) -> Path:
    """Where the side table of a cache lies: beside it, under its name with the ending `.side`."""
    return Path(cache).with_suffix(".side")


class SideWriter:
    """Writes shape, place and size of tracks, a row a frame; a context manager.

    The file appears under its name only when the block ends without an error.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._temporary = self.path.with_name(f".{self.path.name}.{uuid4().hex}.tmp")
        self._seen: set[tuple[str, int, int]] = set()

    def __enter__(self) -> SideWriter:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._parquet = pq.ParquetWriter(self._temporary, _SCHEMA, compression="zstd")
        return self

    def write(self, track: SmplTrack) -> None:
        """Add a track, or a part of one; a ValueError refuses one that was written before."""
        where = (*track.poses.key, track.poses.start)
        if where in self._seen:
            raise ValueError(
                f"{track.poses.name}, track {track.poses.track}, from frame {track.poses.start}: given "
                "twice; give it once"
            )
        self._seen.add(where)
        self._parquet.write_table(_rows(track))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._parquet.close()
            if kind is None:
                self._temporary.replace(self.path)
        finally:
            self._temporary.unlink(missing_ok=True)


def write_side_table(path: str | Path, tracks: Iterable[SmplTrack]) -> None:
    """A `SideWriter`'s file of these tracks."""
    with SideWriter(path) as writer:
        for track in tracks:
            writer.write(track)


def write_tracks(path: str | Path, metadata: CacheMetadata, tracks: Iterable[SmplTrack]) -> None:
    """A cache of the tracks' rotations, and its side table."""
    with CacheWriter(path, metadata) as poses, SideWriter(side_path(path)) as side:
        for track in tracks:
            poses.write(track.poses)
            side.write(track)


def read_tracks(cache: PoseCache) -> Iterator[SmplTrack]:
    """Every sequence of a cache with what its side table says; streams as `PoseCache.sequences` does.

    Raises:
        ValueError: a cache of other poses, or one without its side table.
    """
    side = SideTable(side_path(cache.path))
    return map(side.attach, cache.sequences())


def _rows(track: SmplTrack) -> pa.Table:
    T = len(track)
    transl = np.full((T, 3), np.nan) if track.transl is None else track.transl

    def fixed(name: str, values: np.ndarray) -> pa.Array:
        return pa.FixedSizeListArray.from_arrays(
            pa.array(values.astype(np.float32).reshape(-1)), type=_SCHEMA.field(name).type
        )

    columns = [
        pa.repeat(track.poses.name, T),
        pa.array(np.full(T, track.poses.track, np.int32)),
        pa.array(track.poses.frames.astype(np.int32)),
        fixed("betas", track.betas),
        fixed("transl", transl),
        pa.array(np.full(T, track.scaling)),
    ]
    return pa.Table.from_arrays(columns, schema=_SCHEMA)


class SideTable:
    """Shape, place and size of the tracks of a cache, in memory (60 bytes a frame).

    Args:
        path: a file of `write_side_table`.

    Raises:
        ValueError: no such file or another one.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        try:
            table = pq.read_table(self._path)
        except (pa.ArrowException, OSError) as error:
            raise ValueError(f"{path}: cannot be read as a side table of SMPL tracks ({error})") from error
        if not table.schema.equals(_SCHEMA, check_metadata=True):
            raise ValueError(
                f"{path}: expected a side table of SMPL tracks, got columns {table.column_names}"
            )
        columns = {name: table[name].combine_chunks() for name in table.column_names}
        self._betas = columns["betas"].flatten().to_numpy().reshape(-1, 10)
        self._transl = columns["transl"].flatten().to_numpy().reshape(-1, 3)
        self._frame, self._scaling = columns["frame"].to_numpy(), columns["scaling"].to_numpy()
        names = columns["sequence"].dictionary_encode()
        code, track = names.indices.to_numpy(), columns["track"].to_numpy()
        change = (np.diff(code) != 0) | (np.diff(track) != 0) | (np.diff(self._frame) != 1)
        bounds = [0, *(np.flatnonzero(change) + 1).tolist(), len(table)] if len(table) else [0]
        self._spans: dict[tuple[str, int], list[tuple[int, int]]] = {}
        for a, b in pairwise(bounds):
            key = (names.dictionary[int(code[a])].as_py(), int(track[a]))
            self._spans.setdefault(key, []).append((a, b))

    def attach(self, poses: PoseSequence) -> SmplTrack:
        """The track whose rotations these are, e.g. as read from the cache or refined.

        Raises:
            ValueError: the table lacks the track or some of its frames.
        """
        rows = slice(0, 0)
        for start, stop in self._spans.get(poses.key, ()):
            first = start + poses.start - int(self._frame[start])
            if start <= first and first + len(poses) <= stop:
                rows = slice(first, first + len(poses))
        if rows.start == rows.stop:
            raise ValueError(
                f"{self._path}: frames {poses.start}..{poses.start + len(poses) - 1} of {poses.name}, track "
                f"{poses.track} are not in it; write it together with the cache"
            )
        transl = self._transl[rows]
        return SmplTrack(
            poses,
            self._betas[rows],
            None if np.isnan(transl).all() else transl,
            float(self._scaling[rows.start]),
        )
