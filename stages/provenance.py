"""What committed results stand on: commit, parameters, data, versions, machine, time and cost.

Each stage notes its time in data/scratch when it ends; what is written from that belongs to no stage.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
from pathlib import Path
from typing import Any

import torch

from hanet.files.hashing import file_hash, json_hash
from hanet.files.json_text import read_json
from hanet.results.columns import COSTS
from stages import workspace
from stages.params.load import load

PACKAGES = ("torch", "numpy", "scipy", "pyarrow", "dvc", "hanet")
LOCK = Path("dvc.lock")
MINUTES = "training_minutes"


def of(experiment: str) -> dict[str, Any]:
    """The provenance of an experiment's results in data/reports.

    Raises:
        ValueError: the experiment was not run.
    """
    report = workspace.REPORTS / experiment
    numbers = read_json(report / "provenance.json", dict, remedy="run dvc repro")
    scores = read_json(report / "scores.json", dict, remedy="run dvc repro")
    minutes = training_minutes(experiment)
    return {
        **numbers,
        "commit": workspace.commit(),
        "params_sha256": params_hash(experiment),
        "dvc_lock_sha256": file_hash(LOCK) if LOCK.is_file() else None,
        "seeds": load().run.seeds,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "cpu": _cpu(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "wall_minutes": _minutes(experiment),
        "costs": {
            method: {column.key: row[column.key]["mean"] for column in COSTS if column.key in row}
            | ({MINUTES: minutes[method]} if method in minutes else {})
            for method, row in scores.items()
        },
    }


def params_hash(experiment: str) -> str:
    """SHA-256 of all resolved options that decide an experiment's results: without code, and without the
    tables, which only say what is shown where and name other experiments too.
    """
    described = load().experiment(experiment)
    names = {experiment, described.dataset}
    files = [
        path
        for path in sorted(workspace.RESOLVED.rglob("*.json"))
        if names & {path.stem, *path.parent.relative_to(workspace.RESOLVED).parts}
        and path.parent.relative_to(workspace.RESOLVED).parts[:1] != ("publish",)
    ]
    if not files:
        raise ValueError(f"{workspace.RESOLVED} has nothing of experiment {experiment}; run dvc repro")
    params = {path: json.loads(path.read_text())["params"] for path in files}
    return json_hash(
        [[path.as_posix(), {k: v for k, v in params[path].items() if k != "tables"}] for path in files]
    )


def _minutes(experiment: str) -> float | None:
    """Minutes by the clock of all stages of an experiment that were timed when they last ran.

    Models and seeds that are not run now are left out: their times stay when another selection was run.
    """
    params = load()
    run, names = params.run, {experiment, params.experiment(experiment).dataset}
    models = (*run.models, *run.ablations)
    learned = {(experiment, model, f"seed {seed}") for model in models for seed in run.seeds}
    seconds = [
        time["seconds"]
        for time in _times()
        if names & set(time["of"]) and (len(time["of"]) != 4 or tuple(time["of"][1:]) in learned)
    ]
    return round(sum(seconds) / 60, 2) if seconds else None


def _times() -> list[dict[str, Any]]:
    """What stages noted when they last ran: `of`, the stage's title, and `seconds`."""
    return [read_json(path, dict, remedy="delete it") for path in workspace.TIMES.glob("*.json")]


def training_minutes(experiment: str) -> dict[str, float]:
    """Minutes by the clock of one training, the mean over seeds, by method; of those that were timed."""
    params = load()
    run, described = params.run, params.experiment(experiment)
    seconds = {tuple(time["of"]): time["seconds"] for time in _times()}
    found = {}
    for model in (*run.models, *run.ablations):
        titles = [("train", experiment, model, f"seed {seed}") for seed in run.seeds]
        timed = [seconds[title] for title in titles if title in seconds]
        for row, _ in params.model(experiment, model).refine.uses(model):
            for ending in described.comparators.endings() if timed else ():
                found[f"{row}{ending}"] = round(sum(timed) / len(timed) / 60, 2)
    return found


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cpu() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
