"""OMOMO's people carrying boxes, as InterMimic processed them: two clips in the package holosoma.

A file is a PyTorch tensor (T, 591) at 30 frames a second; columns 162 to 317 are the world positions of
SMPL-H's 52 joints, metres, z up (Li et al., "Object motion guided human motion synthesis", SIGGRAPH Asia
2023).

Axes: T frames, J = 17 joints.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float

from hanet.poses.skeletons import H36M17

JOINTS = {
    "r_hip": "R_Hip", "r_knee": "R_Knee", "r_ankle": "R_Ankle",
    "l_hip": "L_Hip", "l_knee": "L_Knee", "l_ankle": "L_Ankle",
    "spine": "Spine", "thorax": "Neck", "nose": "Head",
    "l_shoulder": "L_Shoulder", "l_elbow": "L_Elbow", "l_wrist": "L_Wrist",
    "r_shoulder": "R_Shoulder", "r_elbow": "R_Elbow", "r_wrist": "R_Wrist",
}  # fmt: skip
"""The package's name of each joint."""
FPS = 30.0
_FIRST, _COLUMNS = 162, 591


def joints_of(path: Path, names: list[str]) -> Float[np.ndarray, "T 17 3"]:
    """World joints, metres, z up.

    Args:
        path: the tensor's file.
        names: of the file's joints, in order.

    Raises:
        ValueError: a file of another kind or shape, or values that are not finite.
    """
    import torch

    from hanet.files.torch_file import read_content

    content = read_content(path)
    if not isinstance(content, torch.Tensor) or content.ndim != 2 or content.shape[1] != _COLUMNS:
        shape = tuple(content.shape) if isinstance(content, torch.Tensor) else type(content).__name__
        raise ValueError(f"expected a tensor of (T, {_COLUMNS}) numbers, got {shape}")
    values = content.detach().double().numpy()[:, _FIRST : _FIRST + 3 * len(names)]
    if bad := int((~np.isfinite(values)).sum()):
        raise ValueError(f"{bad} values are not finite")
    values = values.reshape(-1, len(names), 3)
    joints = {ours: values[:, names.index(theirs)] for ours, theirs in JOINTS.items()}
    joints["pelvis"] = (joints["l_hip"] + joints["r_hip"]) / 2
    # No joint at the crown, as in the climbers' clips.
    joints["head_top"] = 2 * joints["nose"] - joints["thorax"]
    return np.stack([joints[j] for j in H36M17.joints], axis=1)
