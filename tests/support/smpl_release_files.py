"""Archives of SMPL parameters, as DeciWatch and SmoothNet released them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


def objects(entries: list[Any]) -> np.ndarray:
    array = np.empty(len(entries), dtype=object)
    array[:] = entries
    return array


def paths(folder: Path, layout: str, dataset: str = "pw3d", estimator: str = "spin") -> tuple[Path, Path]:
    """Where the two layouts keep ground truth and detected poses, by their documentation."""
    if layout == "deciwatch":
        return (
            folder / f"groundtruth_poses/{dataset}/{dataset}_gt_test.npz",
            folder / f"detected_poses/{dataset}/{estimator}/{dataset}_{estimator}_test.npz",
        )
    base = folder / f"{dataset}_{estimator}_smpl"
    return (
        base / f"groundtruth/{dataset}_gt_smpl_test.npz",
        base / f"detected/{dataset}_{estimator}_smpl_test.npz",
    )


def write(path: Path, given: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **{key: objects(value) for key, value in given.items()})
    return path
