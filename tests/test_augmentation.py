"""Mirror and rotation keep what makes a pose a pose, and move detected and true ones alike."""

from __future__ import annotations

import math

import pytest
import torch

from hanet.augmentation import augment, mirror, rotate_about_y
from hanet.losses import hanet_loss
from hanet.model import HANetOutput
from hanet.skeletons import H36M17, LSP14, SMPL24

C = 3 * len(H36M17)


def windows(B=4, T=6, channels=C, seed=0) -> torch.Tensor:
    return torch.randn(B, T, channels, generator=torch.Generator().manual_seed(seed))


def joint(values: torch.Tensor, name: str) -> torch.Tensor:
    return values.unflatten(-1, (len(H36M17), -1))[..., H36M17.index(name), :]


def test_the_mirror_image_by_hand():
    values = torch.zeros(1, 1, C)
    joint(values, "l_wrist")[:] = torch.tensor([1.0, 2, 3])
    joint(values, "r_wrist")[:] = torch.tensor([-4.0, 5, 6])
    joint(values, "nose")[:] = torch.tensor([7.0, 8, 9])
    mirrored = mirror(values, H36M17)
    assert joint(mirrored, "r_wrist").tolist() == [[[-1, 2, 3]]]
    assert joint(mirrored, "l_wrist").tolist() == [[[4, 5, 6]]]
    assert joint(mirrored, "nose").tolist() == [[[-7, 8, 9]]]


@pytest.mark.parametrize(("skeleton", "dims"), [(H36M17, 3), (LSP14, 3), (H36M17, 2), (SMPL24, 6)])
def test_the_mirror_is_an_involution(skeleton, dims):
    values = windows(channels=dims * len(skeleton))
    assert not torch.equal(mirror(values, skeleton), values)
    assert torch.equal(mirror(mirror(values, skeleton), skeleton), values)


def bones(values: torch.Tensor) -> torch.Tensor:
    parent, child = torch.tensor(H36M17.bones).T
    joints = values.unflatten(-1, (len(H36M17), 3))
    return (joints[..., child, :] - joints[..., parent, :]).norm(dim=-1)


def test_rotation_by_hand():
    """By 90° about y: z goes to x, x to -z; each window by its own angle."""
    values = torch.tensor([1.0, 2, 3]).expand(3, 1, 3)
    turned = rotate_about_y(values, torch.tensor([math.pi / 2, 0, math.pi]))
    torch.testing.assert_close(turned[:, 0], torch.tensor([[3.0, 2, -1], [1, 2, 3], [-1, 2, -3]]))


def test_rotation_keeps_bones_and_heights():
    values, angle = windows(), torch.tensor([0.1, -2, 3, 7])
    turned = rotate_about_y(values, angle)
    torch.testing.assert_close(bones(turned), bones(values))
    torch.testing.assert_close(turned[..., 1::3], values[..., 1::3])
    torch.testing.assert_close(rotate_about_y(turned, -angle), values)
    assert ((turned - values).abs().amax(dim=(1, 2)) > 0.05).all()


def both(detected, gt, *, mirrored=True, rotation_degrees=30.0, seed=5):
    return augment(
        detected,
        gt,
        skeleton=H36M17,
        mirrored=mirrored,
        rotation_degrees=rotation_degrees,
        generator=torch.Generator().manual_seed(seed),
    )


def test_detected_and_true_poses_move_alike():
    detected = windows(B=16)
    first, second = both(detected, detected.clone())
    assert torch.equal(first, second)
    # A rigid motion: errors keep their size.
    gt = windows(B=16, seed=1)
    moved, truth = both(detected, gt)
    before, after = ((a - b).unflatten(-1, (17, 3)).norm(dim=-1) for a, b in ((detected, gt), (moved, truth)))
    torch.testing.assert_close(before.sort(dim=-1).values, after.sort(dim=-1).values)


def test_the_loss_of_a_perfect_prediction_stays_zero():
    detected, gt = both(windows(T=5), windows(T=5))
    output = HANetOutput(decoder_pose=detected, encoder_pose=detected[:, ::2])
    assert hanet_loss(output, gt, interval=2, loss_weight=1.0).total == 0


def test_half_of_the_windows_are_mirrored():
    values = windows(B=1000, T=1)
    moved, _ = both(values, values, rotation_degrees=0.0)
    kept = (moved == values).all(dim=(1, 2))
    flipped = (moved == mirror(values, H36M17)).all(dim=(1, 2))
    assert (kept ^ flipped).all()
    assert 450 < flipped.sum() < 550


def test_angles_are_drawn_evenly_from_both_sides():
    values = torch.zeros(2000, 1, C)
    values[..., 0::3] = 1.0
    moved, _ = both(values, values, mirrored=False, seed=6)
    angle = torch.rad2deg(torch.atan2(-moved[:, 0, 2], moved[:, 0, 0]))
    assert angle.abs().max() <= 30.001 and angle.abs().max() > 29
    assert abs(angle.mean()) < 1 and angle.std() == pytest.approx(30 / math.sqrt(3), rel=0.05)


def test_the_generator_decides():
    values = windows(B=16)
    assert torch.equal(both(values, values)[0], both(values, values)[0])
    assert not torch.equal(both(values, values)[0], both(values, values, seed=6)[0])


def test_switched_off_nothing_moves_and_nothing_is_drawn():
    values, generator = windows(), torch.Generator().manual_seed(1)
    before = generator.get_state()
    detected, gt = augment(
        values, values, skeleton=H36M17, mirrored=False, rotation_degrees=0.0, generator=generator
    )
    assert detected is values and gt is values
    assert torch.equal(generator.get_state(), before)


def test_gaps_move_along():
    """An unknown joint (NaN) stays unknown: its mirror image's place in a mirrored window."""
    gt = windows(B=32)
    joint(gt, "l_wrist")[:] = torch.nan
    _, moved = both(windows(B=32), gt)
    gap = moved.unflatten(-1, (17, 3)).isnan()
    assert (gap.all(dim=-1) == gap.any(dim=-1)).all()
    gap = gap.all(dim=-1)
    assert (gap.sum(dim=-1) == 1).all()
    left, right = (gap[:, 0, H36M17.index(f"{s}_wrist")] for s in "lr")
    assert (left ^ right).all() and left.any() and right.any()
