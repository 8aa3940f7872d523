"""Refine human poses in video.

>>> refined = hanet.refine(poses, fps=60)  # (T, J, D) or (T, P, J, D), NaN where a joint is missing
>>> file = hanet.load("results.json", fps=30)
>>> hanet.save("refined.json", file, hanet.refine(file))

The functions are those of `hanet.api`, imported when they are first used; `Stream` refines frames as they
come, see `hanet.methods.stream`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hanet.api import load, refine, save, score
    from hanet.methods.stream import Stream

__all__ = ["Stream", "load", "refine", "save", "score"]


def __getattr__(name: str) -> Any:
    if name == "Stream":
        from hanet.methods.stream import Stream

        return Stream
    if name in __all__:
        from hanet import api

        return getattr(api, name)
    raise AttributeError(f"module 'hanet' has no attribute {name!r}")
