"""Files that need a person to get them, because a site asks for an account, an agreement or an e-mail.

The user puts them into a folder, from which they are verified like fetched files and copied.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hanet.download.remote import Fetched, check_description
from hanet.download.unpack import ArchiveError, listing, matches
from hanet.download.verify import HashRecord, check_content, require_room, verify


@dataclass(frozen=True)
class ManualFile:
    """A file that the user has to get.

    Attributes:
        name: plain file name on the site; its suffix determines the expected first bytes.
        url: page to begin at.
        steps: what to do there, one sentence per step.
        sha256: SHA-256 if known, 64 hexadecimal digits; where None, it is recorded on first use.
        size: bytes, if known.
        members: patterns that an archive's members must match, each at least once; ``*`` and ``?`` do not
            match a slash. Empty for a file that is not an archive or has unknown contents.
    """

    name: str
    url: str
    steps: tuple[str, ...]
    sha256: str | None = None
    size: int | None = None
    members: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_description(self.name, self.sha256, self.size)
        if not self.url.startswith(("https://", "http://")):
            raise ValueError(f"{self.name}: url must be a page, https://…, got {self.url!r}")
        if not self.steps:
            raise ValueError(f"{self.name}: steps is empty; say what to do at {self.url}")


def user_folder(configured: str, environment: str) -> Path | None:
    """The user's folder: the environment variable's value, else the configured one, else None."""
    folder = os.environ.get(environment, "") or configured
    return Path(folder).expanduser() if folder else None


def collect(
    manual: Sequence[ManualFile],
    source: Path | None,
    folder: Path,
    *,
    record: Path,
    setting: str,
) -> list[Fetched]:
    """Verify the files that the user has put into `source`, then copy them into `folder`.

    Nothing is copied unless every file passes. A file already in `folder` is verified there. Files are
    copied, not linked: DVC's cache would write-protect a linked file of the user's.

    Args:
        manual: the files to collect.
        source: the user's folder; None where it is not set.
        folder: the target; created where missing.
        record: JSON file with the recorded SHA-256; see `HashRecord`.
        setting: how the user sets `source` (a key of params.yaml, an environment variable), for the message.

    Returns:
        One entry per file, in their order; ``address`` is the file in `source`, or None where it was already
            in `folder`.

    Raises:
        ArchiveError: files are missing or wrong (all are listed, with what to do), or the disk is full.
    """
    hashes = HashRecord(record)
    fetched: list[Fetched] = []
    problems: dict[ManualFile, str] = {}
    for file in manual:
        target = folder / file.name
        origin = target if source is None or target.is_file() else source / file.name
        try:
            digest = _verified(file, origin, hashes)
        except ArchiveError as error:
            problems[file] = str(error)
            continue
        address = None if origin == target else str(origin)
        fetched.append(Fetched(target, digest, origin.stat().st_size, address))
    if problems:
        raise ArchiveError(_instructions(problems, source, setting))
    wanted = [one for one in fetched if one.address is not None]
    require_room(folder, sum(one.size for one in wanted), "what is to be copied")
    folder.mkdir(parents=True, exist_ok=True)
    for one in wanted:
        part = one.path.with_name(f"{one.path.name}.part")
        shutil.copyfile(str(one.address), part)
        part.replace(one.path)
    return fetched


def _verified(file: ManualFile, path: Path, hashes: HashRecord) -> str:
    """Verify a file and return its SHA-256, which is recorded only where every check passes."""
    if not path.is_file():
        raise ArchiveError("missing")
    if file.members:
        # check for a web page first: the message is clearer than that of a damaged archive
        check_content(path, file.name)
        names = listing(path)
        if absent := [one for one in file.members if not any(matches(name, one) for name in names)]:
            raise ArchiveError(
                f"{path} has no member that matches {', '.join(absent)}, but {len(names)} other files, such "
                f"as {', '.join(names[:3]) or 'none'}; check that it is the right file"
            )
    return verify(file.name, path, hashes, expected_sha256=file.sha256, expected_size=file.size)


def _instructions(problems: Mapping[ManualFile, str], source: Path | None, setting: str) -> str:
    """All problems and what to do about them; files with the same page and steps are grouped."""
    lines = ["files that only you can get are missing or wrong:"]
    lines += [f"  {file.name}: {problem}" for file, problem in problems.items()]
    for url, steps in dict.fromkeys((file.url, file.steps) for file in problems):
        lines.append(f"at {url}")
        lines += [f"  {number}. {step}" for number, step in enumerate(steps, 1)]
    if source is None:
        lines.append(f"put them into a folder of yours, and name it in {setting}")
    else:
        lines.append(f"put them into {source}, the folder that {setting} names")
    return "\n".join(lines)
