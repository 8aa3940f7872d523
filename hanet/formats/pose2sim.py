"""Pose2Sim's project folders: keypoints of each camera below ``pose``, markers in ``pose-3d``.

A project has ``Config.toml``; so has each trial in it, and each participant in between. Keypoints have the
rate ``frame_rate`` in ``[project]`` of the nearest in which it is a number, markers that of their own file.
"""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hanet.formats.base import FormatError

CONFIG = "Config.toml"
_KEYPOINTS = ("pose", "pose-sync", "pose-associated")
_MARKERS = "pose-3d"
_VIDEOS = "videos"
_LARGEST = 1 << 20
"""Bytes of a Config.toml."""


@dataclass(frozen=True)
class Part:
    """Poses in a project.

    Attributes:
        path: a folder of keypoints or a file of markers.
        name: where it is in the project.
        fps: of keypoints, as the project says, or None.
    """

    path: Path
    name: Path
    fps: float | None


def is_project(path: Path) -> bool:
    """Whether a folder has a ``Config.toml``."""
    return (path / CONFIG).is_file()


def parts(project: Path) -> list[Part]:
    """The poses of a project and of its trials.

    Raises:
        FormatError: a Config.toml that is not TOML, or no poses.
    """
    configs = [project / CONFIG, *sorted(project.glob(f"*/{CONFIG}")), *sorted(project.glob(f"*/*/{CONFIG}"))]
    rates = {config.parent: _frame_rate(config) for config in configs}
    found = []
    for folder in rates:
        above = [folder, *(parent for parent in folder.parents if parent in rates)]
        rate = next((rates[one] for one in above if rates[one] is not None), None)
        keypoints = [folder / name for name in _KEYPOINTS if (folder / name).is_dir()]
        found += [Part(path, path.relative_to(project), rate) for path in keypoints if any(path.iterdir())]
        markers = sorted((folder / _MARKERS).glob("*.trc"))
        found += [Part(path, path.relative_to(project), None) for path in markers]
    if not found:
        raise FormatError(
            f"{project}: a Pose2Sim project without poses; expected {', '.join(_KEYPOINTS)}, {_MARKERS}"
        )
    return found


def _frame_rate(path: Path) -> float | None:
    """A positive number, or None for ``auto`` and where a trial leaves it to the project."""
    if path.stat().st_size > _LARGEST:
        raise FormatError(f"{path}: larger than {_LARGEST >> 20} MiB; expected Pose2Sim's settings")
    try:
        content: Mapping[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: no TOML ({str(error)[:120]}); correct it") from None
    project = content.get("project")
    rate = project.get("frame_rate") if isinstance(project, Mapping) else None
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < 1e6:
        return None
    return float(rate)


def copy_rest(project: Path, out: Path, refined: Iterable[Path]) -> list[str]:
    """Copy settings, calibration and everything else but poses and videos; returns a note on those left out.

    Args:
        project: the source.
        out: the new project, which has the refined poses.
        refined: where they are in it.
    """
    skip = {project / name for name in refined}
    videos: list[str] = []

    def left_out(folder: str, names: list[str]) -> set[str]:
        videos.extend(found := [name for name in names if name == _VIDEOS and (Path(folder) / name).is_dir()])
        return {*found, *(name for name in names if Path(folder) / name in skip)}

    shutil.copytree(project, out, ignore=left_out, dirs_exist_ok=True)
    return ["videos were not copied"] if videos else []
