"""Every shell line and every Python block of README and docs runs on small files, or is listed below with the reason.

A new line runs here unless it is listed, so none can be forgotten. `test_commands.py` checks the options of all.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from hanet.cache.files import CacheMetadata, CacheWriter
from hanet.estimators.mediapipe.pose import PYTHON_VARIABLE
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
from tests.support.shell_lines import PAGES, blocks, is_command, python_blocks, shell_blocks
from tests.support.walking import detected, filmed, walker

NOT_RUN = {
    "needs an hour, a network or both; the default run is compared with docs/results/reference": (
        "make repro",
        "make run EXPERIMENT=clips-smpl SEEDS=1,2 MODELS=hanet,deciwatch",
        "make run EXPERIMENT=jhmdb-simplebaseline-frames",
        "make run EXPERIMENT=cmu-fcn SET='experiments.cmu-fcn.dataset=aist "
        "experiments.cmu-fcn.estimate.train_on=target experiments.cmu-fcn.estimate.out_of_fold=5'",
        "dvc exp run -S models.hanet.model.hidden=64",
        "dvc exp run -S train.devices=4",
        "make mediapipe",
        "hanet demo-videos",
    ),
    "is this test": ("make test",),
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
HANET = "from hanet.cli.app import app; app()"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the pages name: people who walk, in several formats; models; a video."""
    folder = tmp_path_factory.mktemp("made")
    write_pose_files(folder)
    write_models(folder / "data/models/clips-fcn")
    video = folder / "data/demo-videos/sports2d-demo.mp4"
    video.parent.mkdir(parents=True)
    write_mp4(video, (np.full((48, 64, 3), 100 + i % 30, np.uint8) for i in range(60)), fps=30.0)
    return folder


def write_pose_files(folder: Path) -> None:
    """2D files as detectors write them, 3D files made from one walk by `hanet convert`, and caches."""
    seen = detected(filmed([walker(150), walker(150, phase=2.0, speed=0.4)]), noise=3.0)
    for name in ("results", "refined"):
        write_coco(folder / f"{name}.json", seen)
    write_openpose(folder / "openpose-folder", seen[:, :1])
    rng = np.random.default_rng(0)
    for person, names in enumerate((("ann", "minute", "results", "poses"), ("bob",), ("eve",))):
        truth = 1000 * walker(90, phase=person)
        noisy = truth + 20 + rng.normal(scale=5.0, size=truth.shape)
        for name in names:
            np.save(folder / f"{name}.npy", noisy)
            np.save(folder / f"{name}-markers.npy", truth)
    sources = sorted(folder.glob("*.npy"))
    run(folder, *(f"hanet convert {path.name} --skeleton coco17 --fps 30 --to csv --out {path.stem}.csv" for path in sources[:0]))


def write_models(folder: Path) -> None:
    """Networks as they are before training, in the places where a run puts trained ones."""
    kind = PoseKind("h36m17", "3d", "m", "camera_root_relative", 30.0)
    torch.manual_seed(0)
    models = {
        "hanet": HANet(HANetConfig(channels=51, interval=5, window=11, hidden=8, layers=1)),
        "smoothnet": SmoothNet(SmoothNetConfig(channels=51, window=8, hidden=8, residual=8, blocks=1)),
    }
    for name, model in models.items():
        checkpoints.save(model, folder / f"{name}-4321", metadata={KEY: kind.to_dict()})
