"""Sequences to draw."""

from tests.support.people import keypoints, noisy, person, write

__all__ = ["keypoints", "noisy", "person", "write"]
