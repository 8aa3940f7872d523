"""Check the names of files to write: one rule for every command that writes one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from hanet.cli.lines import say

Force = Annotated[bool, typer.Option("--force", help="Replace the output if it exists.")]


def check_output(
    path: Path, endings: Sequence[str], *, force: bool, inputs: Iterable[str | Path | None] = ()
) -> None:
    """Refuse a name that a command must not write to, before it does any work.

    Args:
        path: the file to write; missing folders are made later.
        endings: what the name may end in, e.g. ``.png``.
        force: whether a regular file of that name may be replaced.
        inputs: the other files that the command reads or writes; None is ignored.

    Raises:
        ValueError: another ending; a folder, device, pipe or socket; an input; a file that exists without
            `force`; a file where a folder should be; or a folder that is not writable.
    """
    if path.suffix not in endings:
        raise ValueError(f"{path}: expected a name that ends in {' or '.join(endings)}")
    if path.is_dir():
        raise ValueError(f"{path}: expected a file to write, got a folder; name a file in it")
    if any(_same(path, Path(other)) for other in inputs if other is not None):
        raise ValueError(f"{path} is named twice, as an output and as another file; choose another name")
    if path.exists() and not path.is_file():
        raise ValueError(f"{path}: expected a regular file to write, got a device, pipe or socket")
    if os.path.lexists(path) and not force:
        raise ValueError(f"{path} exists; give --force to replace it, or choose another name")
    above = next(folder for folder in path.absolute().parents if os.path.lexists(folder))
    if not above.is_dir():
        raise ValueError(f"{path}: {above} is no folder; choose another name")
    if not os.access(above, os.W_OK):
        raise ValueError(f"{path}: {above} is not writable; choose another folder")


def check_new_folder(path: Path, *, inputs: Iterable[str | Path | None] = ()) -> None:
    """Refuse a folder that a command must not write to: an input, a file, or one that holds files.

    Raises:
        ValueError: as above; an empty folder is fine.
    """
    if any(_same(path, Path(other)) for other in inputs if other is not None):
        raise ValueError(f"{path} is named twice, as an output and as an input; choose another name")
    if path.is_dir() and not any(path.iterdir()):
        return
    if os.path.lexists(path):
        kind = "a folder that holds files" if path.is_dir() else "a file"
        raise ValueError(f"{path}: expected a new folder to write, got {kind}; choose another name")


def wrote(path: Path) -> None:
    """Tell the user which file was written."""
    say(f"wrote {path}")


def _same(one: Path, other: Path) -> bool:
    """Whether two names mean one file, which need not exist."""
    if one.exists() and other.exists():
        return one.samefile(other)
    return one.resolve() == other.resolve()
