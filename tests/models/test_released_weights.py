"""Released checkpoints on a model of one layer: renaming, grouping, prefixes, kernels, what is left out."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hanet.models.released_weights import grouped, load_weights, substitute
from hanet.models.tensors import check_tensors


class Two(nn.Module):
    """Two matrices that a checkpoint stores as one."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.zeros(2, 3))
        self.b = nn.Parameter(torch.zeros(2, 3))


NAMES = {"net.ab": ("a", "b")}
BOTH = torch.arange(12.0).reshape(4, 3)


def test_patterns_apply_one_after_the_other():
    assert substitute("a.b", [("a", "c"), (r"^c\.", "d_")]) == "d_b"
    assert substitute("a.b", [(r"^c\.", "d_"), ("a", "c")]) == "c.b"


def test_names_of_one_released_tensor_keep_their_order():
    assert grouped(["x2", "y1", "x1"], lambda name: name[0]) == {"x": ("x2", "x1"), "y": ("y1",)}


@pytest.mark.parametrize("name", ["net.ab", "ab", "module.ab", "module.net.ab"])
def test_one_tensor_fills_two(name):
    model = Two()
    load_weights(model, {name: BOTH}, NAMES, prefix="net.")
    assert torch.equal(model.a, BOTH[:2]) and torch.equal(model.b, BOTH[2:])


def test_a_kernel_of_one_is_no_other_shape():
    model = Two()
    load_weights(model, {"net.ab": BOTH[:, :, None]}, NAMES)
    assert torch.equal(model.a, BOTH[:2])
    with pytest.raises(ValueError, match=r"net\.ab is \(4, 3, 2\), but the configuration expects \(4, 3\)"):
        load_weights(model, {"net.ab": BOTH[:, :, None].expand(-1, -1, 2)}, NAMES)


def test_what_nothing_reads_must_be_there():
    state, unread = {"net.ab": BOTH}, {"net.idle": (2,)}
    load_weights(Two(), state | {"net.idle": torch.zeros(2)}, NAMES, unread=unread)
    with pytest.raises(ValueError, match=r"not a released Two .*: net\.idle is missing"):
        load_weights(Two(), state, NAMES, unread=unread)
    with pytest.raises(ValueError, match=r"net\.idle is unexpected"):
        load_weights(Two(), state | {"net.idle": torch.zeros(2)}, NAMES)


def test_a_refused_checkpoint_leaves_the_model_alone():
    model = Two()
    with pytest.raises(ValueError, match="is missing"):
        load_weights(model, {}, NAMES)
    assert not model.a.any()


def test_ten_problems_are_named():
    with pytest.raises(ValueError, match=r"complaint: t00 is missing; .*t09 is missing; and 2 more$"):
        check_tensors({}, {f"t{i:02}": (1,) for i in range(12)}, "complaint")
