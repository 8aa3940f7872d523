"""Files that only a person can get, because a site wants an account, an agreement or an e-mail.

The user puts them into a folder; from there they are verified as fetched files are and copied.
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
        name: plain file name, as the site names it; its suffix says what its first bytes must be.
        url: page to begin at.
        steps: what to do there, a sentence each.
        sha256: SHA-256 if known, 64 hexadecimal digits; None notes it on first use.
        size: bytes, if known.
        members: patterns that an archive's members must match, each at least once; ``*`` and ``?`` stay
            inside one path part. Empty for a file that is no archive, or whose contents are not known.
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
    """The folder where the user puts files: what the environment variable says, else what is configured.

    None where neither says anything.
    """
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

    Nothing is copied unless all is well with every file. A file that is in `folder` already is verified
    there. Files are copied, not linked: a cache that takes the link would write-protect the user's own file.

    Args:
        manual: the wanted files.
        source: the user's folder; None where it is not set.
        folder: where the files go; made where missing.
        record: JSON file with the SHA-256 of files seen before; see `HashRecord`.
        setting: how the user sets `source`, for the message: a key of params.yaml, an environment variable.

    Returns:
        One entry per file, in their order; ``address`` is the file in `source`, or None where it was in
        `folder` already.

    Raises:
        ArchiveError: all that is missing or wrong at once, with what to do; or no room on the disk.
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
    """The SHA-256 of a file that is what its description says; noted only where all of it holds."""
    if not path.is_file():
        raise ArchiveError("missing")
    if file.members:
        check_content(path, file.name)  # a web page first, which is told better than a damaged archive
        names = listing(path)
        if absent := [one for one in file.members if not any(matches(name, one) for name in names)]:
            raise ArchiveError(
                f"{path} holds nothing that matches {', '.join(absent)}, but {len(names)} other files, such "
                f"as {', '.join(names[:3]) or 'none'}; is it the file that is asked for?"
            )
    return verify(file.name, path, hashes, expected_sha256=file.sha256, expected_size=file.size)


def _instructions(problems: Mapping[ManualFile, str], source: Path | None, setting: str) -> str:
    """All that is wrong, and what to do about it; files that share a page and its steps are told once."""
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
