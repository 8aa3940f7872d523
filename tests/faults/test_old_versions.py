"""Files of every version so far (tests/reference/golden) open, with the values that were written."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hanet.cache.files import PoseCache
from hanet.methods.calibration_files import load_calibration
from hanet.models import checkpoints
from hanet.models.exported import ExportedNetwork
from hanet.models.hanet import HANet
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import JHMDB15
from hanet.smpl.side_table import SideTable
from hanet.training.state import load_state
from tests.support.cache_files import assert_same
from tests.support.paths import REFERENCE

GOLDEN = REFERENCE / "golden"
DECODED = [
    *(-5.835384, -0.733819, 4.367747, 9.469312, -6.354955, -0.766658, 4.821639, 10.409936),
    *(-6.874526, -0.799497, 5.275531, 11.350559, -7.412347, -0.850589, 5.71117, 12.272929),
    *(-7.95017, -0.901681, 6.14681, 13.195299),
]
"""What the version that wrote `checkpoint-1` made of numbers that rise from 0 to 1."""
REFINED = [-11.964464, -8.076618, -4.188773, -0.300927, 3.586918, 7.474764, 11.362610, 15.250455]
"""What the version that wrote `exported-1` made of channel 7 of such numbers."""


def keypoints(name: str, frames: int, start: int, number: int, **more) -> PoseSequence:
    values = np.linspace(-100, 500, frames * 30).reshape(frames, 15, 2).astype(np.float32) + np.float32(
        number
    )
    return PoseSequence.keypoints(name, values, JHMDB15, fps=25.0, track=number, start=start, **more)


@pytest.mark.parametrize("version", ["cache-1", "cache-1-sealed"])
def test_caches_open(version):
    walk = keypoints(
        "walk", 12, 0, 0,
        scores=np.linspace(0, 1, 180).reshape(12, 15).astype(np.float32),
        boxes=np.linspace(0, 99, 48).reshape(12, 4).astype(np.float32),
        image_size=(320, 240),
    )  # fmt: skip
    walk.values[3, 4] = np.nan
    run = keypoints("ü/run", 7, 5, 1, labelled=np.arange(105).reshape(7, 15) % 3 > 0)
    cache = PoseCache.open(GOLDEN / version / "poses.parquet", skeleton=JHMDB15)
    for found, expected in zip(cache.sequences(), (walk, run), strict=True):
        assert_same(found, expected)
    assert cache.metadata.provenance == {"source": "sha256:00"}
    assert len(cache.read()) == 19


@pytest.mark.parametrize("version", ["side-table-1", "side-table-1-sealed"])
def test_side_tables_open(version):
    poses = PoseSequence.rotations("a", np.zeros((5, 24, 6), np.float32), fps=25.0, start=2)
    track = SideTable(GOLDEN / version / "poses.side").attach(poses)
    np.testing.assert_array_equal(track.betas, np.linspace(-1, 1, 50).reshape(5, 10).astype(np.float32))
    np.testing.assert_array_equal(track.transl, np.linspace(0, 3, 15).reshape(5, 3).astype(np.float32))
    assert track.scaling == 0.9


@pytest.mark.parametrize("version", ["checkpoint-1", "checkpoint-2"])
def test_checkpoints_open_and_refine_as_they_did(version):
    model = checkpoints.load(GOLDEN / version)
    assert isinstance(model, HANet)
    for tensor in model.state_dict().values():
        assert torch.equal(tensor, torch.linspace(-0.5, 0.5, tensor.numel()).reshape(tensor.shape))
    with torch.inference_mode():
        decoded = model(torch.linspace(0, 1, 20).reshape(1, 5, 4)).decoder_pose
    torch.testing.assert_close(decoded.flatten(), torch.tensor(DECODED), rtol=1e-5, atol=1e-5)
    assert checkpoints.read_metadata(GOLDEN / version) == {"seed": 4321}
    assert checkpoints.read_description(GOLDEN / version)["network"] == "hanet"


@pytest.mark.parametrize("version", ["state-1", "state-1-hashed"])
def test_states_of_trainings_open(version):
    state = load_state(GOLDEN / version / "state.safetensors", "a fingerprint")
    assert state is not None and state[1] == {"epoch": 3, "history": []}
    assert torch.equal(state[0]["model.w"], torch.linspace(0, 1, 6).reshape(2, 3))


@pytest.mark.parametrize("version", ["exported-1", "exported-1-sealed"])
def test_exported_networks_open_and_refine_as_they_did(version):
    network = ExportedNetwork.open(GOLDEN / version / "model.onnx")
    refined = network.refine(np.linspace(0, 1, 8 * 51).reshape(1, 8, 51))
    np.testing.assert_allclose(refined[0, :, 7], REFINED, rtol=1e-5, atol=1e-5)
    assert network.poses["skeleton"] == "h36m17" and network.poses["fps"] == 60.0


@pytest.mark.parametrize("version", ["calibration-1", "calibration-1-hashed"])
def test_calibrations_open(version):
    made = load_calibration(GOLDEN / version)
    assert (made.joints, made.bones, made.dimensions) == (("a", "b", "c"), ((0, 1), (1, 2)), 2)
    assert (made.unit, made.strength, made.errors) == ("px", 3.0, {"input": 1.0})
    np.testing.assert_array_equal(made.offset, np.linspace(0, 1, 6).reshape(3, 2))
    np.testing.assert_array_equal(made.weight, np.linspace(0, 2, 24).reshape(4, 6))
