"""CMU motion capture (mocap.cs.cmu.edu; free to use, acknowledgement requested): trials of many subjects.

Layout as released: ``subjects/<NN>/<NN>.asf``, a subject's skeleton, and ``<NN>_<TT>.amc``, a trial, y up.
Trials are converted to clips of `hanet.datasets.mocap.clips`: 17 Human3.6M joints, metres, z up, one frame
rate; physically impossible frames are removed. Virtual cameras (`hanet.datasets.mocap.virtual_cameras`) turn
clips into ground truth.

The files do not state frame rates: 120 fps except for a few trials, which the caller names. A subject's
number is taken as a person's identity: splits and the leakage guard's groups use it.

Axes: T frames.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from hanet.datasets.mocap.asfamc import AcclaimError, AcclaimSkeleton, joint_positions, read_amc, read_asf
from hanet.datasets.mocap.clips import (
    ACCLAIM_FPS,
    ACCLAIM_JOINTS,
    Clip,
    ClipError,
    from_bones,
    glitches,
    resample,
)
from hanet.poses.gaps import consecutive, long_runs

_TRIAL = re.compile(r"(\d{2,3})_(\d{2,3})")
_NAME = re.compile(r"cmu_(\d{2,3})_\d{2,3}(?:/.*)?")
_SOURCE = "get it again from mocap.cs.cmu.edu"


@dataclass(frozen=True)
class Limits:
    """Which frames and trials are usable.

    Attributes:
        max_speed: metres per second; both frames of a joint's faster step are glitches.
        max_stretch: allowed deviation of a bone from its median length, as a fraction.
        min_frames: shortest run of frames, at the target rate, that is kept.
    """

    max_speed: float
    max_stretch: float
    min_frames: int

    def __post_init__(self) -> None:
        if not (self.max_speed > 0 and self.max_stretch > 0 and self.min_frames >= 1):
            raise ValueError(f"limits must be positive, got {self}")


@dataclass(frozen=True, eq=False)
class Trial:
    """The result of reading one trial.

    Attributes:
        name: like ``cmu_01_05``.
        frames: its frames at the target rate.
        clip: the usable frames; None where there are too few.
    """

    name: str
    frames: int
    clip: Clip | None

    @property
    def left_out(self) -> int:
        """Frames that are not in the clip."""
        return self.frames - (0 if self.clip is None else len(self.clip.joints))


def read_cmu(
    folder: Path,
    *,
    fps: float,
    limits: Limits,
    subjects: Collection[int] | None = None,
    rates: Mapping[str, float] | None = None,
) -> Iterator[Trial]:
    """Every trial, in order of subject and number; memory holds one at a time.

    Args:
        folder: holds ``subjects``.
        fps: frames per second of the clips.
        limits: which frames and trials are usable.
        subjects: numbers of the subjects to read; None for all.
        rates: recorded frames per second of trials (``"60_02"``) and subjects (``"60"``) that differ from
            120; a trial's entry overrides its subject's.

    Raises:
        ClipError: no trials, a missing subject, a rate for a missing trial or subject, or a malformed file.
    """
    trials = _trials(folder)
    numbers = {int(stem.split("_")[0]) for stem in trials}
    if missing := sorted(set(subjects or ()) - numbers):
        raise ClipError(f"{folder}: no trial of the subjects {missing}; it has {_ranges(numbers)}")
    rates = rates or {}
    known = {name for stem in trials for name in (stem, stem.split("_")[0])}
    if unknown := sorted(set(rates) - known):
        raise ClipError(f"rates are given for {', '.join(unknown)}, which {folder} does not have")
    return _read(trials, fps, limits, subjects, rates)


def _read(
    trials: dict[str, Path],
    fps: float,
    limits: Limits,
    subjects: Collection[int] | None,
    rates: Mapping[str, float],
) -> Iterator[Trial]:
    skeletons: dict[Path, AcclaimSkeleton] = {}
    for stem, path in trials.items():
        subject = stem.split("_")[0]
        if subjects is not None and int(subject) not in subjects:
            continue
        asf = path.with_name(f"{subject}.asf")
        if asf not in skeletons:
            skeletons = {asf: _skeleton(asf)}  # trials come by subject: one skeleton in memory is enough
        native = rates.get(stem, rates.get(subject, ACCLAIM_FPS))
        joints = resample(_joints(path, skeletons[asf]), native, fps)
        yield _usable(f"cmu_{stem}", joints, fps, limits)


def subject_of(name: str) -> int:
    """The subject's number of a clip or of a view of it: 1 of ``cmu_01_05`` and of ``cmu_01_05/cam2``.

    Raises:
        ClipError: another name.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise ClipError(f"{name!r} names no trial: expected subject and number, like cmu_01_05")
    return int(match[1])


def split_of(name: str, splits: Mapping[str, Collection[int]]) -> str | None:
    """The split of a trial's subject, or None where it is in no split.

    Args:
        name: the clip's name.
        splits: subjects of each split, as ``{"train": [1, 2], "val": [3], "test": [5]}``.

    Raises:
        ClipError: a subject in two splits, or a name that is not a trial's.
    """
    owner: dict[int, str] = {}
    for split, subjects in splits.items():
        for subject in subjects:
            if owner.setdefault(subject, split) != split:
                raise ClipError(
                    f"subject {subject} is in the splits {owner[subject]} and {split}; leave it in one, or a "
                    "person would be both learned from and tested on"
                )
    return owner.get(subject_of(name))


def _trials(folder: Path) -> dict[str, Path]:
    """Motion files by ``<NN>_<TT>``, sorted by number."""
    paths = {path.stem: path for path in (folder / "subjects").glob("*/*.amc")}
    for stem, path in paths.items():
        match = _TRIAL.fullmatch(stem)
        if match is None or path.parent.name != match[1]:
            raise ClipError(f"{path}: expected subjects/<NN>/<NN>_<TT>.amc; rename or remove the file")
    if not paths:
        raise ClipError(
            f"{folder}: no file subjects/<NN>/<NN>_<TT>.amc; unpack the database's subjects there"
        )
    return {stem: paths[stem] for stem in sorted(paths, key=lambda s: [int(n) for n in s.split("_")])}


def _skeleton(path: Path) -> AcclaimSkeleton:
    try:
        skeleton = read_asf(path)
    except FileNotFoundError as error:
        raise ClipError(f"{path}: missing, but there are trials of the subject; {_SOURCE}") from error
    except AcclaimError as error:
        raise ClipError(f"{error}; {_SOURCE}") from error
    if missing := sorted(set(ACCLAIM_JOINTS.values()) - set(skeleton.bones)):
        raise ClipError(f"{path}: no bones {', '.join(missing)}; {_SOURCE}")
    return skeleton


def _joints(path: Path, skeleton: AcclaimSkeleton) -> Float[np.ndarray, "T 17 3"]:
    """World joints, metres, z up, at the file's frame rate; joints are the ends of bones."""
    try:
        ends = joint_positions(skeleton, read_amc(path, skeleton))
    except AcclaimError as error:
        raise ClipError(f"{error}; {_SOURCE}, or remove the trial") from error
    return from_bones(ends)


def _usable(name: str, joints: Float[np.ndarray, "T 17 3"], fps: float, limits: Limits) -> Trial:
    keep = ~glitches(joints, fps, max_speed=limits.max_speed, max_stretch=limits.max_stretch)
    keep = long_runs(keep, limits.min_frames)
    clip = Clip(name, joints[keep], fps, np.flatnonzero(keep)) if keep.any() else None
    return Trial(name, len(joints), clip)


def _ranges(numbers: Collection[int]) -> str:
    """``1-3, 5`` for 1, 2, 3 and 5."""
    ordered = np.array(sorted(numbers))
    runs = [ordered[rows] for rows in consecutive(ordered)]
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
