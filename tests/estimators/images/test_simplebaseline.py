"""SimpleBaseline: the published networks' numbers, and loading official files."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch

from hanet.estimators.images.simplebaseline import PoseResNet, load
from tests.support import recipe

NETWORKS = {
    "simplebaseline_r50_coco17_256x192": (17, 50),
    "simplebaseline_r50_mpii16_256x256": (16, 50),
    "simplebaseline_r101_mpii16_384x384": (16, 101),
}


@pytest.mark.parametrize("name", NETWORKS)
@torch.no_grad()
def test_the_network_computes_what_the_published_one_does(name):
    joints, layers = NETWORKS[name]
    manifest, outputs = recipe.read("estimators", name)
    network = PoseResNet(joints, layers=layers).eval()
    weights = recipe.network_weights({k: v.shape for k, v in network.state_dict().items()}, manifest)
    network.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()})
    assert sum(p.numel() for p in network.parameters()) == manifest["parameters"]
    ours = network(torch.from_numpy(recipe.model_input(manifest, "image"))).numpy()
    theirs = outputs["heatmaps_step2"]
    assert np.abs(ours[:, :, ::2, ::2] - theirs).max() / theirs.std() <= 5e-5


@pytest.fixture(scope="module")
def state(constant_state):
    return constant_state(PoseResNet(16))


@pytest.mark.parametrize("layout", ["bare", "training"])
def test_official_files_load(tmp_path, state, layout):
    content = (
        state
        if layout == "bare"
        else {"state_dict": {f"module.{k}": v for k, v in state.items()}, "epoch": 140}
    )
    torch.save(content, tmp_path / "pose_resnet.pth.tar")
    network, digest = load(tmp_path / "pose_resnet.pth.tar", joints=16, layers=50)
    assert not network.training
    assert network.final_layer.weight.unique().tolist() == [0.5]
    assert digest == hashlib.sha256((tmp_path / "pose_resnet.pth.tar").read_bytes()).hexdigest()


def test_files_without_batch_counters_load(tmp_path, state):
    """PyTorch wrote none before version 0.4.1."""
    old = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    torch.save(old, tmp_path / "old.pth.tar")
    network, _ = load(tmp_path / "old.pth.tar", joints=16, layers=50)
    assert network.bn1.num_batches_tracked == 0 and network.bn1.weight[0] == 0.5


def test_a_file_of_another_network_is_refused_by_name(tmp_path, state):
    torch.save(state, tmp_path / "r50.pth.tar")
    with pytest.raises(ValueError, match=r"is not an official PoseResNet: layer3\.10\.bn1\.bias is missing"):
        load(tmp_path / "r50.pth.tar", joints=16, layers=101)
    with pytest.raises(
        ValueError, match=r"final_layer\.bias is \(16,\), but the configuration expects \(17,\)"
    ):
        load(tmp_path / "r50.pth.tar", joints=17, layers=50)
