"""UI-PRMD's raw recordings as released: tables of numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def write_table(raw: Path, system: str, kind: str, name: str, values: np.ndarray) -> Path:
    """A file as released: rows of numbers with six decimals, comma separated."""
    folder = raw / "Segmented Movements" / system / kind.capitalize()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}_{kind}.txt"
    rows = (",".join(f"{number:.6f}" for number in row) for row in values.reshape(len(values), -1))
    path.write_text("\n".join(rows) + "\n")
    return path


def write_episode(raw: Path, name: str = "m01_s01_e01", *, frames: int = 4, vicon_frames: int = 11) -> None:
    rng = np.random.default_rng(5)
    write_table(raw, "Kinect", "positions", name, rng.normal(0, 20, (frames, 22, 3)))
    write_table(raw, "Kinect", "angles", name, rng.uniform(-90, 90, (frames, 22, 3)))
    write_table(raw, "Vicon", "positions", name, rng.normal(0, 500, (vicon_frames, 39, 3)))
