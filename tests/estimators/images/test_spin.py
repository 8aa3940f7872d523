"""SPIN: the published network's numbers, and loading the official file."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hanet.estimators.images.spin import HMR, load
from tests.support import recipe


@pytest.fixture(scope="module")
def released():
    manifest, outputs = recipe.read("estimators", "spin_hmr_r50")
    network = HMR().eval()
    weights = recipe.network_weights({k: v.shape for k, v in network.state_dict().items()}, manifest)
    network.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()})
    assert sum(p.numel() for p in network.parameters()) == manifest["parameters"]
    return network, torch.from_numpy(recipe.model_input(manifest, "image")), outputs


def assert_close(ours: torch.Tensor, theirs: np.ndarray) -> None:
    assert np.abs(ours.numpy() - theirs).max() / theirs.std() <= 5e-5


@torch.no_grad()
def test_the_network_computes_what_the_published_one_does(released):
    network, x, outputs = released
    features = network.features(x)
    assert_close(features[:, ::8], outputs["features_every8"])
    assert_close(network.regress(features, iterations=1).rotations, outputs["rotmat_iter1"])
    found = network(x)
    assert_close(found.rotations, outputs["rotmat"])
    assert_close(found.betas, outputs["betas"])
    assert_close(found.camera, outputs["cam"])


@torch.no_grad()
def test_without_a_step_the_means_come_back(released):
    network, _, _ = released
    found = network.regress(torch.zeros(3, 2048), iterations=0)
    assert torch.equal(found.betas, network.init_shape.expand(3, -1))
    assert torch.equal(found.camera, network.init_cam.expand(3, -1))


def test_the_official_file_loads(tmp_path, constant_state):
    path = tmp_path / "model_checkpoint.pt"
    torch.save({"model": constant_state(HMR()), "epoch": 64, "optimizer": {"state": {}}}, path)
    network, digest = load(path)
    assert not network.training and network.init_pose.unique().tolist() == [0.5]
    assert len(digest) == 64


def test_another_layout_is_refused(tmp_path):
    path = tmp_path / "other.pt"
    torch.save({"state_dict": {}, "epoch": 1}, path)
    with pytest.raises(
        ValueError, match="expected a state dict under 'model', the file holds epoch, state_dict"
    ):
        load(path)
