"""HANet's loss: by hand, as released, with masks, and each setting of mutual learning."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hanet.models.hanet import HANetOutput
from hanet.models.losses import MUTUAL_LEARNING, acceleration_loss, hanet_loss
from tests.support import recipe


def random_case(seed: int = 0, *, grad: bool = False) -> tuple[HANetOutput, Tensor]:
    """Poses of 2 windows of 5 frames, every second watched, 6 channels."""
    generator = torch.Generator().manual_seed(seed)
    decoder, encoder, gt = (torch.randn(2, frames, 6, generator=generator) for frames in (5, 3, 5))
    return HANetOutput(decoder.requires_grad_(grad), encoder.requires_grad_(grad)), gt


def test_by_hand():
    """One window of 3 frames, 4 channels, first and last watched; divisor 1·4·3 = 12, 2 hard channels."""
    decoder = torch.tensor([[[1.0, 2, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]]])
    encoder = torch.tensor([[[0.0, 2, 3, 0], [1, 0, 0, 0]]])
    loss = hanet_loss(HANetOutput(decoder, encoder), torch.zeros(1, 3, 4), interval=2, loss_weight=5.0)
    # decoder sums (3, 2, 0, 0) times 5; encoder (1, 2, 3, 0); decoder - encoder (1, 0, 3, 0).
    # channels (17, 12, 6, 0), of which the largest two average 14.5.
    expected = {"decoder": 25, "encoder": 6, "mutual": 4, "hard": 14.5, "total": 49.5}
    assert {name: value.item() for name, value in loss._asdict().items()} == pytest.approx(
        {name: value / 12 for name, value in expected.items()}
    )


@pytest.mark.parametrize(
    "name", ["aist_spin_3d", "h36m_fcn_3d", "h36m_n2_3d", "jhmdb_2d_slim", "smpl6d_slim"]
)
def test_released_loss_of_released_outputs(name):
    manifest, outputs = recipe.read("hanet", name)
    poses = (torch.from_numpy(outputs[key]) for key in ("decoder_pose", "encoder_pose_watched"))
    gt = torch.from_numpy(recipe.model_input(manifest, "gt"))
    options = {"interval": manifest["config"]["interval"], "loss_weight": manifest["loss_weight"]}
    output = HANetOutput(*poses)
    assert hanet_loss(output, gt, **options).total.item() == pytest.approx(
        manifest["loss"]["final_loss"], rel=1e-6
    )
    assert hanet_loss(output, gt, **options, ohkm=False).total.item() == pytest.approx(
        manifest["loss"]["l1_loss"], rel=1e-6
    )


@pytest.mark.parametrize("oml", MUTUAL_LEARNING)
@pytest.mark.parametrize("ohkm", [True, False])
def test_parts_add_up(oml, ohkm):
    output, gt = random_case()
    loss = hanet_loss(output, gt, interval=2, loss_weight=3.0, oml=oml, ohkm=ohkm)
    assert sum(loss[1:]).item() == pytest.approx(loss.total.item())
    assert (loss.hard.item() == 0) == (not ohkm)
    assert (loss.mutual.item() == 0) == (oml == "off")


def test_stop_gradient_changes_gradients_not_values():
    output, gt = random_case()
    losses = {oml: hanet_loss(output, gt, interval=2, loss_weight=1.0, oml=oml) for oml in MUTUAL_LEARNING}
    assert losses["stop_gradient"].total.item() == pytest.approx(losses["symmetric"].total.item())


def mutual_gradients(decoder_error: Tensor, encoder_error: Tensor, oml: str) -> tuple[Tensor, Tensor]:
    """Gradients of the mutual term per channel, for branches that err by these amounts at watched frames."""
    decoder = decoder_error.expand(1, 3, 4).clone()
    decoder[:, 1] = 100.0  # an unwatched frame has no say in which branch is better
    output = HANetOutput(decoder.requires_grad_(), encoder_error.expand(1, 2, 4).clone().requires_grad_())
    mutual = hanet_loss(output, torch.zeros(1, 3, 4), interval=2, loss_weight=1.0, oml=oml).mutual
    gradients = torch.autograd.grad(mutual, output)
    return tuple(gradient.abs().sum(dim=(0, 1)) for gradient in gradients)


def test_stop_gradient_spares_the_better_branch_of_each_channel():
    better_decoder = torch.tensor([True, True, False, False])
    decoder_error = torch.where(better_decoder, 0.1, 0.9)
    encoder_error = torch.where(better_decoder, 0.5, -0.2)
    decoder, encoder = mutual_gradients(decoder_error, encoder_error, "stop_gradient")
    assert ((decoder == 0) == better_decoder).all()
    assert ((encoder == 0) == ~better_decoder).all()
    both = mutual_gradients(decoder_error, encoder_error, "symmetric")
    assert all((gradient > 0).all() for gradient in both)


# Masks


@pytest.mark.parametrize("oml", MUTUAL_LEARNING)
def test_a_mask_of_all_changes_nothing(oml):
    results = []
    for mask in (None, torch.ones(2, 5, 6, dtype=torch.bool), torch.ones(2, 5, 1, dtype=torch.bool)):
        output, gt = random_case(grad=True)
        loss = hanet_loss(output, gt, interval=2, loss_weight=3.0, oml=oml, mask=mask)
        results.append([*loss, *torch.autograd.grad(loss.total, output)])
    for result in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], result, strict=True))


@settings(deadline=None)
@given(st.integers(0, 2**16), st.sampled_from(MUTUAL_LEARNING))
def test_unlabelled_values_have_no_influence(seed, oml):
    """Neither NaN ground truth nor any pose there changes the loss; no gradient reaches it, none is NaN."""
    output, gt = random_case(seed, grad=True)
    mask = torch.rand(2, 5, 6, generator=torch.Generator().manual_seed(seed)) < 0.6
    options = {"interval": 2, "loss_weight": 3.0, "oml": oml, "mask": mask}
    loss = hanet_loss(output, torch.where(mask, gt, math.nan), **options).total
    gradients = torch.autograd.grad(loss, output)
    assert loss.isfinite() and all(gradient.isfinite().all() for gradient in gradients)
    assert not gradients[0][~mask].any() and not gradients[1][~mask[:, ::2]].any()
    other = HANetOutput(torch.where(mask, output[0], 7.0), torch.where(mask[:, ::2], output[1], -7.0))
    assert hanet_loss(other, gt, **options).total.item() == pytest.approx(loss.item())


def test_the_divisor_counts_labelled_values():
    """A window that is not labelled at all leaves the loss of the other one as it is."""
    output, gt = random_case()
    mask = torch.tensor([True, False])[:, None, None].expand(2, 5, 1)
    options = {"interval": 2, "loss_weight": 3.0}
    alone = hanet_loss(HANetOutput(output[0][:1], output[1][:1]), gt[:1], **options)
    for a, b in zip(hanet_loss(output, gt, **options, mask=mask), alone, strict=True):
        torch.testing.assert_close(a, b)


def test_nothing_labelled_costs_nothing():
    output, gt = random_case(grad=True)
    loss = hanet_loss(
        output, gt * math.nan, interval=2, loss_weight=3.0, mask=torch.zeros(2, 5, 1, dtype=torch.bool)
    )
    assert loss.total.item() == 0
    assert not any(gradient.any() for gradient in torch.autograd.grad(loss.total, output))


# Wrong inputs


def test_refuses_what_does_not_fit():
    output, gt = random_case()
    with pytest.raises(
        ValueError, match=r"at interval 3 needs .* encoder poses \(2, 2, 6\); got .*\(2, 3, 6\)"
    ):
        hanet_loss(output, gt, interval=3, loss_weight=1.0)
    with pytest.raises(ValueError, match=r"ground truth \(2, 4, 6\) .* got \(2, 5, 6\)"):
        hanet_loss(output, gt[:, :4], interval=2, loss_weight=1.0)
    few = HANetOutput(output[0][..., :3], output[1][..., :3])
    with pytest.raises(ValueError, match="at least 4 channels, got 3; pass ohkm=False"):
        hanet_loss(few, gt[..., :3], interval=2, loss_weight=1.0)
    assert hanet_loss(few, gt[..., :3], interval=2, loss_weight=1.0, ohkm=False).total > 0


# Accelerations


def test_acceleration_loss_by_hand():
    """Second differences of 0, 1, 0, 0 are -2 and 1, of a straight line 0: mean of 2 and 1."""
    pred = torch.tensor([0.0, 1, 0, 0])[None, :, None]
    line = torch.tensor([3.0, 5, 7, 9])[None, :, None]
    assert acceleration_loss(pred, line).item() == pytest.approx(1.5)


def test_acceleration_loss_counts_whole_triples_only():
    pred = torch.tensor([0.0, 1, 0, 0])[None, :, None].requires_grad_()
    gt = torch.tensor([math.nan, 0.0, 0.0, 0.0])[None, :, None]
    mask = torch.tensor([False, True, True, True])[None, :, None]
    loss = acceleration_loss(pred, gt, mask)
    assert loss.item() == pytest.approx(1.0)
    (gradient,) = torch.autograd.grad(loss, pred)
    assert gradient.flatten().tolist() == [0, 1, -2, 1]
    nothing = acceleration_loss(pred, gt, torch.tensor([True, False, True, True])[None, :, None])
    assert nothing.item() == 0


def test_acceleration_loss_with_a_mask_of_all_changes_nothing():
    output, gt = random_case()
    mask = torch.ones(2, 5, 1, dtype=torch.bool)
    torch.testing.assert_close(
        acceleration_loss(output.decoder_pose, gt, mask), acceleration_loss(output.decoder_pose, gt)
    )


def test_acceleration_loss_needs_three_frames():
    with pytest.raises(ValueError, match="at least 3 frames"):
        acceleration_loss(torch.zeros(1, 2, 3), torch.zeros(1, 2, 3))
