"""Trained models: how they are read, and descriptions that hold numbers which no float can."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from hanet.methods.exported import ExportedMethod
from hanet.methods.learned import LearnedMethod
from hanet.methods.trained import TrainedNetwork
from hanet.models import checkpoints
from hanet.models.descriptions import EXPORTED
from hanet.models.export import export
from hanet.models.smoothnet import SmoothNet, SmoothNetConfig
from hanet.models.trained_on import PoseKind


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("fps", [10**400, -(10**400), 10**5, 0])
def test_a_frame_rate_that_cannot_be_names_the_model(tmp_path: Path, fps: int) -> None:
    kind = PoseKind("h36m17", "3d", "m", "camera_root_relative", 60.0).to_dict() | {"fps": fps}
    checkpoints.save(SmoothNet(SmoothNetConfig(8, 16, 8, 1)), tmp_path, metadata={"poses": kind})
    assert str(fps) in (tmp_path / checkpoints.DESCRIPTION).read_text()
    with pytest.raises(ValueError, match=re.escape(str(tmp_path))) as caught:
        TrainedNetwork.open(tmp_path)
    assert len(str(caught.value)) < 1000 and "restore the" in str(caught.value)


def test_a_sound_description(tmp_path: Path) -> None:
    kind = PoseKind("h36m17", "3d", "m", "camera_root_relative", 60.0)
    checkpoints.save(SmoothNet(SmoothNetConfig(8, 16, 8, 1)), tmp_path, metadata={"poses": kind.to_dict()})
    assert json.loads((tmp_path / checkpoints.DESCRIPTION).read_text())
    assert TrainedNetwork.open(tmp_path).kind == kind


def test_the_export_in_a_folder_is_what_runs(tmp_path: Path) -> None:
    """That of the folder's weights, with the folder's name; another's is left alone, damage refused."""
    kind = PoseKind("h36m17", "3d", "m", "camera_root_relative", 60.0)
    folders = [tmp_path / name for name in ("walk", "dance")]
    for folder in folders:
        checkpoints.save(SmoothNet(SmoothNetConfig(8, 16, 8, 1)), folder, metadata={"poses": kind.to_dict()})
    walk, dance = folders
    assert isinstance((before := TrainedNetwork.open(walk)).method, LearnedMethod)
    export(walk, walk / EXPORTED, kind)
    found = TrainedNetwork.open(walk)
    assert isinstance(found.method, ExportedMethod) and found.method.name == before.method.name == "walk"
    assert (found.kind, found.skeleton, found.settings) == (before.kind, before.skeleton, before.settings)
    # Told what it was trained on, it does not ask the export.
    assert isinstance(TrainedNetwork.open(walk, kind=kind).method, LearnedMethod)
    content = (walk / EXPORTED).read_bytes()
    (dance / EXPORTED).write_bytes(content)
    assert isinstance(TrainedNetwork.open(dance).method, LearnedMethod)
    (walk / EXPORTED).write_bytes(content[:-20])
    with pytest.raises(ValueError, match="export the model again"):
        TrainedNetwork.open(walk)
