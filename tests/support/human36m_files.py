"""Human3.6M as released: CDF files of poses, and the metadata with the cameras."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from cdflib.cdfwrite import CDF

DOUBLE, SINGLE = 45, 44
"""CDF's codes of the two float types."""


def write_cdf(
    path: Path, values: np.ndarray, *, variable: str = "Pose", kind: int = SINGLE, records: bool = False
) -> Path:
    """One record of T x 96 millimetres, as the release's files have it, or T records of 96."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = CDF(path, cdf_spec={"Compressed": 0})
    spec = {"Variable": variable, "Data_Type": kind, "Num_Elements": 1, "Rec_Vary": True}
    data = values if records else values[None]
    file.write_var({**spec, "Dim_Sizes": list(data.shape[1:])}, var_data=data)
    file.close()
    return path


def place(folder: Path, subject: str, action: str, frames: int = 4, seed: int = 0) -> Path:
    """A person of random joints around (0.1, 0.2, 1) m."""
    values = np.random.default_rng(seed).normal([100, 200, 1000], 300, (frames, 32, 3)).reshape(frames, 96)
    return write_cdf(folder / subject / "MyPoseFeatures" / "D3_Positions" / f"{action}.cdf", values)


def w0() -> np.ndarray:
    """300 numbers: camera c stands 5 m from the origin and 0.9 m high, c quarter turns on, and looks over it.

    Rx(90°) makes world z camera -y and what lies along y the depth; Rz turns the world
    before, by 1 mrad a subject besides. The camera stands where the origin is 5 m deep.
    """
    numbers = np.zeros(300)
    for c in range(4):
        for s in range(11):
            angle, at = c * np.pi / 2 + s / 1000, 6 * (c * 11 + s)
            numbers[at : at + 3] = [np.pi / 2, 0, angle]
            numbers[at + 3 : at + 6] = [-5000 * np.sin(angle), -5000 * np.cos(angle), 900]
        numbers[264 + 9 * c :][:9] = [1100 + c, 1200 + c, 510, 520, -0.2, 0.24, -0.002, -0.001, -0.0014]
    return numbers


def write_metadata(path: Path, numbers: np.ndarray) -> Path:
    text = " ".join(map(repr, numbers.tolist()))
    path.write_text(f"<root><dbcameras><w0>[{text}]</w0></dbcameras></root>")
    return path
