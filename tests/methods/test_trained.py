"""Trained models whose description holds numbers that no float can."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from hanet.methods.trained import TrainedNetwork
from hanet.models import checkpoints
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
