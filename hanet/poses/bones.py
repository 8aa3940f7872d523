"""Which joints of a skeleton to connect by lines in a drawing."""

from __future__ import annotations

from hanet.poses.skeletons import Skeleton

_NECKS = ("neck", "thorax", "head_bottom", "nose")
_OF_A_SIDE = {
    "elbow": "shoulder", "wrist": "elbow", "hand": "wrist", "knee": "hip", "ankle": "knee",
    **dict.fromkeys(("heel", "big_toe", "small_toe", "foot"), "ankle"),
}  # fmt: skip
_ABOVE: dict[str, tuple[str, ...]] = {
    **{f"{s}_{joint}": (f"{s}_{above}",) for s in "lr" for joint, above in _OF_A_SIDE.items()},
    **{f"{s}_{part}": ("nose",) for s in "lr" for part in ("eye", "ear")},
    **{f"{s}_shoulder": ("neck", "thorax", "upper_neck", "head_bottom") for s in "lr"},
    **{f"{s}_hip": ("pelvis",) for s in "lr"},
    "nose": ("neck", "upper_neck", "head_bottom", "thorax"),
    "head_top": ("nose", "neck", "upper_neck", "head_bottom", "thorax"),
    "neck": ("thorax", "spine", "pelvis"),
    "thorax": ("spine", "pelvis"),
    "spine": ("pelvis",),
}
"""By joint those that may lie above it in a body, of which the first that is there is connected with it."""


def drawn_bones(skeleton: Skeleton) -> tuple[tuple[int, int], ...]:
    """The skeleton's bones, and bones that connect its separate parts: the torso's sides and the neck.

    Of a skeleton without any bones, as of a file that only names its joints, they follow from the names.
    """
    bones = list(skeleton.bones) or _named(skeleton)
    parents = {child: parent for parent, child in bones}
    at = {joint: index for index, joint in enumerate(skeleton.joints)}
    if not {"l_shoulder", "r_shoulder", "l_hip", "r_hip"} <= at.keys():
        return tuple(bones)

    def top(joint: int) -> int:
        while joint in parents:
            joint = parents[joint]
        return joint

    left, right, left_hip, right_hip = (at[j] for j in ("l_shoulder", "r_shoulder", "l_hip", "r_hip"))
    if top(left) != top(left_hip):
        bones += [(left_hip, right_hip), (left, left_hip), (right, right_hip)]
    if top(left) != top(right):
        bones.append((left, right))
        neck = next((name for name in _NECKS if name in at), None)
        if neck:
            bones += [(at[neck], left), (at[neck], right)]
    return tuple(bones)


def _named(skeleton: Skeleton) -> list[tuple[int, int]]:
    at = {joint: index for index, joint in enumerate(skeleton.joints)}
    found = []
    for joint, index in at.items():
        above = next((name for name in _ABOVE.get(joint, ()) if name in at), None)
        if above is not None:
            found.append((at[above], index))
    return found
