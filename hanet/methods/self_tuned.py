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
    # Numbers of a joint apart, tracks one after another: as the solver takes them.
    tracks = np.ascontiguousarray(values.transpose(2, 1, 0)).transpose(1, 2, 0)
    return penalised.smooth_second(tracks, tuned.T).transpose(1, 0, 2)
