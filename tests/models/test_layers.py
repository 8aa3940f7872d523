"""Layers: two matrices as one."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812

from hanet.models import layers


def test_a_product_of_two_layers_gives_what_they_give():
    torch.manual_seed(5)
    network = layers.FeedForward(16, 64, dropout=0.0).double()
    after = layers.linear(16, 4).double()
    x = torch.randn(9, 5, 16).double()
    torch.testing.assert_close(network.mapped(x, after), F.linear(network(x), after.weight))


def test_a_layer_ends_in_the_map_that_follows_it():
    torch.manual_seed(6)
    layer = layers.EncoderLayer(16, 64, heads=2, pre_norm=True, dropout=0.1).double().eval()
    after = layers.linear(16, 4).double()
    x, position = torch.randn(9, 5, 16).double(), torch.randn(5, 16).double()
    allowed = torch.ones(5, 5, dtype=torch.bool)
    expected = after(layer(x, position, allowed=allowed))
    torch.testing.assert_close(layer(x, position, allowed=allowed, after=after), expected)
