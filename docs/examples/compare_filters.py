"""Compare filters: tune each one on validation tracks, then score all on other tracks."""

from __future__ import annotations

from docs.examples.motion import detect, walk
from hanet.methods.filters import Input
from hanet.methods.known_filters import FILTERS
from hanet.methods.tuning import tuned_filter, validation_scores
from hanet.metrics.evaluate import evaluate

GRIDS = {
    "gaussian": {"sigma": [0.5, 1.0, 2.0, 4.0, 8.0]},
    "savitzky_golay": {"window": [5, 9, 15, 25], "order": [2, 3]},
    "one_euro": {"min_cutoff": [0.5, 1.0, 2.0], "beta": [0.0, 0.5, 2.0], "d_cutoff": [1.0]},
}

validation = [walk(f"validation-{i}", seed=i) for i in range(2)]
test = [walk(f"test-{i}", seed=10 + i) for i in range(3)]
seen = {"validation": [detect(truth) for truth in validation], "test": [detect(truth) for truth in test]}

methods = {"input": Input()}
for name, grid in GRIDS.items():
    methods[name], _ = tuned_filter(FILTERS[name], grid, seen["validation"], validation, validation_scores)

scores = {name: evaluate(test, seen["test"], method.refine).means for name, method in methods.items()}
for name, means in scores.items():
    print(f"{name:16s} {means['mpjpe_mm']:6.2f} mm  {means['accel_mm_per_frame2']:6.2f} mm/frame²")

assert all(scores[name]["mpjpe_mm"] < scores["input"]["mpjpe_mm"] for name in ("gaussian", "savitzky_golay"))
