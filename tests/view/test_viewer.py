"""What rerun's viewer is sent, read back by rerun's own program."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rerun as rr

from hanet.formats import read
from hanet.poses.skeletons import COCO17
from hanet.view import viewer
from hanet.view.people import People, pair
from tests.support.walking import walker


@pytest.fixture
def people(tmp_path: Path) -> People:
    joints = np.array(COCO17.joints)
    poses = walker(40)
    np.savez(tmp_path / "refined.npz", poses=poses, fps=25.0, joints=joints)
    poses[10:15, COCO17.index("nose")] = np.nan
    scores = np.ones(poses.shape[:2])
    np.savez(tmp_path / "walk.npz", poses=poses, fps=25.0, joints=joints, scores=scores)
    return pair(read(tmp_path / "walk.npz"), read(tmp_path / "refined.npz"))


def test_skeletons_curves_and_counts_are_sent(people: People, tmp_path: Path):
    path = tmp_path / "walk.rrd"
    recording = rr.RecordingStream("hanet")
    recording.save(path)
    viewer.send(people, recording, "walk")
    recording.flush()
    recording.disconnect()
    program = [sys.executable, "-m", "rerun", "rrd", "print", str(path)]
    printed = subprocess.run(
        program, env={**os.environ, "CI": "1"}, capture_output=True, text=True, check=True
    ).stdout
    rows = {
        (match[2], match[3]): int(match[1])
        for match in re.finditer(r"with (\d+) rows .*? - (/\S+) - data columns: \[([\w:]+)", printed)
    }
    for layer in ("detected", "refined"):
        assert rows[f"/walk/person0/{layer}/joints", "Points3D:positions"] == 40
        assert rows[f"/walk/person0/{layer}/bones", "LineStrips3D:strips"] == 40
        assert rows[f"/joints/walk/person0/{layer}/leaping", "Scalars:scalars"] == 40
    assert rows["/curves/walk/person0/nose/x/detected", "Scalars:scalars"] == 35
    assert rows["/curves/walk/person0/nose/x/refined", "Scalars:scalars"] == 40
    assert rows["/joints/walk/person0/confidence", "Scalars:scalars"] == 40
    assert "ViewCoordinates" in printed


def test_a_viewer_that_does_not_start_is_one_line(
    people: People, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CI", "1")  # rerun then reports nothing
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(ValueError, match=r"viewer does not start \(.*DISPLAY.*\); give --html PAGE.html"):
        viewer.open_viewer(people, "walk")
    assert not list(tmp_path.glob("hanet-view-*"))
