"""The state file: whole or absent, its own or refused."""

from __future__ import annotations

import pytest
import torch

from hanet.training.state import load_state, save_state, with_prefix


def test_tensors_and_progress_come_back(tmp_path):
    shared = torch.randn(4, 3)
    tensors = {
        "model.w": shared,
        "best.w": shared,  # the same memory
        "model.t": shared.T,  # not contiguous
        "optimizer.0.step": torch.tensor(7.0),
        "empty": torch.zeros(0, 2),
        "bad": torch.tensor([torch.nan, torch.inf]),
    }
    progress = {"epoch": 2, "history": [{"loss": 0.1 + 0.2, "epoch": 1}], "best_error": 1e-300}
    path = tmp_path / "below" / "state.safetensors"
    save_state(path, tensors, "mine", progress)
    state = load_state(path, "mine")
    assert state is not None
    found, told = state
    assert told == progress
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        torch.testing.assert_close(found[name], tensor, rtol=0, atol=0, equal_nan=True)
    assert [p.name for p in path.parent.iterdir()] == ["state.safetensors"]


def test_nothing_or_anothers_state_is_nothing(tmp_path):
    path = tmp_path / "state.safetensors"
    assert load_state(path, "mine") is None
    save_state(path, {"w": torch.ones(2)}, "mine", {})
    assert load_state(path, "yours") is None
    assert load_state(path, "mine") is not None


def test_a_new_state_replaces_the_old_one_and_what_a_kill_left(tmp_path):
    path = tmp_path / "state.safetensors"
    (tmp_path / ".state.safetensors.0123.tmp").write_bytes(b"half a file")
    for value in (1.0, 2.0):
        save_state(path, {"w": torch.tensor(value)}, "mine", {"epoch": int(value)})
    state = load_state(path, "mine")
    assert state is not None
    tensors, progress = state
    assert tensors["w"] == 2 and progress == {"epoch": 2}
    assert [p.name for p in tmp_path.iterdir()] == ["state.safetensors"]


@pytest.mark.parametrize("keep", [0, 4, 50, -1])
def test_a_damaged_file_is_refused(tmp_path, keep):
    path = tmp_path / "state.safetensors"
    save_state(path, {"w": torch.ones(100)}, "mine", {"epoch": 1})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(
        ValueError, match=r"state\.safetensors: not a whole training state .* delete it to start"
    ):
        load_state(path, "mine")


def test_changed_progress_is_refused(tmp_path):
    path = tmp_path / "state.safetensors"
    save_state(path, {"w": torch.ones(2)}, "mine", {"epoch": 3})
    content = path.read_bytes()
    changed = content.replace(b'epoch\\": 3', b'epoch\\": 7')
    assert changed != content
    path.write_bytes(changed)
    with pytest.raises(ValueError, match="SHA-256 of its progress is not the one noted"):
        load_state(path, "mine")


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "state.safetensors"
    path.write_text("weights, honestly")
    with pytest.raises(ValueError, match="not a whole training state"):
        load_state(path, "mine")


def test_below():
    state = {name: torch.tensor(float(i)) for i, name in enumerate(("model.a", "model.b.c", "modelx.a"))}
    assert {k: v.item() for k, v in with_prefix(state, "model.").items()} == {"a": 0, "b.c": 1}
