"""HANet: equal to the released implementation, equal to its dense form, and its switches do what they say."""

from __future__ import annotations

import dataclasses
import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.dense import DenseHANet
from hanet.models.checkpoints import load_released, released_names
from hanet.models.hanet import HANet, HANetConfig, HANetOutput
from hanet.models.hanet_options import FEATURES
from hanet.models.losses import HANetLoss, hanet_loss
from hanet.models.temporal import mix_frames, smoothing_matrix
from tests.support import recipe

CASES = ("aist_spin_3d", "h36m_fcn_3d", "h36m_n2_3d", "jhmdb_2d_slim", "smpl6d_slim")

SMALL = HANetConfig(channels=6, interval=5, window=21, hidden=8, layers=2, heads=2)


def small(**changes: object) -> HANetConfig:
    return dataclasses.replace(SMALL, **changes)


def build(config: HANetConfig, seed: int = 0) -> HANet:
    torch.manual_seed(seed)
    model = HANet(config).eval()
    for parameter in model.parameters():  # no zero biases, no identities: every parameter matters
        torch.nn.init.normal_(parameter, std=0.3)
    return model


# The released implementation


@pytest.fixture(scope="module", params=CASES)
def released(request: pytest.FixtureRequest) -> SimpleNamespace:
    """A model with recipe weights, what it returns, and the reference."""
    manifest, outputs = recipe.read("hanet", request.param)
    weights = recipe.weights(manifest)
    tensors = {name: torch.from_numpy(values) for name, values in weights.items()}
    model = load_released(tensors, HANetConfig.from_dict(manifest["config"]))
    with torch.no_grad():
        output = model(torch.from_numpy(recipe.model_input(manifest, "detected")))
    return SimpleNamespace(
        manifest=manifest, sha256=recipe.sha256(weights), model=model, output=output, **outputs
    )


def loss_of(released: SimpleNamespace, output: HANetOutput) -> HANetLoss:
    gt = torch.from_numpy(recipe.model_input(released.manifest, "gt")).to(output.decoder_pose.dtype)
    interval, loss_weight = released.model.config.interval, released.manifest["loss_weight"]
    return hanet_loss(output, gt, interval=interval, loss_weight=loss_weight)


def test_the_weights_are_the_recipe_s(released):
    assert released.sha256 == released.manifest["weights_sha256"]


def test_released_outputs(released):
    for ours, theirs in (
        (released.output.decoder_pose, released.decoder_pose),
        (released.output.encoder_pose, released.encoder_pose_watched),
    ):
        assert ours.shape == theirs.shape
        assert np.abs(ours.numpy() - theirs).max() / theirs.std() <= 5e-5


def test_released_loss(released):
    loss, expected = loss_of(released, released.output), released.manifest["loss"]
    assert (loss.total - loss.hard).item() == pytest.approx(expected["l1_loss"], rel=1e-6)
    assert loss.total.item() == pytest.approx(expected["final_loss"], rel=1e-6)


def test_every_released_gradient(released):
    """In double precision: in single a LeakyReLU unit near 0 may take the other side (1e-4 of a norm)."""
    model = released.model.double()
    x = torch.from_numpy(recipe.model_input(released.manifest, "detected")).double()
    loss_of(released, model(x)).total.backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    norms = {
        theirs: sum(gradients[name].square().sum().item() for name in ours) ** 0.5
        for theirs, ours in released_names(model).items()
    }
    assert norms == pytest.approx(released.manifest["gradient_norms"], rel=1e-5)


# The dense form


@st.composite
def configurations(draw: st.DrawFn) -> HANetConfig:
    interval, heads = draw(st.integers(1, 6)), draw(st.sampled_from([1, 2, 4]))
    return HANetConfig(
        channels=draw(st.integers(1, 7)),
        interval=interval,
        window=interval * draw(st.integers(1, 5)) + 1,
        hidden=4 * heads,
        layers=draw(st.integers(1, 3)),
        heads=heads,
        feedforward=draw(st.sampled_from([None, 5])),
        **{name: draw(st.booleans()) for name in ("pre_norm", *FEATURES)},
    )


@settings(max_examples=40, deadline=None)
@given(configurations(), st.integers(1, 3), st.integers(0, 2**16))
def test_watched_frames_alone_give_the_dense_outputs(config, batch, seed):
    model = build(config, seed).double()
    x = torch.randn(batch, config.window, config.channels, dtype=torch.float64)
    for ours, dense in zip(model(x), DenseHANet(model).double()(x), strict=True):
        torch.testing.assert_close(ours, dense, rtol=0, atol=1e-6 * (1 + dense.abs().max().item()))


@pytest.mark.parametrize("batch", [2, 8])  # from 4 windows the last stage's matrices are one
@pytest.mark.parametrize("pre_norm", [True, False])
def test_watched_frames_alone_give_the_dense_gradients(pre_norm, batch):
    model = build(small(pre_norm=pre_norm)).double()
    x = torch.randn(batch, 21, 6, dtype=torch.float64, requires_grad=True)
    gt = torch.randn(batch, 21, 6, dtype=torch.float64)
    gradients = []
    for form in (model, DenseHANet(model).double()):
        loss = hanet_loss(form(x), gt, interval=5, loss_weight=3.0).total
        gradients.append(torch.autograd.grad(loss, [x, *model.parameters()]))
    for ours, dense in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, dense, rtol=1e-6, atol=1e-8)


# What each switch removes


def reach(config: HANetConfig, output: str) -> set[int]:
    """Frames of the input that one output depends on."""
    x = torch.randn(1, config.window, config.channels, requires_grad=True)
    getattr(build(config)(x), output).square().sum().backward()
    return set(x.grad.abs().amax(dim=(0, 2)).nonzero().flatten().tolist())


WATCHED = {0, 5, 10, 15, 20}
NEIGHBOURS = {1, 4, 6, 9, 11, 14, 16, 19}


def test_reads_watched_frames_and_their_neighbours_only():
    assert reach(SMALL, "decoder_pose") == WATCHED | NEIGHBOURS
    assert reach(SMALL, "encoder_pose") == WATCHED | NEIGHBOURS


@pytest.mark.parametrize("learn_kinematics", [True, False])
def test_each_feature_brings_the_neighbours_where_it_belongs(learn_kinematics):
    def seen(output, **on):
        switches = dict.fromkeys(("flow", "velocity", "acceleration"), False) | on
        return reach(small(**switches, learn_kinematics=learn_kinematics), output) - WATCHED

    assert seen("decoder_pose") == set()
    assert seen("encoder_pose", flow=True) == NEIGHBOURS
    for feature in ("velocity", "acceleration"):
        assert seen("decoder_pose", **{feature: True}) == NEIGHBOURS
        assert seen("encoder_pose", **{feature: True}) == set()


def test_acceleration_alone_is_blind_to_velocity():
    """Both neighbours moved by opposite offsets change the velocities, not their difference."""
    x = torch.randn(1, 21, 6)
    tilted = x.clone()
    tilted[:, 9] += 0.5
    tilted[:, 11] -= 0.5
    only = {"flow": False, "velocity": False, "learn_kinematics": False}
    blind = build(small(**only))
    torch.testing.assert_close(blind(tilted).decoder_pose, blind(x).decoder_pose, rtol=0, atol=1e-5)
    sighted = build(small(**only | {"velocity": True}))
    assert (sighted(tilted).decoder_pose - sighted(x).decoder_pose).abs().max() > 1e-3


def test_scale_and_shift_start_at_random_as_in_the_release() -> None:
    """A convolution of one channel in and 51 out: scales within ± √(6 / 52) = 0.34, shifts within ± 1."""
    torch.manual_seed(1)
    model = HANet(HANetConfig(channels=51, interval=5, window=11, hidden=8, layers=1))
    for affine in (model.kinematics.scale_previous, model.kinematics.scale_acceleration):
        scales, shifts = affine.weight.detach().abs(), affine.bias.detach().abs()
        assert 0.3 < scales.max() <= (6 / 52) ** 0.5 and 0.9 < shifts.max() <= 1
    plain = HANet(dataclasses.replace(model.config, kinematics_start="identity"))
    assert (plain.kinematics.scale_next.weight == 1).all() and (plain.kinematics.scale_next.bias == 0).all()


def parameters(config: HANetConfig) -> dict[str, tuple[int, ...]]:
    return {name: tuple(parameter.shape) for name, parameter in HANet(config).named_parameters()}


@pytest.mark.parametrize(
    ("changes", "gone", "resized"),
    [
        ({"flow": False}, set(), {"encoder.enter.0.weight": (8, 6)}),
        ({"velocity": False}, set(), {"memory_embed.weight": (8, 8 + 6)}),
        ({"acceleration": False}, {"kinematics.scale_acceleration"}, {"memory_embed.weight": (8, 8 + 12)}),
        (
            {"velocity": False, "acceleration": False},
            {"kinematics.scale_previous", "kinematics.scale_next", "kinematics.scale_acceleration"},
            {"memory_embed.weight": (8, 8)},
        ),
        (
            {"learn_kinematics": False},
            {"kinematics.scale_previous", "kinematics.scale_next", "kinematics.scale_acceleration"},
            {},
        ),
        (
            {"multi_scale": False},
            {"encoder.narrow.1"},
            {"encoder.narrow.0.weight": (8, 16)},
        ),
        ({"pre_norm": False}, set(), {}),
        ({"interpolation": "cubic"}, set(), {}),
        ({"output_smoothing": 1.5}, set(), {}),
    ],
)
def test_a_switch_changes_these_parameters_and_no_others(changes, gone, resized):
    expected = {
        name: shape for name, shape in parameters(SMALL).items() if name.rpartition(".")[0] not in gone
    }
    assert parameters(small(**changes)) == expected | resized


@pytest.mark.parametrize("switches", list(itertools.product([True, False], repeat=6)))
def test_no_configuration_has_an_unused_parameter(switches):
    config = small(window=11, **dict(zip(("pre_norm", *FEATURES), switches, strict=True)))
    model = HANet(config)
    output = model(torch.randn(2, 11, 6))
    hanet_loss(output, torch.randn(2, 11, 6), interval=5, loss_weight=1.0).total.backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


def test_one_scale_is_the_last_stage():
    model = build(small(multi_scale=False))
    tokens = torch.randn(2, 5, 24)
    x = tokens
    for enter, stage, position in zip(
        model.encoder.enter, model.encoder.stages, model.encoder.positions.split([8, 16], dim=1), strict=True
    ):
        x = stage(enter(x), position, allowed=model.encoder.allowed)
    torch.testing.assert_close(model.encoder(tokens), model.encoder.narrow[0](x))


# Beyond the paper


def at_rest(config: HANetConfig) -> HANet:
    """A model whose both offsets are 0: what remains is what it does to the detected poses itself."""
    model = build(config)
    for layer in (model.encoder_offset, model.decoder_offset):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    return model


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
def test_a_model_at_rest_interpolates_the_watched_poses(interpolation):
    x = torch.randn(2, 21, 6)
    pose = at_rest(small(interpolation=interpolation))(x).decoder_pose
    torch.testing.assert_close(pose[:, ::5], x[:, ::5])
    kinks = torch.diff(pose, n=2, dim=1)
    inside_kinks = torch.cat([kinks[:, i : i + 4] for i in range(0, 19, 5)], dim=1).abs().max()
    if interpolation == "linear":
        assert inside_kinks < 1e-5  # straight between watched frames, all acceleration sits in the kinks
    else:
        assert kinks.abs().max() < 1.5 * inside_kinks


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
def test_smoothing_calms_accelerations_and_keeps_straight_motion(interpolation):
    x = torch.randn(2, 21, 6)
    plain, smooth = (
        at_rest(small(interpolation=interpolation, output_smoothing=sigma)) for sigma in (0.0, 2.0)
    )
    size = [torch.diff(model(x).decoder_pose, n=2, dim=1).square().mean() for model in (plain, smooth)]
    assert size[1] < 0.6 * size[0]
    line = torch.linspace(-1, 1, 21)[None, :, None] * torch.randn(2, 1, 6)
    torch.testing.assert_close(smooth(line).decoder_pose, line, rtol=0, atol=1e-5)


def test_an_untrained_residual_model_is_the_low_pass():
    x = torch.randn(2, 21, 6)
    model = HANet(small(residual=True, output_smoothing=1.5)).eval()
    torch.testing.assert_close(model(x).decoder_pose, mix_frames(smoothing_matrix(21, 1.5).float(), x))
    assert model.config.reads == tuple(range(21))


def test_a_residual_model_adds_the_decoders_offset_to_all_detected_poses():
    x = torch.randn(2, 21, 6)
    model, plain = build(small(residual=True)), build(small())
    plain.load_state_dict(model.state_dict())
    between = mix_frames(plain.interpolation, plain(x).encoder_pose)
    offset = plain(x).decoder_pose - between
    torch.testing.assert_close(model(x).decoder_pose, x + offset, rtol=1e-4, atol=1e-5)


# Behaviour as a module


def test_half_precision_leaves_positions_alone():
    x = torch.randn(2, 21, 6)
    model = at_rest(small(interpolation="cubic", output_smoothing=1.0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = model(x)
    assert output.decoder_pose.dtype == output.encoder_pose.dtype == torch.float32
    torch.testing.assert_close(output.decoder_pose, model(x).decoder_pose)


def test_evaluation_is_deterministic_and_training_drops():
    model, x = build(SMALL), torch.randn(2, 21, 6)
    assert torch.equal(model(x).decoder_pose, model(x).decoder_pose)
    model.train()
    assert not torch.equal(model(x).decoder_pose, model(x).decoder_pose)


def test_windows_of_a_batch_do_not_meet():
    model, x = build(SMALL), torch.randn(3, 21, 6)
    torch.testing.assert_close(model(x).decoder_pose[1:2], model(x[1:2]).decoder_pose)


def test_constants_are_not_saved():
    model = HANet(SMALL)
    assert set(model.state_dict()) == {name for name, _ in model.named_parameters()}


def test_starts_from_plain_kinematics():
    kinematics = HANet(small(kinematics_start="identity")).kinematics
    previous, x, following = torch.randn(3, 2, 5, 6)
    v_previous, v_next, acceleration = kinematics(previous, x, following)
    torch.testing.assert_close(v_previous, x - previous)
    torch.testing.assert_close(v_next, following - x)
    torch.testing.assert_close(acceleration, (following - 2 * x + previous) ** 2)


@pytest.mark.parametrize("shape", [(2, 20, 6), (2, 21, 5)])
def test_refuses_windows_of_another_shape(shape):
    with pytest.raises(ValueError, match=rf"windows \(B, 21, 6\), got \(2, {shape[1]}, {shape[2]}\)"):
        HANet(SMALL)(torch.zeros(shape))


# Configuration


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channels": 0}, "channels: expected a number of at least 1, got 0"),
        ({"layers": 2.0}, r"layers: expected an integer, got 2\.0"),
        ({"heads": True}, "heads: expected an integer, got true"),
        ({"feedforward": 0}, "feedforward: expected a number of at least 1, got 0"),
        ({"hidden": 10, "heads": 4}, "hidden must be even and a multiple of heads=4, got 10"),
        ({"hidden": 9, "heads": 3}, "hidden must be even"),
        ({"window": 20}, r"window must be interval·Q \+ 1.*interval is 5, nearest window 16\), got 20"),
        ({"window": 1}, r"nearest window 6\), got 1"),
        ({"dropout": 1.0}, r"dropout: expected a number below 1, got 1\.0"),
        ({"dropout": "0.1"}, r'dropout: expected a number, got "0\.1"; remove the quotes'),
        ({"flow": "no"}, 'flow: expected true or false, got "no"'),
        ({"interpolation": "nearest"}, 'interpolation: expected linear or cubic, got "nearest"'),
        ({"output_smoothing": -1.0}, "output_smoothing: expected a number of at least 0, got -1.0"),
        ({"output_smoothing": 0.05}, "output_smoothing must be 0 .off. or at least 0.1 frames, got 0.05"),
        ({"output_smoothing": float("nan")}, "output_smoothing: expected a finite number, got NaN"),
    ],
)
def test_configuration_refuses(changes, message):
    config = small()
    for name, value in changes.items():  # past the type checks that only the tests switch on
        object.__setattr__(config, name, value)
    with pytest.raises(ValueError, match=message):
        config.__post_init__()


def test_configuration_round_trip():
    config = small(output_smoothing=1.5, feedforward=7, flow=False)
    assert HANetConfig.from_dict(config.to_dict()) == config


def test_configuration_from_dict_names_keys():
    values = SMALL.to_dict()
    with pytest.raises(
        ValueError,
        match=r"^q: unknown key; known here: acceleration, channels.*; lamada: unknown key; known here: ",
    ):
        HANetConfig.from_dict(values | {"q": 4, "lamada": 5})
    del values["hidden"], values["interval"]
    with pytest.raises(ValueError, match=r"^interval: missing, but required; hidden: missing, but required$"):
        HANetConfig.from_dict(values)
