"""PARE: the published network's numbers, and loading the official file."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hanet.estimators.images.pare import PARE, LocalLinear, load
from tests.support import recipe


@torch.no_grad()
def test_the_network_computes_what_the_published_one_does():
    manifest, outputs = recipe.read("estimators", "pare_hrnet_w32_conv")
    network = PARE().eval()
    weights = recipe.network_weights({k: v.shape for k, v in network.state_dict().items()}, manifest)
    network.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()})
    assert sum(p.numel() for p in network.parameters()) == manifest["parameters"]
    features = network.backbone(torch.from_numpy(recipe.model_input(manifest, "image")))
    found = network.head(features)
    for name, ours in {
        "backbone_sample0": features[0, ::16, ::4, ::4],
        "pred_segm_mask_sample0_step2": network.head.part_maps(features)[0, :, ::2, ::2],
        "pred_rotmat": found.rotations,
        "pred_shape": found.betas,
        "pred_cam": found.camera,
    }.items():
        assert np.abs(ours.numpy() - outputs[name]).max() / outputs[name].std() <= 5e-5, name


@torch.no_grad()
def test_each_part_has_a_layer_of_its_own():
    layer = LocalLinear(2, 3, 4)
    x = torch.arange(8.0).reshape(1, 2, 4)
    before = layer(x)
    layer.weight[0, :, :, 1] += 1
    change = layer(x) - before
    assert change[0, [0, 2, 3]].abs().max() == 0
    torch.testing.assert_close(change[0, 1], torch.full((3,), 1.0 + 5.0))


def test_the_official_file_loads_without_its_body_model(tmp_path, constant_state):
    state = constant_state(PARE(), "model.")
    others = {"model.smpl.smpl.betas": torch.zeros(1, 10), "smpl.faces": torch.zeros(3)}
    path = tmp_path / "pare_checkpoint.ckpt"
    torch.save({"state_dict": state | others, "global_step": 1}, path)
    network, digest = load(path)
    assert not network.training and network.head.shape_mlp.weight.unique().tolist() == [0.5]
    assert len(digest) == 64

    torch.save({"state_dict": state | {"model.extra": torch.zeros(1)}}, path)
    with pytest.raises(ValueError, match="not an official PARE: extra is unexpected"):
        load(path)
