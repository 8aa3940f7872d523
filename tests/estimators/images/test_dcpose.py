"""DCPose: the published network's numbers, and loading the official file."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hanet.estimators.images.dcpose import DCPose, DeformableConvolution, load
from tests.support import recipe


@pytest.fixture(scope="module")
def released():
    manifest, outputs = recipe.read("estimators", "dcpose_hrnet48_rsn")
    network = DCPose().eval()
    weights = recipe.network_weights({k: v.shape for k, v in network.state_dict().items()}, manifest)
    network.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()})
    assert sum(p.numel() for p in network.parameters()) == manifest["parameters"]
    return network, manifest, outputs


def assert_close(ours: torch.Tensor, theirs: np.ndarray) -> None:
    assert np.abs(ours.numpy() - theirs).max() / theirs.std() <= 5e-5


@torch.no_grad()
def test_the_network_computes_what_the_published_one_does(released):
    network, manifest, outputs = released
    x = torch.from_numpy(recipe.model_input(manifest, "frames"))
    margin = torch.tensor([[1, 1], [1, 3]])
    rough = network.rough(x)
    assert_close(rough.flatten(0, 1)[:, ::4, ::2, ::2], outputs["rough_cur_prev_next"])
    fused = network.fuse(rough, margin)
    assert_close(fused.support[:1], outputs["support"])
    assert_close(fused.differences[:1, ::2], outputs["prf"])
    assert_close(fused.combined[:1, ::4], outputs["combine"])
    assert_close(network.offsets_list[0](fused.combined)[:1, ::17], outputs["offset_d3"])
    assert_close(network.offsets_list[4](fused.combined)[:1, ::17], outputs["offset_d15"])
    assert_close(network.masks_list[0](fused.combined)[:1, ::17], outputs["mask_d3"])
    assert_close(network(x, margin), outputs["heatmaps"])


@torch.no_grad()
def test_the_full_input_size_too(released):
    network, manifest, outputs = released
    x = torch.from_numpy(recipe.model_input(manifest, "frames_full"))
    assert_close(network(x, torch.tensor([[1, 1]]))[:, :, ::3, ::3], outputs["full_heatmaps_step3"])


@torch.no_grad()
def test_offsets_are_rows_before_columns_and_weights_are_raw():
    """One joint, a kernel that is its middle tap: the output is the input moved and scaled."""
    conv = DeformableConvolution(1, dilation=3)
    conv.deform_conv.weight.zero_()[0, 0, 1, 1] = 1.0
    conv.deform_conv.bias.zero_()
    x = torch.randn(1, 1, 6, 8, generator=torch.Generator().manual_seed(0))
    offsets, taps = torch.zeros(1, 18, 6, 8), torch.full((1, 9, 6, 8), -2.0)
    offsets[:, 8] = 1.0  # dy of tap 4
    expected = torch.zeros_like(x)
    expected[:, :, :-1] = -2 * x[:, :, 1:]
    torch.testing.assert_close(conv(x, offsets, taps), expected)


def test_the_official_file_loads(tmp_path, constant_state):
    state = constant_state(DCPose(), "module.")
    path = tmp_path / "PoseTrack17_DCPose.pth"
    torch.save({"state_dict": state, "begin_epoch": 20}, path)
    network, digest = load(path)
    assert not network.training and network.offsets_list[0][0].weight.unique().tolist() == [0.5]
    assert len(digest) == 64
