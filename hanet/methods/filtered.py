"""A filter after a method: the same further use for every row of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hanet.methods.base import Method, require_frames
from hanet.methods.filters import Gaussian
from hanet.methods.tuning import Score, tune
from hanet.poses.sequence import PoseSequence


class Unfiltered:
    """Leaves refined poses as they are: the filter of width 0."""

    name = "unfiltered"
    observed = 1.0

    def refine(self, sequence: PoseSequence) -> PoseSequence:
        """The sequence itself."""
        require_frames(sequence)
        return sequence


def gaussian(*, sigma: float) -> Method:
    """The Gaussian filter of width `sigma` in frames; 0 leaves poses as they are."""
    return Gaussian(sigma) if sigma else Unfiltered()


def tuned_post_filter(
    sigmas: Sequence[float], refined: Sequence[PoseSequence], gt: Sequence[PoseSequence], score: Score
) -> tuple[Method, dict[str, Any]]:
    """The Gaussian that is best after a method, and its parameters with the scores of all trials.

    Args:
        sigmas: widths in frames to try; 0 is no filter.
        refined: validation tracks as the method refined them.
        gt: their ground truth, in the same order.
        score: see `tune`.
    """
    search = tune(gaussian, {"sigma": sigmas}, refined, gt, score)
    return gaussian(**search.best), {**search.best, "trials": list(search.table)}
