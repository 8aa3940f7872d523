"""verify and record: what is compared and written, and how the commands end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hanet.files.atomic import write_json, write_text
from stages import provenance, record, verify, workspace
from tests.support import tiny


@pytest.fixture
def results(project: Path, params: dict[str, Any]) -> Path:
    """Results of the experiment `tiny`: the input and one trained row of five seeds."""
    write_text(project / "params.yaml", tiny.as_yaml(params))
    report = workspace.REPORTS / "tiny"
    trained = [50.0, 50.1, 49.9, 50.05, 49.95]
    runs = [{"method": "input", "seed": None, "metrics": {"mpjpe_mm": {"mean": 90.0}}}]
    runs += [
        {"method": "hanet-paper", "seed": seed, "metrics": {"mpjpe_mm": {"mean": value}}}
        for seed, value in enumerate(trained)
    ]
    write_json(report / "runs.json", runs)
    scores = {"input": {"mpjpe_mm": {"mean": 90.0}}, "hanet-paper": {"mpjpe_mm": {"mean": 50.0}}}
    scores["hanet-paper"] |= {"parameters": {"mean": 1234.0}}
    write_json(report / "scores.json", scores)
    write_json(report / "provenance.json", {"experiment": "tiny", "protocol": "full", "protocol_version": 2})
    write_json(workspace.RESOLVED / "evaluate" / "tiny.json", {"params": {"seeds": [1]}, "code": {"a": "0"}})
    write_json(workspace.RESOLVED / "ingest" / "clips.json", {"params": {"fps": 60.0}, "code": {}})
    write_text(
        report / "tables" / "main.md",
        "# Main\n\n| row | a |\n|---|---:|\n| the input | 1 |\n| HANet | 2 |\n\nEnd\n",
    )
    write_text(report / "tables" / "main.csv", 'method,label\ninput,"the, input"\nhanet-paper,HANet\n')
    return report


def change(report: Path, number: int, mean: float) -> None:
    runs = json.loads((report / "runs.json").read_text())
    runs[number]["metrics"]["mpjpe_mm"]["mean"] = mean
    write_json(report / "runs.json", runs)


def test_without_a_reference_there_is_nothing_to_verify(results: Path, capsys) -> None:
    assert verify.main([]) == 0
    assert "tiny: no reference at docs/results/reference/tiny.json" in " ".join(
        capsys.readouterr().out.split()
    )


def test_a_written_reference_is_agreed_with_until_results_change(results: Path, capsys) -> None:
    assert verify.main(["--write", "tiny"]) == 0
    capsys.readouterr()
    assert verify.main([]) == 0
    shown = capsys.readouterr().out
    assert "ok    input: 90.00 mm, expected 90.00 ± 0.01" in shown and "2 of 2 rows agree" in shown
    change(results, 0, 90.02)
    assert verify.main([]) == 1
    assert "FAIL  input: 90.02 mm" in capsys.readouterr().out
    change(results, 0, 90.0)
    change(results, 3, 55.0)
    assert verify.main(["tiny"]) == 1
    assert "FAIL  hanet-paper: 50.00, 50.10, 55.00" in capsys.readouterr().out


def test_runs_of_other_machines_widen_the_band(results: Path, tmp_path: Path) -> None:
    verify.main(["--write"])
    path = verify.FOLDER / "tiny.json"
    narrow = json.loads(path.read_text())["rows"]["hanet-paper"]
    other = [{"method": "hanet-paper", "seed": 7, "metrics": {"mpjpe_mm": {"mean": 52.0}}}]
    write_json(tmp_path / "runs.json", other)
    verify.main(["--write", "--runs", str(tmp_path / "runs.json")])
    wide = json.loads(path.read_text())["rows"]["hanet-paper"]
    assert wide["runs"] == 6 and wide["low"] < narrow["low"] and wide["high"] > narrow["high"]


def test_bands_of_one_run_from_the_seeds_of_another(results: Path, tmp_path: Path, capsys) -> None:
    """The default run has one seed: its rows get the bands of other seeds, and no row but its own."""
    every = json.loads((results / "runs.json").read_text())
    unknown = [{"method": "tcn", "seed": n, "metrics": {"mpjpe_mm": {"mean": 60.0 + n}}} for n in range(5)]
    write_json(tmp_path / "runs.json", every + unknown)
    alone = {"method": "kin-none", "seed": 0, "metrics": {"mpjpe_mm": {"mean": 70.0}}}
    write_json(results / "runs.json", [*every[:2], alone])
    assert verify.main(["--write", "--runs", str(tmp_path / "runs.json")]) == 0
    assert "left out: kin-none, 1 of 5 runs" in capsys.readouterr().out
    rows = json.loads((verify.FOLDER / "tiny.json").read_text())["rows"]
    assert set(rows) == {"input", "hanet-paper"}
    assert (rows["hanet-paper"]["runs"], rows["hanet-paper"]["value"]) == (5, 50.0)
    assert verify.main([]) == 0


def test_too_few_runs_and_other_parameters(results: Path, capsys) -> None:
    verify.main(["--write"])
    write_json(workspace.RESOLVED / "evaluate" / "tiny.json", {"params": {"seeds": [2]}, "code": {}})
    assert verify.main([]) == 0
    assert "the reference was made with other parameters" in capsys.readouterr().out
    write_json(results / "runs.json", json.loads((results / "runs.json").read_text())[:4])
    with pytest.raises(SystemExit) as ended:
        verify.main(["--write"])
    assert ended.value.code == 2
    assert "Error: row hanet-paper: a band needs at least 5 runs, got 3" in capsys.readouterr().err
    assert verify.main(["--write", "--fixed-only"]) == 0
    rows = json.loads((verify.FOLDER / "tiny.json").read_text())["rows"]
    assert rows and not any("low" in row for row in rows.values())
    assert verify.main([]) == 0


def test_what_committed_results_stand_on(results: Path, tmp_path: Path) -> None:
    write_json(workspace.TIMES / "evaluate-tiny.json", {"of": ["evaluate", "tiny"], "seconds": 90.0})
    write_json(workspace.TIMES / "evaluate-other.json", {"of": ["evaluate", "other"], "seconds": 900.0})
    for seed, seconds in ((1, 60.0), (2, 90.0), (3, 900.0)):  # the third is not run
        title = ["train", "tiny", "hanet-paper", f"seed {seed}"]
        write_json(workspace.TIMES / f"train-{seed}.json", {"of": title, "seconds": seconds})
    write_text(Path("dvc.lock"), "schema: '2.0'\n")
    record.main(["tiny", "--to", "docs/results/five-seeds"])
    folder = Path("docs/results/five-seeds/tiny")
    assert sorted(path.name for path in folder.iterdir()) == ["main.csv", "main.md", "provenance.json"]
    found = json.loads((folder / "provenance.json").read_text())
    assert found["protocol_version"] == 2 and found["wall_minutes"] == 4.0
    assert found["costs"] == {
        "input": {}, "hanet-paper": {"parameters": 1234.0, "training_minutes": 1.25},
    }  # fmt: skip
    assert (folder / "main.csv").read_text().splitlines() == [
        "method,label,training_minutes", 'input,"the, input",', "hanet-paper,HANet,1.25",
    ]  # fmt: skip
    lines = [
        "| row | a | training minutes |",
        "|---|---:|---:|",
        "| the input | 1 |  |",
        "| HANet | 2 | 1.25 |",
    ]
    assert (folder / "main.md").read_text().splitlines() == ["# Main", "", *lines, "", "End"]
    assert found["params_sha256"] == provenance.params_hash("tiny") and len(found["dvc_lock_sha256"]) == 64
    assert {"commit", "python", "packages", "cpu", "cpu_capability", "threads"} <= set(found)
    assert found["packages"]["torch"] and found["threads"] >= 1


def test_the_hash_of_parameters_knows_no_code_no_tables_and_no_other_experiment(results: Path) -> None:
    before = provenance.params_hash("tiny")
    params = {"seeds": [1], "tables": {"main": {"experiments": ["other"]}}}
    write_json(workspace.RESOLVED / "evaluate" / "tiny.json", {"params": params, "code": {"a": "1"}})
    write_json(workspace.RESOLVED / "evaluate" / "other.json", {"params": {}, "code": {}})
    assert provenance.params_hash("tiny") == before
    write_json(workspace.RESOLVED / "train" / "tiny" / "hanet.json", {"params": {"epochs": 3}, "code": {}})
    assert provenance.params_hash("tiny") != before
