"""Find, verify and copy UI-PRMD's ten files of ready pairs."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from hanet.files.atomic import fresh_folder
from hanet.files.hashing import file_hash

FILES = tuple(f"m{movement:02}.npz" for movement in range(1, 11))
CHECKSUMS = "SHA256SUMS"
ORIGIN = (
    "the recordings are free at webpages.uidaho.edu/ui-prmd, and hanet.datasets.uiprmd.pairs says how pairs "
    "are made from them and laid out"
)


class PairsError(ValueError):
    """Missing or unusable pairs; the message names file, field and remedy."""


def collect(folder: Path, raw: Path, *, expected: Mapping[str, str] | None = None) -> dict[str, str]:
    """Copy the ten files into a new folder `raw`, with a ``SHA256SUMS`` that ``sha256sum -c`` can check.

    `raw` appears complete or not at all.

    Args:
        folder: contains ``m01.npz`` … ``m10.npz``.
        raw: must be missing or empty.
        expected: SHA-256 of each file by name, in hexadecimal; None accepts any files.

    Returns:
        The files' SHA-256 by name.

    Raises:
        PairsError: a missing folder or file, a file of another SHA-256 than expected, or `raw` in use.
    """
    if expected is not None and set(expected) != set(FILES):
        raise PairsError(f"expected SHA-256 for {', '.join(FILES)}, got them for {', '.join(expected)}")
    if raw.exists() and any(raw.iterdir()):
        raise PairsError(f"{raw} is not empty: delete it first, or collect into another folder")
    paths = files_of(folder)
    sums = {}
    with fresh_folder(raw) as staged:
        for path in paths:
            shutil.copyfile(path, staged / path.name)
            sums[path.name] = file_hash(staged / path.name)
            if expected is not None and sums[path.name] != expected[path.name]:
                raise PairsError(
                    f"{path} has SHA-256 {sums[path.name]}, expected {expected[path.name]}; get the file "
                    "again, and change the expected value only after finding out why the file differs"
                )
        (staged / CHECKSUMS).write_text("".join(f"{value}  {name}\n" for name, value in sums.items()))
    return sums


def files_of(folder: Path) -> list[Path]:
    """The ten files in a folder; raises PairsError listing the missing ones."""
    if not folder.is_dir():
        raise PairsError(f"{folder}: no such folder; it should hold {FILES[0]} … {FILES[-1]}: {ORIGIN}")
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise PairsError(f"{folder}: no {', '.join(missing)}; add what is missing: {ORIGIN}")
    return [folder / name for name in FILES]
