"""Score poses against the truth under a named protocol.

- ``full`` (default): every frame is scored once, against the ground truth as it is.
- ``released``: as HANet's released evaluation, to stand beside published figures. Frames after the last full
  window are dropped, sequences shorter than a window are padded with zeros, and the padding is scored.
- ``smoothnet``: ``full``, but Accel counts the first and last frame of a sequence with an error of zero.

Axes: T frames, J joints, D dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest

import numpy as np
from jaxtyping import Float, Int

from hanet.metrics import functional as F  # noqa: N812
from hanet.metrics.accumulate import Accumulator, Scores, SequenceScores, Tally, tally
from hanet.metrics.planes import around, planes
from hanet.metrics.plausibility import plausibility_tallies
from hanet.metrics.similarity import aligned
from hanet.poses.frame_kinds import FRAME_KINDS
from hanet.poses.plausible import NoPosesError, check_metres, without_wild
from hanet.poses.segments import window_length
from hanet.poses.sequence import PoseSequence, check_pair

PROTOCOLS = ("full", "released", "smoothnet")
PROTOCOL_VERSION = 2
"""Of scores and intervals; 1 resampled sequences, and tested each row against the one above it."""
Refine = Callable[[PoseSequence], PoseSequence]
Kinds = Mapping[tuple[str, int], tuple[Int[np.ndarray, " N"], Int[np.ndarray, " N"]]]
"""By sequence and track: the number in `FRAME_KINDS` of each frame."""

ALPHAS = (0.05, 0.1, 0.2)
"""Thresholds of PCK."""


def evaluate(
    gt: Iterable[PoseSequence],
    detected: Iterable[PoseSequence],
    refine: Refine | None = None,
    protocol: str = "full",
    *,
    interval: int | None = None,
    q: int | None = None,
    step_q: int = 1,
    resamples: int = 1000,
    seed: int = 4321,
    brief: bool = False,
    kinds: Kinds | None = None,
) -> Scores:
    """Score `detected`, refined by `refine`, against `gt`; sequences are read one pair at a time.

    3D joints (metres) get ``mpjpe_mm``, ``pa_mpjpe_mm``, ``accel_mm_per_frame2``, ``accel_m_per_s2`` and
    ``mpjpe_fast5_mm``, the MPJPE of the 5 % of all frames in which the truth moves fastest.

    They also get ``bone_length_cv`` and ``foot_slide_mm_per_s`` where the skeleton has bones and ankles (see
    `hanet.metrics.plausibility`), and with `kinds` ``mpjpe_<kind>_mm``, the MPJPE of each kind's frames.

    Keypoints (pixels) get, for each α of `ALPHAS`, ``pck_005`` (by box, mean over sequences),
    ``pck_005_per_frame`` (by box, mean over frames), ``pck_005_torso`` (by torso, mean over sequences), and
    ``accel_px_per_frame2``. A keypoint without a prediction (NaN) is a miss, and left out of the latter.

    Under ``released`` the poses that `refine` gets are already cut or padded to a whole number of windows.
    So a refiner that works in windows of ``interval·q + 1`` frames, starts one every ``interval·step_q``
    frames and averages overlaps (`hanet.methods.learned.refine_windows`) sees the windows of the released
    evaluation. That averages overlapping windows of its input and of the truth too, which changes neither.

    Args:
        gt: ground truth; joints that are NaN, not `labelled` or beyond `hanet.poses.plausible.LIMITS` are
            unknown. A joint that a sequence knows in
            no frame is left out of its 3D metrics, and so is then a frame with an unknown joint; of PCK, only
            that keypoint.
        detected: the estimator's poses, in the order of `gt`.
        refine: the method to score, or None to score `detected` itself.
        protocol: one of `PROTOCOLS`, see above.
        interval, q, step_q: the windows of ``released``; the other protocols have none.
        resamples, seed: of the intervals, see `hanet.metrics.statistics`.
        brief: give joints ``mpjpe_mm`` and ``accel_mm_per_frame2`` alone, as choosing parameters needs.
        kinds: what the detector did: frame numbers and their kinds by `PoseSequence.key`, see
            `hanet.cache.frame_kinds.read_kinds`; frames that are not listed are of no kind.

    Raises:
        NoPosesError: no sequences.
        ValueError: sequences that do not pair up, poses that cannot be scored or are in another unit, a
            protocol without its windows; the message names the sequence.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"unknown protocol {protocol!r}; there are {', '.join(PROTOCOLS)}")
    if protocol == "released" and (interval is None or q is None):
        raise ValueError("protocol 'released' drops and pads frames by windows: give interval and q")
    accumulator: Accumulator | None = None
    first: PoseSequence | None = None
    for truth, poses in _pairs(gt, detected):
        if protocol == "released" and interval is not None and q is not None:
            window, stride = window_length(interval, q), interval * step_q
            truth = whole_windows(truth, window=window, stride=stride)
            poses = whole_windows(poses, window=window, stride=stride)
        refined = poses if refine is None else refine(poses)
        check_pair(truth, refined)
        if accumulator is None or first is None:
            first, accumulator = truth, Accumulator(protocol=protocol, joints=truth.skeleton.joints)
        elif (truth.skeleton, truth.representation) != (first.skeleton, first.representation):
            raise ValueError(
                f"{truth.name}: {truth.representation} on {truth.skeleton.name} cannot be pooled with "
                f"{first.representation} on {first.skeleton.name} of {first.name}; evaluate them apart"
            )
        of_frames = None if kinds is None else _kinds_of(truth, kinds)
        _score(accumulator, truth, refined, protocol=protocol, brief=brief, kinds=of_frames)
    if accumulator is None:
        raise NoPosesError("nothing to score: no sequences were given")
    return accumulator.scores(resamples=resamples, seed=seed)


def require_frames(scores: Scores) -> Scores:
    """Return the scores; a NoPosesError refuses those of no frame."""
    if scores.frames == 0:
        raise NoPosesError(
            f"nothing to score: no frame of the ground truth's {scores.sequences} sequences is known"
        )
    return scores


def whole_windows(sequence: PoseSequence, *, window: int, stride: int) -> PoseSequence:
    """Cut a sequence to the frames that whole windows cover, or pad a shorter one with zeros to one window.

    The frames are ``window + k·stride``, the most that fit; boxes are padded with zeros too. `start` is kept.
    """
    T = len(sequence)
    length = window + max(T - window, 0) // stride * stride

    def fit(array: np.ndarray | None, fill: int = 0) -> np.ndarray | None:
        if array is None:
            return None
        width = [(0, max(length - T, 0)), *[(0, 0)] * (array.ndim - 1)]
        return np.pad(array[:length], width, constant_values=fill)

    return replace(
        sequence,
        values=fit(sequence.values),
        scores=fit(sequence.scores),
        labelled=fit(sequence.labelled, fill=1),
        boxes=fit(sequence.boxes),
    )


def _pairs(
    gt: Iterable[PoseSequence], detected: Iterable[PoseSequence]
) -> Iterator[tuple[PoseSequence, PoseSequence]]:
    for truth, poses in zip_longest(gt, detected):
        if poses is None:
            raise ValueError(f"{truth.name}: in the ground truth, but the detected sequences end before it")
        if truth is None:
            raise ValueError(
                f"{poses.name}: among the detected sequences, but the ground truth ends before it"
            )
        check_pair(truth, poses)
        check_metres(truth)
        check_metres(poses)
        yield without_wild(truth)[0], without_wild(poses)[0]


def _kinds_of(truth: PoseSequence, kinds: Kinds) -> Int[np.ndarray, " T"]:
    """The kind of each frame of a sequence, which may be a piece of its track; -1 where it has none."""
    none = np.empty(0, dtype=int)
    frames, numbers = kinds.get(truth.key, (none, none))
    listed = np.isin(truth.frames, frames)
    found = np.full(len(truth), -1)
    found[listed] = numbers[np.searchsorted(frames, truth.frames[listed])]
    return found


def _score(
    accumulator: Accumulator,
    truth: PoseSequence,
    refined: PoseSequence,
    *,
    protocol: str,
    brief: bool = False,
    kinds: Int[np.ndarray, " T"] | None = None,
) -> None:
    gt, pred = _known(truth), refined.values
    if truth.representation == "3d":
        joints, root = _annotated(gt, truth.skeleton.root)
        if len(joints) < gt.shape[1]:
            gt, pred = gt[:, joints], pred[:, joints]
        frames = F.valid_frames(gt)
        if not np.isfinite(pred).all() and not np.isfinite(pred[frames]).all():
            bad = truth.frames[frames][~np.isfinite(pred[frames]).all(axis=(1, 2))]
            raise ValueError(
                f"{truth.name}: no pose (NaN) in {len(bad)} frames that are to be scored, "
                f"the first is {bad[0]}; fill missing detections (as hanet refine does up to --max-gap), or "
                "mark these frames unlabelled in the truth"
            )
        p, g = around(planes(pred), root), F.truth_around(gt, root)
        tallies, error = _joint_tallies(p, g, fps=truth.fps, protocol=protocol, brief=brief)
        tallies = {name: _spread(entry, joints, len(truth.skeleton)) for name, entry in tallies.items()}
        if not brief:
            tallies |= plausibility_tallies(refined, _known(truth))
        if kinds is not None:
            tallies |= {
                f"mpjpe_{kind}_mm": tally(np.where(kinds == number, error, np.nan)[:, None])
                for number, kind in enumerate(FRAME_KINDS)
            }
        speed = F.mean_speed(g)
        accumulator.add(
            SequenceScores(truth.name, truth.track, int(frames.sum()), tallies, truth.person),
            # Central differences leave out the frame itself, so an unknown one may have a speed but no error.
            speed=np.where(frames, speed, np.nan),
            error=error,
        )
    elif truth.representation == "2d":
        frames = np.isfinite(gt[..., 0] + gt[..., 1]).max(axis=1)
        tallies = _keypoint_tallies(truth, gt, pred)
        accumulator.add(SequenceScores(truth.name, truth.track, int(frames.sum()), tallies, truth.person))
    else:
        raise ValueError(
            f"{truth.name}: rotations are scored as joints; turn SMPL poses into 3D joints first"
        )


def _known(truth: PoseSequence) -> Float[np.ndarray, "T J D"]:
    if truth.labelled is None:
        return truth.values
    return np.where(truth.labelled[..., None], truth.values, np.nan).astype(truth.values.dtype)


def _annotated(gt: Float[np.ndarray, "T J 3"], root: Sequence[int]) -> tuple[list[int], list[int]]:
    """Joints that are known in some frame, and which of them are the root.

    3DPW's and AIST++'s 14 joints, made from the releases' own, lack two in every frame. Without its root no
    joint can be measured: then all are kept, and every frame counts as unknown.
    """
    finite = np.isfinite(gt)
    if finite.all():
        return list(range(gt.shape[1])), list(root)
    joints = np.flatnonzero(finite.all(axis=2).any(axis=0)).tolist()
    if not set(root) <= set(joints):
        return list(range(gt.shape[1])), list(root)
    return joints, [joints.index(joint) for joint in root]


def _spread(entry: Tally, joints: Sequence[int], count: int) -> Tally:
    """The tally with a column for each of `count` joints, without weight for those not among `joints`."""
    if len(entry.total) == 1 or len(joints) == count:
        return entry
    total, weight = np.zeros(count), np.zeros(count)
    total[joints], weight[joints] = entry.total, entry.weight
    return Tally(total, weight)


def _joint_tallies(
    p: Float[np.ndarray, "3 J T"], g: Float[np.ndarray, "3 J T"], *, fps: float, protocol: str, brief: bool
) -> tuple[dict[str, Tally], Float[np.ndarray, " T"]]:
    """Tallies of root-relative joints, and the mean error (mm) of each frame."""
    error = F.position_errors(p, g)
    accel = tally(F.second_difference_errors(p, g).T, scale=F.MM_PER_M)
    if protocol == "smoothnet":
        accel = Tally(accel.total, np.where(accel.weight > 0, accel.weight + 2, 0.0))
    if brief:
        return {"mpjpe_mm": tally(error.T), "accel_mm_per_frame2": accel}, error.mean(axis=0)
    after = F.position_errors(aligned(p, g), g)
    if protocol == "released":
        # A padded frame of a method that leaves it at zero has no alignment there, and is not averaged.
        after[:, F.collapsed(p.T)] = np.nan
    tallies = {
        "mpjpe_mm": tally(error.T),
        "pa_mpjpe_mm": tally(after.T),
        "accel_mm_per_frame2": accel,
        "accel_m_per_s2": Tally(accel.total * F.accel_m_per_s2(1.0, fps), accel.weight),
    }
    return tallies, error.mean(axis=0)


def _keypoint_tallies(
    truth: PoseSequence,
    gt: Float[np.ndarray, "T J 2"],
    pred: Float[np.ndarray, "T J 2"],
) -> dict[str, Tally]:
    if truth.boxes is None:
        raise ValueError(f"{truth.name}: PCK measures by the person's box; give the ground truth `boxes`")
    box = F.box_size(truth.boxes)
    has_torso = {"l_shoulder", "r_hip"} <= set(truth.skeleton.joints)
    tallies: dict[str, Tally] = {}
    for alpha in ALPHAS:
        name = f"pck_{round(100 * alpha):03d}"
        by_box = F.pck_hits(pred, gt, box, alpha=alpha)
        tallies[name] = _per_sequence(by_box)
        tallies[f"{name}_per_frame"] = tally(by_box)
        if has_torso:
            torso = F.torso_size(gt, truth.skeleton)
            tallies[f"{name}_torso"] = _per_sequence(F.pck_hits(pred, gt, torso, alpha=alpha))
    tallies["accel_px_per_frame2"] = tally(F.accel_per_joint(pred, gt, root=None))
    return tallies


def _per_sequence(hits: Float[np.ndarray, "T J"]) -> Tally:
    """A sequence's own rate counts once, however long the sequence."""
    entry = tally(hits)
    known = entry.weight > 0
    rate = np.divide(entry.total, entry.weight, out=np.zeros_like(entry.total), where=known)
    return Tally(rate, known.astype(np.float64))
