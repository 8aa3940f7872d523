"""Errors about poses that commands tell apart; imports nothing, so that a refusal does not wait for numpy."""

from __future__ import annotations


class NoPosesError(ValueError):
    """Input that is in order but holds no pose to work on."""
