"""Convert 3D joints to SMPL rotations: align each bone with its direction, first the torso, then the limbs.

Joints determine the directions of bones and, through hips and shoulders, the orientation of the torso, but
not the twist of a limb about its own bone. Arms and shanks inherit their parent's twist: the swing is the
smallest rotation to the bone's direction. Its axis is unstable near 180°, which a climber's thigh approaches.
So a thigh is rotated such that the knee's axis stays nearest to the pelvis's left-right axis; this is
ambiguous only for a thigh straight out to the side. Feet, hands and head keep their rest orientation relative
to their parent.

Axes: T frames. Lengths in metres; the joints' frame of reference is that of the result's root.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17, SMPL24
from hanet.smpl.tracks import SmplTrack, smpl_sequence

LIMB_BONES = tuple(
    (f"{side}_{start}", f"{side}_{end}")
    for side in "lr"
    for start, end in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
)
"""Bones whose directions are reproduced exactly, by the names of their joints in both skeletons."""

_SPINE = ("spine1", "spine2", "spine3")
_SHORTEST = 1e-6


def retarget(sequence: PoseSequence, rest: Float[np.ndarray, "24 3"]) -> SmplTrack:
    """Find SMPL rotations and translation such that a body's bones have the directions of 3D joints' bones.

    Args:
        sequence: joints (T, 17, 3) on ``h36m17``, metres, absolute (camera or world), any axis up.
        rest: the body's joints in its rest pose, `hanet.smpl.body.Body.rest_joints`.

    Returns:
        Rotations, zero betas, and the translation that moves the pelvis to its joint. A frame
        with a joint that is NaN is NaN throughout.

    Raises:
        ValueError: other joints, or a bone without length, whose direction is undefined.
    """
    _check(sequence)
    known = np.isfinite(sequence.values).all(axis=(1, 2))
    joints = dict(
        zip(H36M17.joints, sequence.values[known].astype(np.float64).transpose(1, 0, 2), strict=True)
    )
    bones = dict(zip(SMPL24.joints, rest, strict=True))
    turned = _global_rotations(sequence.name, joints, bones) if known.any() else {}

    T = len(sequence)
    matrices = np.full((T, 24, 3, 3), np.nan)
    for index, name in enumerate(SMPL24.joints):
        if not turned:
            break
        parent = SMPL24.parents[index]
        local = turned[name] if parent < 0 else turned[SMPL24.joints[parent]].inv() * turned[name]
        matrices[known, index] = local.as_matrix()
    transl = sequence.values[:, H36M17.index("pelvis")] - bones["pelvis"]
    transl[~known] = np.nan
    poses = smpl_sequence(
        sequence.name,
        matrices,
        fps=sequence.fps,
        track=sequence.track,
        start=sequence.start,
        person=sequence.person,
    )
    return SmplTrack(poses, np.zeros((T, 10), np.float32), transl.astype(np.float32))


def _check(sequence: PoseSequence) -> None:
    if sequence.skeleton != H36M17 or sequence.representation != "3d":
        raise ValueError(
            f"{sequence.name}: retargeting reads 3D joints on {H36M17.name}, got {sequence.representation} "
            f"on {sequence.skeleton.name}; convert them by hanet.poses.skeletons.conversion"
        )
    if sequence.frame_of_reference not in ("camera", "world"):
        raise ValueError(
            f"{sequence.name}: retargeting needs absolute joints, in camera or world, for the translation; "
            f"got {sequence.frame_of_reference}"
        )


def _global_rotations(
    name: str, joints: dict[str, np.ndarray], rest: dict[str, np.ndarray]
) -> dict[str, Rotation]:
    """Rotation of every SMPL joint from the rest pose to the joints' frame of reference, T each."""

    def frame(points: dict[str, np.ndarray], left: str, right: str, top: str, bottom: str) -> Rotation:
        sideways = _unit(name, points[left] - points[right], f"{right} to {left}")
        forward = np.cross(sideways, points[top] - points[bottom])
        forward = _unit(name, forward, f"the plane of {right}, {left} and {top}")
        return Rotation.from_matrix(np.stack([sideways, np.cross(forward, sideways), forward], axis=-1))

    # Human3.6M's spine and thorax lie between SMPL's: the same two sections of the trunk under other names.
    pelvis = frame(joints, "l_hip", "r_hip", "spine", "pelvis")
    pelvis = pelvis * frame(rest, "l_hip", "r_hip", "spine2", "pelvis").inv()
    chest = frame(joints, "l_shoulder", "r_shoulder", "thorax", "spine")
    chest = chest * frame(rest, "l_shoulder", "r_shoulder", "neck", "spine2").inv()

    turned = {"pelvis": pelvis}
    bend = (pelvis.inv() * chest).as_rotvec() / len(_SPINE)  # every vertebra gets an equal share
    for order, vertebra in enumerate(_SPINE, start=1):
        turned[vertebra] = pelvis * Rotation.from_rotvec(bend * order)

    def swung(parent: Rotation, start: str, end: str, towards: np.ndarray) -> Rotation:
        now = parent.apply(rest[end] - rest[start])
        return _smallest(_unit(name, now, f"{start} to {end}"), towards) * parent

    turned["neck"] = swung(
        turned["spine3"], "neck", "head", _unit(name, joints["head_top"] - joints["thorax"], "thorax to head")
    )
    for side in "lr":
        turned[f"{side}_collar"] = turned["spine3"]
    parents = dict(zip(SMPL24.joints, (SMPL24.joints[p] for p in SMPL24.parents), strict=True))
    for start, end in LIMB_BONES:
        towards = _unit(name, joints[end] - joints[start], f"{start} to {end}")
        if end.endswith("knee"):
            sideways = rest["l_hip"] - rest["r_hip"]
            before = _frame(_unit(name, rest[end] - rest[start], f"{start} to {end}")[None], sideways[None])
            turned[start] = _frame(towards, pelvis.apply(sideways)) * before.inv()
        else:
            turned[start] = swung(turned[parents[start]], start, end, towards)
    for joint in SMPL24.joints:  # parents come before children
        if joint not in turned:
            turned[joint] = turned[parents[joint]]
    return turned


def _unit(name: str, vectors: Float[np.ndarray, "*T 3"], what: str) -> Float[np.ndarray, "*T 3"]:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    if (length < _SHORTEST).any():
        raise ValueError(
            f"{name}: {what} has no length in {int((length < _SHORTEST).sum())} frames, so its direction "
            "is undefined; mark them as unknown (NaN)"
        )
    return vectors / length


def _frame(bone: Float[np.ndarray, "T 3"], sideways: Float[np.ndarray, "T 3"]) -> Rotation:
    """Axes along unit bones and as close to `sideways` as is orthogonal to them; arbitrary where these are
    parallel.
    """
    square = sideways - (sideways * bone).sum(axis=1, keepdims=True) * bone
    along = np.linalg.norm(square, axis=1, keepdims=True) < _SHORTEST
    square = np.where(along, np.cross(bone, np.eye(3)[np.abs(bone).argmin(axis=1)]), square)
    square /= np.linalg.norm(square, axis=1, keepdims=True)
    return Rotation.from_matrix(np.stack([square, bone, np.cross(square, bone)], axis=-1))


def _smallest(before: Float[np.ndarray, "T 3"], after: Float[np.ndarray, "T 3"]) -> Rotation:
    """The smallest rotation from one unit vector to another; opposite ones turn about any axis across."""
    # (cos a/2, sin a/2 · axis) is the unit form of (1 + cos a, before × after).
    real = 1 + (before * after).sum(axis=1, keepdims=True)
    across = np.cross(before, np.eye(3)[np.abs(before).argmin(axis=1)])
    opposite = real < 1e-12
    axis = np.where(opposite, across, np.cross(before, after))
    return Rotation.from_quat(np.concatenate([axis, np.where(opposite, 0.0, real)], axis=1))
