"""Find, verify and copy the four files of a release."""

from __future__ import annotations

import shutil
from pathlib import Path

from hanet.datasets.pose_files.layouts import OFFICIAL, joints_release, release_paths
from hanet.datasets.pose_files.options import ReleasedFiles
from hanet.files.hashing import file_hash
from hanet.progress import console


def files(folder: Path, options: ReleasedFiles) -> list[Path]:
    """The four files below a folder.

    Raises:
        FileNotFoundError: one is missing; the message lists the existing files.
        ValueError: no release has this combination of data set, estimator and layout.
    """
    representation = options.representation
    if representation != "smpl":
        representation = joints_release(
            options.dataset, options.estimator, layout=options.layout, representation=representation
        ).representation
    return [
        path
        for split in OFFICIAL
        for path in release_paths(
            folder,
            options.dataset,
            options.estimator,
            split,
            layout=options.layout,
            representation=representation,
        )
    ]


def collect(options: ReleasedFiles, raw: Path) -> dict[str, str]:
    """Copy the four files, keeping their layout, and return their SHA-256 by path.

    Raises:
        FileNotFoundError, ValueError: as `files`, or a file whose SHA-256 differs from `options.sha256`.
    """
    folder = Path(options.folder)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder}: no such folder; unpack the release there, or name its folder under "
            "datasets.*.download.folder in params.yaml"
        )
    found = {str(path.relative_to(folder)): path for path in files(folder, options)}
    if unknown := sorted(set(options.sha256) - set(found)):
        raise ValueError(f"sha256 names {', '.join(unknown)}; the files are {', '.join(found)}")
    hashes = {}
    for name, path in found.items():
        hashes[name] = file_hash(path)
        if (expected := options.sha256.get(name, hashes[name])) != hashes[name]:
            raise ValueError(f"{path} has SHA-256 {hashes[name]}, expected {expected}; get the file again")
        target = raw / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        console.print(f"  {name}: SHA-256 {hashes[name]}")
    return hashes
