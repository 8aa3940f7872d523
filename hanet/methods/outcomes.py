"""What became of each track that was refined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hanet.metrics.smoothness import mean_acceleration
from hanet.numbers import plain
from hanet.poses.errors import NoPosesError
from hanet.poses.plausible import without_wild
from hanet.poses.sequence import PoseSequence


@dataclass(frozen=True)
class Refined:
    """The result of refining one track.

    Attributes:
        name, track: which.
        frames: its frames, joined pieces with the frames between them.
        joints: values of joints, one per frame and joint.
        missing: of these, missing in the input, wild ones included.
        left: of these, missing still.
        wild: joint positions that no body can have; treated as missing.
        before, after: `mean_acceleration`; before only over the frames that were detected.
        unit: of the poses.
        error: why the track was not refined, or None. It names sequence and track.
    """

    name: str
    track: int
    frames: int
    joints: int
    missing: int
    left: int
    wild: int
    before: float
    after: float
    unit: str
    error: ValueError | None = None

    def __str__(self) -> str:
        text = f"{self.name}, track {self.track}: {self.frames} frame{'' if self.frames == 1 else 's'}"
        if self.error is not None:
            reason = str(self.error).removeprefix(f"{self.name}, track {self.track}: ")
            return f"{text}, not refined: {reason}"
        if self.missing:
            wild = f", {self.wild} of them places that no body can have" if self.wild else ""
            text += (
                f", {self.missing} of {self.joints} joint positions missing{wild} "
                f"({self.missing - self.left} filled, {self.left} left missing)"
            )
        if not np.isfinite([self.before, self.after]).all():
            return text + "; no joint is known in three frames in a row"
        unit = "per s² (rotations as 6D numbers)" if self.unit == "rot6d" else f"{self.unit}/s²"
        return text + f"; mean acceleration {plain(self.before)} → {plain(self.after)} {unit}"


def result_of(detected: PoseSequence, after: PoseSequence, wild: int, error: ValueError | None) -> Refined:
    """What became of a track."""
    before, _ = without_wild(detected)
    missing, left = (int((~np.isfinite(poses.values).all(axis=2)).sum()) for poses in (before, after))
    T, J = before.values.shape[:2]
    accelerations = mean_acceleration(before), mean_acceleration(after)
    return Refined(
        before.name, before.track, T, T * J, missing, left, wild, *accelerations, before.unit, error
    )


def require_known(results: Sequence[Refined], path: Path) -> None:
    """Refuse a file in which no joint of any track is known.

    Raises:
        NoPosesError: every joint position is missing or wild.
    """
    if not any(result.missing < result.joints for result in results):
        wild = sum(result.wild for result in results)
        places = f" ({wild} are places that no body can have)" if wild else ""
        raise NoPosesError(f"{path}: no joint is known in any frame{places}, so there is nothing to refine")
