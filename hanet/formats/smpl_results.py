"""SMPL bodies as VIBE, WHAM, 4D-Humans, HybrIK, ROMP and GVHMR save them, and AMASS's npz.

Rotations are refined as 6D numbers and come back as axis-angle or matrices, as they were; layouts are in
`hanet.formats.smpl_layouts`. Pickles are read without running code. Everything else stays as it was, so
joints and vertices in the file are those of the rotations before refinement.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile
from zlib import error

import numpy as np

from hanet.files.atomic import whole_file, write_bytes
from hanet.formats.base import UNKNOWN_FPS, FormatError, PoseFile, ReadOptions, Update
from hanet.formats.dense import Dense, check_options, check_size, read_bytes
from hanet.formats.linking import MAX_JOINTS
from hanet.formats.smpl_layouts import Person, Results, find
from hanet.formats.source import Source
from hanet.formats.turns import axis_angle_to_6d, from_6d, nearest_axis_angle, to_6d
from hanet.poses.sequence import PoseSequence

Dump = Callable[[Any, Path], None]
_PICKLES = (b"\x80", b"\x78", b"\x1f\x8b")


def sniff(source: Source) -> bool:
    """A pickle, a PyTorch file, or an npz of ROMP or AMASS, by ending and first bytes."""
    match source.path.suffix.lower():
        case ".pkl" | ".pk":
            return source.head.startswith(_PICKLES)
        case ".pt":
            return source.head.startswith(b"PK")
        case ".npz":
            return is_smpl_npz(source)
    return False


def is_smpl_npz(source: Source) -> bool:
    """Whether an npz has ROMP's or AMASS's fields."""
    if not source.head.startswith(b"PK"):
        return False
    try:
        with ZipFile(source.path) as archive:
            names = {name.removesuffix(".npy") for name in archive.namelist()}
            if "results" in names:
                with archive.open("results.npy") as member:
                    return b"'|O'" in member.read(128)
    except (BadZipFile, OSError, ValueError, KeyError, RuntimeError, NotImplementedError, error):
        return False
    return names >= {"poses", "betas"} or names >= {"poses", "trans"}


def read(path: Path, options: ReadOptions) -> PoseFile:
    """The people of a file as tracks of rotations on SMPL's joints.

    Raises:
        FileNotFoundError: no such file.
        FormatError: none of the known layouts.
        ValueError: not a whole file, one that asks for code, or options that contradict it.
    """
    content, dump = _open(path)
    results = find(content, path)
    spans = [max(person.frames) - min(person.frames) + 1 for person in results.people]
    for person, span in zip(results.people, spans, strict=True):
        if span > 20 * len(person.frames) + 10_000:
            raise FormatError(
                f"{path}, person {person.track}: {len(person.frames)} poses over {span} frames; check them"
            )
    if 3 * sum(spans) * len(results.skeleton) > MAX_JOINTS:  # three times as many numbers as keypoints
        raise FormatError(f"{path}: more than {MAX_JOINTS // 3} rotations over all frames; split the file")
    empty = np.empty((0, 1, len(results.skeleton), 6))
    stated = Dense(
        format="smpl",
        path=path,
        values=empty,
        scores=None,
        skeleton=results.skeleton,
        unit="rot6d",
        fps=results.fps,
    )
    check_options(stated, options)
    rate = results.fps if results.fps is not None else options.fps
    tracks = tuple(_track(content, person, results, rate or UNKNOWN_FPS) for person in results.people)
    return PoseFile(
        format="smpl",
        path=path,
        tracks=tracks,
        fps=rate or UNKNOWN_FPS,
        fps_known=rate is not None,
        skeleton=results.skeleton,
        unit="rot6d",
        save=lambda out, updates: _save(content, results, dump, out, updates),
        notes=("rotations are refined; translations, joints and vertices in the file stay as they are",),
    )


def _open(path: Path) -> tuple[Any, Dump]:
    """The content of a file, and what writes such a file."""
    if path.suffix.lower() == ".pt":
        check_size(path)
        from hanet.files.torch_file import read_torch

        return dict(read_torch(path)), _write_torch
    from hanet.files.pickled import load, load_npz
    from hanet.files.pickling import dump, dump_npz

    raw = read_bytes(path)
    if path.suffix.lower() == ".npz":
        return load_npz(path, raw), lambda content, out: write_bytes(out, dump_npz(content))
    return load(raw, path), lambda content, out: write_bytes(out, dump(content, raw))


def _write_torch(content: Any, out: Path) -> None:
    import torch

    with whole_file(out) as temporary:
        torch.save(content, temporary)


def _track(content: Any, person: Person, results: Results, fps: float) -> PoseSequence:
    first, last = min(person.frames), max(person.frames)
    stored = np.stack([person.get(content, n) for n in range(len(person.frames))]).astype(np.float64)
    six = axis_angle_to_6d(stored) if stored.ndim == 3 else to_6d(stored)
    # An axis-angle of 0 is a rotation; a matrix of zeros is none.
    known = (np.abs(stored.reshape(*stored.shape[:2], -1)) < 1e6).all(axis=2)
    known = np.asarray(known & np.isfinite(six).all(axis=2) & (np.abs(six) > 0).any(axis=2))
    values = np.full((last - first + 1, len(results.skeleton), 6), np.nan)
    values[np.array(person.frames) - first] = np.where(known[..., None], six, np.nan)
    return PoseSequence(
        person.name,
        values,
        results.skeleton,
        "smpl",
        fps,
        "rot6d",
        "parent",
        track=person.track,
        start=first,
        labelled=np.asarray(np.isfinite(values).all(axis=2)),
    )


def _save(content: Any, results: Results, dump: Dump, out: Path, updates: Sequence[Update]) -> list[str]:
    changed = deepcopy(content)
    lost = 0
    for person, update in zip(results.people, updates, strict=True):
        rows = {frame: n for n, frame in enumerate(person.frames)}
        for t in np.flatnonzero(update.touched.any(axis=1)).tolist():
            n = rows.get(update.track.start + t)
            if n is None:
                lost += 1
                continue
            stored = np.array(person.get(changed, n))
            joints = update.changed[t]
            six = update.values[t, joints]
            stored[joints] = nearest_axis_angle(six, stored[joints]) if stored.ndim == 2 else from_6d(six)
            stored[update.dropped[t]] = np.nan
            person.put(changed, n, stored)
    dump(changed, out)
    return [f"{lost} filled frames were not written, because the file has no rows for them"] if lost else []
