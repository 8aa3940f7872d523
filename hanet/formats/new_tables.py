"""New TRC and CSV files, NumPy archives and pose caches from poses of other formats."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np

from hanet.files.atomic import whole_file, write_bytes
from hanet.formats.cells import guarded
from hanet.formats.exports import trc_lines
from hanet.formats.missing import present
from hanet.formats.new_file import NewFile
from hanet.poses.gaps import runs


def trc(path: Path, new: NewFile) -> list[str]:
    """OpenSim's track rows: metres, the source's axes and frame numbers; a marker never known is left out."""
    [track] = new.tracks
    assert new.fps is not None
    known = np.asarray(present(track.values).any(axis=0))
    joints = [joint for joint, keep in zip(track.skeleton.joints, known, strict=True) if keep]
    lines = trc_lines(
        path.name, joints, track.values[:, known], new.fps, track.start, track.start / new.fps, decimals=9
    )
    write_bytes(path, ("\n".join(lines) + "\n").encode())
    never = [joint for joint, keep in zip(track.skeleton.joints, known, strict=True) if not keep]
    return [f"left out {', '.join(never)}, never known"] if never else []


def table(path: Path, new: NewFile) -> list[str]:
    """A row per frame and person; a joint that is missing has empty fields, and no score where there is none.

    The column of seconds is left out where the rate is not known.
    """
    axes = "xyz"[: new.tracks[0].values.shape[2]]
    scored = any(track.scores is not None for track in new.tracks)
    columns = [*axes, "score"] if scored else list(axes)
    timed = ["seconds"] if new.fps is not None else []
    buffer = io.StringIO(newline="")
    out = csv.writer(buffer, lineterminator="\n")
    names = [f"{guarded(joint)}_{column}" for joint in new.skeleton.joints for column in columns]
    out.writerow(["sequence", "track", "frame", *timed, *names])
    for track in new.tracks:
        scores = np.full(track.values.shape[:2], np.nan) if track.scores is None else track.scores
        cells = np.concatenate([track.values, scores[..., None]], axis=2)[..., : len(columns)]
        for frame, row in zip(track.frames.tolist(), cells.reshape(len(cells), -1), strict=True):
            time = [repr(frame / new.fps)] if new.fps is not None else []
            texts = ["" if np.isnan(cell) else str(cell) for cell in row]
            out.writerow([guarded(track.name), track.track, frame, *time, *texts])
    write_bytes(path, buffer.getvalue().encode())
    return []


def deeplabcut(path: Path, new: NewFile) -> list[str]:
    """DeepLabCut's CSV, with individuals where there are several tracks; rows from frame 0 on."""
    joints, first = new.skeleton.joints, new.frames.start
    animals = len(new.tracks)
    header = [["scorer"] + ["hanet"] * (3 * animals * len(joints))]
    if animals > 1:
        names = [f"track{track.track}" for track in new.tracks]
        header.append(["individuals", *(name for name in names for _ in range(3 * len(joints)))])
    header.append(["bodyparts", *[guarded(joint) for joint in joints for _ in range(3)] * animals])
    header.append(["coords", *["x", "y", "likelihood"] * (animals * len(joints))])
    stacked, scores = new.stacked(), new.scores()
    if scores is None:
        scores = np.where(present(stacked), 1.0, np.nan)
    cells = np.concatenate([stacked, scores[..., None]], axis=3).reshape(len(new.frames), -1)
    cells = np.concatenate([np.full((first, cells.shape[1]), np.nan), cells])
    buffer = io.StringIO(newline="")
    out = csv.writer(buffer, lineterminator="\n")
    out.writerows(header)
    for frame, row in enumerate(cells):
        out.writerow([frame, *("" if np.isnan(cell) else str(cell) for cell in row)])
    write_bytes(path, buffer.getvalue().encode())
    return []


def archive(path: Path, new: NewFile) -> list[str]:
    """``poses`` (T, P, J, D) with ``fps``, ``joints``, ``scores`` and ``unit``; row 0 is the first frame."""
    arrays = {"poses": new.stacked(), "joints": np.array(new.skeleton.joints)}
    arrays["unit"] = np.array(new.tracks[0].unit)
    if new.fps is not None:
        arrays["fps"] = np.array(new.fps)
    if (scores := new.scores()) is not None:
        arrays["scores"] = scores
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    notes = (
        ["tracks are numbered in their order"]
        if [t.track for t in new.tracks] != [*range(len(new.tracks))]
        else []
    )
    return [*notes, f"row 0 is frame {new.frames.start}"] if new.frames.start else notes


def cache(path: Path, new: NewFile) -> list[str]:
    """A pose cache of this project; frames without any known joint are left out."""
    from hanet.cache.files import CacheMetadata, CacheWriter
    from hanet.poses.skeletons import SKELETONS

    first = new.tracks[0]
    assert new.fps is not None
    if SKELETONS.get(first.skeleton.name) != first.skeleton:
        raise ValueError(
            f"{path}: a cache holds the skeletons {', '.join(SKELETONS)}, got {first.skeleton.name}; give "
            "--to-skeleton"
        )
    metadata = CacheMetadata(
        dataset="converted",
        split="test",
        estimator=new.source,
        skeleton=first.skeleton,
        representation=first.representation,
        unit=first.unit,
        fps=new.fps,
        frame_of_reference=first.frame_of_reference,
    )
    with CacheWriter(path, metadata) as writer:
        for track in new.tracks:
            whole = replace(track, values=track.values.astype(np.float32))
            if track.scores is not None:
                whole = replace(whole, scores=track.scores.astype(np.float32))
            for run in runs(np.asarray(present(track.values).any(axis=1))):
                writer.write(whole.part(run))
    return []
