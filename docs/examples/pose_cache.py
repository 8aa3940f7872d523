"""Write poses to a Parquet cache, read them back, and open the file with pandas."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from docs.examples.motion import walk
from hanet.cache.files import CacheWriter, PoseCache
from hanet.cache.metadata import CacheMetadata
from hanet.poses.skeletons import H36M17

metadata = CacheMetadata(
    dataset="walks",
    split="test",
    estimator="ground_truth",
    skeleton=H36M17,
    representation="3d",
    unit="m",
    fps=60.0,
    frame_of_reference="camera_root_relative",
)
with TemporaryDirectory() as folder:
    path = Path(folder) / "walks.parquet"
    with CacheWriter(path, metadata) as cache:
        for seed in range(3):
            cache.write(walk(f"walk-{seed}", seed=seed))
    back = list(PoseCache.open(path).sequences())
    table = pd.read_parquet(path)

print(table.head(3))
assert [sequence.name for sequence in back] == ["walk-0", "walk-1", "walk-2"]
assert len(table) == 900
np.testing.assert_allclose(back[1].values, walk(seed=1).values, atol=1e-6)
