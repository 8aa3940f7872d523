"""Several processes train as one does: in float64, where rounding stays small whatever AdamW makes of it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import nn

from hanet.models.registry import network_of
from hanet.training.distributed import InParts, ProcessGroup, launch, process_group
from hanet.training.trainer import STATE_FILE
from tests.support import processes as cases
from tests.support.paths import ROOT

TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def state(folder: Path) -> tuple[dict[str, torch.Tensor], dict]:
    """All that a training left: tensors, and fingerprint and progress."""
    with safe_open(folder / STATE_FILE, framework="pt") as file:
        metadata = file.metadata() | {"progress": json.loads(file.metadata()["progress"])}
        return {key: file.get_tensor(key) for key in file.keys()}, metadata  # noqa: SIM118 (not a mapping)


def assert_equal_to_rounding(found: Path, expected: Path) -> None:
    """Weights, averages, best weights, moments of the optimizer, losses and validation errors."""
    (tensors, told), (others, expected_told) = state(found), state(expected)
    assert tensors.keys() == others.keys()
    for name, tensor in tensors.items():
        torch.testing.assert_close(tensor, others[name], rtol=1e-8, atol=1e-9, msg=name)
    assert told["fingerprint"] == expected_told["fingerprint"]
    one, two = told["progress"], expected_told["progress"]
    assert one["best_epoch"] == two["best_epoch"]
    assert len(one["history"]) == len(two["history"]) > 2
    for row, other in zip(one["history"], two["history"], strict=True):
        assert row == pytest.approx(other, rel=1e-9)


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Path:
    """Every case in one process."""
    folder = tmp_path_factory.mktemp("alone")
    for name, case in cases.CASES.items():
        if name != "parts":
            cases.make(folder / name, **case).run()
    return folder


@pytest.fixture(scope="module")
def together(tmp_path_factory) -> Path:
    """Every case in two processes, and a training that one process began."""
    folder = tmp_path_factory.mktemp("together")
    cases.run_until(cases.make(folder / "began-in-one", **cases.CASES["everything"]), 2)
    command = [sys.executable, *TORCHRUN, cases.__file__, str(folder)]
    settings = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, env=os.environ | settings, capture_output=True, text=True, check=False, timeout=500
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("case", cases.CASES)
def test_two_processes_train_as_one(alone, together, case):
    """Batches that do not halve, one of a single window, gaps in the labels, all options."""
    assert_equal_to_rounding(together / case, alone / ("everything" if case == "parts" else case))


@pytest.mark.slow
def test_a_training_goes_on_with_another_number_of_processes(alone, together):
    assert_equal_to_rounding(together / "began-in-one", alone / "everything")
    resumed = cases.make(together / "began-in-two", **cases.CASES["everything"])
    assert resumed.resumed and resumed.progress.epoch == 2
    resumed.run()
    assert_equal_to_rounding(together / "began-in-two", alone / "everything")


@pytest.mark.slow
def test_dropout_is_drawn_anew_by_each_process_and_repeats_itself(together):
    once, twice = (state(together / f"dropout-{name}")[0] for name in ("once", "twice"))
    assert all(torch.equal(once[name], twice[name]) for name in once)
    assert (together / "seed-0").read_text() != (together / "seed-1").read_text()


@pytest.mark.parametrize("accumulate", [3, 1000])
def test_parts_of_a_batch_train_as_the_whole(alone, tmp_path, accumulate):
    cases.make(tmp_path, accumulate=accumulate, **cases.CASES["everything"]).run()
    assert_equal_to_rounding(tmp_path, alone / "everything")


# --- the pieces


@pytest.mark.parametrize("windows", [1, 2, 5, 6])
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_shares_are_equal_and_in_order(windows, size):
    batch = torch.arange(windows)[:, None]
    shares = [ProcessGroup(rank, size).shard(batch) for rank in range(size)]
    assert len({len(share) for share in shares}) == 1
    joined_again = torch.cat(shares)
    assert torch.equal(joined_again[:windows], batch)
    assert (joined_again[windows:] == windows - 1).all()


def test_alone_nothing_is_exchanged():
    output, module = object(), nn.Linear(1, 1)
    one = ProcessGroup()
    assert one.first and one.gather(output, 3) is output and one.parallel(module) is module
    assert one.on_rank0(lambda: 7) == 7
    with process_group() as processes:
        assert processes == one
    assert not ProcessGroup(1, 2).first


def test_parts_keep_the_activations_of_one_only():
    """What the backward pass needs: a third of the batch, and dropout drawn once."""
    config = cases.CONFIG
    network = network_of(config)
    model = network.build(config).train()
    windows: list[int] = []
    model.register_forward_pre_hook(lambda _, args: windows.append(len(args[0])))
    saved: dict[int, int] = {}
    batch = torch.randn(12, config.window, config.channels)
    for parts in (1, 3):
        total = 0

        def count(tensor: torch.Tensor) -> torch.Tensor:
            nonlocal total
            total += tensor.numel()
            return tensor

        torch.manual_seed(0)
        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            output = InParts(network, model, parts)(batch)
        saved[parts] = total
    assert windows == [12, 4, 4, 4]
    assert saved[3] < saved[1] / 3
    (output.decoder_pose.sum() + output.encoder_pose.sum()).backward()
    assert windows[4:] == [4, 4, 4]


def test_a_process_with_other_data_is_refused(tmp_path, monkeypatch):
    """As on a machine whose data/pairs are of another run."""
    monkeypatch.setattr(ProcessGroup, "on_rank0", lambda self, function: "of other data")
    with pytest.raises(
        ValueError, match="process 1 has other settings or data than process 0; every machine"
    ):
        cases.make(tmp_path, ProcessGroup(1, 2))


# --- launching

WORK = """
import os, sys, time
from hanet.training.distributed import process_group
with process_group() as processes:
    everyone = processes.on_rank0(lambda: "said by 0")
    told = (processes.rank, "of", processes.size, everyone, *sys.argv[1:], os.environ["OMP_NUM_THREADS"])
    print(*told, flush=True)
    if "fail" in sys.argv and processes.rank == 1:
        print("Error: reason", file=sys.stderr)
        raise SystemExit(2)
    if "fail" in sys.argv:
        time.sleep(200)
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the module ``work``, which processes started from here find."""
    (tmp_path / "work.py").write_text(WORK)
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{tmp_path}")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return tmp_path


@pytest.mark.slow
def test_one_that_fails_ends_all(work, capfd):
    started = time.monotonic()
    with pytest.raises(ChildProcessError) as caught:
        launch("work", ["fail"], devices=2)
    # Its own code, or -6: PyTorch may abort a process that leaves its group while gloo still runs.
    assert re.fullmatch(
        r"process 1 of 2 ended with exit code (2|-6); see its output above", str(caught.value)
    )
    assert "Error: reason" in capfd.readouterr().err
    assert time.monotonic() - started < 150  # process 0 would have slept for 200 s


@pytest.mark.slow
def test_two_machines_meet(work, capfd):
    """As two calls on one machine, each for a process."""
    port = free_port()
    settings = f"devices=1, nodes=2, rendezvous='127.0.0.1:{port}'"
    code = f"from hanet.training.distributed import launch; launch('work', [], node=1, {settings})"
    other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        launch("work", [], devices=1, nodes=2, rendezvous=f"127.0.0.1:{port}")
        out, _ = other.communicate(timeout=100)
    finally:
        other.kill()
    assert other.returncode == 0
    assert (capfd.readouterr().out, out) == ("0 of 2 said by 0 1\n", "1 of 2 said by 0 1\n")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def test_more_devices_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ValueError, match="4 devices were asked for, this machine has 2 GPUs"):
        launch("work", [], devices=4)
