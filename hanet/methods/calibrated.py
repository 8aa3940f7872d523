"""A method for tracks: the general refiner, and then a calibration of the estimator.

Axes: T frames, J joints, D coordinates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from hanet.methods.calibrate import Calibration
from hanet.methods.calibration_files import load_calibration
from hanet.methods.smoothing import GapAware, General, Smoothed
from hanet.poses.sequence import PoseSequence


@dataclass(frozen=True)
class Calibrated(GapAware):
    """The general refiner, and then the estimator's bias taken away.

    Attributes:
        max_gap: seconds.
        folder: where the calibration is.
        calibration: its content.
    """

    folder: str = ""
    calibration: Calibration | None = None

    @classmethod
    def of(cls, folder: Path, max_gap: float) -> Calibrated:
        """By a folder that `save_calibration` wrote."""
        return cls(max_gap, str(folder), load_calibration(folder))

    @property
    def name(self) -> str:
        """``calibrated``."""
        return "calibrated"

    @property
    def parameters(self) -> dict[str, Any]:
        """What was given, as JSON values."""
        return {self.name: self.folder, "max_gap_seconds": self.max_gap}

    def describe(self, results: Sequence[Smoothed]) -> str:
        """The method with its calibration."""
        return f"{General(self.max_gap).describe(results)}, then calibration {self.folder}"

    def _filled(self, sequence: PoseSequence) -> PoseSequence:
        return General(self.max_gap)._filled(sequence)

    def _smooth(
        self, sequence: PoseSequence, known: Bool[np.ndarray, "T J"]
    ) -> tuple[Float[np.ndarray, "T J D"], dict[str, Float[np.ndarray, " J"]]]:
        assert self.calibration is not None
        refined, chosen = General(self.max_gap)._smooth(sequence, known)
        return self.calibration.correct(sequence.with_values(refined)), chosen
