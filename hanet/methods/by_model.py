"""A trained network as a method for the poses of any file: gaps, other joints, absolute positions.

Axes: T frames, J joints, D coordinates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from hanet.methods.any_video import Around, AtRate, OverGaps
from hanet.methods.general import refine_general
from hanet.methods.smoothing import GapAware, General, Smoothed
from hanet.methods.trained import TrainedNetwork
from hanet.poses.scale import known_joints
from hanet.poses.sequence import PoseSequence


@dataclass(frozen=True)
class AboutRoot(Around):
    """Refine 3D joints relative to their root, and put the root back where it was."""

    def refine(self, sequence: PoseSequence) -> PoseSequence:
        """Refined poses of the same frames."""
        root = sequence.values[:, list(sequence.skeleton.root)].mean(axis=1, keepdims=True)
        return sequence.with_values(self.method.refine(sequence.root_relative()).values + root)


@dataclass(frozen=True)
class ByModel(GapAware):
    """A trained network for the joints that it knows, and the general refiner.

    The network refines its own joints relative to their root, and the general refiner what comes out of it.
    The root and the joints that the network does not know are the general refiner's.

    Attributes:
        max_gap: seconds.
        path: of the model.
        network: the model.
    """

    path: str = ""
    network: TrainedNetwork | None = None

    @property
    def name(self) -> str:
        """The model's name."""
        return Path(self.path).stem

    @property
    def parameters(self) -> dict[str, Any]:
        """What was given, as JSON values."""
        return {"model": self.path, "max_gap_seconds": self.max_gap}

    def describe(self, results: Sequence[Smoothed]) -> str:
        """The model."""
        return f"model {self.path}, then {General(self.max_gap).describe(results)}"

    def _filled(self, sequence: PoseSequence) -> PoseSequence:
        return General(self.max_gap)._filled(sequence)

    def _smooth(
        self, sequence: PoseSequence, known: Bool[np.ndarray, "T J"]
    ) -> tuple[Float[np.ndarray, "T J D"], dict[str, Float[np.ndarray, " J"]]]:
        assert self.network is not None
        skeleton, kind = self.network.skeleton, self.network.kind
        index = self._joints(sequence)
        values, _ = General(self.max_gap)._smooth(sequence, known)
        if not np.isfinite(sequence.values[:, index]).any():
            return values, {}
        own = replace(
            sequence,
            skeleton=skeleton,
            values=sequence.values[:, index],
            scores=None,
            labelled=None,
            boxes=None,
        )
        method = self.network.method
        if kind.representation == "3d":
            method = AboutRoot(method)
        refined = OverGaps(AtRate(method, kind.fps), longest=0).refine(own).values
        if kind.representation == "3d":
            root = [index[joint] for joint in skeleton.root]
            moved = values[:, root].mean(axis=1) - sequence.values[:, root].mean(axis=1)
            refined = refined + np.nan_to_num(moved)[:, None]
        values[:, index] = refine_general(refined, sequence.fps)
        values[~known_joints(sequence.values)] = np.nan
        return values, {}

    def _joints(self, sequence: PoseSequence) -> list[int]:
        """Where the network's joints are in the sequence."""
        assert self.network is not None
        kind, names = self.network.kind, sequence.skeleton.joints
        came = (sequence.representation, sequence.unit)
        if came != (kind.representation, kind.unit):
            raise ValueError(
                f"{sequence.name}: {self.path} was trained on {kind.representation} poses in {kind.unit}, "
                f"got {came[0]} poses in {came[1]}; leave out --model, or take one trained on such poses"
            )
        lost = [joint for joint in self.network.skeleton.joints if joint not in names]
        if lost:
            raise ValueError(
                f"{sequence.name}: {self.path} was trained on joints that these poses lack: "
                f"{', '.join(lost[:5])}; leave out --model, or give --skeleton"
            )
        return [names.index(joint) for joint in self.network.skeleton.joints]
