"""Refine SMPL rotations and score them by joints of a body."""

from __future__ import annotations

import numpy as np

from hanet.methods.filters import Gaussian
from hanet.metrics.evaluate import evaluate
from hanet.smpl.joints import joint_sequence
from hanet.smpl.synthetic_body import synthetic_body
from hanet.smpl.tracks import from_axis_angle

draw = np.random.default_rng(0)
seconds = np.arange(120)[:, None, None] / 30
truth = 0.4 * np.sin(2 * np.pi * (seconds + draw.uniform(size=(24, 3)))) * draw.normal(size=(24, 3))
noisy = truth + draw.normal(scale=0.05, size=truth.shape)
tracks = [from_axis_angle("dance", values, fps=30.0) for values in (truth, noisy)]

body = synthetic_body()
refined = tracks[1].with_poses(Gaussian(sigma=1.0).refine(tracks[1].poses))
gt = joint_sequence(tracks[0], body)
for name, track in (("input", tracks[1]), ("refined", refined)):
    print(name, round(evaluate([gt], [joint_sequence(track, body)]).means["mpjpe_mm"], 2), "mm")
