"""Acclaim skeletons and motions (ASF and AMC), as released by the CMU motion capture database.

Forward kinematics: a bone's rotation is ``C · M · C⁻¹`` in its parent's frame, where C turns the bone's axes
into the rest pose (field ``axis``) and M holds the frame's Euler angles (field ``dof``), both as
``Rz·Ry·Rx``; a bone ends at its parent's end plus ``length · direction`` turned by the product of all
rotations on the way. Lengths are in units of ``1 / length`` inches (the CMU convention) and are converted to
metres. Features that CMU's files never use (radians, other rotation orders, a displaced root or bones) are
refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from hanet.datasets.common.fields import LARGEST

INCH = 0.0254


class AcclaimError(ValueError):
    """An invalid ASF or AMC file; the message names the file and the fault."""


@dataclass(frozen=True)
class Bone:
    """One bone of the rest pose: direction, length and degrees of freedom."""

    name: str
    direction: Float[np.ndarray, " 3"]
    length: float
    axis: Rotation
    dof: tuple[str, ...]


@dataclass(frozen=True)
class AcclaimSkeleton:
    """Bones in hierarchical order (parents first), each with its parent's name (``root`` for top ones)."""

    bones: dict[str, Bone]
    parents: dict[str, str]
    root_order: tuple[str, ...]
    metres: float = field(default=INCH / 0.45)


def read_asf(path: Path) -> AcclaimSkeleton:
    """Read a skeleton file.

    Raises:
        AcclaimError: a missing section, an invalid number, or a convention other than CMU's; the message
            names the file and the fault.
    """
    sections = _sections(path)
    for name in ("units", "root", "bonedata", "hierarchy"):
        if name not in sections:
            raise AcclaimError(f"{path}: no section :{name}; this is not a whole ASF skeleton")
    try:
        units = dict(line.split(None, 1) for line in sections["units"])
        root = dict(line.split(None, 1) for line in sections["root"])
        bones = {bone.name: bone for bone in _bones(sections["bonedata"])}
        parents = {
            child: words[0]
            for words in map(str.split, sections["hierarchy"])
            if words[0] not in ("begin", "end")
            for child in words[1:]
        }
        order = tuple(root["order"].lower().split())
        length = float(units["length"])
        if not 1 / LARGEST < length < LARGEST:
            raise ValueError(f"the unit's length must be a positive number, got {units['length']}")
        metres = INCH / length
        _check_conventions(units, root, order)
    except (KeyError, ValueError, IndexError) as error:
        raise AcclaimError(f"{path}: not a skeleton as CMU writes them ({error!r})") from error
    if set(parents) != set(bones):
        raise AcclaimError(f"{path}: hierarchy and bones differ by {sorted(set(parents) ^ set(bones))}")
    above = {"root"}
    for child, parent in parents.items():
        if parent not in above:
            raise AcclaimError(f"{path}: the hierarchy has {child} below {parent} before it has {parent}")
        above.add(child)
    return AcclaimSkeleton({name: bones[name] for name in parents}, parents, order, metres)


def _check_conventions(units: dict[str, str], root: dict[str, str], order: tuple[str, ...]) -> None:
    if units["angle"] != "deg":
        raise ValueError(f"angles must be in deg, got {units['angle']}")
    if sorted(order) != ["rx", "ry", "rz", "tx", "ty", "tz"]:
        raise ValueError(f"the root's order must name tx ty tz rx ry rz, got {' '.join(order)}")
    if root.get("axis", "XYZ").upper() != "XYZ":
        raise ValueError(f"the root's axis must be XYZ, got {root['axis']}")
    for name in ("position", "orientation"):
        if any(map(float, root.get(name, "0 0 0").split())):
            raise ValueError(f"the root's {name} must be 0 0 0, got {root[name]}")


def _sections(path: Path) -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    for line in path.read_text(encoding="latin-1").splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith(":"):
            current = sections.setdefault(line[1:].partition(" ")[0].lower(), [])
        else:
            current.append(line)
    return sections


def _bones(lines: list[str]) -> list[Bone]:
    bones, entry = [], {}
    for line in lines:
        key, *words = line.split()
        if key == "begin":
            entry = {}
        elif key == "end":
            *angles, order = entry["axis"]
            dof = tuple(entry.get("dof", []))
            if order != "XYZ" or not set(dof) <= {"rx", "ry", "rz"}:
                raise ValueError(f"bone {entry['name'][0]} has axis order {order} and dof {' '.join(dof)}")
            bones.append(
                Bone(
                    name=entry["name"][0],
                    direction=np.array(_finite(entry["direction"], 3)),
                    length=_finite(entry["length"], 1)[0],
                    axis=Rotation.from_euler("xyz", _finite(angles, 3), degrees=True),
                    dof=dof,
                )
            )
        else:
            entry.setdefault(key, words)
    return bones


def _finite(words: list[str], count: int) -> list[float]:
    numbers = [float(word) for word in words]
    if len(numbers) != count or not all(abs(number) < LARGEST for number in numbers):
        raise ValueError(f"expected {count} finite numbers, got {' '.join(words)}")
    return numbers


def read_amc(path: Path, skeleton: AcclaimSkeleton) -> dict[str, Float[np.ndarray, "T d"]]:
    """Read a motion: for each bone (and ``root``) its numbers per frame, in the order of its dof.

    Raises:
        AcclaimError: angles are in radians, frame numbers do not rise by 1, a frame lacks a
            bone, or a bone has the wrong count of numbers (as at the end of a truncated file); the message
            names file and line.
    """
    width = {"root": len(skeleton.root_order)} | {
        b.name: len(b.dof) for b in skeleton.bones.values() if b.dof
    }
    frames: list[dict[str, list[float]]] = []
    first = 1
    for number, line in enumerate(path.read_text(encoding="latin-1").splitlines(), 1):
        words = line.split()
        if not words or words[0][0] == "#":
            continue
        if words[0][0] == ":":
            if words[0].upper() == ":RADIANS":
                raise AcclaimError(f"{path}:{number}: angles must be in degrees, got {words[0]}")
            continue
        if len(words) == 1 and words[0].isdecimal():
            first = first if frames else int(words[0])
            if int(words[0]) != first + len(frames):
                raise AcclaimError(
                    f"{path}:{number}: frame {words[0]}, expected {first + len(frames)}; frames are missing "
                    "or come twice"
                )
            frames.append({})
            continue
        if not frames or len(words) - 1 != width.get(words[0], -1):
            raise AcclaimError(
                f"{path}:{number}: {words[0]} has {len(words) - 1} numbers, expected "
                f"{width.get(words[0], 'no such bone')}; the motion does not fit its skeleton or is cut off"
            )
        try:
            frames[-1][words[0]] = [float(w) for w in words[1:]]
        except ValueError as error:
            raise AcclaimError(f"{path}:{number}: {error}; the file is damaged") from error
    short = next((i for i, f in enumerate(frames, 1) if len(f) != len(width)), None)
    if short is not None or not frames:
        raise AcclaimError(f"{path}: frame {short or 0} is not whole; the file is cut off")
    motion = {name: np.array([f[name] for f in frames]) for name in width}
    for name, values in motion.items():
        if not (np.abs(values) < LARGEST).all():  # NaN compares as False
            raise AcclaimError(f"{path}: numbers of {name} that are not finite or beyond {LARGEST:g}")
    return motion


def joint_positions(
    skeleton: AcclaimSkeleton, motion: dict[str, Float[np.ndarray, "T d"]]
) -> dict[str, Float[np.ndarray, "T 3"]]:
    """World position (T, 3) in metres, y up, of the root and of every bone's end."""
    root = dict(zip(skeleton.root_order, motion["root"].T, strict=True))
    rotation = {"root": _euler(root)}
    position = {"root": np.stack([root["tx"], root["ty"], root["tz"]], axis=-1) * skeleton.metres}
    for name, bone in skeleton.bones.items():
        parent = skeleton.parents[name]
        turn = rotation[parent]
        if bone.dof:
            angles = dict(zip(bone.dof, motion[name].T, strict=True))
            turn = turn * bone.axis * _euler(angles) * bone.axis.inv()
        rotation[name] = turn
        position[name] = position[parent] + turn.apply(bone.direction) * (bone.length * skeleton.metres)
    return position


def _euler(angles: dict[str, Float[np.ndarray, " T"]]) -> Rotation:
    T = len(next(iter(angles.values())))
    xyz = np.stack([angles.get(a, np.zeros(T)) for a in ("rx", "ry", "rz")], axis=-1)
    return Rotation.from_euler("xyz", xyz, degrees=True)
