"""A body in the format of MakeHuman's assets: a box per bone, joint cubes, a rig, weights, targets."""

from __future__ import annotations

import gzip
import json
from itertools import product
from pathlib import Path

import numpy as np

from hanet.datasets.rendered.figure import FOLDER

JOINTS = {
    "pelvis": (0, 9.5, 0), "spine_01": (0, 10.5, 0), "spine_02": (0, 11.5, 0), "spine_03": (0, 12.5, 0),
    "neck_01": (0, 14.5, 0), "head": (0, 15.2, 0),
    "clavicle": (0.3, 14, 0), "upperarm": (1.8, 14, 0), "lowerarm": (4.4, 14, 0), "hand": (6.8, 14, 0),
    "middle_01": (7.6, 14, 0),
    "thigh": (1, 9.3, 0), "calf": (1, 5, 0), "foot": (1, 0.8, 0), "ball": (1, 0.2, 1.2),
}  # fmt: skip
"""Heads of bones, decimetres, y up; those of the limbs on the left side."""
ENDS = {
    "pelvis": "spine_01", "spine_01": "spine_02", "spine_02": "spine_03", "spine_03": "neck_01",
    "neck_01": "head", "clavicle": "upperarm", "upperarm": "lowerarm", "lowerarm": "hand",
    "hand": "middle_01", "thigh": "calf", "calf": "foot", "foot": "ball",
}  # fmt: skip
_SIDED = ("clavicle", "upperarm", "lowerarm", "hand", "middle_01", "thigh", "calf", "foot", "ball")
CORNERS = list(product((-1, 1), repeat=3))
QUADS = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
"""Sides of a box with these corners, counterclockwise from outside."""
TALLER = "height/female-young-averagemuscle-averageweight-maxheight"


def heads() -> dict[str, np.ndarray]:
    """Every bone's head, decimetres."""
    found = {}
    for bone, place in JOINTS.items():
        if bone not in _SIDED:
            found[bone] = np.array(place, float)
            continue
        for side, sign in (("l", 1), ("r", -1)):
            found[f"{bone}_{side}"] = np.array(place, float) * [sign, 1, 1]
    return found


def write_body(raw: Path) -> Path:
    """Write the assets where the download stage puts them; return their folder."""
    folder, places = raw / FOLDER, heads()
    vertices: list[np.ndarray] = []
    lines: list[str] = []
    weights: dict[str, list[list[float]]] = {bone: [] for bone in places}

    def box(middle: np.ndarray, half: np.ndarray, bone: str) -> None:
        first = len(vertices)
        for corner in CORNERS:
            weights[bone].append([len(vertices), 1.0])
            vertices.append(middle + half * corner)
        lines.extend("f " + " ".join(f"{first + k + 1}/1" for k in quad) for quad in QUADS)

    lines.append("g body")
    for bone, place in places.items():
        stem, _, side = bone.rpartition("_")
        end = ENDS.get(bone) or (f"{ENDS[stem]}_{side}" if stem in ENDS else None)
        step = (0.0, 1.6, 0.0) if bone == "head" else (0.0, 0.0, 0.5)
        other = places[end] if end else place + np.array(step)
        box((place + other) / 2, np.abs(other - place) / 2 + 0.4, bone)
    for side in "lr":
        lines.append(f"g helper-{side}-eye")
        box(np.array([0.3 if side == "l" else -0.3, 16, 0.5]), np.full(3, 0.1), "head")
    for bone, place in places.items():
        lines.append(f"g joint-{bone}")
        box(place, np.full(3, 0.1), bone)
    obj = [f"v {x:.4f} {y:.4f} {z:.4f}" for x, y, z in vertices] + lines
    _write(folder / "3dobjs/base.obj", "# hm08\n" + "\n".join(obj) + "\n")
    rig = {bone: {"parent": "", "head": {"cube_name": f"joint-{bone}"}} for bone in places}
    _write(folder / "rigs/standard/rig.game_engine.json", json.dumps(rig))
    _write(folder / "rigs/standard/weights.game_engine.json", json.dumps({"weights": weights}))
    _targets(folder / "targets/macrodetails", np.array(vertices))
    return folder


def _targets(folder: Path, vertices: np.ndarray) -> None:
    """Targets that do nothing, but for one that makes the body taller by a tenth."""
    sides = [f"{gender}-{age}" for gender in ("female", "male") for age in ("young", "old")]
    levels = ("min", "average", "max")
    names = [f"{origin}-{side}" for origin in ("african", "asian", "caucasian") for side in sides]
    names += [f"universal-{s}-{m}muscle-{w}weight" for s in sides for m in levels for w in levels]
    build = "averagemuscle-averageweight"
    names += [f"height/{side}-{build}-{end}height" for side in sides for end in ("min", "max")]
    for name in names:
        rows = [f"{k} 0 {y / 10:.4f} 0" for k, y in enumerate(vertices[:, 1])] if name == TALLER else []
        path = folder / f"{name}.target.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress("\n".join(["# a target", *rows]).encode()))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
