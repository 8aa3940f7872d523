"""Layers: dropout, its share, mean and gradient; attention with it; two matrices as one."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from hanet.models import layers
from hanet.models.dropout import Dropout, dropout, kept
from hanet.models.layers import Attention

VALUES = 400_003
"""Not a multiple of the four numbers of one draw."""


@pytest.mark.parametrize("p", [0.05, 0.1, 0.5, 0.9])
def test_drops_the_share_and_keeps_the_mean(p):
    torch.manual_seed(0)
    factors = kept(torch.empty(VALUES), p)
    share = float((factors == 0).double().mean())
    assert share == pytest.approx(p, abs=5 * (p * (1 - p) / VALUES) ** 0.5)
    scale = factors.max()
    assert set(factors.unique().tolist()) == {0.0, scale.item()}
    assert scale.item() == pytest.approx(1 / (1 - p), rel=1e-4)


@pytest.mark.parametrize("apart", [1, 2, 3, 4, 8])
def test_values_are_dropped_independently(apart):
    torch.manual_seed(1)
    gone = (kept(torch.empty(VALUES), 0.1) == 0).double() - 0.1
    correlation = float((gone[apart:] * gone[:-apart]).mean() / 0.09)
    assert abs(correlation) < 5 / VALUES**0.5


def test_follows_the_seed_and_goes_on():
    x = torch.ones(1000)
    torch.manual_seed(2)
    first, second = dropout(x, 0.5), dropout(x, 0.5)
    torch.manual_seed(2)
    assert torch.equal(dropout(x, 0.5), first)
    assert not torch.equal(first, second)


def test_the_gradient_is_that_of_the_values_kept():
    x = torch.randn(3, 5, 7, dtype=torch.float64, requires_grad=True)
    torch.manual_seed(3)
    dropout(x, 0.3).sum().backward()
    torch.manual_seed(3)
    assert x.grad is not None and x.grad.dtype == torch.float64
    torch.testing.assert_close(x.grad, kept(x, 0.3))


def test_the_module_drops_in_training_only():
    x, module = torch.ones(100), Dropout(0.5)
    assert (module(x) == 0).any()
    assert module.eval()(x) is x
    assert Dropout(0.0)(x) is x


@pytest.mark.parametrize("masked", [True, False])
def test_attention_with_dropout_is_attention_with_its_weights_dropped(masked, monkeypatch):
    torch.manual_seed(4)
    attention = Attention(12, heads=3, dropout=0.2).double()
    x, memory = torch.randn(2, 6, 12).double(), torch.randn(2, 6, 12).double()
    allowed = ~torch.eye(6, dtype=torch.bool) if masked else None
    weights = []

    def keep(values, p):
        weights.append(values)
        assert p == 0.2
        return values

    monkeypatch.setattr(layers, "dropout", keep)
    found = attention(x, memory, memory, allowed=allowed)
    torch.testing.assert_close(found, attention.eval()(x, memory, memory, allowed=allowed))
    assert weights[0].shape == (2, 3, 6, 6)
    torch.testing.assert_close(weights[0].sum(-1), torch.ones(2, 3, 6).double())


def test_a_product_of_two_layers_gives_what_they_give():
    torch.manual_seed(5)
    network = layers.FeedForward(16, 64, dropout=0.0).double()
    after = layers.linear(16, 4).double()
    x = torch.randn(9, 5, 16).double()
    torch.testing.assert_close(network.mapped(x, after), F.linear(network(x), after.weight))
