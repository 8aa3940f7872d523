"""Unpack a publisher's archive, whose top-level folders may differ between releases."""

from __future__ import annotations

import glob
import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from hanet.download.unpack import ArchiveError, extract, listing, matches

_MEMBER_LIMIT, _TOTAL_LIMIT = 1 << 30, 1 << 36


def unpack(path: Path, members: Sequence[str], folder: Path) -> list[Path]:
    """Unpack selected members of an archive, ignoring its top-level folders; `folder` may exist.

    Top-level folders differ between archives, releases and mirrors. A pattern matches the last parts of a
    member's path; the leading folders must be the same for all members, and are dropped.

    Args:
        path: the archive.
        members: patterns of the last parts; each must match at least one file.
        folder: created where missing.

    Returns:
        The new files and folders directly in `folder`, sorted.

    Raises:
        ArchiveError: as `extract`, different leading folders, or a name that `folder` already has.
    """
    leading = _leading_folders(path, members)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unpacked.", suffix=".tmp", dir=folder) as temporary:
        staged = Path(temporary) / "all"
        patterns = [f"{glob.escape(leading)}/{pattern}" if leading else pattern for pattern in members]
        extract(path, patterns, staged, member_limit=_MEMBER_LIMIT, total_limit=_TOTAL_LIMIT)
        found = sorted((staged / leading).iterdir())
        if there := [one.name for one in found if (folder / one.name).exists()]:
            raise ArchiveError(f"{path}: {folder} already has {', '.join(there)}; unpack it elsewhere")
        return [one.rename(folder / one.name) for one in found]


def _leading_folders(path: Path, members: Sequence[str]) -> str:
    """The leading folders of the matching members."""
    names = [PurePosixPath(name) for name in listing(path)]
    found: set[str] = set()
    for pattern in members:
        length = len(PurePosixPath(pattern).parts)
        tops = {
            "/".join(name.parts[:-length])
            for name in names
            if "__MACOSX" not in name.parts and matches("/".join(name.parts[-length:]), pattern)
        }
        if not tops:
            raise ArchiveError(
                f"{path} has no member that matches {pattern}, but {len(names)} other files, such as "
                f"{', '.join(map(str, names[:3])) or 'none'}; check that it is the right archive"
            )
        found |= tops
    if len(found) > 1:
        raise ArchiveError(
            f"{path}: the files to unpack are in several folders ({', '.join(sorted(found))}); make an "
            "archive that holds it once"
        )
    return found.pop()
