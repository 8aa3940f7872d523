"""Without the extras: what a light installation can do, and which extra a command names."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from hanet.extras import EXTRAS
from hanet.poses.skeletons import COCO17
from tests.cli.test_startup import ENVIRONMENT
from tests.support.keypoint_writers import write_coco
from tests.support.paths import ROOT
from tests.support.people import standing

LIGHT = {
    "jaxtyping",
    "numpy",
    "onnxruntime",
    "pydantic",
    "pydantic_core",
    "rich",
    "safetensors",
    "scipy",
    "typer",
}
"""Packages of a light installation that hanet imports; pydantic brings pydantic_core."""
IMPORT = re.compile(r"^ *(?:from (\w+)[\w.]* import|import (\w+))", re.MULTILINE)
DECLARED = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PROGRAM = """
import json, sys
from typer.testing import CliRunner

class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1].split():
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NotInstalled())
from hanet.cli.app import app
answers = [CliRunner().invoke(app, command.split()) for command in sys.argv[2:]]
print(json.dumps([[answer.exit_code, answer.output] for answer in answers]))
"""
PICTURE = "--gt a.parquet --poses a=a.parquet --sequence s --out out.png"
NAMED = {
    "info a.parquet": "formats",
    "refine a.parquet --out out.parquet": "formats",
    "export a.parquet --to out.csv": "formats",
    "data list --poses .": "formats",
    "refine a.parquet --model . --out out.parquet": "train",
    "refine a.parquet --model m.onnx --out out.parquet": "formats",
    "export-onnx . --out out.onnx": "train",
    "train --detected walk.json --gt walk.json --out out": "train",
    "demo-videos videos": "video",
    "estimate a.mp4 --out out.parquet": "video",
    "compare --poses a=a.parquet --out out.png": "video",
    f"figure curves {PICTURE}": "video",
    f"figure mesh {PICTURE}": "smpl,video",
}
"""By command the extra that it names."""
DONE = (
    "refine walk.json --fps 30 --out coco.json",
    "refine walk.json --fps 30 --out filtered.json --method hampel+butterworth",
    "refine walk.npy --fps 30 --out out.npy --skeleton coco17",
    "info coco.json --fps 30",
    "score --gt walk.json --detected coco.json --fps 30",
)
BATCH = "refine walk.npy a.parquet --fps 30 --skeleton coco17 --out both"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of each kind that the commands name."""
    path = tmp_path_factory.mktemp("light")
    (path / "a.parquet").write_bytes(b"PAR1")
    (path / "a.mp4").write_bytes(b"")
    (path / "model.json").write_text("{}")
    found = np.ones((40, 1, 17, 3))
    found[..., :2] = 200 + 100 * standing(COCO17)[:, :2]
    found[..., :2] += np.random.default_rng(0).normal(size=(40, 1, 17, 2))
    write_coco(path / "walk.json", found)
    np.save(path / "walk.npy", found[..., :2])
    return path


@pytest.fixture(scope="module")
def answers(folder: Path) -> dict[str, tuple[int, str]]:
    """By command exit code and output, where no package of an extra can be imported."""
    commands = [*NAMED, *DONE, BATCH]
    program = [sys.executable, "-c", PROGRAM, " ".join(EXTRAS), *commands]
    done = subprocess.run(program, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    return {command: tuple(answer) for command, answer in zip(commands, json.loads(done.stdout), strict=True)}


@pytest.mark.parametrize("command", NAMED)
def test_a_command_names_the_extra_that_it_needs(command: str, answers: dict[str, tuple[int, str]]) -> None:
    code, text = answers[command]
    assert code == 2 and text.startswith("Error: this needs the package ") and text.count("\n") == 1, text
    assert text.endswith(f"install it by pip install 'hanet[{NAMED[command]}]'\n")
    assert set(NAMED[command].split(",")) <= set(DECLARED["optional-dependencies"])


@pytest.mark.parametrize("command", DONE)
def test_pose_files_are_refined_without_extras(command: str, answers: dict[str, tuple[int, str]]) -> None:
    code, text = answers[command]
    assert code == 0, text


def test_in_a_batch_the_others_are_refined(answers: dict[str, tuple[int, str]]) -> None:
    code, text = answers[BATCH]
    assert code == 1 and "1 of 2 files refined" in text, text
    assert "failed: this needs the package pyarrow; install it by pip install 'hanet[formats]'" in text


def test_every_package_that_is_imported_is_light_or_of_an_extra() -> None:
    imported: dict[str, Path] = {}
    for path in (ROOT / "hanet").rglob("*.py"):
        names = IMPORT.findall(path.read_text())
        imported |= dict.fromkeys((one or other for one, other in names), path)
    others = imported.keys() - sys.stdlib_module_names - {"", "hanet"} - LIGHT - EXTRAS.keys()
    assert others == {"mediapipe"}, {name: imported[name] for name in others}  # of an environment of its own
    assert LIGHT - {"pydantic_core"} == {line.partition(">")[0] for line in DECLARED["dependencies"]}
    assert set(EXTRAS.values()) <= set(DECLARED["optional-dependencies"])


def test_only_the_extra_smpl_brings_smplx() -> None:
    """Its licence forbids commercial use."""
    extras = DECLARED["optional-dependencies"]
    bringing = {name for name, lines in extras.items() if any(line.startswith("smplx") for line in lines)}
    bringing |= {
        name for name, lines in extras.items() for line in lines if "hanet[" in line and "smpl" in line
    }
    assert bringing == {"smpl", "dev"}
    importing = [
        path.relative_to(ROOT)
        for folder in ("hanet", "stages", "pipeline")
        for path in (ROOT / folder).rglob("*.py")
        if "import smplx" in (text := path.read_text()) or "from smplx" in text
    ]
    assert importing == [Path("hanet/smpl/body.py")]
