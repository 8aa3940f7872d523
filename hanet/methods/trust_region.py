"""How far the general refiner may move a joint: no further than the noise that can be seen in its track.

Noise is seen in two ways. Third differences over time are large where errors change from frame to frame, and
nearly none in smooth motion. Errors that last for some frames are not in them, but in 3D they change the
lengths of bones, which motion does not. So the distances to the nearest joints, less their slow changes, tell
such errors from fast motion. The smallest change counts: the distance to a joint that is not on the same bone
changes as the body moves.

Axes: J joints, T frames, D numbers per joint, P partners of a joint.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from hanet.poses.scale import squared_lengths

ENVELOPE = 0.25
"""Seconds, as a standard deviation, over which the trust region averages."""
SLOW = 0.25
"""Seconds, as a standard deviation, of the mean from which distances differ by noise."""
PARTNERS = 4
"""Nearest joints whose distance to a joint is looked at."""
SHOWN = 200
"""Frames at most from which the nearest joints are found."""


def gate(
    tracks: Float[np.ndarray, "J T D"],
    correction: Float[np.ndarray, "J T D"],
    known: Bool[np.ndarray, "J T"],
    fps: float,
    trust: float,
    bones: float = 0.0,
    partners: Int[np.ndarray, "J P"] | None = None,
) -> Float[np.ndarray, "J T 1"]:
    """Share of the correction that the trust region allows: 1 within it, else bound over displacement.

    Args:
        tracks: finite poses.
        correction: what would be added to them.
        known: where there was a detection.
        fps: frames per second.
        trust: bound over the noise in third differences, both root mean squares about a frame.
        bones: bound over the noise in distances between joints; the larger bound counts.
        partners: joints from which these distances are, of `nearest`; None leaves this bound out.
    """
    from scipy.ndimage import gaussian_filter1d

    if np.isinf(trust):
        return np.ones((*known.shape, 1))

    def energy(squares: np.ndarray) -> np.ndarray:
        return np.sqrt(gaussian_filter1d(squares, ENVELOPE * fps, axis=1, mode="nearest", truncate=3.0))

    noise = np.zeros(known.shape)
    third = np.diff(tracks, 3, axis=1)
    # Third differences of white noise of variance 1 have variance 1 + 9 + 9 + 1.
    noise[:, 1:-2] = squared_lengths(third) / 20
    noise[:, 0], noise[:, -2:] = noise[:, 1], noise[:, -3:-2]
    moved = squared_lengths(correction) * known
    allowed, displacement = trust * energy(noise), energy(moved)
    if partners is not None:
        changes = _changes_of_length(tracks, known, fps, partners)
        stiff = [energy(squares).min(axis=0) for squares in changes]
        # A length changes by the difference of two errors along one of three axes.
        allowed = np.maximum(allowed, bones * np.sqrt(3 / 2) * np.stack(stiff))
    share = np.minimum(1.0, allowed / np.maximum(displacement, 1e-12))
    return share[..., None]


def nearest(tracks: Float[np.ndarray, "J T D"]) -> Int[np.ndarray, "J P"]:
    """The nearest other joints of each joint, by the median of their distance."""
    shown = tracks[:, :: max(1, tracks.shape[1] // SHOWN)]
    away = np.median(np.sqrt(squared_lengths(shown[:, None] - shown)), axis=2)
    np.fill_diagonal(away, np.inf)
    return np.argsort(away, axis=1, kind="stable")[:, : min(PARTNERS, len(tracks) - 1)]


def _changes_of_length(
    tracks: Float[np.ndarray, "J T D"],
    known: Bool[np.ndarray, "J T"],
    fps: float,
    partners: Int[np.ndarray, "J P"],
) -> list[Float[np.ndarray, "P T"]]:
    """Squared changes of each joint's distances to its partners; 0 where one of both was not detected."""
    from scipy.ndimage import gaussian_filter1d

    squares = []
    for joint, others in enumerate(partners):
        length = np.sqrt(squared_lengths(tracks[others] - tracks[joint]))
        slow = gaussian_filter1d(length, SLOW * fps, axis=1, mode="nearest", truncate=3.0)
        squares.append((length - slow) ** 2 * (known[others] & known[joint]))
    return squares
