"""Patterns of paths to a data set's images.

A pattern is a path with these fields in braces, in the syntax of Python's format strings:

=============  ===========================================================================================
``{name}``     the sequence's name
``{0}``, …     its parts between slashes
``{aist}``     AIST++'s name of a video: the first part, in it ``cAll`` replaced by the second (the camera)
``{frame}``    the frame's number, as in ``{frame:06d}.jpg``; only in the last part of the path
=============  ===========================================================================================

and ``*``, which matches any characters in its folders. Without ``{frame}`` the path is that of a folder of
images, sorted by name, of a ``.txt`` file with one image path per line (relative to the list's folder), or of
a video.
"""

from __future__ import annotations


def fill(pattern: str, name: str, *, frame: int) -> str:
    """The path of a sequence's footage or, with ``{frame}``, of a frame's image."""
    parts = name.split("/")
    aist = parts[0].replace("cAll", parts[1]) if len(parts) > 1 else parts[0]
    return pattern.format(*parts, name=name, aist=aist, frame=frame)


def check(pattern: str) -> str:
    """Validate a pattern and return it.

    Raises:
        ValueError: unknown names in braces, or ``{frame}`` in a folder's name.
    """
    if "{frame" in pattern.rpartition("/")[0]:
        raise ValueError(f"{{frame}} belongs into the last part of images, got {pattern}")
    try:
        fill(pattern, "a/b/c/d", frame=0)
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise ValueError(
            f"images is a path with {{name}}, {{0}}, {{aist}} and {{frame:05d}}, got {pattern} "
            f"({type(error).__name__}: {error})"
        ) from error
    return pattern
