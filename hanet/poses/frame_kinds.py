"""What a detector did to a frame, where that is known."""

from __future__ import annotations

FRAME_KINDS = ("clean", "jitter", "burst", "swap")
"""Kinds of frames by number; the later one counts where a frame is of several.

- ``swap``: left and right limbs are taken for each other;
- ``burst``: a limb is lost and found elsewhere;
- ``jitter``: noise puts a joint more than three standard deviations from its place;
- ``clean``: none of it.
"""
