"""The networks of `hanet.models.general_baselines` as a method, to compare the general refiner with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float

from hanet.methods.base import refine_channels
from hanet.methods.general import FASTEST
from hanet.models.general_inputs import FEATURES
from hanet.poses.scale import body_scale, known_joints
from hanet.poses.sequence import PoseSequence


@dataclass(frozen=True)
class TrainedBaseline:
    """Poses that a trained network returns; gaps are filled by straight lines first.

    Tracks beyond `FASTEST` frames per second are refined in every second, third, … frame, as by the general
    refiner.

    Attributes:
        folder: of `hanet.models.general_export.write_weights`.
    """

    folder: Path
    name = "baseline"
    observed = 1.0

    def refine(self, sequence: PoseSequence) -> PoseSequence:
        """Refined poses."""
        J, D = sequence.values.shape[1:]
        known = known_joints(sequence.values)
        thin = max(1, int(np.ceil(sequence.fps / FASTEST)))

        def refine(values: Float[np.ndarray, "T C"]) -> Float[np.ndarray, "T C"]:
            poses = values.reshape(-1, J, D)
            scale, centre = body_scale(poses), poses.mean(axis=(0, 1))
            scaled, result = (poses - centre) / scale, np.empty_like(poses)
            for phase in range(min(thin, len(poses))):
                every = slice(phase, None, thin)
                result[every] = self._refined(scaled[every], known[every], sequence.fps / thin)
            return (result * scale + centre).reshape(values.shape)

        return refine_channels(sequence, refine)

    def _refined(self, scaled: np.ndarray, known: np.ndarray, fps: float) -> Float[np.ndarray, "T J D"]:
        import torch

        tracks = torch.from_numpy(np.ascontiguousarray(scaled.transpose(1, 0, 2), dtype=np.float32))
        inputs = torch.zeros(*tracks.shape[:2], len(FEATURES))
        inputs[..., FEATURES.index("log frame rate over 30")] = float(np.log(fps / 30))
        shown = torch.from_numpy(np.ascontiguousarray(known.T, dtype=np.float32))
        with torch.no_grad():
            refined = _network(self.folder).refined(tracks, shown, inputs)
        return refined.numpy().transpose(1, 0, 2).astype(np.float64)


@lru_cache(maxsize=2)
def _network(folder: Path):
    from hanet.models.general_baselines import Baseline
    from hanet.models.general_export import load_general

    model = load_general(folder)
    assert isinstance(model, Baseline)
    return model
