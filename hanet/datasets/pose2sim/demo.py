"""Pose2Sim's demo of one person: four calibrated videos, 100 frames at 60 per second.

Pagnon, Domalain and Reveret: Pose2Sim: An open-source Python package for multiview markerless kinematics.
Journal of Open Source Software 2022. The demo lies in the package ``pose2sim`` (BSD-3-Clause), which is
fetched for it by SHA-256 and not installed. The person walks along a beam. There are no markers.

``calibration/Calib.qca.txt`` is a calibration of Qualisys Track Manager in XML. Per camera:

- ``serial``: name of the camera and of its video, ``cam01``
- ``fov_video``: ``left``, ``top``, ``right``, ``bottom``, pixels; the last ones are inside
- ``transform``: ``r11`` to ``r33``, row by row, world to a frame of x right, y up, z towards the viewer;
  ``x``, ``y``, ``z``: the camera's place in the world, millimetres, z up
- ``intrinsic``: focal lengths and principal point in 1/64 pixel; radial (k1, k2, k3) and tangential (p1, p2)
  distortion, as OpenCV has them
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from rich.progress import Progress

from hanet.download.archive import Archive
from hanet.download.demo_videos import POSE2SIM
from hanet.download.package_index import PackageIndex
from hanet.download.packages import extract, fetch
from hanet.poses.cameras import CalibratedCamera

_FOLDER = "Pose2Sim/Demo_SinglePerson"
CALIBRATION = f"{_FOLDER}/calibration/Calib.qca.txt"
VIDEOS = f"{_FOLDER}/videos"
ARCHIVE: Archive = replace(POSE2SIM, members=(*POSE2SIM.members, CALIBRATION))
PIXELS = 64.0
"""Units of the intrinsics per pixel."""
MM_PER_M = 1000
_REMEDY = "remove the folder and run again"


class Pose2SimError(ValueError):
    """A missing or unusable file of the demo; the message names file, field and remedy."""


def collect(folder: Path, *, progress: Progress | None = None, index: PackageIndex | None = None) -> Path:
    """Fetch the package into `folder` (51 MB) unless it is there, and unpack videos and calibration.

    Returns:
        The unpacked demo, with ``Pose2Sim/Demo_SinglePerson`` below it.

    Raises:
        hanet.download.unpack.ArchiveError: as `hanet.download.packages.fetch` and `extract`.
    """
    package = fetch(ARCHIVE, folder, progress=progress, index=index)
    unpacked = folder / package.stem
    if not unpacked.is_dir():
        extract(package, ARCHIVE.members, unpacked)
    return unpacked


def read_views(demo: Path) -> dict[Path, CalibratedCamera]:
    """The cameras by their video, in the calibration's order.

    Raises:
        Pose2SimError: a missing video, or as `read_calibration`.
    """
    found = {demo / VIDEOS / f"{camera.name}.mp4": camera for camera in read_calibration(demo / CALIBRATION)}
    if missing := [path for path in found if not path.is_file()]:
        raise Pose2SimError(f"{missing[0]}: no such video, but the calibration has its camera; {_REMEDY}")
    return found


def read_calibration(path: Path) -> list[CalibratedCamera]:
    """The cameras of a Qualisys calibration, see the module.

    Raises:
        Pose2SimError: no such file, not XML, no camera, or a missing or impossible number.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except OSError as error:
        raise Pose2SimError(f"{path}: cannot be read ({error}); {_REMEDY}") from error
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise Pose2SimError(f"{path}: not a calibration in XML ({error}); {_REMEDY}") from error
    cameras = [_camera(element, path) for element in root.iter("camera")]
    names = [camera.name for camera in cameras]
    if len(cameras) < 2 or len(set(names)) < len(names):
        raise Pose2SimError(
            f"{path}: expected two or more cameras of different names, got {', '.join(names) or 'none'}; "
            f"{_REMEDY}"
        )
    return cameras


def _camera(element: ElementTree.Element, path: Path) -> CalibratedCamera:
    name = element.get("serial", "")
    if not name or Path(name).name != name:
        raise Pose2SimError(f"{path}: expected a camera with a serial like cam01, got {name!r}; {_REMEDY}")

    def numbers(tag: str, *keys: str) -> np.ndarray:
        part = element.find(tag)
        given: Mapping[str, str] = {} if part is None else part.attrib
        return np.array([_number(given, key, f"{path}, camera {name}, {tag}") for key in keys])

    left, top, right, bottom = numbers("fov_video", "left", "top", "right", "bottom")
    turned = numbers("transform", *(f"r{a}{b}" for a in "123" for b in "123")).reshape(3, 3)
    rotation = np.diag([1.0, -1.0, -1.0]) @ turned
    position = numbers("transform", "x", "y", "z") / MM_PER_M
    try:
        return CalibratedCamera(
            name=name,
            rotation=rotation,
            translation=-rotation @ position,
            focal=numbers("intrinsic", "focalLengthU", "focalLengthV") / PIXELS,
            centre=numbers("intrinsic", "centerPointU", "centerPointV") / PIXELS,
            radial=numbers("intrinsic", "radialDistortion1", "radialDistortion2", "radialDistortion3"),
            tangential=numbers("intrinsic", "tangentalDistortion1", "tangentalDistortion2"),
            distortion="opencv",
            image_size=(int(right - left) + 1, int(bottom - top) + 1),
        )
    except ValueError as error:
        raise Pose2SimError(f"{path}: {error}; {_REMEDY}") from error


def _number(given: Mapping[str, str], key: str, where: str) -> float:
    try:
        number = float(given[key])
    except KeyError:
        raise Pose2SimError(f"{where}: expected the number {key}, got none; {_REMEDY}") from None
    except ValueError:
        raise Pose2SimError(f"{where}: expected a number {key}, got {given[key][:40]!r}; {_REMEDY}") from None
    if not math.isfinite(number) or abs(number) > 1e9:
        raise Pose2SimError(f"{where}: expected a finite number {key}, got {given[key][:40]}; {_REMEDY}")
    return number
