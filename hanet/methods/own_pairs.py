"""Detections with their truth, from files of any format, made ready for training.

Axes: T frames, J joints, D coordinates, N frames of all tracks, C channels (joints × dims).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch

import numpy as np
import torch

from hanet.methods.base import image_scale
from hanet.poses.errors import NoPosesError
from hanet.poses.gaps import interpolate
from hanet.poses.scale import known_joints
from hanet.poses.sequence import PoseSequence
from hanet.training.pairs import PoseRows

SHARE = 0.2
"""Share of the takes that validate where nobody names them."""


@dataclass(frozen=True, eq=False)
class Take:
    """One recording: tracks of a pair of files.

    Attributes:
        name: of the file with the detections.
        detected, gt: tracks of the same frames and joints.
    """

    name: str
    detected: Sequence[PoseSequence]
    gt: Sequence[PoseSequence]


def split(takes: Sequence[Take], validation: Sequence[str]) -> tuple[list[Take], list[Take]]:
    """The takes to train on, and those that validate.

    Args:
        takes: all of them.
        validation: patterns of names; empty takes the last fifth of the names, at least one.

    Raises:
        ValueError: nothing would be left on one side.
    """
    if len(takes) < 2:
        raise ValueError(
            f"expected at least two pairs of files, one of which validates, got {len(takes)}; a model that "
            "is judged by what it was trained on looks better than it is"
        )
    if validation:
        chosen = {take.name for take in takes if any(fnmatch(take.name, pattern) for pattern in validation)}
    else:
        names = sorted(take.name for take in takes)
        chosen = set(names[-max(1, round(SHARE * len(names))) :])
    left = [take for take in takes if take.name not in chosen]
    held = [take for take in takes if take.name in chosen]
    if not left or not held:
        raise ValueError(
            f"--val {' '.join(validation)} takes {len(held)} of {len(takes)} files; name some of "
            f"{', '.join(sorted(take.name for take in takes)[:5])}"
        )
    return left, held


def rows_of(takes: Sequence[Take]) -> PoseRows:
    """The frames of takes, one after another: 3D joints about their root, keypoints as shares of the image.

    A joint that was not detected has its place between the detections before and after, or the mean of the
    other joints where it was never detected; where the truth is not known it does not count.

    Raises:
        NoPosesError: no joint is known.
        ValueError: tracks of other joints, units or rates, or keypoints without an image size.
    """
    first = takes[0].gt[0]
    detected, gt, lengths = [], [], [0]
    for take in takes:
        for poses, truth in zip(take.detected, take.gt, strict=True):
            for field in ("skeleton", "representation", "unit", "fps"):
                a, b = getattr(first, field), getattr(truth, field)
                if a != b:
                    raise ValueError(
                        f"{take.name}: {field} is {getattr(b, 'name', b)}, that of {takes[0].name} is "
                        f"{getattr(a, 'name', a)}; train on poses of one kind"
                    )
            if not known_joints(poses.values).any():
                continue
            known = known_joints(truth.values)
            if truth.labelled is not None:
                known &= truth.labelled
            a, b = (
                prepared(poses),
                prepared(replace(truth, values=np.where(known[..., None], truth.values, np.nan))),
            )
            b[~known] = np.nan
            T = len(a)
            detected.append(a.reshape(T, -1))
            gt.append(b.reshape(T, -1))
            lengths.append(T)
    if not detected:
        raise NoPosesError(
            f"{takes[0].name}: no joint is detected in any frame, so there is nothing to train on"
        )
    return PoseRows(
        detected=torch.from_numpy(np.concatenate(detected).astype(np.float32)),
        gt=torch.from_numpy(np.concatenate(gt).astype(np.float32)),
        offsets=np.cumsum(lengths).astype(np.int64),
        skeleton=first.skeleton,
        unit="image" if first.unit == "px" else first.unit,
    )


def prepared(sequence: PoseSequence) -> np.ndarray:
    """Poses (T, J, D) without gaps, relative to their root or as shares of the image."""
    T, J, D = sequence.values.shape
    rows = np.arange(T)
    if np.isfinite(sequence.values).any():
        values = interpolate(sequence.values.reshape(T, -1).astype(np.float64), rows, rows).reshape(T, J, D)
    else:
        values = np.zeros((T, J, D))
    never = np.isnan(values).any(axis=(0, 2))
    if never.any() and not never.all():
        values[:, never] = values[:, ~never].mean(axis=1, keepdims=True)
    if sequence.representation == "2d":
        return values / image_scale(sequence)
    return values - values[:, list(sequence.skeleton.root)].mean(axis=1, keepdims=True)
