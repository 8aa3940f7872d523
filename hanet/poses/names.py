"""Names of sequences: the clip that a view is of, and seeds drawn by name."""

from __future__ import annotations

import zlib

import numpy as np


def clip_of(name: str) -> str:
    """The part of a sequence's name before the first ``/``: ``climb_3/cam0`` is of clip ``climb_3``."""
    return name.split("/", 1)[0]


def name_seed(seed: int, name: str) -> np.random.SeedSequence:
    """A seed that depends on `seed` and `name` alone, so that adding a clip changes no other."""
    return np.random.SeedSequence([seed, zlib.crc32(name.encode())])
