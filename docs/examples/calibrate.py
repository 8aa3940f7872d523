"""Learn an estimator's bias from a minute of its poses with ground truth, and refine other poses with it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import hanet
from docs.examples.motion import detect, walk
from hanet.methods.calibrate import calibrate
from hanet.methods.calibration_files import save_calibration

minute = walk("minute", frames=1800, fps=30.0)
made = calibrate([detect(minute)], [minute])
for name in ("input", "inf", f"{made.strength:g}"):
    print(f"parts left out, {name:5s}: {1000 * made.errors[name]:.1f} mm")  # inf: the constant offset alone

later = walk("later", frames=300, fps=30.0)
seen = detect(later, seed=9)


def error(poses: np.ndarray) -> float:
    """Mean distance from the truth, mm."""
    return float(1000 * np.linalg.norm(poses - later.values, axis=2).mean())


with TemporaryDirectory() as folder:
    save_calibration(Path(folder) / "model", made)
    joints = list(later.skeleton.joints)
    general = hanet.refine(seen.values, fps=30, joints=joints)
    refined = hanet.refine(seen.values, fps=30, joints=joints, method=str(Path(folder) / "model"))
print(f"input {error(seen.values):.1f}, general {error(general):.1f}, calibrated {error(refined):.1f} mm")
assert error(refined) < error(general) < error(seen.values)
