"""Convert keypoints between skeletons by weighted mixes of joints, where names alone do not suffice.

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
        name: name for the run's record.
        source: the input skeleton.
        target: the output skeleton.
        weights: (J, S), rows sum to 1, so the mix is translation-equivariant.
        named: (J,) True where both skeletons have the joint by name; elsewhere the mix is a guess or a fit.

    Raises:
        ValueError: weights of a wrong shape, or a row that does not sum to 1.
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
        """The poses on the target skeleton; a joint's score is the minimum over its source joints.

        Raises:
            ValueError: poses of another skeleton, or rotations, which cannot be mixed.
        """
        if poses.skeleton != self.source or poses.representation == "smpl":
            raise ValueError(
                f"{poses.name}: {self.name} converts keypoints and joints on {self.source.name}, got "
                f"{poses.representation} on {poses.skeleton.name}"
            )
        # Mix each joint from its own sources only: a NaN in another joint times 0 would be NaN.
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
        KeyError: a rule names an unknown joint.
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
"""SimpleBaseline's keypoints as Sub-JHMDB's: limbs by name; neck, belly and face by our guess, since the
original conversion is unpublished. `calibrate` fits them to ground truth."""


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
"""Conversions from common estimators' keypoints to 2D data sets', by names of the two skeletons. Limbs are
mapped by name. Trunk and head are our guess: the neck midway between the shoulders, the face at the nose, the
bottom of the head midway between nose and neck, and its crown as far above the nose."""


CANDIDATES: dict[str, tuple[str, ...]] = {
    "mpii16": ("pelvis", "thorax", "upper_neck", "head_top"),
    "coco17": ("nose", "l_shoulder", "r_shoulder", "l_hip", "r_hip"),
    "body25": ("nose", "neck", "pelvis"),
}
"""By source skeleton: candidate joints for fitting trunk and head, see `calibrate`."""


def mix_between(source: Skeleton, target: Skeleton) -> JointMix | None:
    """The conversion by name, or by a guess where names do not suffice; None for equal skeletons.

    Raises:
        ValueError: joints that have neither a name in the source nor a guess.
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
    """Keypoints on another skeleton, and the name of the guess used (None: all joints are mapped by name).

    Raises:
        ValueError: joints that have neither a name in the poses' skeleton nor a guess.
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
    """Fit the joints without a common name to ground truth by least squares.

    Weights sum to 1, over all labelled and finite frames of all pairs. Fit on training sequences only.

    Args:
        mix: the initial mix; joints mapped by name are kept.
        pairs: ground truth on the target skeleton and poses on the source skeleton, frame by frame.
        candidates: source joints that may have non-zero weight.

    Raises:
        ValueError: mismatched pairs, or too few frames for a joint.
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
    """Weights sum to 1 by construction: the first candidate, the origin of coordinates, gets the rest."""
    check_pair(gt, mix(detected))
    first = detected.values[:, parts[0]]
    A = np.moveaxis(detected.values[:, list(parts[1:])] - first[:, None], 1, 2)
    b = gt.values[:, joint] - first
    use = np.isfinite(A).all(axis=(1, 2)) & np.isfinite(b).all(axis=1)
    if gt.labelled is not None:
        use &= gt.labelled[:, joint]
    return A[use].reshape(-1, len(parts) - 1).astype(float), b[use].reshape(-1).astype(float)
