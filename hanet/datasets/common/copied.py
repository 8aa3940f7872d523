"""Files of a published data set that the user already has, in the publisher's layout: copied, not fetched."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from hanet.datasets.common.options import Remote
from hanet.progress import console


class RemoteOrFolder(Remote):
    """Download: the publisher's files, or copies of them in `folder`, in the publisher's layout."""

    folder: str | None = None


def copy(
    folder: Path, patterns: Sequence[str], raw: Path, *, dataset: str, optional: Sequence[str] = ()
) -> None:
    """Copy the files of a folder that match, below the same names, and report their number.

    Files are copied, not linked: DVC's cache would write-protect a linked file of the user's.

    Args:
        folder: the user's folder.
        patterns: of paths below it, as for `Path.glob`; each must match a file.
        raw: the folder for the raw files.
        dataset: its name in params.yaml, for error messages.
        optional: patterns that may match nothing.

    Raises:
        ValueError: no such folder, or a pattern without a file.
    """
    setting = f"correct datasets.{dataset}.download.folder in params.yaml"
    if not folder.is_dir():
        raise ValueError(f"{folder}: expected a folder with {', '.join(patterns)}, got no folder; {setting}")
    count = 0
    for pattern in (*patterns, *optional):
        found = [path for path in sorted(folder.glob(pattern)) if path.is_file()]
        if not found and pattern not in optional:
            raise ValueError(f"{folder}: expected files {pattern}, got none; {setting}")
        for path in found:
            target = raw / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        count += len(found)
    console.print(f"  {folder}: {count} files", markup=False)
