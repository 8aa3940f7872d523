"""An archive of the package index and the members to unpack from it; `hanet.download.packages` fetches it."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Archive:
    """One file of the package index, and patterns of the members to unpack.

    Attributes:
        requirement: project and exact version, e.g. ``pybullet==3.2.7``.
        filename: exact file name of the wheel or source archive.
        sha256: SHA-256 of the file, 64 hexadecimal digits.
        members: patterns of the wanted members; ``*`` and ``?`` do not match a slash.
        licence: SPDX identifier of the data's licence.
        source: one sentence about what the data are and where they come from.
    """

    requirement: str
    filename: str
    sha256: str
    members: tuple[str, ...]
    licence: str
    source: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!-]+", self.requirement):
            raise ValueError(
                f"requirement must pin one version, like pybullet==3.2.7, got {self.requirement!r}"
            )
        if not re.fullmatch(r"[\w.+-]+(\.whl|\.zip|\.tar\.gz)", self.filename):
            raise ValueError(f"filename must be a plain .whl, .zip or .tar.gz name, got {self.filename!r}")
        if not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise ValueError(
                f"{self.filename}: sha256 must be 64 lower-case hexadecimal digits, got {self.sha256!r}"
            )
        if not self.members:
            raise ValueError(f"{self.filename}: members is empty; name at least one pattern")
