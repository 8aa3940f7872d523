"""Refine live, frame by frame, with a lag of 100 ms."""

from __future__ import annotations

import numpy as np

import hanet
from docs.examples.motion import detect, walk

truth = walk(fps=30.0)
camera = detect(truth, noise=0.02).values  # (300, 17, 3), metres

stream = hanet.Stream(fps=30, joints=17, lag=100)
refined = [pose for frame in camera if (pose := stream.push(frame)) is not None]
print(f"{len(camera)} frames came, {len(refined)} are out: the lag is {stream.lag} frames")
assert len(camera) - len(refined) == stream.lag == 3
refined += list(stream.finish())


def shake(poses: np.ndarray) -> float:
    """Mean acceleration, mm/frame²."""
    return float(1000 * np.linalg.norm(np.diff(poses, 2, axis=0), axis=2).mean())


print(f"acceleration {shake(camera):.1f} → {shake(np.array(refined)):.1f} mm/frame²")
assert shake(np.array(refined)) < shake(camera) / 2
np.testing.assert_allclose(np.array(refined), hanet.refine(camera, fps=30, lag=100), atol=1e-9)
