"""The joints that a network was trained on: by a known skeleton's name, or listed in its description."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hanet.poses.skeletons import SKELETONS, Skeleton

KEY = "joints"
"""The key in a checkpoint's metadata and in an exported network's description."""


def to_dict(skeleton: Skeleton) -> dict[str, Any]:
    """The joints of a skeleton that has no name of its own; nothing of a known one."""
    if SKELETONS.get(skeleton.name) == skeleton:
        return {}
    return {
        "names": list(skeleton.joints),
        "parents": list(skeleton.parents),
        "root": list(skeleton.root),
    }


def from_dict(name: str, described: Any, where: Path) -> Skeleton:
    """Inverse of `to_dict`.

    Raises:
        ValueError: neither known by name nor described whole; the message names the model.
    """
    if not described:
        if name not in SKELETONS:
            raise ValueError(f"{where}: its skeleton {name!r} is unknown; train the model again")
        return SKELETONS[name]
    try:
        joints = tuple(str(joint) for joint in described["names"])
        parents, root = (tuple(int(i) for i in described[key]) for key in ("parents", "root"))
        if not all(-1 <= i < len(joints) for i in parents) or not all(0 <= i < len(joints) for i in root):
            raise ValueError("a parent or root is no joint")
        return Skeleton(name, joints, parents, root)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{where}: its joints are damaged ({error}); train the model again") from error
