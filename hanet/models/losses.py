"""Training losses of HANet.

Axes: B windows, T frames, W watched frames, C channels (joints × dims). Values are in the poses' unit.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hanet.models.hanet import HANetOutput
from hanet.models.hanet_options import MutualLearning

MUTUAL_LEARNING: tuple[MutualLearning, ...] = ("symmetric", "stop_gradient", "off")


class HANetLoss(NamedTuple):
    """A loss and its parts, scalars; the four parts add up to `total`."""

    total: Float[Tensor, ""]
    decoder: Float[Tensor, ""]
    """Decoder poses against ground truth at all frames, times the loss weight."""
    encoder: Float[Tensor, ""]
    """Encoder poses against ground truth at the watched frames."""
    mutual: Float[Tensor, ""]
    """Decoder against encoder poses at the watched frames (online mutual learning)."""
    hard: Float[Tensor, ""]
    """Mean over the channels with the largest loss (online hard keypoint mining)."""


def hanet_loss(
    output: HANetOutput,
    gt: Float[Tensor, "B T C"],
    *,
    interval: int,
    loss_weight: float,
    oml: MutualLearning = "symmetric",
    ohkm: bool = True,
    mask: Bool[Tensor, "B T #C"] | None = None,
) -> HANetLoss:
    """HANet's loss (paper, section 3.4): L1 of both branches, mutual learning, hard keypoint mining.

    With sums over windows and frames, divided by B·C·T, the loss of channel c is ``loss_weight·|decoder -
    gt|`` at all frames ``+ |encoder - gt| + |decoder - encoder|`` at watched ones. The total is the sum over
    channels plus the mean of the ``2·⌊C/4⌋`` largest.

    Args:
        output: what the model returned.
        gt: ground truth; may be NaN where `mask` is False.
        interval: frames from one watched frame to the next.
        loss_weight: weight of the decoder's term.
        oml: ``symmetric`` pulls both branches towards each other (the authors' released training);
            ``stop_gradient`` is the paper's text: per channel, the branch that is farther from the ground
            truth at the watched frames learns from the other, which gets no gradient; ``off`` omits the term.
        ohkm: add the hard term.
        mask: True where the ground truth is labelled. Other values are excluded from the sums and from the
            divisor, which becomes the number of labelled values.

    Raises:
        ValueError: shapes that disagree, an unknown `oml`, or fewer than 4 channels with `ohkm`.
    """
    decoder_pose, encoder_pose = output
    B, T, C = gt.shape
    if decoder_pose.shape != gt.shape or encoder_pose.shape != gt[:, ::interval].shape:
        raise ValueError(
            f"ground truth {tuple(gt.shape)} at interval {interval} needs decoder poses of that shape "
            f"and encoder poses {tuple(gt[:, ::interval].shape)}; "
            f"got {tuple(decoder_pose.shape)} and {tuple(encoder_pose.shape)}"
        )
    if oml not in MUTUAL_LEARNING:
        raise ValueError(f"oml must be one of {', '.join(MUTUAL_LEARNING)}, got {oml!r}")
    if ohkm and C < 4:
        raise ValueError(f"hard keypoint mining needs at least 4 channels, got {C}; pass ohkm=False")

    watched = slice(None, None, interval)
    if mask is None:
        labelled, labelled_watched, count = None, None, gt.new_full((), gt.numel())
    else:
        labelled = mask.expand(B, T, C)
        labelled_watched, count = labelled[:, watched], labelled.sum().clamp(min=1)

    at_watched = decoder_pose[:, watched]
    decoder = loss_weight * _per_channel(decoder_pose - gt, labelled) / count
    encoder = _per_channel(encoder_pose - gt[:, watched], labelled_watched) / count
    if oml == "off":
        mutual = torch.zeros_like(encoder)
    else:
        difference = at_watched - encoder_pose
        if oml == "stop_gradient":
            decoder_teaches = _per_channel(at_watched - gt[:, watched], labelled_watched) / count <= encoder
            difference = torch.where(
                decoder_teaches, at_watched.detach() - encoder_pose, at_watched - encoder_pose.detach()
            )
        mutual = _per_channel(difference, labelled_watched) / count
    channel = decoder + encoder + mutual
    hard = channel.topk(C // 4 * 2).values.mean() if ohkm else channel.new_zeros(())
    return HANetLoss(channel.sum() + hard, decoder.sum(), encoder.sum(), mutual.sum(), hard)


def _per_channel(
    difference: Float[Tensor, "B K C"], labelled: Bool[Tensor, "B K C"] | None
) -> Float[Tensor, " C"]:
    """Sum of absolute differences per channel over windows and frames, of labelled values only."""
    if labelled is not None:
        difference = torch.where(labelled, difference, 0)  # before a NaN could reach a gradient
    return difference.abs().sum(dim=(0, 1))


def mean_absolute(
    difference: Float[Tensor, "B K C"], labelled: Bool[Tensor, "B K C"] | None
) -> Float[Tensor, ""]:
    """Mean absolute value of the labelled entries, 0 without any; unlabelled entries may be NaN."""
    count = difference.numel() if labelled is None else labelled.sum().clamp(min=1)
    return _per_channel(difference, labelled).sum() / count


def acceleration_loss(
    pred: Float[Tensor, "B T C"], gt: Float[Tensor, "B T C"], mask: Bool[Tensor, "B T #C"] | None = None
) -> Float[Tensor, ""]:
    """Mean absolute difference of accelerations, per frame² (second differences); beyond the paper.

    A second difference counts where all three of its frames are labelled; without any the loss is 0. At least
    3 frames are needed (ValueError).
    """
    if pred.shape != gt.shape or gt.shape[1] < 3:
        raise ValueError(
            f"an acceleration needs poses of equal shape and at least 3 frames, "
            f"got {tuple(pred.shape)} and {tuple(gt.shape)}"
        )
    labelled = None
    if mask is not None:
        labelled = mask.expand(gt.shape)
        labelled = labelled[:, :-2] & labelled[:, 1:-1] & labelled[:, 2:]
    difference = torch.diff(pred - gt, n=2, dim=1)
    return mean_absolute(difference, labelled)


def joint_loss(joints: Float[Tensor, "B T J 3"], gt: Float[Tensor, "B T J 3"]) -> Float[Tensor, ""]:
    """Mean absolute difference (metres) of the joint coordinates computed from SMPL's rotations.

    HANet's released SMPL training intended this term, but that code cannot run. A frame with a NaN joint in
    the ground truth does not count; without any frame the loss is 0.
    """
    known = gt.isfinite().flatten(2).all(dim=2)[..., None, None].expand(gt.shape)
    difference = joints - torch.where(known, gt, 0.0)
    return mean_absolute(difference.flatten(2), known.flatten(2))
