"""Align UI-PRMD's two recordings in time and space: the pairs that `hanet.datasets.uiprmd.pairs` reads.

From the episodes of `hanet.datasets.uiprmd.recordings`, both at 30 Hz:

1. One lag, a whole number of frames within ±1.5 s, and one rigid transformation of the Kinect per episode:
  the lag with enough overlap whose rigid fit (least squares over all joints and frames, Kabsch 1976) has the
  smallest mean distance.
2. The overlap of both, single precision.

The lag and the fit use the ground truth of every episode, including test subjects': an episode's constant
rotation is not part of the remaining error. `shared_rotation` is the alternative: one rotation, fitted on
training subjects and applied to all. The Kinect's position differs between sessions, so the translation is
still fitted per episode; it cancels in `hanet.datasets.uiprmd.pairs`, which subtracts the mean joint. The lag
is also fitted per episode.

Axes: V frames, then 12 joints.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from hanet.datasets.uiprmd.collect import FILES, PairsError
from hanet.datasets.uiprmd.pairs import as_sequence, subject_of
from hanet.datasets.uiprmd.recordings import Episode, episode_names, read_episode
from hanet.poses.sequence import PoseSequence

MAX_LAG = 45
"""Frames at 30 Hz: 1.5 s."""
MIN_OVERLAP = 20
"""Fewest frames of a pair; with fewer a fit is unreliable, and a lag at the edge may win by chance."""


@dataclass(frozen=True, eq=False)
class Alignment:
    """The transformation from a Kinect recording to Vicon's: ``vicon[t] ≈ rotation · kinect[t + lag] +
    translation``.

    Attributes:
        lag: Kinect frames (30 Hz) before Vicon's first one; negative where Vicon started earlier.
        rotation: (3, 3).
        translation: (3,), millimetres.
        error: remaining mean distance of joints, millimetres.
    """

    lag: int
    rotation: Float[np.ndarray, "3 3"]
    translation: Float[np.ndarray, " 3"]
    error: float


def align(episode: Episode, *, rotation: Float[np.ndarray, "3 3"] | None = None) -> Alignment:
    """Find the lag and rigid transformation of smallest mean distance; see the module's step 1.

    Args:
        episode: the episode to align.
        rotation: a rotation to use instead of fitting one; lag and translation are still fitted.

    Raises:
        PairsError: recordings that overlap in fewer than `MIN_OVERLAP` frames at every lag.
    """
    found = None
    for lag in range(-MAX_LAG, MAX_LAG + 1):
        kinect, vicon = _overlap(episode, lag)
        if len(kinect) < MIN_OVERLAP:
            continue
        turn = _fit(kinect, vicon) if rotation is None else rotation
        shift = vicon.mean(axis=(0, 1)) - turn @ kinect.mean(axis=(0, 1))
        error = float(np.linalg.norm(kinect @ turn.T + shift - vicon, axis=-1).mean())
        if found is None or error < found.error:
            found = Alignment(lag, turn, shift, error)
    if found is None:
        raise PairsError(
            f"{episode.name}: {len(episode.kinect)} Kinect and {len(episode.vicon)} Vicon frames at 30 Hz "
            f"overlap in fewer than {MIN_OVERLAP}; leave the episode out"
        )
    return found


def pair(episode: Episode, alignment: Alignment) -> Float[np.ndarray, "2 V 12 3"]:
    """Detected and ground-truth joints, mm, 30 Hz, as read by `hanet.datasets.uiprmd.pairs`."""
    kinect, vicon = _overlap(episode, alignment.lag)
    moved = kinect @ alignment.rotation.T + alignment.translation
    return np.stack([moved, vicon]).astype(np.float32)


def shared_rotation(episodes: Iterable[Episode]) -> Float[np.ndarray, "3 3"]:
    """Fit one rotation from the Kinect's frame to Vicon's world on many episodes, of the training subjects.

    Every episode is first shifted by its own lag and every frame centred on its mean, which removes the
    positions of person and Kinect.

    Raises:
        PairsError: as `align`; ValueError: no episodes.
    """
    pairs = [_overlap(episode, align(episode).lag) for episode in episodes]
    if not pairs:
        raise ValueError("no episodes to fit a rotation on; name training subjects that the release has")
    kinect, vicon = (np.concatenate(side) for side in zip(*pairs, strict=True))
    return _fit(kinect - kinect.mean(axis=1, keepdims=True), vicon - vicon.mean(axis=1, keepdims=True))


def write_pairs(
    raw: Path, folder: Path, *, rotation: Float[np.ndarray, "3 3"] | None = None
) -> dict[str, str]:
    """Write a release's pairs, ``m01.npz`` …, for `hanet.datasets.uiprmd.pairs.read_pairs`.

    One file per movement in the release, each written atomically.

    Args:
        raw: holds the folder ``Segmented Movements``.
        folder: the target; created where missing.
        rotation: as in `align`, for all episodes.

    Returns:
        Episodes left out, with the reason: a recording is missing, malformed or too short.

    Raises:
        PairsError: as `episode_names`, or no usable episode.
    """
    names, left_out = episode_names(raw), {}
    folder.mkdir(parents=True, exist_ok=True)
    for file in FILES:
        pairs = {}
        for name in (n for n in names if n.startswith(Path(file).stem)):
            try:
                episode = read_episode(raw, name)
                pairs[name] = pair(episode, align(episode, rotation=rotation))
            except (FileNotFoundError, PairsError) as error:
                left_out[name] = str(error)
        if pairs:
            _save(folder / file, pairs)
    if len(left_out) == len(names):
        raise PairsError(f"{raw}: none of {len(names)} episodes is of use; the first: {left_out[names[0]]}")
    return left_out


def aligned(
    raw: Path, subjects: Iterable[int], *, rotation: Float[np.ndarray, "3 3"] | None, left_out: dict[str, str]
) -> Iterator[tuple[PoseSequence, PoseSequence]]:
    """Detected and ground-truth episodes of some subjects, as `hanet.datasets.uiprmd.pairs.read_pairs`.

    Args:
        raw: holds the folder ``Segmented Movements``.
        subjects: numbers of the subjects.
        rotation: as in `align`, for all episodes.
        left_out: filled with the episodes left out and the reason, as returned by `write_pairs`.

    Raises:
        PairsError: as `episode_names`.
    """
    wanted = set(subjects)
    for name in episode_names(raw):
        if subject_of(name) not in wanted:
            continue
        try:
            episode = read_episode(raw, name)
            kinect, vicon = pair(episode, align(episode, rotation=rotation))
        except (FileNotFoundError, PairsError) as error:
            left_out[name] = str(error)
            continue
        yield as_sequence(name, kinect), as_sequence(name, vicon)


def _overlap(episode: Episode, lag: int) -> tuple[np.ndarray, np.ndarray]:
    kinect, vicon = episode.kinect[max(lag, 0) :], episode.vicon[max(-lag, 0) :]
    count = min(len(kinect), len(vicon))
    return kinect[:count], vicon[:count]


def _fit(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The least-squares rotation after centring both on their mean (Kabsch 1976)."""
    a, b = source.reshape(-1, 3), target.reshape(-1, 3)
    return Rotation.align_vectors(b - b.mean(axis=0), a - a.mean(axis=0))[0].as_matrix()


def _save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            np.savez_compressed(stream, allow_pickle=False, **arrays)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
