"""Augmentation keeps what makes a pose a pose, and moves detected and true ones alike."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from hanet.models.hanet import HANetOutput
from hanet.models.losses import hanet_loss
from hanet.poses.skeletons import H36M17, LSP14, Skeleton
from hanet.poses.transforms import mirror, rotate
from hanet.training.augmentation import augment
from hanet.training.options import Augmentation

C = 3 * len(H36M17)
ALL = Augmentation(mirror_axis=0, rotation_degrees=30.0, scale=0.2, stretch=0.1, reverse=True)


def windows(B=4, T=6, channels=C, seed=0) -> torch.Tensor:
    return torch.randn(B, T, channels, generator=torch.Generator().manual_seed(seed))


def joint(values: torch.Tensor, name: str) -> torch.Tensor:
    return values.unflatten(-1, (len(H36M17), 3))[..., H36M17.index(name), :]


def apply(
    augmentation: Augmentation, detected: torch.Tensor, gt: torch.Tensor | None = None, seed=6
) -> tuple[torch.Tensor, torch.Tensor]:
    gt = detected if gt is None else gt
    return augment(augmentation, detected, gt, H36M17, torch.Generator().manual_seed(seed))


def bones(values: torch.Tensor) -> torch.Tensor:
    parent, child = torch.tensor(H36M17.bones).T
    joints = values.unflatten(-1, (len(H36M17), 3))
    return (joints[..., child, :] - joints[..., parent, :]).norm(dim=-1)


# --- transforms


def test_the_mirror_image_by_hand():
    values = torch.zeros(1, 1, C)
    joint(values, "l_wrist")[:] = torch.tensor([1.0, 2, 3])
    joint(values, "r_wrist")[:] = torch.tensor([-4.0, 5, 6])
    joint(values, "nose")[:] = torch.tensor([7.0, 8, 9])
    mirrored = mirror(values, H36M17, axis=0)
    assert joint(mirrored, "r_wrist").tolist() == [[[-1, 2, 3]]]
    assert joint(mirrored, "l_wrist").tolist() == [[[4, 5, 6]]]
    assert joint(mirrored, "nose").tolist() == [[[-7, 8, 9]]]
    assert joint(mirror(values, H36M17, axis=1), "nose").tolist() == [[[7, -8, 9]]]


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("skeleton", [H36M17, LSP14])
def test_the_mirror_is_an_involution(skeleton: Skeleton, axis: int):
    values = windows(channels=3 * len(skeleton))
    assert not torch.equal(mirror(values, skeleton, axis=axis), values)
    assert torch.equal(mirror(mirror(values, skeleton, axis=axis), skeleton, axis=axis), values)


@pytest.mark.parametrize(
    ("axis", "quarter", "half"),
    [
        (0, [1, -3, 2], [1, -2, -3]),  # about x: y to z, z to -y
        (1, [3, 2, -1], [-1, 2, -3]),  # about y: z to x, x to -z
        (2, [-2, 1, 3], [-1, -2, 3]),  # about z: x to y, y to -x
    ],
)
def test_rotation_by_hand(axis, quarter, half):
    """Each window by its own angle."""
    values = torch.tensor([1.0, 2, 3]).expand(3, 1, 3)
    turned = rotate(values, torch.tensor([math.pi / 2, 0, math.pi]), axis=axis)
    torch.testing.assert_close(turned[:, 0], torch.tensor([quarter, [1, 2, 3], half]).float())


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_rotation_keeps_bones_and_the_axis(axis):
    values, angle = windows(), torch.tensor([0.1, -2, 3, 7])
    turned = rotate(values, angle, axis=axis)
    torch.testing.assert_close(bones(turned), bones(values))
    torch.testing.assert_close(turned[..., axis::3], values[..., axis::3])
    torch.testing.assert_close(rotate(turned, -angle, axis=axis), values)
    assert ((turned - values).abs().amax(dim=(1, 2)) > 0.05).all()


# --- what is drawn


def test_detected_and_true_poses_move_alike():
    detected, gt = windows(B=16), windows(B=16, seed=1)
    first, second = apply(ALL, detected, detected.clone())
    assert torch.equal(first, second)
    # But for the body's shape the motion is rigid: errors keep theirs, in another order.
    moved, truth = apply(Augmentation(mirror_axis=0, rotation_degrees=30.0, reverse=True), detected, gt)
    before, after = (
        (a - b).unflatten(-1, (17, 3)).norm(dim=-1).flatten(1).sort().values
        for a, b in ((detected, gt), (moved, truth))
    )
    torch.testing.assert_close(before, after)


def test_the_loss_of_a_perfect_prediction_stays_zero():
    detected, gt = apply(ALL, windows(T=5))
    output = HANetOutput(decoder_pose=detected, encoder_pose=detected[:, ::2])
    assert hanet_loss(output, gt, interval=2, loss_weight=1.0).total == 0


@pytest.mark.parametrize(
    ("augmentation", "transform"),
    [
        (Augmentation(mirror_axis=0), lambda v: mirror(v, H36M17, axis=0)),
        (Augmentation(mirror_axis=2), lambda v: mirror(v, H36M17, axis=2)),
        (Augmentation(reverse=True), lambda v: v.flip(1)),
    ],
)
def test_half_of_the_windows_are_mirrored_or_reversed(
    augmentation: Augmentation, transform: Callable[[torch.Tensor], torch.Tensor]
):
    values, gt = windows(B=1000, T=2), windows(B=1000, T=2, seed=1)
    moved, truth = apply(augmentation, values, gt)
    kept = (moved == values).all(dim=(1, 2))
    changed = (moved == transform(values)).all(dim=(1, 2))
    assert (kept ^ changed).all()
    assert 450 < changed.sum() < 550
    assert torch.equal(truth, torch.where(changed[:, None, None], transform(gt), gt))


@pytest.mark.parametrize(("vertical", "first", "second"), [(1, 2, 0), (2, 0, 1)])
def test_angles_are_drawn_evenly_from_both_sides(vertical, first, second):
    values = torch.zeros(2000, 1, C)
    values[..., first::3] = 1.0
    moved, _ = apply(Augmentation(rotation_degrees=30.0, vertical_axis=vertical), values)
    angle = torch.rad2deg(torch.atan2(moved[:, 0, second], moved[:, 0, first]))
    assert angle.abs().max() <= 30.001 and angle.abs().max() > 29
    assert abs(angle.mean()) < 1 and angle.std() == pytest.approx(30 / math.sqrt(3), rel=0.05)


def test_sizes_are_drawn_evenly_around_one():
    values = windows(B=2000, T=2)
    moved, _ = apply(Augmentation(scale=0.2), values)
    factor = moved / values
    torch.testing.assert_close(factor, factor[:, :1, :1].expand_as(factor))
    factor = factor[:, 0, 0]
    assert factor.min() >= 0.8 - 1e-5 and factor.max() <= 1.2 + 1e-5
    assert factor.mean() == pytest.approx(1, abs=0.01)
    assert factor.std() == pytest.approx(0.2 / math.sqrt(3), rel=0.05)


def test_axes_are_stretched_each_by_its_own_factor():
    values, gt = windows(B=2000, T=2), windows(B=2000, T=2, seed=1)
    moved, truth = apply(Augmentation(stretch=0.2), values, gt)
    factor = (moved / values).unflatten(-1, (17, 3))
    torch.testing.assert_close(factor, factor[:, :1, :1].expand_as(factor))
    torch.testing.assert_close(truth / gt, moved / values)
    factor = factor[:, 0, 0]
    assert factor.min() >= 0.8 - 1e-5 and factor.max() <= 1.2 + 1e-5
    torch.testing.assert_close(factor.std(dim=0), torch.full((3,), 0.2 / math.sqrt(3)), rtol=0.05, atol=0)
    assert (torch.corrcoef(factor.T) - torch.eye(3)).abs().max() < 0.1


def test_the_generator_decides():
    values = windows(B=16)
    assert torch.equal(apply(ALL, values)[0], apply(ALL, values)[0])
    assert not torch.equal(apply(ALL, values)[0], apply(ALL, values, seed=7)[0])


def test_switched_off_nothing_moves_and_nothing_is_drawn():
    values, generator = windows(), torch.Generator().manual_seed(1)
    before = generator.get_state()
    detected, gt = augment(Augmentation(), values, 2 * values, H36M17, generator)
    assert torch.equal(detected, values) and torch.equal(gt, 2 * values)
    assert torch.equal(generator.get_state(), before)


def test_it_is_true_where_it_draws():
    assert not Augmentation() and not Augmentation(vertical_axis=2)
    for one in (
        {"mirror_axis": 0},
        {"rotation_degrees": 1.0},
        {"scale": 0.1},
        {"stretch": 0.1},
        {"reverse": True},
    ):
        assert Augmentation(**one)


def test_gaps_move_along():
    """What is unknown (NaN) stays so: in a mirrored window at the mirror image, in a reversed one in time."""
    gt = windows(B=64)
    joint(gt, "l_wrist")[:, 0] = torch.nan
    detected, moved = apply(ALL, windows(B=64), gt)
    assert detected.isfinite().all()
    gap = moved.unflatten(-1, (17, 3)).isnan()
    assert (gap.all(dim=-1) == gap.any(dim=-1)).all()
    places = {(int(t), H36M17.joints[j]) for _, t, j in gap.all(dim=-1).nonzero()}
    assert places == {(t, f"{side}_wrist") for t in (0, 5) for side in "lr"}
    assert (gap.all(dim=-1).sum(dim=(1, 2)) == 1).all()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"mirror_axis": 3}, "axes are 0, 1 or 2, got mirror_axis=3, vertical_axis=1"),
        ({"vertical_axis": -1}, "axes are 0, 1 or 2, got mirror_axis=None, vertical_axis=-1"),
        ({"scale": 1.0}, r"scale must be in \[0, 1\), a share of the body, got 1.0"),
        ({"stretch": -0.1}, r"stretch must be in \[0, 1\), .* got -0.1"),
    ],
)
def test_augmentations_that_cannot_be_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Augmentation(**fields)
