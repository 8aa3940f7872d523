"""Simulated detections with errors that are given, or drawn from a table of measured ones.

Axes: T frames.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from jaxtyping import Int

from hanet.estimators.fcn import detector_errors
from hanet.estimators.fcn.detector_errors import DetectorErrors
from hanet.estimators.measured import model, simulate
from hanet.files.hashing import file_hash
from hanet.poses.sequence import PoseSequence


def detect(truth: PoseSequence, errors: DetectorErrors | str, *, seed: int) -> PoseSequence:
    """Detections of true keypoints with scores; the same seed and sequence name give the same detections.

    Args:
        truth: keypoints with boxes.
        errors: given ones, or the name of a table, see `hanet.estimators.measured.model.find`.
        seed: of the draws.

    Raises:
        ValueError: as `detector_errors.detect`, `simulate.detect` and `model.load`.
        FileNotFoundError: as `model.load`.
    """
    if isinstance(errors, str):
        return simulate.detect(truth, model.load(errors), seed=seed)
    return detector_errors.detect(truth, errors, seed=seed)


def frame_kinds(truth: PoseSequence, errors: DetectorErrors | str, *, seed: int) -> Int[np.ndarray, " T"]:
    """What `detect` does to each frame with the same arguments, by number in `FRAME_KINDS`."""
    if isinstance(errors, str):
        return simulate.frame_kinds(truth, model.load(errors), seed=seed)
    return detector_errors.frame_kinds(truth, errors, seed=seed)


def describe(errors: DetectorErrors | str) -> dict[str, Any]:
    """The errors for the provenance of poses: given numbers, or a table's name and SHA-256."""
    if isinstance(errors, str):
        return {"measured": errors, "sha256": file_hash(model.find(errors))}
    return asdict(errors)
