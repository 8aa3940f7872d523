"""The number of threads of a training: measured where the user has not set it, kept when it resumes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from hanet.training import threads as measured
from hanet.training import trainer as trainers
from hanet.training.threads import may_choose, threads_of, threads_that_pay
from tests.support.small_training import assert_same, make


def taking(monkeypatch: pytest.MonkeyPatch, seconds: dict[int, float]) -> Callable[[], object]:
    """A step that takes `seconds` by number of threads, by a clock that only it moves."""
    clock = [0.0]

    def step() -> None:
        clock[0] += seconds[torch.get_num_threads()]

    monkeypatch.setattr(measured.time, "perf_counter", lambda: clock[0])
    return step


@pytest.mark.parametrize(
    ("seconds", "most", "expected"),
    [
        ({1: 1.0}, 1, 1),
        ({1: 5.4, 2: 9.0}, 2, 1),  # beside a busy process
        ({1: 1.0, 2: 0.95}, 2, 1),  # not worth it
        ({1: 1.0, 2: 0.75}, 2, 2),
        ({1: 1.0, 2: 0.6, 4: 0.4, 8: 0.39}, 64, 4),  # 16 and more are not tried
        ({1: 1.0, 2: 0.6, 3: 0.4}, 3, 3),
    ],
)
def test_threads_are_doubled_while_that_pays(
    monkeypatch: pytest.MonkeyPatch, seconds: dict[int, float], most: int, expected: int
) -> None:
    before = torch.get_num_threads()
    assert threads_that_pay(taking(monkeypatch, seconds), most) == expected
    assert torch.get_num_threads() == before


def test_nothing_is_measured_where_the_user_has_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    with threads_of(2):
        monkeypatch.setenv("OMP_NUM_THREADS", "2")
        assert not may_choose()
        monkeypatch.delenv("OMP_NUM_THREADS")
        assert may_choose()
    with threads_of(1):
        assert not may_choose()


def test_a_resumed_training_keeps_its_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Measured once, before the first epoch; the weights are those of a training with so many threads."""
    calls: list[int] = []
    used: list[int] = []

    def pays(step: Callable[[], object], most: int) -> int:
        step()  # its gradients and random numbers change nothing
        calls.append(most)
        return 1

    monkeypatch.setattr(trainers, "threads_that_pay", pays)
    monkeypatch.setattr(trainers, "may_choose", lambda: True)
    with threads_of(2):
        first = make(tmp_path / "a", epochs=2)

        def stop(row: dict[str, float]) -> None:
            used.append(torch.get_num_threads())
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            first.run(stop)
        assert torch.get_num_threads() == 2
        resumed = make(tmp_path / "a", epochs=2)
        assert resumed.progress.threads == 1
        best = resumed.run(lambda row: used.append(torch.get_num_threads()))
    assert calls == [2]
    assert used == [1, 1]
    monkeypatch.undo()
    with threads_of(1):
        unbroken = make(tmp_path / "b", epochs=2).run()
    assert_same(unbroken, best)
