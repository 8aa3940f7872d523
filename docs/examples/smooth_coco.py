"""Smooth a file of COCO keypoint results: the same format back, all other fields as they were."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import hanet

draw = np.random.default_rng(0)
rest = draw.uniform(100, 400, size=(17, 2))
frames = np.arange(120)[:, None, None]
truth = rest + 30 * np.sin(2 * np.pi * frames / 60 + draw.uniform(0, 6, size=(17, 2)))
seen = truth + draw.normal(scale=3, size=truth.shape)
seen[50:54, 9] = 0  # a wrist that was not found

entries = [
    {
        "image_id": frame,
        "category_id": 1,
        "keypoints": np.column_stack([pose, (pose != 0).any(axis=1) * 0.9]).ravel().tolist(),
        "score": 0.8,
        "my_field": f"frame {frame}",
    }
    for frame, pose in enumerate(seen)
]
with TemporaryDirectory() as folder:
    source, target = Path(folder) / "results.json", Path(folder) / "refined.json"
    source.write_text(json.dumps(entries))
    poses = hanet.load(source, fps=30)
    hanet.save(target, poses, hanet.refine(poses))
    written = json.loads(target.read_text())

refined = np.array([entry["keypoints"] for entry in written]).reshape(-1, 17, 3)[..., :2]
others = np.delete(np.arange(17), 9)
before, after = (np.linalg.norm(poses - truth, axis=2)[:, others].mean() for poses in (seen, refined))
print(f"error {before:.2f} → {after:.2f} px")
print(f"wrist in the gap: off by {np.linalg.norm(refined[50:54, 9] - truth[50:54, 9], axis=1).max():.1f} px")
assert after < before
assert [entry["my_field"] for entry in written] == [entry["my_field"] for entry in entries]
