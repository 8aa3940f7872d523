"""The library in one import: ``hanet.refine``, ``hanet.Stream``, ``hanet.load``, ``hanet.save``,
``hanet.score``.

Axes: T frames, P people, J joints, D coordinates (2 or 3).
"""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

Number = int | float

if TYPE_CHECKING:
    import numpy as np

    from hanet.formats.base import PoseFile
    from hanet.poses.sequence import PoseSequence

_METHOD = "general"
_GAP = 0.25


@overload
def refine(
    poses: PoseFile,
    *,
    method: str = ...,
    max_gap: Number = ...,
    lag: Number | None = ...,
    return_intervals: Literal[False] = ...,
) -> list[PoseSequence]: ...
@overload
def refine(
    poses: PoseFile, *, max_gap: Number = ..., return_intervals: Literal[True]
) -> tuple[list[PoseSequence], list[np.ndarray]]: ...
@overload
def refine(
    poses: np.ndarray,
    *,
    fps: Number,
    joints: Sequence[str] | None = ...,
    scores: np.ndarray | None = ...,
    min_score: Number | None = ...,
    method: str = ...,
    max_gap: Number = ...,
    lag: Number | None = ...,
    return_intervals: Literal[False] = ...,
) -> np.ndarray: ...
@overload
def refine(
    poses: np.ndarray,
    *,
    fps: Number,
    joints: Sequence[str] | None = ...,
    scores: np.ndarray | None = ...,
    min_score: Number | None = ...,
    method: str = ...,
    max_gap: Number = ...,
    return_intervals: Literal[True],
) -> tuple[np.ndarray, np.ndarray]: ...


def refine(
    poses: Any,
    *,
    fps: Number | None = None,
    joints: Sequence[str] | None = None,
    scores: np.ndarray | None = None,
    min_score: Number | None = None,
    method: str = _METHOD,
    max_gap: Number = _GAP,
    lag: Number | None = None,
    return_intervals: bool = False,
) -> Any:
    """Refine poses without training and without ground truth.

    Args:
        poses: (T, J, D) or (T, P, J, D) in any unit, NaN where a joint is missing; or what `load` returns.
        fps: frames per second of an array.
        joints: J names, if known.
        scores: (T, J) or (T, P, J) confidence of an array's joints.
        min_score: joints of a lower score count as missing.
        method: ``general`` or a filter, as ``hanet refine --method`` takes it, e.g. ``butterworth:cutoff=6``,
            or the folder of a calibration.
        max_gap: longest gap that is filled, in seconds.
        lag: milliseconds; no pose depends on frames later than that, as of `Stream`. Only of the general
            refiner. None for all frames.
        return_intervals: return radii too, in the poses' unit: in nine of ten cases the true place of a joint
            should lie so near to the refined one. Without a calibration they do not hold what the estimator
            gets wrong all the time. Only of the general refiner and of calibrations.

    Returns:
        Of an array one of its shape and type: NaN where a joint is missing for longer than `max_gap`. Of a
        file its refined tracks, which `save` takes. With `return_intervals` a pair of that and radii, (T, J)
        or (T, P, J), one array per track of a file.

    Raises:
        ValueError: another shape, a rate that is no positive number, an unknown method or parameter.
    """
    from hanet.formats.base import PoseFile
    from hanet.methods.parsing import parse_method

    smoothing = parse_method(method, float(max_gap), None if lag is None else float(lag))
    if return_intervals:
        from hanet.methods.with_intervals import WithIntervals

        smoothing = WithIntervals.of(smoothing)
    if isinstance(poses, PoseFile):
        poses.require_fps()
        found = [smoothing.smooth(track) for track in poses.tracks]
        refined = [one.sequence for one in found]
        return (refined, [one.radii for one in found]) if return_intervals else refined
    import numpy as np

    array = _real(poses, "poses")
    tracks = _tracks(array, fps, joints, "poses")
    if min_score is not None:
        shape = None if scores is None else scores.shape
        if scores is None or shape != array.shape[:-1]:
            raise ValueError(f"min_score needs scores of shape {array.shape[:-1]}, got {shape}")
        low = np.asarray(scores) < min_score
        low = low[:, None] if low.ndim == 2 else low
        tracks = [
            replace(track, values=np.where(low[:, p, :, None], np.nan, track.values))
            for p, track in enumerate(tracks)
        ]
    kind = array.dtype if array.dtype.kind == "f" else np.dtype(np.float64)
    found = [smoothing.smooth(track) for track in tracks]
    values = np.stack([one.sequence.values for one in found], axis=1).reshape(array.shape).astype(kind)
    if not return_intervals:
        return values
    radii = [one.radii for one in found if one.radii is not None]
    return values, np.stack(radii, axis=1).reshape(array.shape[:-1]).astype(kind)


def load(
    path: str | Path,
    *,
    format: str | None = None,
    fps: Number | None = None,
    image_size: tuple[int, int] | None = None,
    skeleton: str | None = None,
    min_score: Number | None = None,
) -> PoseFile:
    """Read a pose file or folder of any known format.

    Args:
        path: the file or folder.
        format: key in `hanet.formats.FORMATS`; None finds it.
        fps, image_size, skeleton, min_score: what the file does not say, see `hanet.formats.ReadOptions`.

    Raises:
        FileNotFoundError: nothing there.
        ValueError: not a file of a known format, or options that contradict it.
    """
    from hanet.formats import ReadOptions, read

    options = ReadOptions(
        fps=None if fps is None else _rate(fps),
        image_size=image_size,
        skeleton=skeleton,
        min_score=None if min_score is None else float(min_score),
    )
    return read(Path(path), options, format=format)


def save(path: str | Path, poses: PoseFile, tracks: Sequence[PoseSequence]) -> tuple[str, ...]:
    """Write a file again with refined tracks, all else as it was; returns notes on what could not be written.

    Args:
        path: file or folder to write.
        poses: the file as `load` gave it.
        tracks: of `refine`.

    Raises:
        ValueError: tracks that are not of this file.
    """
    from hanet.methods.pose_files import rounded

    return poses.write(Path(path), [rounded(track) for track in tracks])


def score(
    gt: Any, poses: Any, *, fps: Number | None = None, joints: Sequence[str] | None = None
) -> dict[str, float]:
    """Score poses against the truth.

    Args:
        gt, poses: arrays as `refine` takes them, keypoints in pixels or joints in metres; or what `load`
            returns of two files.
        fps: frames per second of arrays.
        joints: J names of arrays; with them 3D joints are measured from pelvis or hips, else from the first.

    Returns:
        Metrics as of `hanet.metrics.evaluate`, and ``found``: share of the truth's joints that were detected.

    Raises:
        NoPosesError: no joint of the truth is known.
        ValueError: poses that do not fit together, no real numbers, or 3D joints that are not in metres.
    """
    from hanet.formats.base import PoseFile
    from hanet.metrics.common import common
    from hanet.metrics.evaluate import evaluate, require_frames

    if isinstance(gt, PoseFile) and isinstance(poses, PoseFile):
        pair = common(gt.tracks, poses.tracks, gt_path=gt.path, path=poses.path)
    else:
        arrays = _real(gt, "gt"), _real(poses, "poses")
        if arrays[0].shape != arrays[1].shape:
            raise ValueError(f"expected poses of shape {arrays[0].shape} as the truth, got {arrays[1].shape}")
        truth, detected = (
            _tracks(array, fps, joints, name) for array, name in zip(arrays, ("gt", "poses"), strict=True)
        )
        pair = common(truth, detected, gt_path="gt", path="poses")
    means = require_frames(evaluate(pair.gt, pair.detected, resamples=1)).means
    return {**{name: float(value) for name, value in means.items()}, "found": pair.found}


def _rate(fps: Any) -> float:
    """A frame rate as the caller gave it, if it is a positive number."""
    fps = fps.item() if getattr(fps, "ndim", None) == 0 else fps  # NumPy's numbers, as np.load gives them
    with suppress(OverflowError):  # a number of 400 digits
        if isinstance(fps, Real) and not isinstance(fps, bool) and 0 < float(fps) < float("inf"):
            return float(fps)
    raise ValueError(f"fps must be a positive number of frames per second, got {reprlib.repr(fps)}")


def _real(poses: Any, what: str) -> np.ndarray:
    """An array of real numbers, NaN where it is masked."""
    import numpy as np

    array = (
        np.ma.filled(poses.astype(np.float64), np.nan) if np.ma.isMaskedArray(poses) else np.asarray(poses)
    )
    if array.ndim not in (3, 4) or array.shape[-1] not in (2, 3) or array.dtype.kind not in "fiu":
        raise ValueError(
            f"{what}: expected real numbers of shape (T, J, D) or (T, P, J, D) with D = 2 or 3, got "
            f"{array.dtype} of shape {array.shape}"
        )
    return array


def _tracks(
    array: np.ndarray, fps: Number | None, joints: Sequence[str] | None, what: str
) -> list[PoseSequence]:
    """The people of an array as tracks, in double precision."""
    import numpy as np

    from hanet.formats.keypoint_sets import from_names
    from hanet.poses.sequence import PoseSequence

    rate = _rate(fps)
    J = array.shape[-2]
    names = [f"joint{j}" for j in range(J)] if joints is None else list(joints)
    if len(names) != J:
        raise ValueError(f"joints: expected {J} names, one per joint of {what}, got {len(names)}")
    skeleton = from_names(names, "given")
    people = (array[:, None] if array.ndim == 3 else array).astype(np.float64)
    tracks = []
    for p in range(people.shape[1]):
        values = people[:, p]
        if array.shape[-1] == 2:
            tracks.append(PoseSequence.keypoints("poses", values, skeleton, fps=rate, track=p))
        else:
            tracks.append(
                PoseSequence.joints("poses", values, skeleton, fps=rate, track=p, frame_of_reference="camera")
            )
    return tracks
