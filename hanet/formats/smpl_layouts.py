"""Where programs that estimate SMPL bodies keep the rotations in their results.

======================  ==============================================================================
VIBE, WHAM              person: ``pose`` (N, 72) axis-angle, ``frame_ids``; WHAM also ``pose_world``
4D-Humans (PHALP)       frame: ``tid``, ``smpl`` with ``global_orient``, ``body_pose`` as matrices
HybrIK                  ``pred_thetas`` (N, 216), matrices; one person
ROMP                    frame: ``smpl_thetas`` (N, 72), ``track_ids``
GVHMR                   ``smpl_params_global`` and ``…_incam``: ``global_orient``, ``body_pose`` (L, 63)
AMASS                   ``poses`` (T, 3 J), ``mocap_framerate``; one person
AIST++                  ``smpl_poses`` (T, 72), ``smpl_trans``; one person
======================  ==============================================================================

Axes: N rows of a person, J joints.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hanet.formats.base import FormatError
from hanet.formats.image_names import MAX_FRAME
from hanet.poses.skeletons import SMPL24, Skeleton

SMPL22 = Skeleton("smpl22", SMPL24.joints[:22], SMPL24.parents[:22], SMPL24.root)
"""SMPL's joints without the hands: the body of SMPL-H and SMPL-X."""
Get = Callable[[Any, int], np.ndarray]
Put = Callable[[Any, int, np.ndarray], None]


@dataclass(frozen=True, eq=False, kw_only=True)
class Person:
    """The rotations of one person.

    Attributes:
        name: of the sequence.
        track: the person's number.
        frames: (N,) frame numbers, each once.
        get: (J, 3) axis-angle or (J, 3, 3) matrices in row n of the content.
        put: replaces them.
    """

    name: str
    track: int
    frames: Sequence[int]
    get: Get
    put: Put


@dataclass(frozen=True, eq=False)
class Results:
    """What a file holds.

    Attributes:
        people: each with its rotations.
        skeleton: the joints.
        fps: frames per second, or None where the file does not say.
    """

    people: Sequence[Person]
    skeleton: Skeleton
    fps: float | None = None


def find(content: Any, path: Path) -> Results:
    """The people of a file by the layout that its fields have.

    Raises:
        FormatError: none of the known layouts, or one with arrays of another shape.
    """
    if isinstance(content, Mapping) and content:
        for layout in (_gvhmr, _hybrik, _amass, _romp, _phalp, _vibe):
            if (found := layout(content, path)) is not None:
                if not found.people:
                    raise FormatError(f"{path}: nobody in any frame")
                return found
    fields = ", ".join(str(key)[:40] for key in list(content)[:6]) if isinstance(content, Mapping) else ""
    raise FormatError(
        f"{path}: not the results of VIBE, WHAM, 4D-Humans, HybrIK, ROMP, GVHMR, AMASS or AIST++; got "
        f"{type(content).__name__} {fields}"
    )


def _rows(value: Any, width: int | None, where: str) -> np.ndarray:
    """An array of floats with N rows of `width` numbers in any shape."""
    ok = isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.ndim >= 2 and len(value)
    if not ok or (width is not None and value[0].size != width):
        shape = getattr(value, "shape", type(value).__name__)
        raise FormatError(f"{where}: expected floats (N, {width or '3 J'}), got {shape}")
    return value


def _frames(value: Any, count: int, where: str) -> list[int]:
    """N frame numbers, each once."""
    found = np.asarray(value)
    if found.shape != (count,) or found.dtype.kind not in "iu" or not count:
        raise FormatError(f"{where}: expected {count} frame numbers, got {found.dtype} {found.shape}")
    if len(np.unique(found)) < count or found.min() < 0 or found.max() >= MAX_FRAME:
        raise FormatError(f"{where}: frame numbers must lie in 0 to {MAX_FRAME - 1} and come once each")
    return found.tolist()


def _at(content: Any, address: Sequence[Any]) -> Any:
    for key in address:
        content = content[key]
    return content


def _array(*address: Any, joints: int, shape: tuple[int, ...] = (3,)) -> tuple[Get, Put]:
    """Access to rows of one array with the joints' numbers one after another."""

    def get(content: Any, n: int) -> np.ndarray:
        return _at(content, address)[n].reshape(joints, *shape)

    def put(content: Any, n: int, values: np.ndarray) -> None:
        row = _at(content, address)[n]
        row[...] = values.reshape(row.shape)

    return get, put


def _vibe(content: Mapping[Any, Any], path: Path) -> Results | None:
    people = [(key, value) for key, value in content.items() if isinstance(value, Mapping)]
    if not people or not all("pose" in value and "betas" in value for _, value in people):
        return None
    found = []
    for number, (key, fields) in enumerate(people):
        track = int(key) if isinstance(key, int | np.integer) or str(key).isdecimal() else number
        for name in ("pose", "pose_world"):
            if name not in fields:
                continue
            where = f"{path}, person {key}, {name}"
            poses = _rows(fields[name], 72, where)
            ids = fields.get("frame_ids", fields.get("frame_id"))
            frames = _frames(
                np.arange(len(poses)) if ids is None else ids, len(poses), f"{path}, person {key}"
            )
            get, put = _array(key, name, joints=24)
            sequence = path.stem if name == "pose" else f"{path.stem}/{name}"
            found.append(Person(name=sequence, track=track, frames=frames, get=get, put=put))
    return Results(found, SMPL24)


def _hybrik(content: Mapping[Any, Any], path: Path) -> Results | None:
    if "pred_thetas" not in content:
        return None
    poses = _rows(content["pred_thetas"], 216, f"{path}, pred_thetas")
    get, put = _array("pred_thetas", joints=24, shape=(3, 3))
    person = Person(name=path.stem, track=0, frames=range(len(poses)), get=get, put=put)
    return Results([person], SMPL24)


def _amass(content: Mapping[Any, Any], path: Path) -> Results | None:
    field = "smpl_poses" if "smpl_poses" in content else "poses"
    if field not in content or not {"betas", "trans", "smpl_trans"} & set(content):
        return None
    poses = _rows(content[field], None, f"{path}, {field}")
    joints, rest = divmod(poses[0].size, 3)
    if rest or not 22 <= joints <= 60:
        raise FormatError(f"{path}, {field}: {poses.shape}, expected (T, 3 J) of 22 to 60 joints")
    if joints == 24:
        skeleton = SMPL24
    else:
        more = tuple(f"joint{j}" for j in range(22, joints))
        parents = SMPL22.parents + (-1,) * len(more)
        skeleton = (
            SMPL22 if not more else Skeleton(f"smpl{joints}", SMPL22.joints + more, parents, SMPL22.root)
        )
    fps = next((content[k] for k in ("mocap_framerate", "mocap_frame_rate", "fps") if k in content), None)
    rate = None if fps is None or np.size(fps) != 1 else float(np.ravel(fps)[0])
    get, put = _array(field, joints=joints)
    person = Person(name=path.stem, track=0, frames=range(len(poses)), get=get, put=put)
    return Results([person], skeleton, rate)


def _gvhmr(content: Mapping[Any, Any], path: Path) -> Results | None:
    views = [name for name in ("smpl_params_incam", "smpl_params_global") if name in content]
    if not views:
        return None
    people = []
    for view in views:
        where = f"{path}, {view}"
        orient, body = (_tensor(content[view], key, where) for key in ("global_orient", "body_pose"))
        _rows(orient, 3, f"{where}.global_orient")
        if _rows(body, 63, f"{where}.body_pose").shape[0] != len(orient):
            raise FormatError(f"{where}: {len(orient)} orientations for {len(body)} poses")
        get, put = _two_arrays(view)
        name = f"{path.stem}/{view.removeprefix('smpl_params_')}"
        people.append(Person(name=name, track=0, frames=range(len(orient)), get=get, put=put))
    return Results(people, SMPL22)


def _tensor(fields: Any, key: str, where: str) -> np.ndarray:
    if not isinstance(fields, Mapping) or not hasattr(fields.get(key), "detach"):
        raise FormatError(f"{where}: expected a tensor {key}")
    return fields[key].detach().cpu().numpy()


def _two_arrays(view: str) -> tuple[Get, Put]:
    """Root and body of a row in tensors of their own, which share memory with the arrays here."""

    def rows(content: Any, n: int) -> list[np.ndarray]:
        return [content[view][key].detach().numpy()[n] for key in ("global_orient", "body_pose")]

    def get(content: Any, n: int) -> np.ndarray:
        return np.concatenate([row.reshape(-1, 3) for row in rows(content, n)])

    def put(content: Any, n: int, values: np.ndarray) -> None:
        root, body = rows(content, n)
        root[...] = values[:1].reshape(root.shape)
        body[...] = values[1:].reshape(body.shape)

    return get, put


def _phalp(content: Mapping[Any, Any], path: Path) -> Results | None:
    entries = [(key, value) for key, value in content.items() if isinstance(value, Mapping)]
    if not entries or not all("smpl" in value and "tid" in value for _, value in entries):
        return None
    rows: dict[int, dict[int, tuple[Any, int]]] = {}
    for order, (key, fields) in enumerate(entries):
        frame = fields.get("time", order)
        where = f"{path}, {str(key)[:80]}"
        if not isinstance(frame, int | np.integer) or not 0 <= frame < MAX_FRAME:
            raise FormatError(f"{where}: time must be a frame number, got {str(frame)[:40]}")
        if not isinstance(fields["tid"], list) or not isinstance(fields["smpl"], list):
            raise FormatError(f"{where}: expected lists tid and smpl")
        for n, (track, smpl) in enumerate(zip(fields["tid"], fields["smpl"], strict=False)):
            if not isinstance(smpl, Mapping):
                continue  # a person whom the tracker only predicts
            for name, width in (("global_orient", 9), ("body_pose", 207)):
                value = smpl.get(name)
                if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or value.size != width:
                    raise FormatError(f"{where}, person {n}: expected {width} floats {name}")
            of_track = rows.setdefault(int(track), {})
            if int(frame) in of_track:
                raise FormatError(f"{where}: person {track} is in frame {frame} twice")
            of_track[int(frame)] = (key, n)
    return Results([_phalp_person(path, track, found) for track, found in sorted(rows.items())], SMPL24)


def _phalp_person(path: Path, track: int, found: Mapping[int, tuple[Any, int]]) -> Person:
    frames = sorted(found)

    def parts(content: Any, n: int) -> list[np.ndarray]:
        key, person = found[frames[n]]
        smpl = content[key]["smpl"][person]
        return [smpl["global_orient"], smpl["body_pose"]]

    def get(content: Any, n: int) -> np.ndarray:
        return np.concatenate([part.reshape(-1, 3, 3) for part in parts(content, n)])

    def put(content: Any, n: int, values: np.ndarray) -> None:
        root, body = parts(content, n)
        root[...] = values[:1].reshape(root.shape)
        body[...] = values[1:].reshape(body.shape)

    return Person(name=path.stem, track=track, frames=frames, get=get, put=put)


def _romp(content: Mapping[Any, Any], path: Path) -> Results | None:
    results = content.get("results")
    if not isinstance(results, np.ndarray) or results.dtype.kind != "O" or results.size != 1:
        return None
    images = results.reshape(-1)[0]
    if not isinstance(images, Mapping):
        return None
    if "smpl_thetas" in images:
        raise FormatError(f"{path}: ROMP's results of one image; give video_results.npz")
    rows: dict[int, dict[int, tuple[Any, int]]] = {}
    for frame, (key, fields) in enumerate(images.items()):
        if not isinstance(fields, Mapping) or "smpl_thetas" not in fields:
            continue  # nobody in the image
        where = f"{path}, {str(key)[:80]}"
        poses = _rows(fields["smpl_thetas"], 72, f"{where}, smpl_thetas")
        if "track_ids" not in fields and len(poses) > 1:
            raise FormatError(f"{where}: {len(poses)} people without track_ids; run ROMP with -t")
        ids = fields.get("track_ids", np.zeros(1, int))
        for n, track in enumerate(_frames(ids, len(poses), f"{where}, track_ids")):
            rows.setdefault(track, {})[frame] = (key, n)
    return Results([_romp_person(path, track, found) for track, found in sorted(rows.items())], SMPL24)


def _romp_person(path: Path, track: int, found: Mapping[int, tuple[Any, int]]) -> Person:
    frames = sorted(found)

    def row(content: Any, n: int) -> np.ndarray:
        key, person = found[frames[n]]
        return content["results"].reshape(-1)[0][key]["smpl_thetas"][person]

    def get(content: Any, n: int) -> np.ndarray:
        return row(content, n).reshape(24, 3)

    def put(content: Any, n: int, values: np.ndarray) -> None:
        target = row(content, n)
        target[...] = values.reshape(target.shape)

    return Person(name=path.stem, track=track, frames=frames, get=get, put=put)
