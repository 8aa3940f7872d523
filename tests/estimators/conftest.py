"""Factories of the estimators' tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from torch import Tensor, nn


@pytest.fixture(scope="session")
def constant_state() -> Callable[[nn.Module, str], dict[str, Tensor]]:
    """A network's state dict with every number one half, by prefixed names; saved it is a small file."""

    def build(network: nn.Module, prefix: str = "") -> dict[str, Tensor]:
        return {
            prefix + name: tensor.new_full((), 0.5).expand(tensor.shape)
            for name, tensor in network.state_dict().items()
        }

    return build
