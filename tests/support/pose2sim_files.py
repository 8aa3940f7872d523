"""Pose2Sim's demo as its package holds it: a Qualisys calibration, and videos; and what the cameras see."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from hanet.datasets.pose2sim.demo import CALIBRATION, VIDEOS
from hanet.figures.video import write_mp4
from hanet.poses.cameras import CalibratedCamera, look_at
from hanet.poses.skeletons import COCO17
from tests.support.walking import walker

NAMES = ("cam01", "cam02", "cam03", "cam04")
FPS = 60.0
SIZE = (1088, 1920)
RADIAL, TANGENTIAL = (-0.046, 0.14, 0.0), (0.0006, -0.0005)


def cameras() -> list[CalibratedCamera]:
    """Four cameras around the middle of the walk, four metres away."""
    found = []
    for k, name in enumerate(NAMES):
        camera = look_at(
            np.array([0.3, 0.0, 0.9]), azimuth=0.6 + k * np.pi / 2, elevation=0.2, distance=4.0, focal=1680.0,
            image_size=SIZE,
        )  # fmt: skip
        found.append(
            CalibratedCamera(
                name=name,
                rotation=camera.rotation,
                translation=-camera.rotation @ camera.position,
                focal=np.array([1681.0, 1680.0]),
                centre=np.array([533.0, 948.0]),
                radial=np.array(RADIAL),
                tangential=np.array(TANGENTIAL),
                distortion="opencv",
                image_size=SIZE,
            )
        )
    return found


def world(frames: int) -> np.ndarray:
    """COCO's joints of a walker (frames, 17, 3), metres, z up."""
    x, y, z = np.moveaxis(walker(frames, fps=FPS), -1, 0)
    return np.stack([x, -z, y], axis=-1)


def calibration(views: list[CalibratedCamera]) -> str:
    """The text of ``Calib.qca.txt``."""
    rows = []
    for one in views:
        turn = (np.diag([1.0, -1.0, -1.0]) @ one.rotation).tolist()
        turned = " ".join(f'r{a + 1}{b + 1}="{turn[a][b]!r}"' for a in range(3) for b in range(3))
        place = " ".join(
            f'{axis}="{1000 * v!r}"' for axis, v in zip("xyz", one.position.tolist(), strict=True)
        )
        fx, fy, cx, cy = (64 * np.concatenate([one.focal, one.centre])).tolist()
        k1, k2, k3 = one.radial.tolist()
        p1, p2 = one.tangential.tolist()
        width, height = one.image_size
        rows.append(
            f'<camera active="1" serial="{one.name}" viewrotation="0">'
            f'<fov_video bottom="{height - 1}" left="0" right="{width - 1}" top="0"/>'
            f"<transform {turned} {place}/>"
            f'<intrinsic centerPointU="{cx}" centerPointV="{cy}" focalLengthU="{fx}" focalLengthV="{fy}" '
            f'radialDistortion1="{k1}" radialDistortion2="{k2}" radialDistortion3="{k3}" skew="0.0" '
            f'tangentalDistortion1="{p1}" tangentalDistortion2="{p2}"/></camera>'
        )
    head = "<?xml version='1.0' encoding='ASCII'?>\n<calibration type=\"regular\"><cameras>"
    return f"{head}{''.join(rows)}</cameras></calibration>\n"


def write_package(path: Path, frames: int) -> Path:
    """A wheel with the demo: grey videos of a few pixels, whose first pixel is 100."""
    film = path.with_suffix(".mp4")
    write_mp4(film, (np.full((48, 64, 3), 100, np.uint8) for _ in range(frames)), fps=FPS)
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(CALIBRATION, calibration(cameras()))
        for name in NAMES:
            wheel.write(film, f"{VIDEOS}/{name}.mp4")
        wheel.writestr("Pose2Sim/code.py", "raise SystemExit")
    film.unlink()
    return path


def joints() -> tuple[str, ...]:
    """Names of `world`'s joints."""
    return COCO17.joints
