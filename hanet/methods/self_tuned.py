"""A smoother that tunes itself to each joint's noise: the strongest filter that needs no choice of
strength."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hanet.methods.base import refine_channels
from hanet.models import penalised
from hanet.models.self_tuning import tuned_periods
from hanet.poses.scale import body_scale
from hanet.poses.sequence import PoseSequence


@dataclass(frozen=True)
class SelfTuned:
    """Penalised least squares (`hanet.models.penalised`) with the penalty of `hanet.models.self_tuning`.

    Gaps are filled by straight lines first. Tracks of fewer than four frames come back filled.
    """

    name = "self_tuned"
    observed = 1.0

    def refine(self, sequence: PoseSequence) -> PoseSequence:
        """Smoothed poses."""
        J, D = sequence.values.shape[1:]

        def smooth(values: Float[np.ndarray, "T C"]) -> Float[np.ndarray, "T C"]:
            poses = values.reshape(-1, J, D)
            if len(poses) < penalised.BANDS:
                return values
            scale, centre = body_scale(poses), poses.mean(axis=(0, 1))
            scaled = (poses - centre) / scale
            return (smoothed(scaled, tuned_periods(scaled)) * scale + centre).reshape(values.shape)

        return refine_channels(sequence, smooth)


def smoothed(
    values: Float[np.ndarray, "T J D"], tuned: Float[np.ndarray, "T J"]
) -> Float[np.ndarray, "T J D"]:
    """Smoothed poses of finite poses in body scales; `tuned` as of `tuned_periods`."""
    tracks = np.ascontiguousarray(values.transpose(1, 0, 2))
    periods = np.stack([tuned.T, np.full(tuned.T.shape, penalised.OFF)], axis=1)
    return penalised.smooth(tracks, np.ones(tracks.shape[:2]), periods).transpose(1, 0, 2)
