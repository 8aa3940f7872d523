"""SmoothNet: equal to the released implementation, one channel at a time; its loss; its checkpoints."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from hanet.models.smoothnet import SmoothNet, SmoothNetConfig, load_released, released_names, smoothnet_loss
from tests.support import recipe

SMALL = SmoothNetConfig(window=7, hidden=12, residual_hidden=5, blocks=2)


def build(config: SmoothNetConfig = SMALL) -> SmoothNet:
    torch.manual_seed(0)
    return SmoothNet(config).eval()


# The released implementation


@pytest.mark.parametrize("name", ["smoothnet_w8", "smoothnet_w32"])
@torch.no_grad()
def test_released_outputs(name):
    manifest, outputs = recipe.read("baselines", name)
    weights = recipe.weights(manifest)
    assert recipe.sha256(weights) == manifest["weights_sha256"]
    tensors = {name: torch.from_numpy(values) for name, values in weights.items()}
    model = load_released(tensors, SmoothNetConfig.from_dict(manifest["config"]))
    assert sum(parameter.numel() for parameter in model.parameters()) == manifest["parameters"]
    ours, theirs = model(torch.from_numpy(recipe.model_input(manifest, "detected"))), outputs["smoothed"]
    assert ours.shape == theirs.shape
    assert np.abs(ours.numpy() - theirs).max() / theirs.std() <= 5e-5


def test_the_defaults_are_the_released_models():
    for name in ("smoothnet_w8", "smoothnet_w32"):
        config = recipe.read("baselines", name)[0]["config"]
        assert SmoothNetConfig(window=config["window"]) == SmoothNetConfig.from_dict(config)


# Properties


@torch.no_grad()
def test_every_channel_is_refined_by_itself_and_alike():
    model, x = build(), torch.randn(2, 6, 7)
    whole = model(x)
    for channel in range(6):
        torch.testing.assert_close(model(x[:, [channel]]), whole[:, [channel]])


def test_every_frame_reads_every_frame():
    x = torch.randn(1, 1, 7, requires_grad=True)
    for frame in range(7):
        (gradient,) = torch.autograd.grad(build()(x)[0, 0, frame], x)
        assert (gradient != 0).all()


def test_dropout_is_for_training_alone():
    x = torch.randn(2, 6, 7)
    model = build()
    assert torch.equal(model(x), model(x))
    model.train()
    assert not torch.equal(model(x), model(x))
    model = build(dataclasses.replace(SMALL, dropout=0.0))
    assert torch.equal(model(x), model.train()(x))


def test_mixed_precision_leaves_it_in_single():
    model, x = build(), torch.randn(2, 6, 7)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = model(x)
    assert torch.equal(mixed, model(x))


@pytest.mark.parametrize("shape", [(2, 7, 6), (2, 6, 8)])
def test_refuses_windows_of_another_length(shape):
    with pytest.raises(ValueError, match=rf"\(B, C, 7\), frames last, got \(2, {shape[1]}, {shape[2]}\)"):
        build()(torch.zeros(shape))


# Loss


def test_loss_by_hand():
    """Errors 1, 0, -2, 0: mean 3/4. Their second differences 1 - 0 - 2 = -1 and 0 + 4 + 0 = 4: mean 5/2."""
    refined = torch.tensor([[[1.0, 0, -2, 0]]])
    loss = smoothnet_loss(refined, torch.zeros(1, 1, 4), position_weight=2.0, acceleration_weight=3.0)
    assert loss.position.item() == pytest.approx(2 * 3 / 4)
    assert loss.acceleration.item() == pytest.approx(3 * 5 / 2)
    assert loss.total.item() == pytest.approx(2 * 3 / 4 + 3 * 5 / 2)
    plain = smoothnet_loss(refined, torch.zeros(1, 1, 4))
    assert plain.total.item() == pytest.approx(3 / 4 + 5 / 2)


def test_a_constant_error_has_no_acceleration():
    gt = torch.randn(2, 3, 7)
    loss = smoothnet_loss(gt + 0.5, gt)
    assert loss.position.item() == pytest.approx(0.5)
    assert loss.acceleration.item() == pytest.approx(0, abs=1e-6)


def test_unlabelled_values_do_not_count():
    """As by hand, with a fifth frame and a second channel that are not labelled."""
    refined = torch.tensor([[[1.0, 0, -2, 0, 9], [7, 0, 7, 0, 7]]], requires_grad=True)
    mask = torch.tensor([[[True] * 4 + [False], [False] * 5]])
    gt = torch.where(mask, 0.0, math.nan)
    loss = smoothnet_loss(refined, gt, mask=mask)
    assert loss.position.item() == pytest.approx(3 / 4)
    assert loss.acceleration.item() == pytest.approx(5 / 2)
    (gradient,) = torch.autograd.grad(loss.total, refined)
    assert gradient.isfinite().all() and not gradient[~mask].any()


def test_a_mask_of_all_changes_nothing():
    refined, gt = torch.randn(2, 2, 3, 7)
    whole = smoothnet_loss(refined, gt)
    for shape in ((2, 3, 7), (2, 1, 7)):
        masked = smoothnet_loss(refined, gt, mask=torch.ones(shape, dtype=torch.bool))
        assert all(torch.equal(a, b) for a, b in zip(masked, whole, strict=True))


def test_loss_refuses_other_shapes_and_too_few_frames(unchecked):
    with pytest.raises(ValueError, match="poses of equal shape and at least 3 frames"):
        smoothnet_loss(torch.zeros(1, 2, 7), torch.zeros(1, 3, 7))
    with pytest.raises(ValueError, match="poses of equal shape and at least 3 frames"):
        smoothnet_loss(torch.zeros(1, 2, 2), torch.zeros(1, 2, 2))


# Released checkpoints


def released_state(model: SmoothNet, prefix: str = "") -> dict[str, Tensor]:
    """What the authors' implementation would have saved."""
    own = model.state_dict()
    return {prefix + name: own[part] for name, (part,) in released_names(model).items()}


@pytest.mark.parametrize("prefix", ["", "module."])
def test_checkpoints_with_and_without_prefix(prefix, tmp_path):
    model, path = build(), tmp_path / "checkpoint.pth.tar"
    torch.save({"epoch": 3, "state_dict": released_state(model, prefix)}, path)
    loaded = load_released(path, SMALL)
    assert not loaded.training
    for (name, ours), theirs in zip(loaded.state_dict().items(), model.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs), name


def test_what_does_not_fit_is_named():
    state = released_state(build())
    del state["encoder.0.bias"]
    state |= {"surprise": torch.zeros(1), "decoder.bias": torch.zeros(9)}
    with pytest.raises(ValueError, match="not a released SmoothNet of this configuration") as caught:
        load_released(state, SMALL)
    for problem in (
        "encoder.0.bias is missing",
        "surprise is unexpected",
        "decoder.bias is (9,), but the configuration expects (7,)",
    ):
        assert problem in str(caught.value)
    with pytest.raises(ValueError, match=r"res_blocks\.2\.linear1\.bias is missing"):
        load_released(released_state(build()), dataclasses.replace(SMALL, blocks=3))


# Configuration


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"window": 0}, "window: expected a number of at least 1, got 0"),
        ({"residual_hidden": 0}, "residual_hidden: expected a number of at least 1, got 0"),
        ({"blocks": 0}, "blocks: expected a number of at least 1, got 0"),
        ({"dropout": 1.0}, r"dropout: expected a number below 1, got 1\.0"),
    ],
)
def test_configuration_refuses(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SMALL, **changes)


def test_configuration_to_and_from_plain_values():
    assert SmoothNetConfig.from_dict(SMALL.to_dict()) == SMALL
    with pytest.raises(ValueError, match=r"^res_hidden: unknown key; known here: blocks, dropout"):
        SmoothNetConfig.from_dict({"window": 8, "res_hidden": 256})
    with pytest.raises(ValueError, match=r"^window: missing, but required"):
        SmoothNetConfig.from_dict({})
