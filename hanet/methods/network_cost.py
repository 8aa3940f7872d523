"""What a trained network costs: parameters, and arithmetic for each frame."""

from __future__ import annotations

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from hanet.methods.cost import Cost
from hanet.methods.learned import LearnedMethod
from hanet.models.registry import Model, network_of


def network_cost(method: LearnedMethod, channels: int) -> Cost:
    """The cost of a network with all windows and mirror images of its use."""
    learned = sum(parameter.numel() for parameter in method.model.parameters())
    windows = len(method.phases) / method.stride * (1 if method.mirror_axis is None else 2)
    return Cost(learned, windows * window_flops(method.model, channels))


def window_flops(model: Model, channels: int) -> int:
    """Arithmetic of a network for one window: of matrix products, convolutions and attention alone."""
    device = next(model.parameters()).device
    window = torch.zeros(1, model.config.window, channels, device=device)
    training = model.training
    model.eval()
    # Fused attention is not counted on every device; written out it is two matrix products.
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        network_of(model.config).refine(model, window)
    model.train(training)
    return counter.get_total_flops()
