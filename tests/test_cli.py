"""The command line: what it prints, and how it fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hanet.cli import Dataset, ScoreProtocol, app
from hanet.data.releases import RELEASES
from hanet.metrics import PROTOCOLS

LAYOUT = Path(__file__).parent / "reference" / "release_layout"
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
    assert [member.value for member in Dataset] == list(RELEASES)
    assert {member.value for member in ScoreProtocol} <= set(PROTOCOLS)
    result = runner.invoke(app, [*RELEASED[:-1], "fair"])
    assert result.exit_code == 2 and "fair" in result.stderr


def table(folder: Path, rows: list[str]) -> None:
    metrics = ("mpjpe_mm", "accel_mm_per_frame2", "accel_m_per_s2")
    columns = [f"{metric}.{part}" for metric in metrics for part in ("mean", "sd", "low", "high")]
    header = ",".join(["method", "frames", "sequences", "observed", *columns])
    folder.mkdir(parents=True)
    (folder / "table.csv").write_text("\n".join([header, *rows]) + "\n")


def test_tables_shows_every_experiment(tmp_path):
    plain = "input,1200,8,1.0,91.234,,80.0,99.96,38.1,,,,137.2,,,"
    seeds = "hanet,1200,8,0.6,55.5,0.5,50.0,60.0,2.5,0.125,,,9.0,1.0,,"
    table(tmp_path / "clips-fcn", [plain, seeds])
    table(tmp_path / "other", [plain])
    result = runner.invoke(app, ["tables", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "clips-fcn: 8 test sequences, 1200 frames" in result.output and "other: 8" in result.output
    lines = [line.split() for line in result.output.splitlines()]
    assert ["input", "91.23", "80.0-100.0", "38.10", "137.20", "100%"] in lines
    seeded = next(line for line in lines if line[:1] == ["hanet"])
    assert " ".join(seeded) == "hanet 55.50 ± 0.50 50.0-60.0 2.50 ± 0.12 9.00 ± 1.00 60%"


def test_tables_before_any_run_says_what_to_do(tmp_path):
    result = runner.invoke(app, ["tables", str(tmp_path)])
    assert result.exit_code == 2
    assert "run `dvc repro` in the repository first" in result.output
