"""OpenCap's samples as one split, the test split."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float

from hanet.datasets.common.content import Content, Item, first_clips
from hanet.datasets.opencap import files
from hanet.datasets.opencap.alignment import Aligned, align
from hanet.datasets.opencap.options import OpenCapIngest
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import LIMBS12


def opencap(raw: Path, options: OpenCapIngest) -> Content:
    """``gt-test`` (the markers' joints) and ``<estimator>-test``, both in the markers' world, root-relative.

    Each trial is another person, as far as is known. The report has every trial's lag, and what is left out.
    """
    notes: dict[str, dict[str, object]] = {"alignment": {}, "left_out": {}}

    def items() -> Iterator[Item]:
        for trial in files.trials(raw):
            if trial not in options.trials:
                notes["left_out"][trial] = "not among ingest.trials"
                continue
            detected = files.read(raw, trial, options.estimator)
            markers = files.read(raw, trial, "mocap")
            if detected is None or markers is None:
                notes["left_out"][trial] = f"no output of {options.estimator}"
                continue
            pair = align(detected, markers, max_lag=options.max_lag, name=trial)
            notes["alignment"][trial] = {
                "lag_frames": pair.lag,
                "fps": pair.fps,
                "mean_mm": 1000 * pair.error,
            }
            truth, shown = (_sequence(trial, values, pair) for values in (pair.truth, pair.detected))
            yield Item(truth, {options.estimator: shown})

    return Content(
        {"test": first_clips(items(), options.limit)},
        estimators=frozenset({options.estimator}),
        groups="people",
        people=True,
        declared=[leak.declaration() for leak in options.declared],
        notes=notes,
    )


def _sequence(name: str, values: Float[np.ndarray, "T 12 3"], pair: Aligned) -> PoseSequence:
    return PoseSequence.joints(
        name, values.astype(np.float32), LIMBS12, fps=pair.fps, frame_of_reference="world_root_relative"
    )
