"""Official checkpoints on a network of one layer: containers, prefixes, what is left out, damaged files."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hanet.estimators.common.checkpoints import Layout, load_official
from hanet.files.hashing import file_hash
from hanet.files.torch_file import read_torch

STATE = {"weight": torch.ones(1, 2), "bias": torch.ones(1)}


def test_prefix_and_container(tmp_path):
    layout = Layout(container="net", prefix="a.", left_out=("a.body.",), only_prefixed=True)
    state = {f"a.{k}": v for k, v in STATE.items()} | {"a.body.x": torch.ones(1), "other": torch.ones(1)}
    torch.save({"net": state}, tmp_path / "file.pt")
    network = nn.Linear(2, 1)
    assert load_official(network, tmp_path / "file.pt", layout) == file_hash(tmp_path / "file.pt")
    assert torch.equal(network.weight, STATE["weight"])


@pytest.mark.parametrize(
    ("layout", "content", "message"),
    [
        (Layout(container="net"), STATE, "expected a state dict under 'net', the file holds bias, weight"),
        (Layout(container="net"), {}, "the file holds nothing"),
        (Layout(container="net"), {"net": 3}, "expected a state dict under 'net'"),
        (
            Layout(container="net", prefix="a."),
            {"net": STATE},
            "expected names that begin with 'a.', got bias, we",
        ),
        (
            Layout(container="net"),
            {"net": {"weight": STATE["weight"]}},
            "not an official Linear: bias is missing",
        ),
        (Layout(container="net"), {"net": STATE | {"x": 1}}, "x is unexpected"),
        (Layout(container="net"), {"net": STATE | {"bias": 1}}, "bias is a int, expected a tensor"),
    ],
)
def test_a_wrong_file_is_refused_and_changes_nothing(tmp_path, layout, content, message):
    torch.save(content, tmp_path / "file.pt")
    network = nn.Linear(2, 1)
    before = network.weight.clone()
    with pytest.raises(ValueError, match=message):
        load_official(network, tmp_path / "file.pt", layout)
    assert torch.equal(network.weight, before)


class Harmful:
    """Would run code where it is unpickled."""

    def __reduce__(self):
        return print, ("ran",)


def test_code_in_a_file_is_not_run(tmp_path, capsys):
    torch.save({"state_dict": STATE, "hyper_parameters": Harmful()}, tmp_path / "file.pt")
    with pytest.raises(
        ValueError, match=r"holds more than tensors and plain values.*save its state dict alone"
    ):
        read_torch(tmp_path / "file.pt")
    assert "ran" not in capsys.readouterr().out


def test_damaged_files_are_refused(tmp_path):
    torch.save({"net": {"weight": torch.randn(100)}}, tmp_path / "file.pt")
    content = (tmp_path / "file.pt").read_bytes()
    for damaged in (content[: len(content) // 2], b""):
        (tmp_path / "file.pt").write_bytes(damaged)
        with pytest.raises(ValueError, match="is no whole PyTorch file"):
            read_torch(tmp_path / "file.pt")
    torch.save([1, 2], tmp_path / "file.pt")
    with pytest.raises(ValueError, match="holds a list, expected a mapping"):
        read_torch(tmp_path / "file.pt")
    with pytest.raises(FileNotFoundError):
        read_torch(tmp_path / "absent.pt")
