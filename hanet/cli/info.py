"""``hanet info``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hanet.cli import inputs
from hanet.cli.errors import user_errors
from hanet.cli.lines import say
from hanet.numbers import plain

if TYPE_CHECKING:
    from hanet.formats.base import PoseFile

_SHOWN = 12
"""Tracks that get a line each."""


def info(
    poses: Annotated[Path, typer.Argument(help="Pose file or folder of any format.")],
    fps: inputs.Fps = None,
    image_size: inputs.ImageSize = None,
    skeleton: inputs.SkeletonName = None,
    min_score: inputs.MinScore = None,
    format: inputs.FormatName = None,
    images: inputs.Images = None,
    frames: inputs.FrameNumbers = "names",
) -> None:
    """Describe a pose file: skeleton, people, frames, rate, gaps, leaps, units."""
    with user_errors():
        options = inputs.read_options(fps, image_size, skeleton, min_score, images, frames)
        lines = describe(inputs.open_poses(poses, options, format))
    for line in lines:
        say(line)


def describe(poses: PoseFile) -> list[str]:
    """The lines that the command prints."""
    from hanet.formats.registry import FORMATS
    from hanet.metrics.gaps import gaps

    rate = f"{poses.fps:g} fps" if poses.fps_known else "rate not in the file (give --fps)"
    skeleton = f"{poses.skeleton.name} ({len(poses.skeleton)} joints)"
    lines = [
        f"{poses.path}: {FORMATS[poses.format].title}",
        f"{skeleton}, {'rotations' if poses.unit == 'rot6d' else f'unit {poses.unit}'}, {rate}",
    ]
    sizes = sorted({track.image_size for track in poses.tracks if track.image_size is not None})
    if sizes:
        lines.append("images of " + ", ".join(f"{width}×{height}" for width, height in sizes) + " pixels")
    found = [gaps(track) for track in poses.tracks]
    numbers: dict[str, set[int]] = {}
    for track in poses.tracks:
        numbers.setdefault(track.name, set()).update(track.frames.tolist())
    total = sum(map(len, numbers.values()))
    counts = (_count(len(poses.tracks), "track"), _count(len(numbers), "video"), _count(total, "frame"))
    lines.append("{} in {}, {}".format(*counts))
    for track, gap in list(zip(poses.tracks, found, strict=True))[:_SHOWN]:
        seconds = f" ({plain(gap.longest / poses.fps)} s)" if poses.fps_known and gap.longest else ""
        first = f" (first at frame {gap.first_leap})" if gap.first_leap is not None else ""
        lines.append(
            f"  {track.name}, track {track.track}: frames {track.start} to {track.start + len(track) - 1}, "
            f"{gap.missing:.1%} of joint positions missing, {_count(gap.count, 'gap')}"
            + (f", the longest {_count(gap.longest, 'frame')}{seconds}" if gap.count else "")
            + f", {_count(gap.leaps, 'leap')}{first}"
        )
        if gap.never:
            lines.append(f"    never seen: {', '.join(gap.never)}")
    if len(found) > _SHOWN:
        lines.append(f"  … and {len(found) - _SHOWN} tracks more")
    return [*lines, *suspicions(poses), *poses.notes]


def _count(number: int, name: str) -> str:
    return f"{number} {name}" if number == 1 else f"{number} {name}s"


def suspicions(poses: PoseFile) -> list[str]:
    """Sentences on units that look wrong."""
    import numpy as np

    from hanet.poses.plausible import check_metres

    lines = []
    for track in poses.tracks:
        try:
            check_metres(track)
        except ValueError as error:
            lines.append(f"suspicious unit: {error}")
            break
    flat = [
        track.values for track in poses.tracks if track.representation == "2d" and track.image_size is None
    ]
    known = [np.abs(values[np.isfinite(values)]) for values in flat]
    if poses.unit == "px" and known and max((float(v.max()) for v in known if v.size), default=2.0) <= 1.5:
        lines.append("suspicious unit: all coordinates lie within 1.5, as shares of the image do")
    return lines
