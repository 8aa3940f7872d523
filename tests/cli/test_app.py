"""The command line: what it prints, and how it fails."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import get_args

import pytest
from typer.testing import CliRunner

from hanet.cli.app import app
from hanet.cli.scores import Dataset, Protocol
from hanet.cli.video import Up
from hanet.datasets.pose_files.joints import RELEASES
from hanet.formats import exports
from hanet.metrics import PROTOCOLS
from tests.support.paths import REFERENCE

LAYOUT = REFERENCE / "release_layout"
EXPECTED = json.loads((LAYOUT / "expected_scores.json").read_text())
GT, DETECTED = (str(LAYOUT / EXPECTED["jhmdb"][key]) for key in ("gt", "detected"))
RELEASED = ["score", "--gt", GT, "--detected", DETECTED, "--dataset", "jhmdb", "--protocol", "released"]

runner = CliRunner(env={"COLUMNS": "120", "NO_COLOR": "1"})


def test_json_and_nothing_else():
    result = runner.invoke(app, [*RELEASED, "--json"])
    assert result.exit_code == 0 and result.stderr == ""
    report = json.loads(result.stdout)
    rows = report.pop("rows")
    assert report == {"dataset": "jhmdb", "interval": 5, "q": 2, "step_q": 1}
    printed = EXPECTED["jhmdb"]["scores"]
    assert rows["input"]["protocol"] == "released"
    assert rows["input"]["means"]["pck_005"] == pytest.approx(printed["input_pck_005"])
    assert rows["linear interpolation"]["means"]["pck_020"] == pytest.approx(printed["linear_interp_pck_02"])


def test_the_table_shows_means_and_intervals():
    result = runner.invoke(app, RELEASED)
    assert result.exit_code == 0
    assert "jhmdb, protocol released: 5 sequences, 120 frames" in result.stdout
    line = next(line for line in result.stdout.splitlines() if "pck_005 " in line)
    assert "0.5071 [0." in line and "0.5864 [0." in line


def test_full_is_the_default_and_windows_can_be_set():
    result = runner.invoke(app, [*RELEASED[:-2], "--interval", "2", "--q", "4", "--step-q", "2", "--json"])
    report = json.loads(result.stdout)
    assert (report["interval"], report["q"], report["step_q"]) == (2, 4, 2)
    assert report["rows"]["input"]["protocol"] == "full"


def test_a_user_s_error_is_one_message(tmp_path):
    missing = [*RELEASED]
    missing[2] = str(tmp_path / "gone.npz")
    for arguments, message in (
        (missing, f"Error: {tmp_path}/gone.npz: no such file; check the path\n"),
        ([*RELEASED[:6], "aist"], f"Error: {GT}: no field 'joints_3d', it has bbox, imgname, imgshape"),
    ):
        result = runner.invoke(app, arguments)
        assert result.exit_code == 2 and result.stdout == ""
        assert result.stderr.startswith(message)
        assert "Traceback" not in result.stderr


def test_choices_are_those_of_the_library():
    assert list(get_args(Dataset)) == list(RELEASES)
    assert set(get_args(Protocol)) <= set(PROTOCOLS)
    assert get_args(Up) == get_args(exports.Up)
    result = runner.invoke(app, [*RELEASED[:-1], "fair"])
    assert result.exit_code == 2 and "fair" in result.stderr


def test_tables_shows_every_table(tmp_path):
    cells = {"mpjpe_mm": {"mean": 91.234, "low": 80.0, "high": 99.96}, "accel_mm_per_frame2": {"mean": 38.1}}
    cells |= {"mpvpe_mm": {"mean": 75.5, "low": 70.0, "high": 80.0}, "pa_mpjpe_mm": {"mean": 50.0}}
    run = {"method": "a", "status": "run", "observed": 0.6, "frames": 1200, "sequences": 8, "cells": cells}
    against = {"difference": -3.25, "low": -4.0, "high": -2.5, "p": 0.0081}
    rows = [
        {**run, "label": "input", "against": None},
        {"method": "b", "label": "later", "status": "missing"},
        {**run, "label": "HANet", "against": against},
    ]
    columns = [
        {"key": key, "label": label, "unit": unit, "digits": 2, "lower_is_better": True}
        for key, label, unit in (
            ("mpjpe_mm", "MPJPE", "mm"),
            ("pa_mpjpe_mm", "PA-MPJPE", "mm"),  # not in a terminal
            ("mpvpe_mm", "MPVPE", "mm"),
            ("accel_mm_per_frame2", "Accel", "mm/frame²"),
        )
    ]
    for experiment in ("clips-fcn", "other"):
        folder = tmp_path / experiment / "tables"
        folder.mkdir(parents=True)
        content = {"name": "comparison", "experiment": experiment, "title": "Comparison", "protocol": "full"}
        content |= {"columns": columns, "compared": "mpjpe_mm", "rows": rows}
        content |= {"reference": {"method": "a", "label": "input"}, "over": "6 people, 12 clips"}
        (folder / "comparison.json").write_text(json.dumps(content))
    result = runner.invoke(app, ["tables", str(tmp_path)], env={"COLUMNS": "80"})
    assert result.exit_code == 0, result.output
    for experiment in ("clips-fcn", "other"):
        assert f"{experiment}: Comparison" in result.output
    assert result.output.count("8 test sequences, 1200 frames, protocol full") == 2
    assert result.output.count("differences to input, 95% over 6 people, 12 clips") == 2
    lines = [" ".join(line.split()) for line in result.output.splitlines()]
    assert lines.count("input 91.23 75.50 38.10 60%") == 2
    assert lines.count("not run: later") == 2
    assert lines.count("HANet 91.23 75.50 38.10 -3.25 [-4.0, -2.5] 0.008 60%") == 2


def test_tables_before_any_run_says_what_to_do(tmp_path):
    result = runner.invoke(app, ["tables", str(tmp_path)])
    assert result.exit_code == 2
    assert "run `dvc repro` in the repository first" in result.output


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "invalid JSON"), ("[]", "expected a mapping, got"), ('{"name": "a"}', "title: missing")],
)
def test_a_damaged_table_is_named(tmp_path, content, message):
    path = tmp_path / "clips" / "tables" / "comparison.json"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    result = runner.invoke(app, ["tables", str(tmp_path)])
    assert result.exit_code == 2 and result.stdout == ""
    assert result.stderr.startswith(f"Error: {path} is not what the report reads")
    assert message in result.stderr


def test_the_version():
    result = runner.invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"hanet {version('hanet')}\n")


def test_labels_are_text(tmp_path):
    """Rich would take words in brackets for markup and leave them out."""
    columns = [{"key": "mpjpe_mm", "label": "MPJPE [3d]", "unit": "mm", "digits": 1, "lower_is_better": True}]
    rows = [
        {"method": "a", "label": "ours [bold]", "status": "run", "observed": 1, "frames": 9, "sequences": 1},
        {"method": "b", "label": "theirs [red]", "status": "missing"},
    ]
    rows[0]["cells"] = {"mpjpe_mm": {"mean": 9.0}}
    table = {"name": "a", "experiment": "e", "title": "T [x]", "protocol": "full", "rows": rows}
    path = tmp_path / "e" / "tables" / "a.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(table | {"columns": columns, "compared": "mpjpe_mm"}))
    result = runner.invoke(app, ["tables", str(tmp_path)])
    assert result.exit_code == 0
    for text in ("e: T [x]", "MPJPE [3d]", "ours [bold]", "theirs [red]"):
        assert text in result.stdout


def test_a_table_of_which_nothing_ran_is_shown(tmp_path):
    columns = [{"key": "mpjpe_mm", "label": "MPJPE", "unit": "mm", "digits": 1, "lower_is_better": True}]
    table = {"name": "a", "experiment": "e", "title": "T", "protocol": "full", "compared": "mpjpe_mm"}
    table |= {"rows": [{"method": "a", "label": "ours", "status": "missing"}], "columns": columns}
    path = tmp_path / "e" / "tables" / "a.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(table))
    result = runner.invoke(app, ["tables", str(tmp_path)])
    assert result.exit_code == 0 and "not run" in result.stdout
