"""Defaults that experiments and commands share; imports nothing, so that help is quick."""

from __future__ import annotations

SECONDS = 4.0
"""Length of a video."""
WRONG_MM = 150.0
"""A 3D joint farther than this from the ground truth is wrong: the threshold of 3DPCK."""
WRONG_ALPHA = 0.1
"""A keypoint farther off than this share of the longer side of the person's box is wrong, as in PCK."""
