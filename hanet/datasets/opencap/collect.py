"""Fetch OpenCap's samples, or copy them from a folder, into ``<trial>/sample_*.json``."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from hanet.datasets.common import copied
from hanet.datasets.common.copied import RemoteOrFolder
from hanet.datasets.common.published import pinned
from hanet.datasets.opencap.files import MEDIAPIPE
from hanet.datasets.opencap.source import OPENCAP, file_name
from hanet.download import fetch
from hanet.download.remote import RemoteFile, is_remote
from hanet.progress import console


def collect(download: RemoteOrFolder, raw: Path, *, dataset: str, archives: Path, record: Path) -> None:
    """Put the files of every trial into `raw`.

    Args:
        download: a folder in the layout of ``public/samples``, with ``pairs.npz`` where MediaPipe's poses are
            wanted; or mirrors of such a folder, tried before the public address.
        raw: the folder for the raw files.
        dataset: its name in params.yaml, for error messages.
        archives: the folder for downloads, where an interrupted one resumes.
        record: JSON file with the recorded SHA-256, see `hanet.download.verify.HashRecord`.

    Raises:
        hanet.download.unpack.ArchiveError: a file that could not be fetched, or is another.
        ValueError: a folder without the files, or a hash of an unknown file.
    """
    if download.folder is not None:
        copied.copy(
            Path(download.folder), ("*/sample_mocap.json",), raw, dataset=dataset,
            optional=("*/sample_wham.json", "*/sample_mono.json", MEDIAPIPE),
        )  # fmt: skip
        return
    files = [_mirrored(file, download.mirrors) for file in pinned(OPENCAP.remote, download.sha256, dataset)]
    for one in fetch.fetch(files, archives, record=record, console=console):
        trial, _, name = one.path.name.partition("-")
        (raw / trial).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(one.path, raw / trial / name)
    console.print(f"  {OPENCAP.title}. {OPENCAP.terms}")


def _mirrored(file: RemoteFile, mirrors: tuple[str, ...]) -> RemoteFile:
    """The file with the mirrors' addresses before the public ones."""
    trial, _, name = file.name.partition("-")
    assert file.name == file_name(trial, name)
    found = [
        f"{mirror.rstrip('/')}/{trial}/{name}" if is_remote(mirror) else str(Path(mirror) / trial / name)
        for mirror in mirrors
    ]
    return replace(file, urls=(*found, *file.urls))
