"""A disk that is full while something is written: an error names the file; what was there stays whole."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from hanet.files.atomic import write_bytes
from hanet.models import checkpoints
from hanet.models.smoothnet import SmoothNet, SmoothNetConfig
from hanet.training.state import load_state, save_state
from tests.support.cache_files import make, write


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """Writes beyond `size` bytes of a file fail, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


WRITERS: dict[str, Callable[[Path], object]] = {
    "state.safetensors": lambda path: save_state(path, {"w": torch.ones(90_000)}, "mine", {"epoch": 2}),
    "model.safetensors": lambda path: checkpoints.save(SmoothNet(SmoothNetConfig(16)), path.parent),
    "c.parquet": lambda path: write(path, [make(frames=3000)]),
    "anything": lambda path: write_bytes(path, bytes(200_000)),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_costs_nothing_that_was_there(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    save_state(path, {"w": torch.ones(3)}, "mine", {"epoch": 1})  # any whole file of that name
    before = path.read_bytes()
    with pytest.raises(OSError, match=name), no_file_above(100_000):
        WRITERS[name](path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_a_training_goes_on_from_the_state_before(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    save_state(path, {"w": torch.ones(3)}, "mine", {"epoch": 1})
    message = r"state\.safetensors: cannot be written .* last epoch's state is kept"
    with pytest.raises(OSError, match=message), no_file_above(100_000):
        save_state(path, {"w": torch.ones(90_000)}, "mine", {"epoch": 2})
    state = load_state(path, "mine")
    assert state is not None and state[1] == {"epoch": 1}
