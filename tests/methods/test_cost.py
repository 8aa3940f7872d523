"""Costs by hand: parameters, and arithmetic for each frame."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hanet.methods.cost import Cost, cost_of
from hanet.methods.filtered import Unfiltered, gaussian, tuned_post_filter
from hanet.methods.filters import Gaussian, Input, OneEuro
from hanet.methods.learned import LearnedMethod
from hanet.methods.network_cost import network_cost, window_flops
from hanet.methods.offset import ConstantOffset, PoseKind
from hanet.methods.ridge import FrameRidge
from hanet.methods.tuning import validation_scores
from hanet.models.deciwatch import DeciWatch, DeciWatchConfig
from hanet.models.frame_options import MLPConfig
from hanet.models.mlp import FrameMLP
from hanet.models.smoothnet import SmoothNet, SmoothNetConfig
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import LIMBS12

C = 36
TRACK = PoseSequence.joints(
    "a", np.zeros((20, 12, 3)), LIMBS12, fps=30.0, frame_of_reference="camera_root_relative"
)


def test_networks_by_hand() -> None:
    mlp = FrameMLP(MLPConfig(channels=C, window=7, hidden=16))
    each = 2 * (C * 16 + 16 * 16 + 16 * C)  # a multiplication with an addition is two
    assert window_flops(mlp, C) == 7 * each
    smoothnet = SmoothNet(SmoothNetConfig(window=7, hidden=12, residual_hidden=5, blocks=2))
    assert window_flops(smoothnet, C) == C * 2 * (7 * 12 + 2 * (12 * 5 + 5 * 12) + 12 * 7)


def test_attention_counts_by_hand() -> None:
    """One layer each of DenoiseNet over 3 watched frames and RecoverNet over 5 frames."""
    d, W, T, f = 8, 3, 5, 12
    layers = {"hidden": d, "encoder_layers": 1, "decoder_layers": 1, "heads": 2, "feedforward": f}
    config = DeciWatchConfig(channels=C, interval=2, window=T, **layers)

    def attention(queries: int, keys: int) -> int:
        projected = 2 * d * d * (2 * queries + 2 * keys)  # query and output, key and value
        return projected + 2 * 2 * queries * keys * d  # scores, and the mean by them

    denoise = 2 * W * C * d + attention(W, W) + 2 * 2 * W * d * f + 2 * W * d * C
    mixed = 2 * T * W * C
    enter = 2 * 5 * T * C * d  # a convolution over five frames
    recover = enter + attention(T, T) + attention(T, W) + 2 * 2 * T * d * f + 2 * T * d * C
    assert window_flops(DeciWatch(config), C) == denoise + mixed + recover


def test_uses_of_a_network() -> None:
    mlp = FrameMLP(MLPConfig(channels=C, window=6, hidden=16))
    once = window_flops(mlp, C)
    learned = sum(parameter.numel() for parameter in mlp.parameters())
    assert network_cost(LearnedMethod(mlp, stride=6), C) == Cost(learned, once / 6)
    assert network_cost(LearnedMethod(mlp, stride=1, mirror_axis=0), C) == Cost(learned, 2.0 * once)
    assert network_cost(LearnedMethod(mlp, stride=3, phases=(0, 1)), C) == Cost(learned, 2 * once / 3)


def test_fitted_methods_and_filters() -> None:
    kind = PoseKind.of(TRACK)
    assert cost_of(ConstantOffset(np.zeros((12, 3)), kind), TRACK) == Cost(36, 36.0)
    ridge = FrameRidge(np.zeros((C, C)), np.zeros(C), kind)
    assert cost_of(ridge, TRACK) == Cost(36 * 37, 2.0 * 36 * 36 + 2 * 36)
    assert cost_of(Gaussian(2.0), TRACK) == Cost(0, 2.0 * 36 * 17)
    assert cost_of(Input(), TRACK) == Cost(0, 0.0)
    assert cost_of(OneEuro(1.0, 0.0), TRACK).to_dict() == {}
    assert cost_of(ridge, TRACK).to_dict() == {"parameters": 1332.0, "kflops_per_frame": 2.664}


def test_counting_leaves_the_network_as_it_is() -> None:
    mlp = FrameMLP(MLPConfig(channels=C, window=6, hidden=16, dropout=0.5)).train()
    window_flops(mlp, C)
    assert mlp.training and not torch.is_inference(next(mlp.parameters()))


@pytest.mark.parametrize(("noise", "sigma"), [(0.0, 0.0), (0.05, 2.0)])
def test_the_filter_after_a_method_is_tuned_on_validation(rng, noise: float, sigma: float) -> None:
    """Fast clean motion is left alone, slow noisy motion is smoothed."""
    t = np.arange(200)[:, None, None]
    motion = np.broadcast_to(0.2 * np.sin(t / (3 if noise == 0 else 30)), (200, 12, 3)).copy()
    motion[:, LIMBS12.root] = 0
    gt = PoseSequence.joints("a", motion, LIMBS12, fps=30.0, frame_of_reference="camera_root_relative")
    refined = gt.with_values(motion + noise * rng.normal(size=motion.shape))
    method, parameters = tuned_post_filter([0.0, 2.0], [refined], [gt], validation_scores)
    assert parameters["sigma"] == sigma and [row["sigma"] for row in parameters["trials"]] == [0.0, 2.0]
    expected = gaussian(sigma=sigma).refine(refined)
    np.testing.assert_array_equal(method.refine(refined).values, expected.values)
    assert isinstance(gaussian(sigma=0.0), Unfiltered)
