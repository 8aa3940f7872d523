"""Keypoints of one skeleton as a weighted mix of another's, where names alone do not convert them.

Axes: T frames, S source joints, J target joints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from hanet.poses.sequence import PoseSequence, check_pair
from hanet.poses.skeletons import (
    BODY25,
    COCO17,
    JHMDB15,
    MPII16,
    POSETRACK15,
    POSETRACK17,
    Skeleton,
    conversion,
)


@dataclass(frozen=True)
class JointMix:
    """A named conversion: each target joint is a sum of source joints, with weights that sum to 1.

    Attributes:
        name: what a run records.
        source: the skeleton that comes in.
        target: the skeleton that goes out.
        weights: (J, S), rows sum to 1, so that a person who moves is moved as a whole.
        named: (J,) True where both skeletons have the joint by name; elsewhere the mix is a guess or a fit.

    Raises:
        ValueError: where weights do not fit the skeletons or a row does not sum to 1.
    """

    name: str
    source: Skeleton
    target: Skeleton
    weights: Float[np.ndarray, "J S"]
    named: Bool[np.ndarray, " J"]

    def __post_init__(self) -> None:
        shape = (len(self.target), len(self.source))
        if self.weights.shape != shape or self.named.shape != shape[:1]:
            raise ValueError(
                f"{self.name}: weights must be {shape} and named {shape[:1]}, "
                f"got {self.weights.shape} and {self.named.shape}"
            )
        if not np.allclose(self.weights.sum(axis=1), 1):
            raise ValueError(f"{self.name}: the weights of each joint must sum to 1")

    def __call__(self, poses: PoseSequence) -> PoseSequence:
        """The poses on the target skeleton; a joint's score is the least of those it is mixed from.

        Raises:
            ValueError: poses of another skeleton, or rotations, which do not mix.
        """
        if poses.skeleton != self.source or poses.representation == "smpl":
            raise ValueError(
                f"{poses.name}: {self.name} converts keypoints and joints on {self.source.name}, got "
                f"{poses.representation} on {poses.skeleton.name}"
            )
        # Each joint from its own sources: a NaN in another joint times 0 would be NaN.
        used = self.weights != 0
        values = np.stack(
            [
                np.einsum("s,tsd->td", row[mask], poses.values[:, mask])
                for row, mask in zip(self.weights, used, strict=True)
            ],
            axis=1,
        ).astype(poses.values.dtype)
        scores, labelled = poses.scores, poses.labelled
        if scores is not None:
            scores = np.stack([scores[:, mask].min(axis=1) for mask in used], axis=1)
        if labelled is not None:
            labelled = np.stack([labelled[:, mask].all(axis=1) for mask in used], axis=1)
        return replace(poses, values=values, skeleton=self.target, scores=scores, labelled=labelled)


def joint_mix(
    name: str, source: Skeleton, target: Skeleton, rules: Mapping[str, Mapping[str, float]]
) -> JointMix:
    """Joints by name where both skeletons have them, by `rules` (target joint → weights) elsewhere.

    Raises:
        ValueError: target joints without a name in the source or a rule.
        KeyError: a rule names a joint there is not.
    """
    index, named = conversion(source, target)
    weights = np.zeros((len(target), len(source)))
    weights[named, index[named]] = 1.0
    for joint, row in rules.items():
        weights[target.index(joint)] = 0.0
        named[target.index(joint)] = False
        for part, weight in row.items():
            weights[target.index(joint), source.index(part)] = weight
    if missing := [j for j, row in zip(target.joints, weights, strict=True) if not row.any()]:
        raise ValueError(f"{name}: no rule for {', '.join(missing)}, which {source.name} lacks")
    return JointMix(name, source, target, weights, named)


MPII_TO_JHMDB = joint_mix(
    "mpii16_to_jhmdb15_guessed",
    MPII16,
    JHMDB15,
    {
        "neck": {"upper_neck": 1.0},
        "belly": {"pelvis": 0.5, "thorax": 0.5},
        "face": {"upper_neck": 0.5, "head_top": 0.5},
    },
)
"""SimpleBaseline's keypoints as Sub-JHMDB's: limbs by name; neck, belly and face are a guess of ours, since
nobody published how they were made. `calibrate` fits them to ground truth."""


_SHOULDERS = {"l_shoulder": 0.5, "r_shoulder": 0.5}
_TRUNK = {"l_shoulder": 0.25, "r_shoulder": 0.25, "l_hip": 0.25, "r_hip": 0.25}
_HEAD_OF_COCO = {
    "head_bottom": {"nose": 0.5, "l_shoulder": 0.25, "r_shoulder": 0.25},
    "head_top": {"nose": 1.5, "l_shoulder": -0.25, "r_shoulder": -0.25},
}
_HEAD_OF_BODY = {"head_bottom": {"nose": 0.5, "neck": 0.5}, "head_top": {"nose": 1.5, "neck": -0.5}}

GUESSED: dict[tuple[str, str], JointMix] = {("mpii16", "jhmdb15"): MPII_TO_JHMDB} | {
    (source.name, target.name): joint_mix(f"{source.name}_to_{target.name}_guessed", source, target, rules)
    for source, target, rules in (
        (COCO17, JHMDB15, {"neck": _SHOULDERS, "belly": _TRUNK, "face": {"nose": 1.0}}),
        (BODY25, JHMDB15, {"belly": _TRUNK, "face": {"nose": 1.0}}),
        (COCO17, POSETRACK15, _HEAD_OF_COCO),
        (BODY25, POSETRACK15, _HEAD_OF_BODY),
        (COCO17, POSETRACK17, _HEAD_OF_COCO),
        (BODY25, POSETRACK17, _HEAD_OF_BODY),
    )
}
"""Keypoints of common estimators as 2D data sets', by names of the two skeletons. Limbs go by name. Trunk and
head are our guess: the neck midway between the shoulders, the face at the nose, the bottom of the head midway
between nose and neck, and its crown as far above the nose."""


CANDIDATES: dict[str, tuple[str, ...]] = {
    "mpii16": ("pelvis", "thorax", "upper_neck", "head_top"),
    "coco17": ("nose", "l_shoulder", "r_shoulder", "l_hip", "r_hip"),
    "body25": ("nose", "neck", "pelvis"),
}
"""By source skeleton: the joints that trunk and head may be fitted from, see `calibrate`."""


def mix_between(source: Skeleton, target: Skeleton) -> JointMix | None:
    """The conversion by name or, where names do not do, by a guess; None where nothing is to convert.

    Raises:
        ValueError: joints that the source has neither by name nor by a guess.
    """
    if source == target:
        return None
    if mix := GUESSED.get((source.name, target.name)):
        return mix
    _, named = conversion(source, target)
    if not named.all():
        missing = ", ".join(j for j, known in zip(target.joints, named, strict=True) if not known)
        raise ValueError(
            f"{source.name} has no {missing}, which {target.name} needs; run an estimator of other keypoints"
        )
    return joint_mix(f"{source.name}_to_{target.name}", source, target, {})


def on_skeleton(poses: PoseSequence, target: Skeleton) -> tuple[PoseSequence, str | None]:
    """Keypoints on another skeleton, and the name of the guess it took (None: all joints go by name).

    Raises:
        ValueError: joints that the poses' skeleton has neither by name nor by a guess.
    """
    try:
        mix = mix_between(poses.skeleton, target)
    except ValueError as error:
        raise ValueError(f"{poses.name}: {error}") from None
    if mix is None:
        return poses, None
    return mix(poses), None if mix.named.all() else mix.name


def calibrate(
    mix: JointMix,
    pairs: Sequence[tuple[PoseSequence, PoseSequence]],
    candidates: Sequence[str] = CANDIDATES["mpii16"],
) -> JointMix:
    """The conversion with the joints that have no name fitted to ground truth by least squares.

    Weights sum to 1, over all labelled and finite frames of all pairs. Fit on training sequences only.

    Args:
        mix: where to start; joints by name stay.
        pairs: ground truth on the target skeleton and poses on the source skeleton, frame by frame.
        candidates: source joints that may have weight.

    Raises:
        ValueError: pairs that do not fit each other, or too few frames for a joint.
    """
    parts = [mix.source.index(name) for name in candidates]
    weights = mix.weights.copy()
    for joint in np.flatnonzero(~mix.named):
        rows = [_equations(mix, gt, detected, int(joint), parts) for gt, detected in pairs]
        A = np.concatenate([a for a, _ in rows]) if rows else np.zeros((0, len(parts) - 1))
        if np.linalg.matrix_rank(A) < len(parts) - 1:
            raise ValueError(
                f"{mix.name}: {len(A)} labelled coordinates do not determine the weights of "
                f"{mix.target.joints[joint]}; give more or more varied frames, or fewer candidates"
            )
        others = np.linalg.lstsq(A, np.concatenate([b for _, b in rows]), rcond=None)[0]
        weights[joint] = 0.0
        weights[joint, parts] = [1 - others.sum(), *others]
    return replace(mix, name=mix.name.replace("_guessed", "_calibrated"), weights=weights)


def _equations(
    mix: JointMix, gt: PoseSequence, detected: PoseSequence, joint: int, parts: Sequence[int]
) -> tuple[Float[np.ndarray, "N S"], Float[np.ndarray, " N"]]:
    """Sum to 1 by construction: everything relative to the first candidate, its weight is what is left."""
    check_pair(gt, mix(detected))
    first = detected.values[:, parts[0]]
    A = np.moveaxis(detected.values[:, list(parts[1:])] - first[:, None], 1, 2)
    b = gt.values[:, joint] - first
    use = np.isfinite(A).all(axis=(1, 2)) & np.isfinite(b).all(axis=1)
    if gt.labelled is not None:
        use &= gt.labelled[:, joint]
    return A[use].reshape(-1, len(parts) - 1).astype(float), b[use].reshape(-1).astype(float)
