"""What is wanted of a publisher's archive, whatever folders lie above it."""

from __future__ import annotations

import glob
import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from hanet.data.unpack import ArchiveError, extract, listing, matches

_MEMBER_LIMIT, _TOTAL_LIMIT = 1 << 30, 1 << 36


def unpack(path: Path, members: Sequence[str], folder: Path) -> list[Path]:
    """Unpack a publisher's archive into a folder that others may have been unpacked into.

    Archives differ in the folders above what they hold, between releases and mirrors too. A pattern matches
    the last parts of a member's path; the folders above must be the same for all, and are dropped.

    Args:
        path: the archive.
        members: patterns of the last parts; each must match at least one file.
        folder: made where missing.

    Returns:
        The files and folders that are new directly in `folder`, sorted.

    Raises:
        ArchiveError: as `extract`, no or different folders above, or a name that `folder` has already.
    """
    above = _above(path, members)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unpacked.", dir=folder) as beside:
        staged = Path(beside) / "all"
        patterns = [f"{glob.escape(above)}/{pattern}" if above else pattern for pattern in members]
        extract(path, patterns, staged, member_limit=_MEMBER_LIMIT, total_limit=_TOTAL_LIMIT)
        found = sorted((staged / above).iterdir())
        if there := [one.name for one in found if (folder / one.name).exists()]:
            raise ArchiveError(f"{path}: {folder} has {', '.join(there)} already; unpack it elsewhere")
        return [one.rename(folder / one.name) for one in found]


def _above(path: Path, members: Sequence[str]) -> str:
    """The folders above what matches in an archive."""
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
                f"{path} holds nothing that matches {pattern}, but {len(names)} other files, such as "
                f"{', '.join(map(str, names[:3])) or 'none'}; is it the archive that is asked for?"
            )
        found |= tops
    if len(found) > 1:
        raise ArchiveError(
            f"{path}: what is wanted lies below several folders ({', '.join(sorted(found))}); make an "
            "archive that holds it once"
        )
    return found.pop()
