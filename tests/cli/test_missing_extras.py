"""A package that a light installation lacks is named with its extra, alone and in a batch."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hanet.cli.app import app
from tests.support import keypoint_writers as writers
from tests.support import smpl_results
from tests.support.array_files import fixture

runner = CliRunner(env={"COLUMNS": "120", "NO_COLOR": "1"})
HDF5 = "this needs the package h5py; install it by pip install 'hanet[formats]'"


def test_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    paths = [fixture(name)(tmp_path).name for name in ("sleap.h5", "movement.nc")]
    paths.append(smpl_results.gvhmr(tmp_path).name)
    for module in ("h5py", "torch"):
        monkeypatch.setitem(sys.modules, module, None)
    for path, message in zip(
        paths, [HDF5, HDF5, HDF5.replace("h5py", "torch").replace("formats", "train")], strict=True
    ):
        monkeypatch.delitem(sys.modules, "hanet.files.torch_file", raising=False)
        result = runner.invoke(app, ["info", path])
        assert (result.exit_code, result.stderr) == (2, f"Error: {message}\n")


def test_a_batch_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    fixture("sleap.h5")(tmp_path / "in")
    writers.write_coco(tmp_path / "in" / "a.json", writers.bodies())
    monkeypatch.setitem(sys.modules, "h5py", None)
    for command in (["refine", "--method", "median"], ["convert", "--to", "csv"]):
        out = f"{command[0]}d"
        result = runner.invoke(app, [*command, "in", "--out", out, "--fps", "30"])
        assert result.exit_code == 1 and "1 of 2 files" in result.stdout
        assert result.stderr == f"failed: {HDF5}\n"
