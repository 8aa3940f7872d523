"""The images' stage with Dask: many processes give one process's bytes, and a killed run loses nothing."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from distributed import Client, LocalCluster, Security

from hanet.estimators.images import job
from hanet.estimators.images.options import ImagesEstimate
from stages import estimate, workspace
from tests.support import drawn, official_files
from tests.support.paths import ROOT

CLIPS = {
    "train": dict.fromkeys("abcdefgh", 3),
    "val": {"i": 3, "j": 3},
    "test": {"k": 3, "l": 3},
}
COMMAND = [sys.executable, "-m", "stages.estimate", "drawn"]


def results() -> dict[str, str]:
    """SHA-256 of all that the stage wrote."""
    folder = workspace.PAIRS / "drawn"
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def shards() -> list[Path]:
    return sorted((workspace.SCRATCH / "estimate").rglob("*.parquet"))


@pytest.fixture
def one_process(project: Path) -> dict[str, str]:
    """What one process makes of the data, which stay."""
    official_files.write_checkpoint(Path("files/simplebaseline.pth"), "simplebaseline")
    drawn.write_data(CLIPS)
    drawn.write_params("simplebaseline", "sub_jhmdb", shard=1)
    estimate.main("drawn")
    expected = results()
    assert len(expected) == 9 and not shards()
    return expected


def test_a_scheduler_by_its_address(one_process: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    drawn.write_params("simplebaseline", "sub_jhmdb", shard=1, workers=None)
    settings = {"n_workers": 1, "threads_per_worker": 1, "processes": False, "dashboard_address": None}
    with LocalCluster(**settings, protocol="tcp://") as cluster:
        monkeypatch.setenv(job.SCHEDULER, cluster.scheduler_address)
        estimate.main("drawn")
    assert results() == one_process


def test_other_programs_cannot_run_code_in_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(job.SCHEDULER, raising=False)
    with job.workers(ImagesEstimate.model_construct(scheduler=None, workers=1)) as client:
        assert client.submit(os.getpid).result() != os.getpid()
        info = client.scheduler_info()
        [(worker, described)] = info["workers"].items()
        for address in (info["address"], worker, described["nanny"]):
            assert address.startswith("tls://127.0.0.1:")
        plain = info["address"].replace("tls", "tcp")
        for address, security in ((plain, None), (info["address"], Security.temporary())):
            with pytest.raises(OSError, match=r"[Tt]imed out|closed|TLS certificate does not match"):
                Client(address, security=security, timeout=3)


@pytest.mark.slow
def test_two_workers_killed_and_run_again_equal_one_process(one_process: dict[str, str]) -> None:
    drawn.write_params("simplebaseline", "sub_jhmdb", shard=1, workers=2)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        COMMAND, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        deadline = time.monotonic() + 300
        while len(shards()) < 2:
            assert process.poll() is None and time.monotonic() < deadline, "it ended before it was killed"
            time.sleep(0.01)
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGKILL)
        process.wait()
    gone, alive = psutil.wait_procs(family, timeout=60)
    assert len(gone) >= 2 and not alive, "workers end with the stage"

    done = shards()
    assert 2 <= len(done) < 12
    assert results() == one_process, "what an earlier run wrote stays as it is"
    # Shards that are there are not made again: their images may be damaged now.
    order = [name for clips in CLIPS.values() for name in clips]
    offset = {"train": 0, "val": 8, "test": 10}
    for path in done:
        split, number = path.stem.split("-")
        for image in Path("frames/walk", order[offset[split] + int(number)]).iterdir():
            image.write_bytes(b"damaged")
    finished = subprocess.run(COMMAND, env=environment, capture_output=True, text=True, timeout=300)
    assert finished.returncode == 0, finished.stderr
    assert "0 of 24 frames without a pose" in finished.stdout
    assert results() == one_process and not shards()
