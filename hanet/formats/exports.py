"""Pose caches as files that other programs read: JSON, CSV, NumPy, Parquet, OpenSim's TRC.

Joints keep their names, values their unit and frame of reference, and what is unknown stays so: ``null``
in JSON and Parquet, an empty field in CSV, NaN in NumPy and TRC. Only TRC turns axes: OpenSim's Y points up.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import Float

from hanet.cache.metadata import CacheMetadata
from hanet.files.atomic import whole_file
from hanet.formats.cells import guarded
from hanet.formats.missing import present
from hanet.poses.errors import NoPosesError
from hanet.poses.sequence import PoseSequence

if TYPE_CHECKING:  # a light installation has no pyarrow, and writes TRC
    import pyarrow as pa

    from hanet.cache.files import PoseCache

Up = Literal["x", "-x", "y", "-y", "z", "-z"]
_TO_Y_UP: dict[Up, tuple[tuple[int, int, int], ...]] = {
    "y": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "-y": ((1, 0, 0), (0, -1, 0), (0, 0, -1)),
    "z": ((1, 0, 0), (0, 0, 1), (0, -1, 0)),
    "-z": ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
    "x": ((0, -1, 0), (1, 0, 0), (0, 0, 1)),
    "-x": ((0, 1, 0), (-1, 0, 0), (0, 0, 1)),
}
"""Rotations that take an upward axis to Y."""
_AXES = {"2d": "xy", "3d": "xyz", "smpl": ("r1", "r2", "r3", "r4", "r5", "r6")}


def export(
    cache: PoseCache,
    path: Path,
    *,
    sequence: str | None = None,
    track: int | None = None,
    up: Up | None = None,
) -> list[str]:
    """Write a cache in the format that the name's ending asks for; the file appears whole or not at all.

    Args:
        cache: what to write.
        path: ends in ``.json``, ``.csv``, ``.npz``, ``.parquet`` or ``.trc``.
        sequence: only this sequence.
        track: only this person.
        up: for TRC, the axis that points up in the poses; None knows it of a camera's frame (``-y``).

    Returns:
        What was left out, one sentence each.

    Raises:
        NoPosesError: the cache is empty.
        ValueError: another ending, no such track, or for TRC poses that are not 3D joints of one track,
            whose upward axis is unknown, or none of whose joints is ever known.
    """
    write = WRITERS.get(path.suffix)
    if write is None:
        raise ValueError(f"{path}: expected a name that ends in {', '.join(WRITERS)}")
    if up is not None and path.suffix != ".trc":
        raise ValueError(f"{path}: only TRC turns axes; leave out up, values are written as they are")
    chosen = [s for s in cache.sequences() if sequence in (None, s.name) and track in (None, s.track)]
    if not chosen:
        names = ", ".join(dict.fromkeys(f"{s.name} (track {s.track})" for s in cache.sequences()))
        kind = ValueError if names else NoPosesError
        raise kind(f"{cache.path}: nothing to write; it has {names or 'no sequences'}")
    with whole_file(path) as temporary:
        return write(cache.metadata, chosen, temporary, path.name, up) or []


def _json(metadata: CacheMetadata, chosen: Sequence[PoseSequence], path: Path, name: str, up: object) -> None:
    """One object: what the numbers mean, and for each track its frames, times, poses and scores."""
    document = {
        "format": "hanet poses 1",
        **{k: v for k, v in json.loads(metadata.to_json()).items() if k != "schema_version"},
        "parents": list(metadata.skeleton.parents),
        "sequences": [
            {
                "name": s.name,
                "track": s.track,
                "image_size": list(s.image_size) if s.image_size else None,
                "frames": s.frames.tolist(),
                "seconds": (s.frames / s.fps).tolist(),
                "poses": _nulls(s.values),
                "scores": None if s.scores is None else _nulls(s.scores),
                "labelled": None if s.labelled is None else s.labelled.tolist(),
            }
            for s in chosen
        ],
    }
    path.write_text(json.dumps(document, allow_nan=False) + "\n")


def _nulls(values: np.ndarray) -> Any:
    """Nested lists; a number is written as short as it comes back as the same float32, NaN is null."""
    if values.ndim > 1:
        return [_nulls(part) for part in values]
    return [float(str(number)) if np.isfinite(number) else None for number in values]


def table(metadata: CacheMetadata, chosen: Sequence[PoseSequence]) -> pa.Table:
    """A row a frame: sequence, track, frame, seconds, then of every joint its values and its score.

    A joint that is unknown has nulls; the score is null where there is none.
    """
    import pyarrow as pa

    columns: dict[str, Any] = {
        "sequence": np.concatenate([np.full(len(s), s.name, dtype=object) for s in chosen]),
        "track": np.concatenate([np.full(len(s), s.track) for s in chosen]),
        "frame": np.concatenate([s.frames for s in chosen]),
        "seconds": np.concatenate([s.frames / s.fps for s in chosen]),
    }
    values = np.concatenate([s.values for s in chosen])
    scores = np.concatenate([_scores(s) for s in chosen])
    for j, joint in enumerate(metadata.skeleton.joints):
        for d, axis in enumerate(_AXES[metadata.representation]):
            columns[f"{joint}_{axis}"] = pa.array(values[:, j, d], from_pandas=True)  # NaN is null
        columns[f"{joint}_score"] = pa.array(scores[:, j], from_pandas=True)
    return pa.table(columns)


def _scores(sequence: PoseSequence) -> Float[np.ndarray, "T J"]:
    if sequence.scores is None:
        return np.full(sequence.values.shape[:2], np.nan, dtype=np.float32)
    return sequence.scores


def _csv(metadata: CacheMetadata, chosen: Sequence[PoseSequence], path: Path, name: str, up: object) -> None:
    import pyarrow as pa
    import pyarrow.csv

    rows = table(metadata, chosen)
    names = pa.array([guarded(name) for name in rows["sequence"].to_pylist()], type=rows["sequence"].type)
    pyarrow.csv.write_csv(
        rows.set_column(0, "sequence", names), path, pyarrow.csv.WriteOptions(quoting_style="needed")
    )


def _parquet(
    metadata: CacheMetadata, chosen: Sequence[PoseSequence], path: Path, name: str, up: object
) -> None:
    """The columns of `table`; the cache's metadata as JSON under the key ``poses``."""
    import pyarrow.parquet

    rows = table(metadata, chosen).replace_schema_metadata({"poses": metadata.to_json()})
    pyarrow.parquet.write_table(rows, path)


def _npz(metadata: CacheMetadata, chosen: Sequence[PoseSequence], path: Path, name: str, up: object) -> None:
    """Arrays of N rows over all tracks, and what they mean; nothing in it is pickled."""
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            poses=np.concatenate([s.values for s in chosen]),
            scores=np.concatenate([_scores(s) for s in chosen]),
            sequence=np.concatenate([np.full(len(s), s.name) for s in chosen]),
            track=np.concatenate([np.full(len(s), s.track) for s in chosen]),
            frame=np.concatenate([s.frames for s in chosen]),
            seconds=np.concatenate([s.frames / s.fps for s in chosen]),
            joints=np.array(metadata.skeleton.joints),
            parents=np.array(metadata.skeleton.parents),
            fps=np.array(metadata.fps),
            unit=np.array(metadata.unit),
            frame_of_reference=np.array(metadata.frame_of_reference),
            metadata=np.array(metadata.to_json()),
        )


def _trc(
    metadata: CacheMetadata, chosen: Sequence[PoseSequence], path: Path, name: str, up: Up | None
) -> list[str]:
    """OpenSim's track row column file: tab-separated, markers named as joints, metres, Y up.

    One person; its frames count from 1, and frames between its parts are rows of NaN (OpenSim reads an empty
    field as unknown as well, but may drop those at the end of a line). A joint that is never known is left
    out: OpenSim's tools stop at a marker without any place.
    """
    if metadata.representation != "3d":
        raise ValueError(f"{name}: TRC holds 3D joints, got {metadata.representation} poses")
    if len({s.key for s in chosen}) > 1:
        keys = ", ".join(dict.fromkeys(f"{s.name} (track {s.track})" for s in chosen))
        raise ValueError(f"{name}: TRC holds one person, got {keys}; choose one by --sequence and --track")
    if up is None:
        if not metadata.frame_of_reference.startswith("camera"):
            raise ValueError(
                f"{name}: which axis points up in {metadata.frame_of_reference} poses is not known; give --up"
            )
        up = "-y"
    first, last = chosen[0].start, chosen[-1].start + len(chosen[-1])
    values = np.full((last - first, len(metadata.skeleton), 3), np.nan)
    for part in chosen:
        values[part.start - first : part.start - first + len(part)] = part.values
    values = values @ np.array(_TO_Y_UP[up], dtype=np.float64).T + 0.0  # no negative zeros
    known = np.asarray(present(values).any(axis=0))
    if not known.any():
        raise ValueError(f"{name}: no joint is known in any frame; choose another --sequence or --track")
    values = values[:, known]
    joints = [joint for joint, keep in zip(metadata.skeleton.joints, known, strict=True) if keep]
    lines = trc_lines(name, joints, values, metadata.fps, first + 1, first / metadata.fps)
    path.write_text("\n".join(lines) + "\n")
    never = [joint for joint, keep in zip(metadata.skeleton.joints, known, strict=True) if not keep]
    if not never:
        return []
    return [f"{name}: left out {', '.join(never)}, which {'are' if len(never) > 1 else 'is'} never known"]


def trc_lines(
    name: str,
    joints: Sequence[str],
    values: Float[np.ndarray, "T J 3"],
    fps: float,
    first: int,
    start: float,
    *,
    decimals: int = 6,
) -> list[str]:
    """The lines of a TRC file of markers in metres.

    Args:
        name: of the file.
        joints: names of the markers.
        values: NaN where unknown.
        fps: frames per second.
        first: number of the first frame, 1 by convention.
        start: its time, in seconds.
        decimals: of coordinates.
    """
    rate, count = f"{fps:.10g}", len(values)
    lines = [
        f"PathFileType\t4\t(X/Y/Z)\t{name}",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"{rate}\t{rate}\t{count}\t{len(joints)}\tm\t{rate}\t{first}\t{count}",
        "Frame#\tTime\t" + "\t\t\t".join(joints) + "\t\t",
        "\t\t" + "\t".join(f"{axis}{i}" for i in range(1, len(joints) + 1) for axis in "XYZ"),
        "",
    ]
    for t, pose in enumerate(values):
        numbers = "\t".join("NaN" if np.isnan(x) else f"{x:.{decimals}f}" for x in pose.reshape(-1))
        lines.append(f"{first + t}\t{start + t / fps:.6f}\t{numbers}")
    return lines


Writer = Callable[[CacheMetadata, Sequence[PoseSequence], Path, str, Up | None], list[str] | None]
WRITERS: dict[str, Writer] = {
    ".json": _json,
    ".csv": _csv,
    ".npz": _npz,
    ".parquet": _parquet,
    ".trc": _trc,
}
"""Formats by the ending of a file's name."""
