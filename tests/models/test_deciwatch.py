"""DeciWatch: equal to the released implementation and to its dense form; its loss; its checkpoints."""

from __future__ import annotations

import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from benchmarks.dense import decode
from hanet.models.deciwatch import (
    DeciWatch,
    DeciWatchConfig,
    DeciWatchOutput,
    deciwatch_loss,
    load_released,
    released_names,
)
from hanet.models.temporal import sine_positions
from tests.support import recipe

SMALL = DeciWatchConfig(
    channels=6, interval=5, window=21, hidden=8, encoder_layers=2, decoder_layers=1, heads=2, feedforward=12
)


def small(**changes: object) -> DeciWatchConfig:
    return dataclasses.replace(SMALL, **changes)


def build(config: DeciWatchConfig, seed: int = 0) -> DeciWatch:
    torch.manual_seed(seed)
    model = DeciWatch(config).eval()
    for parameter in model.parameters():  # no zero biases, no identities: every parameter matters
        torch.nn.init.normal_(parameter, std=0.3)
    return model


# The released implementation


@pytest.fixture(scope="module", params=["deciwatch_jhmdb_2d", "deciwatch_pw3d_3d"])
def released(request: pytest.FixtureRequest) -> SimpleNamespace:
    """A model with recipe weights, what it returns, and the reference."""
    manifest, outputs = recipe.read("baselines", request.param)
    weights = recipe.weights(manifest)
    tensors = {name: torch.from_numpy(values) for name, values in weights.items()}
    model = load_released(tensors, DeciWatchConfig.from_dict(manifest["config"]))
    with torch.no_grad():
        output = model(torch.from_numpy(recipe.model_input(manifest, "detected")))
    return SimpleNamespace(
        manifest=manifest, sha256=recipe.sha256(weights), model=model, output=output, **outputs
    )


def test_the_weights_are_the_recipe_s(released):
    assert released.sha256 == released.manifest["weights_sha256"]
    parameters = sum(parameter.numel() for parameter in released.model.parameters())
    assert parameters == released.manifest["parameters"]


def test_released_outputs(released):
    for ours, theirs in (
        (released.output.recovered_pose, released.recovered_pose),
        (released.output.denoised_pose, released.denoised_pose_watched),
    ):
        assert ours.shape == theirs.shape
        assert np.abs(ours.numpy() - theirs).max() / theirs.std() <= 5e-5


def test_released_loss(released):
    manifest = released.manifest
    gt = torch.from_numpy(recipe.model_input(manifest, "gt"))
    loss = deciwatch_loss(released.output, gt, interval=10, loss_weight=manifest["loss_weight"])
    assert loss.total.item() == pytest.approx(manifest["loss"], rel=1e-6)


# The dense form


def dense(model: DeciWatch, x: Tensor) -> tuple[Tensor, Tensor]:
    """All frames computed, the unwatched ones zero and hidden from attention and interpolation."""
    config, frames = model.config, torch.arange(model.config.window)
    watched = frames % config.interval == 0
    position = sine_positions(config.window, config.hidden).float()
    x = x * watched[:, None]
    memory = model.encoder.enter(x)
    for layer in model.encoder.layers:
        memory = layer(memory, position, allowed=watched & (frames != frames[:, None]))
    memory = model.encoder.norm(memory)
    denoised = (model.encoder_offset(memory) + x)[:, :: config.interval]

    pose = F.interpolate(denoised.mT, size=config.window, mode="linear", align_corners=True).mT
    y = model.decoder.embed(pose.mT).permute(2, 0, 1)  # frames first
    for layer in model.decoder.layers:
        y = decode(layer, y, memory.transpose(0, 1), position[:, None], ~watched.expand(len(x), -1))
    return model.decoder_offset(model.decoder.norm(y)).transpose(0, 1) + pose, denoised


@st.composite
def configurations(draw: st.DrawFn) -> DeciWatchConfig:
    interval, heads = draw(st.integers(1, 6)), draw(st.sampled_from([1, 2, 4]))
    return DeciWatchConfig(
        channels=draw(st.integers(1, 7)),
        interval=interval,
        window=interval * draw(st.integers(1, 5)) + 1,
        hidden=4 * heads,
        encoder_layers=draw(st.integers(1, 3)),
        decoder_layers=draw(st.integers(1, 3)),
        heads=heads,
        feedforward=5,
        pre_norm=draw(st.booleans()),
    )


@settings(max_examples=30)
@given(configurations(), st.integers(0, 2**16))
def test_watched_frames_alone_give_the_dense_form(config, seed):
    """Outputs, loss and all gradients, in double precision."""
    model = build(config, seed).double()
    x = torch.randn(2, config.window, config.channels, dtype=torch.float64, requires_grad=True)
    gt = torch.randn_like(x)
    results = []
    for form in (model, lambda x: DeciWatchOutput(*dense(model, x))):
        output = form(x)
        loss = deciwatch_loss(output, gt, interval=config.interval, loss_weight=3.0).total
        gradients = torch.autograd.grad(loss, [x, *model.parameters()])
        results.append((*output, loss, *gradients))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6 * (1 + theirs.abs().max().item()))


# What it reads


def test_unwatched_frames_have_no_influence():
    model, x = build(SMALL), torch.randn(2, 21, 6)
    blank = torch.full_like(x, math.nan)
    blank[:, ::5] = x[:, ::5]
    for ours, expected in zip(model(blank), model(x), strict=True):
        assert torch.equal(ours, expected)


def test_every_watched_frame_reaches_every_frame():
    x = torch.randn(1, 21, 6, requires_grad=True)
    for frame in (0, 7, 20):
        (gradient,) = torch.autograd.grad(build(SMALL)(x).recovered_pose[0, frame].sum(), x)
        assert gradient.abs().amax(dim=(0, 2)).nonzero().flatten().tolist() == [0, 5, 10, 15, 20]


def test_offsets_of_zero_interpolate_the_watched_frames():
    model = build(SMALL)
    for offset in (model.encoder_offset, model.decoder_offset):
        torch.nn.init.zeros_(offset.weight)
        torch.nn.init.zeros_(offset.bias)
    x = torch.randn(1, 21, 6)
    output = model(x)
    assert torch.equal(output.denoised_pose, x[:, ::5])
    torch.testing.assert_close(output.recovered_pose[:, 6], 0.8 * x[:, 5] + 0.2 * x[:, 10])


def test_mixed_precision_is_for_offsets_alone():
    """Poses of thousands with offsets near zero come through in single precision."""
    model, x = build(SMALL), 4000 + torch.randn(2, 21, 6)
    for offset in (model.encoder_offset, model.decoder_offset):
        torch.nn.init.normal_(offset.weight, std=1e-4)
        torch.nn.init.zeros_(offset.bias)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = model(x)
    for ours, expected in zip(mixed, model(x), strict=True):
        torch.testing.assert_close(ours, expected, rtol=0, atol=0.01)  # bfloat16 has steps of 16 there


@pytest.mark.parametrize("shape", [(2, 20, 6), (2, 21, 5)])
def test_refuses_windows_of_another_shape(shape):
    with pytest.raises(ValueError, match=rf"windows \(B, 21, 6\), got \(2, {shape[1]}, {shape[2]}\)"):
        DeciWatch(SMALL)(torch.zeros(shape))


# Loss


def test_loss_by_hand():
    """3 frames, first and last watched: 6 numbers err by 1 + 2 + 1 = 4, of 4 watched ones by 3 + 1 = 4."""
    output = DeciWatchOutput(torch.tensor([[[1.0, 0], [0, -2], [1, 0]]]), torch.tensor([[[3.0, 0], [0, -1]]]))
    loss = deciwatch_loss(output, torch.zeros(1, 3, 2), interval=2, loss_weight=5.0)
    assert loss.recover.item() == pytest.approx(5 * 4 / 6)
    assert loss.denoise.item() == pytest.approx(4 / 4)
    assert loss.total.item() == pytest.approx(5 * 4 / 6 + 1)


def random_case() -> tuple[DeciWatchOutput, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    recovered, denoised, gt = (torch.randn(2, frames, 6, generator=generator) for frames in (5, 3, 5))
    mask = torch.rand(2, 5, 6, generator=generator) < 0.6
    return DeciWatchOutput(recovered.requires_grad_(), denoised.requires_grad_()), gt, mask


def test_the_loss_is_a_mean_over_labelled_values():
    output, gt, mask = random_case()
    loss = deciwatch_loss(output, torch.where(mask, gt, math.nan), interval=2, loss_weight=2.0, mask=mask)
    watched = mask[:, ::2]
    assert loss.recover.item() == pytest.approx(2 * (output[0] - gt)[mask].abs().mean().item())
    assert loss.denoise.item() == pytest.approx((output[1] - gt[:, ::2])[watched].abs().mean().item())
    recovered, denoised = torch.autograd.grad(loss.total, output)
    assert torch.equal(recovered != 0, mask) and torch.equal(denoised != 0, watched)


def test_a_mask_of_all_changes_nothing_and_one_of_none_gives_zero():
    output, gt, _ = random_case()
    options = {"interval": 2, "loss_weight": 2.0}
    whole = deciwatch_loss(output, gt, **options)
    all_frames = deciwatch_loss(output, gt, **options, mask=torch.ones(2, 5, 1, dtype=torch.bool))
    for ours, expected in zip(all_frames, whole, strict=True):
        assert torch.equal(ours, expected)
    nothing = torch.zeros(2, 5, 1, dtype=torch.bool)
    assert deciwatch_loss(output, gt * math.nan, **options, mask=nothing).total.item() == 0


@pytest.mark.parametrize("interval", [1, 4])
def test_loss_refuses_other_shapes(interval, unchecked):
    output, gt, _ = random_case()
    with pytest.raises(ValueError, match=rf"\(2, 5, 6\) at interval {interval} needs .* \(2, 3, 6\)"):
        deciwatch_loss(output, gt, interval=interval, loss_weight=1.0)
    with pytest.raises(ValueError, match=r"got \(2, 5, 6\) and \(2, 3, 6\)"):
        deciwatch_loss(output, gt[:1], interval=2, loss_weight=1.0)


# Released checkpoints


def released_state(model: DeciWatch, prefix: str = "transformer.") -> dict[str, Tensor]:
    """What the authors' implementation would have saved."""
    own = model.state_dict()
    return {
        name.replace("transformer.", prefix): torch.cat([own[part] for part in parts])
        for name, parts in released_names(model).items()
    }


@pytest.mark.parametrize("pre_norm", [True, False])
@pytest.mark.parametrize("prefix", ["transformer.", "module.transformer.", "module.", ""])
def test_checkpoints_with_any_prefix(pre_norm, prefix, tmp_path):
    model, path = build(small(pre_norm=pre_norm)), tmp_path / "checkpoint.pth.tar"
    torch.save({"epoch": 3, "state_dict": released_state(model, prefix)}, path)
    loaded = load_released(path, model.config)
    assert not loaded.training
    for (name, ours), theirs in zip(loaded.state_dict().items(), model.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs), name


def test_what_does_not_fit_is_named():
    state = released_state(build(SMALL))
    del state["transformer.encoder.norm.bias"]
    state["transformer.surprise"] = torch.zeros(1)
    state["transformer.decoder_joints_embed.bias"] = torch.zeros(9)
    with pytest.raises(ValueError, match="not a released DeciWatch of this configuration") as caught:
        load_released(state, SMALL)
    for problem in (
        "transformer.encoder.norm.bias is missing",
        "transformer.surprise is unexpected",
        "transformer.decoder_joints_embed.bias is (9,), but the configuration expects (6,)",
    ):
        assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"pre_norm": False}, r"encoder\.norm\.bias is unexpected"),
        ({"encoder_layers": 3}, r"encoder\.layers\.2\.linear1\.bias is missing"),
        ({"decoder_layers": 2}, r"decoder\.layers\.1\.linear1\.bias is missing"),
        (
            {"channels": 4},
            r"decoder_embed\.weight is \(8, 6, 5\), but the configuration expects \(8, 4, 5\)",
        ),
    ],
)
def test_checkpoints_of_another_configuration_are_refused(changes, problem):
    with pytest.raises(ValueError, match=problem):
        load_released(released_state(build(SMALL)), small(**changes))


# Configuration


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoder_layers": 0}, "encoder_layers: expected a number of at least 1, got 0"),
        ({"decoder_layers": 0}, "decoder_layers: expected a number of at least 1, got 0"),
        ({"hidden": 9}, "hidden must be even and a multiple of heads=2, got 9"),
        ({"window": 20}, r"window must be interval·Q \+ 1.*nearest window 16\), got 20"),
        ({"dropout": -0.1}, r"dropout: expected a number of at least 0, got -0\.1"),
    ],
)
def test_configuration_refuses(changes, message):
    with pytest.raises(ValueError, match=message):
        small(**changes)


def test_configuration_refuses_what_is_no_flag(unchecked):
    with pytest.raises(ValueError, match="pre_norm: expected true or false, got 1"):
        small(pre_norm=1)


def test_configuration_to_and_from_plain_values():
    assert DeciWatchConfig.from_dict(SMALL.to_dict()) == SMALL
    with pytest.raises(ValueError, match=r"^layers: unknown key; known here: channels, decoder_layers"):
        DeciWatchConfig.from_dict(SMALL.to_dict() | {"layers": 2})
    with pytest.raises(
        ValueError, match=r"^channels: missing, but required; window: missing, but required; hidden: missing"
    ):
        DeciWatchConfig.from_dict({"interval": 5})
