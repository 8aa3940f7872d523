"""The columns of a pose cache's Parquet file, and their conversion to and from arrays. The column layout is
known to this module alone.

One row per frame and person:

==================  ========================  ===================================================
sequence            dictionary of string      name of the sequence
track, frame        int32                     the person's number, the frame's number
pose                float32[J·D]              NaN where missing
scores              float32[J], null          detector confidence
labelled            bool[J], null             whether a value may be trusted; null: it may
box                 float32[4], null          x1, y1, x2, y2 in pixels
image_width/height  int32, null               pixels
==================  ========================  ===================================================

Lists are of fixed size. "No scores" is a list of nulls, not a null list: Arrow releases that this package
admits write null fixed-size lists to Parquet and then cannot read them (apache/arrow #35692).
`CacheMetadata` stands in the file's metadata as JSON, and beside it who the tracks are, where that is known.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hanet.cache.metadata import CacheMetadata
from hanet.cache.table import KEYS, OPTIONAL, PoseTable
from hanet.files.json_text import parse_json
from hanet.poses.sequence import PoseSequence

METADATA_KEY = b"hanet.pose_cache"
PEOPLE_KEY = b"hanet.people"
PARQUET_OPTIONS: dict[str, Any] = {
    "compression": "zstd",
    "use_dictionary": ["sequence"],
    # Group bytes of equal significance before compressing: a fifth smaller than zstd alone.
    "use_byte_stream_split": [f"{name}.list.element" for name in ("pose", "scores", "box")],
}
_COLUMNS = {
    "values": ("pose",),
    "sequence_code": ("sequence",),
    "track": ("track",),
    "frame": ("frame",),
    "scores": ("scores",),
    "labelled": ("labelled",),
    "boxes": ("box",),
    "image_size": ("image_width", "image_height"),
}
"""Columns of the file that make up each array of a PoseTable."""


def arrow_schema(metadata: CacheMetadata) -> pa.Schema:
    """The schema of a cache; its metadata are stored in it as JSON."""

    def fixed(value: pa.DataType, size: int, *, nullable: bool) -> pa.DataType:
        return pa.list_(pa.field("element", value, nullable=nullable), size)

    joints = len(metadata.skeleton)
    required = {
        "sequence": pa.dictionary(pa.int32(), pa.string()),
        "track": pa.int32(),
        "frame": pa.int32(),
        "pose": fixed(pa.float32(), metadata.channels, nullable=False),
        "scores": fixed(pa.float32(), joints, nullable=True),
        "labelled": fixed(pa.bool_(), joints, nullable=True),
        "box": fixed(pa.float32(), 4, nullable=True),
    }
    optional = {"image_width": pa.int32(), "image_height": pa.int32()}
    return pa.schema(
        [
            *(pa.field(name, type_, nullable=False) for name, type_ in required.items()),
            *(pa.field(name, type_) for name, type_ in optional.items()),
        ],
        metadata={METADATA_KEY: metadata.to_json()},
    )


def encode(sequence: PoseSequence, rows: slice, schema: pa.Schema) -> pa.Table:
    """Encode some rows of a sequence. The arrays are copied, so that the caller may reuse its own."""
    frames = sequence.frames[rows].astype(np.int32)
    T = len(frames)

    def fixed(name: str, values: np.ndarray | None, dtype: type) -> pa.Array:
        type_ = schema.field(name).type
        if values is None:
            flat = pa.nulls(T * type_.list_size, type_.value_type)
        else:
            flat = pa.array(np.array(values[rows], dtype=dtype).reshape(-1))
        return pa.FixedSizeListArray.from_arrays(flat, type=type_)

    size = sequence.image_size or (None, None)
    columns = [
        pa.repeat(sequence.name, T),
        pa.array(np.full(T, sequence.track, dtype=np.int32)),
        pa.array(frames),
        fixed("pose", sequence.values, np.float32),
        fixed("scores", sequence.scores, np.float32),
        fixed("labelled", sequence.labelled, np.bool_),
        fixed("box", sequence.boxes, np.float32),
        *(pa.repeat(pa.scalar(pixels, pa.int32()), T) for pixels in size),
    ]
    return pa.Table.from_arrays(columns, names=schema.names)


def people_to_json(people: Mapping[tuple[str, int], str]) -> str:
    """Who each track is: ``[[sequence, track, person], ...]``."""
    return json.dumps([[*key, person] for key, person in people.items()])


def people_from_json(text: str) -> dict[tuple[str, int], str]:
    """Inverse of `people_to_json`.

    Raises:
        ValueError: text of another kind.
    """
    try:
        entries = parse_json(text, list, where="the people of tracks", remedy="the file is damaged")
        return {(str(name), int(track)): str(person) for name, track, person in entries}
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"expected the people of tracks as [[sequence, track, person], ...]: {error}"
        ) from None


def select_columns(file: pq.FileMetaData | None, optional: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Map the arrays to read, required ones and some of `optional`, to their columns.

    Optional arrays that are null throughout, by the row groups' null counts, are left out. Without `file`, of
    which these are read, none is.
    """
    if file is None:
        return {n: columns for n, columns in _COLUMNS.items() if n not in OPTIONAL or n in optional}
    present = set()
    for i in range(file.num_row_groups):
        group = file.row_group(i)
        for chunk in map(group.column, range(group.num_columns)):
            counts = chunk.statistics
            if counts is None or not counts.has_null_count or counts.null_count < chunk.num_values:
                present.add(chunk.path_in_schema.partition(".")[0])
    return {
        name: columns
        for name, columns in _COLUMNS.items()
        if name not in OPTIONAL or (name in optional and present.issuperset(columns))
    }


def decode(
    group: pa.Table,
    selected: dict[str, tuple[str, ...]],
    codes: dict[str, int],
    metadata: CacheMetadata,
    people: Mapping[tuple[str, int], str],
) -> PoseTable:
    """A row group as arrays; new names are added to `codes` (name to code)."""
    arrays: dict[str, Any] = {}
    for name, columns in selected.items():
        parts = [group[column].combine_chunks() for column in columns]
        if name == "sequence_code":
            # Each row group has a dictionary of its own.
            known = [codes.setdefault(n, len(codes)) for n in parts[0].dictionary.to_pylist()]
            arrays[name] = np.array(known, dtype=np.int32)[parts[0].indices.to_numpy()]
        elif name in KEYS:
            arrays[name] = parts[0].to_numpy()
        elif name == "image_size":
            arrays[name] = np.stack([_filled(part, 0) for part in parts], axis=1)
        else:
            flat = _filled(parts[0].flatten(), True if name == "labelled" else np.nan)
            arrays[name] = flat.reshape(len(group), parts[0].type.list_size)
    return PoseTable(**arrays, names=tuple(codes), metadata=metadata, people=people)


def _filled(array: pa.Array, value: float | int | bool) -> np.ndarray:
    if array.null_count:
        array = array.fill_null(value)
    return array.to_numpy(zero_copy_only=False)
