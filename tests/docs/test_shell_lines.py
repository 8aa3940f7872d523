"""Every shell line and Python block of README and docs runs on small files, or is listed below with a reason.

A new line runs here unless it is listed, so none can be forgotten. `test_commands.py` checks the options of
all of them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import hanet
from hanet.cache.files import CacheMetadata, CacheWriter
from hanet.cli.app import app
from hanet.estimators.mediapipe.engine import PYTHON_VARIABLE
from hanet.extras import EXTRAS
from hanet.figures.video import write_mp4
from hanet.models import checkpoints
from hanet.models.hanet import HANet, HANetConfig
from hanet.models.smoothnet import SmoothNet, SmoothNetConfig
from hanet.models.trained_on import KEY, PoseKind
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17
from tests.support.keypoint_writers import write_coco, write_openpose
from tests.support.mediapipe_stand_in import stand_in
from tests.support.paths import ROOT
from tests.support.people import standing
from tests.support.shell_lines import PAGES, Block, blocks, is_command, python_blocks, shell_blocks
from tests.support.walking import detected, filmed, walker

NOT_RUN = {
    "needs an hour, a network or both; the default run is compared with docs/results/reference": (
        "make repro",
        "make run EXPERIMENT=clips-smpl SEEDS=1,2 MODELS=hanet,deciwatch",
        "make run EXPERIMENT=jhmdb-simplebaseline",
        "make run EXPERIMENT=jhmdb-simplebaseline-frames",
        "make run EXPERIMENT=clips-fcn ABLATIONS=oml-off,one-scale",
        "make tables",
        "make verify",
        "make run EXPERIMENT=cmu-fcn SET='experiments.cmu-fcn.dataset=aist "
        "experiments.cmu-fcn.estimate.train_on=target experiments.cmu-fcn.estimate.out_of_fold=5'",
        "dvc exp run -S models.hanet.model.hidden=64",
        "dvc exp run -S train.devices=4",
        "hanet demo-videos",
    ),
    "is this test": ("make test", "python -m pytest -q tests/models tests/metrics/test_released_scores.py"),
    "installs packages; .ci/wheel.py installs the wheel into an empty environment": (
        "pip install .",
        'pip install ".[formats,view]"',
    ),
    "a server, which runs until Ctrl-C; tests/pipeline and tests/app start them": (
        "make ui",
        "make prefect",
        "hanet app",
    ),
    "opens a window": ("hanet view results.json refined.json --fps 30",),
    "two machines; tests/pipeline/node and tests/training make two on one": (
        "dvc remote add -d storage ssh://head/srv/dvc",
        "mlflow server --host 10.0.0.1 --backend-store-uri sqlite:///mlflow.db",
        "export PREFECT_API_AUTH_STRING=hanet:$(openssl rand -hex 24)",
        "PREFECT_HOST=10.0.0.1 MLFLOW_TRACKING_URI=http://10.0.0.1:5000 make prefect",
        "git clone ADDRESS hanet && cd hanet && make env",
        "export PREFECT_API_URL=http://10.0.0.1:4200/api MLFLOW_TRACKING_URI=http://10.0.0.1:5000",
        "export PREFECT_API_AUTH_STRING=…",
        "make node",
        "HANET_NODE_RANK=0 dvc repro train@clips-fcn-hanet-4321",
        "HANET_NODE_RANK=1 python -m stages.train clips-fcn hanet 4321",
    ),
}
LISTED = [line for lines in NOT_RUN.values() for line in lines]
RUN = [block for block in shell_blocks() if not set(block.lines) <= set(LISTED)]
SEEN = (
    *("minute.csv", "results.csv", "ann.csv", "poses.trc", "refined.trc", "squat.trc"),
    *("clips/a.trc", "trials/a.c3d", "walk.c3d"),
)
TRUE = (("markers.csv", "ann-markers.csv", "truth.trc"), ("bob-markers.csv",), ("eve-markers.csv",))
"""Files of the first person, then those of the true motion of each."""
HANET = "from hanet.cli.app import app; app()"
LIGHT = """
import sys
class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in HIDDEN:
            raise ModuleNotFoundError("No module named " + name, name=name)
sys.meta_path.insert(0, NotInstalled())
""".replace("HIDDEN", str(sorted(set(EXTRAS) - {"pip"})))
"""Hides the packages that `pip install .` does not bring."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the pages name: people who walk, in several formats; models; a video."""
    folder = tmp_path_factory.mktemp("made")
    write_keypoints(folder)
    write_joints(folder)
    write_run(folder / "data")
    video = folder / "data/demo-videos/sports2d-demo.mp4"
    video.parent.mkdir(parents=True)
    write_mp4(video, (np.full((48, 64, 3), 100 + i % 30, np.uint8) for i in range(16)), fps=30.0)
    write_program(folder / "bin/hanet", f"{sys.executable} -c '{HANET}'")
    write_program(folder / "light/hanet", f"""{sys.executable} -c '{LIGHT.replace("'", '"')}{HANET}'""")
    write_program(folder / "bin/make", f"{shutil.which('make')} -C {ROOT} -o env --no-print-directory")
    stand_in(folder / "bin/mediapipe-python")
    return folder


def write_program(path: Path, command: str) -> None:
    """A program that passes its arguments to a command."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    path.chmod(0o755)


def write_keypoints(folder: Path) -> None:
    """2D files as detectors write them."""
    seen = detected(filmed([walker(150), walker(150, phase=2.0, speed=0.4)]), noise=3.0)
    for name in ("results", "refined"):
        write_coco(folder / f"{name}.json", seen)
    write_openpose(folder / "openpose-folder", seen[:, :1])
    np.save(folder / "poses.npy", seen[:, 0, :, :2])


def write_joints(folder: Path) -> None:
    """3D files of three people who walk, seen 2 cm off and with jitter, in millimetres."""
    (folder / "clips").mkdir()
    (folder / "trials").mkdir()
    rng = np.random.default_rng(0)
    for person, names in enumerate((SEEN, ("bob.csv", "clips/b.trc", "trials/b.c3d"), ("eve.csv",))):
        truth = 1000 * walker(60, phase=person)
        write_as(folder, truth + 20 + rng.normal(scale=5.0, size=truth.shape), names)
        write_as(folder, truth, TRUE[person])


def write_as(folder: Path, joints: np.ndarray, names: tuple[str, ...]) -> None:
    """One motion at 30 fps as several files, by `hanet convert`."""
    source = folder / "source.npy"
    np.save(source, joints)
    for name in names:
        words = ("convert", source, "--skeleton", "coco17", "--fps", "30", "--out", folder / name)
        result = CliRunner().invoke(app, list(map(str, words)))
        assert result.exit_code == 0, result.output
    source.unlink()


def write_run(data: Path) -> None:
    """What a run leaves: networks, here as before training, and pairs of true and detected poses."""
    kind = PoseKind("h36m17", "3d", "m", "camera_root_relative", 30.0)
    torch.manual_seed(0)
    models = {
        "hanet": HANet(HANetConfig(channels=51, interval=5, window=11, hidden=8, layers=1)),
        "smoothnet": SmoothNet(SmoothNetConfig(window=8, hidden=8, residual_hidden=8, blocks=1)),
    }
    for name, model in models.items():
        checkpoints.save(model, data / f"models/clips-fcn/{name}-4321", metadata={KEY: kind.to_dict()})
    for name, noise in (("gt", 0.0), ("detected", 0.01)):
        poses = standing(H36M17) + np.random.default_rng(1).normal(scale=noise, size=(60, 17, 3))
        sequence = PoseSequence.joints(
            "walk", poses.astype(np.float32), H36M17, fps=30.0, frame_of_reference="camera_root_relative"
        )
        metadata = CacheMetadata.of(sequence, dataset="clips", split="test", estimator=name)
        with CacheWriter(data / f"pairs/clips-fcn/{name}-test.parquet", metadata) as writer:
            writer.write(sequence)


@pytest.fixture
def folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of these files, as the current folder."""
    copy = shutil.copytree(made, tmp_path / "copy")
    monkeypatch.chdir(copy)
    return copy


@pytest.mark.parametrize("block", RUN, ids=lambda block: block.name)
def test_shell_lines_run(block: Block, folder: Path) -> None:
    lines = [line for line in block.lines if line not in LISTED]
    for output in re.findall(r"--(?:out|report|html) (\S+)", "\n".join(lines)):
        remove(folder / output)
    light = block.page.stem in ("README", "refine", "formats") and "hanet train" not in block.body
    programs = [str(folder / name) for name in (("light", "bin") if light else ("bin",))]
    variables = {
        "PATH": os.pathsep.join((*programs, os.environ["PATH"])),
        "PYTHONPATH": str(ROOT),
        PYTHON_VARIABLE: str(folder / "bin/mediapipe-python"),
    }
    result = subprocess.run(
        ["sh", "-exc", "\n".join(lines)],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert result.returncode == 0, f"{block.page.name}:\n{result.stdout}\n{result.stderr}"
    for output in re.findall(r"--(?:out|report|html|to) (\S+[./-]\S+)", "\n".join(lines)):
        assert (folder / output).exists(), f"{output} was not written"


def remove(path: Path) -> None:
    """Remove a file or folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


@pytest.mark.parametrize("block", python_blocks(), ids=lambda block: block.name)
def test_python_blocks_run(block: Block, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = walker(60)
    poses = truth + np.random.default_rng(0).normal(scale=0.01, size=truth.shape)
    names: dict[str, Any] = {"hanet": hanet, "poses": poses, "truth": truth, "camera": list(truth)}
    remove(folder / "refined.json")
    exec(compile(block.body, block.name, "exec"), names)
    result = names.get("refined")
    assert result is not None or "mpjpe_mm" in capsys.readouterr().out


def test_what_is_not_run_is_on_a_page() -> None:
    lines = {line for block in shell_blocks() for line in block.lines}
    assert sorted(set(LISTED) - lines) == []
    assert len(LISTED) == len(set(LISTED))
    assert len(lines - set(LISTED)) >= 20


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_blocks_of_commands_are_marked_as_shell(page: Path) -> None:
    unmarked = [block for block in blocks(page) if block.language not in ("sh", "bash", "python")]
    found = [line for block in unmarked for line in block.lines if is_command(line)]
    assert [line for line in found if not set("→←") & set(line)] == []  # with an arrow it is a drawing
