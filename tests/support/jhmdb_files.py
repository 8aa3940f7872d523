"""Sub-JHMDB as released: MATLAB files of a clip's joints and masks, and lists of the official splits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.io import savemat

from hanet.datasets.jhmdb.splits import Clip

ACTIONS = ("brush_hair", "walk")


def clip(action: str, video: int, cut: int = 0) -> Clip:
    return Clip(action, f"film_{video}_{action}_f_cm_np1_ba_med_{cut}")


def write_clip(
    root: Path, clip: Clip, keypoints: np.ndarray, mask: np.ndarray | None = None, *, compress: bool = True
) -> None:
    """A clip as released: keypoints (T, 15, 2) counted from 0, mask (240, 320, T)."""
    folder = root / "joint_positions" / clip.action / clip.name
    folder.mkdir(parents=True)
    pos_img = np.moveaxis(keypoints, (0, 1, 2), (2, 1, 0)) + 1
    fields = {"pos_img": pos_img, "pos_world": pos_img / 320, "scale": np.ones((1, 3)), "viewpoint": "SE"}
    savemat(folder / "joint_positions.mat", fields, do_compression=compress)
    if mask is not None:
        folder = root / "puppet_mask" / clip.action / clip.name
        folder.mkdir(parents=True)
        savemat(folder / "puppet_mask.mat", {"part_mask": mask}, do_compression=compress)


def rectangles(*boxes: tuple[int, int, int, int] | None) -> np.ndarray:
    mask = np.zeros((240, 320, len(boxes)), dtype=np.uint8)
    for t, box in enumerate(boxes):
        if box:
            x1, y1, x2, y2 = box
            mask[y1, x1, t] = mask[y2, x2, t] = 1  # two corners are extent enough
    return mask


def write_splits(folder: Path, videos: int = 6, cuts: int = 2) -> Path:
    """Three splits of `videos` films with `cuts` clips an action; split k tests on films k-1, k+2, …"""
    folder.mkdir(parents=True, exist_ok=True)
    for action in ACTIONS:
        for k in (1, 2, 3):
            lines = [
                f"{clip(action, v, c).name}.avi {2 if v % 3 == k - 1 else 1}"
                for v in range(videos)
                for c in range(cuts)
            ]
            (folder / f"{action}_test_split{k}.txt").write_text("\n".join(lines) + "\n\n")
    return folder
