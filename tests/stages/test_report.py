"""The report's numbers and links: what was run, what was not, what others published; inputs it refuses."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from hanet.results import records
from hanet.results.records import Cell, Difference
from stages import report
from tests.support import report_files as files
from tests.support.html_tree import Node, parse
from tests.support.report_files import EXPERIMENT, change, failure, links, page, rows, where


@pytest.fixture
def results(project: Path) -> Path:
    """A project with all that the report reads."""
    files.write(project)
    return project


# --- tables


def test_the_order_is_the_tables_and_cells_hold_the_numbers(results: Path) -> None:
    found = rows(page(), "methods")
    assert list(found) == list(files.SCORES)
    hanet = found["hanet"]
    assert [hanet[key].text for key in files.METRICS] == [
        "50.66 best [48.0, 53.2]",
        "37.35 best [35.5, 39.5]",
        "1.39 [1.32, 1.47]",
        "5.00 [4.74, 5.30]",
        "50.84 best [45.1, 56.3]",
    ]
    assert [hanet[key].attrs["data-value"] for key in files.METRICS[:2]] == ["50.6598", "37.3472"]
    assert (hanet["observed"].text, hanet["seeds"].text) == ("100%", "4321")
    assert (found["linear_interpolation"]["observed"].text, found["input"]["seeds"].text) == ("20%", "–")


def test_the_best_of_a_column_is_measured_not_published(results: Path) -> None:
    path = results / "data/reports/clips-fcn/tables/kinematics.json"
    table = files.kinematics()
    table["rows"][0]["published"]["mpjpe_mm"] = 1.0
    files.write_json(path, table)
    document = page()
    for name, winner in (("methods", "hanet"), ("kinematics", "+WB (the full method)")):
        column = {method: cells.get("mpjpe_mm") for method, cells in rows(document, name).items()}
        best = [method for method, cell in column.items() if cell and "best" in cell.classes]
        assert best == [winner]
    assert not [cell for cell in document.all("td") if {"published", "best"} <= cell.classes]


def test_higher_can_be_better(results: Path) -> None:
    table = files.methods()
    column = {"key": "pck", "label": "PCK", "unit": "", "digits": 0, "lower_is_better": False}
    table["columns"] = [column, *files.COLUMNS[:1]]
    for number, row in enumerate(table["rows"]):
        row["cells"]["pck"] = {"mean": number}
    files.write_json(results / "data/reports/clips-fcn/tables/methods.json", table)
    document = page()
    best = [m for m, cells in rows(document, "methods").items() if "best" in cells["pck"].classes]
    assert best == ["linear_interpolation"]
    header = document.one("table", id="clips-fcn/table/methods/rows").one("th", data_column="pck")
    assert header.attrs["data-first"] == "descending"
    assert "Higher is better in PCK, lower in the others." in document.text


def test_rows_without_a_run_say_how_to_get_one(results: Path) -> None:
    found = rows(page(), "kinematics")
    body = {row.one("th").text: row for row in parse(report.PAGE.read_text()).all("tr", class_="missing")}
    assert list(body) == ["none", "flow"]
    # The model flow is in params.yaml; none is not.
    command = "not run. To run it: dvc exp run -S 'run.models=[hanet,hanet-paper,flow]'"
    assert body["flow"].all("td")[0].text == command
    assert body["none"].all("td")[0].text.startswith("not run. To run it, name it under run in params.yaml")
    assert [cells["published/mpjpe_mm"].text for cells in found.values()][:2] == ["77.2", "76.9"]
    assert "mpjpe_mm" not in found["none"]


def test_published_figures_are_set_apart(results: Path) -> None:
    document = page()
    table = document.one("table", id="clips-fcn/table/kinematics/rows")
    groups = [(th.text, th.attrs["colspan"]) for th in table.all("th", scope="colgroup")]
    assert groups == [("measured here", "8"), ("published (3DPW, PARE (T=51))", "2")]
    headers = [th.attrs["data-column"] for th in table.all("th", scope="col")]
    assert headers[-2:] == ["published/mpjpe_mm", "published/accel_mm_per_frame2"]
    for cells in rows(document, "kinematics").values():
        for key, cell in cells.items():
            assert ("published" in cell.classes) == key.startswith("published/")
            assert bool(cell.all("i")) == key.startswith("published/")
            assert not (key.startswith("published/") and cell.all("a"))
    assert "others' figures on other data (3DPW, PARE (T=51); supplement, Table 1)" in document.text
    other = document.one("table", id="clips-fcn/table/methods/rows")
    assert not other.all("th", scope="colgroup") and "published" not in other.text


def test_every_row_spans_the_whole_width(results: Path) -> None:
    for table in page().all("table"):
        widths = {
            sum(int(cell.attrs.get("colspan", 1)) for cell in row.inner if isinstance(cell, Node))
            for row in table.all("tr")
        }
        assert len(widths) == 1


def test_differences_are_marked_where_certain(results: Path) -> None:
    found = rows(page(), "kinematics")
    full, acceleration = found["+WB (the full method)"], found["flow + velocity + acceleration"]
    assert full["against"].text == "better −0.80 [−1.20, −0.30] p = 0.008"
    assert full["against"].one("strong").text == "−0.80"
    assert acceleration["against"].text == "+0.12 [−0.4, 0.7] p = 0.648"
    assert not acceleration["against"].all("strong")
    assert found["flow + velocity"]["against"].text == "–"
    text = page().text
    assert "Against flow + velocity: this row's MPJPE minus that of flow + velocity" in text
    assert "In brackets: 95% over 4 people, 12 clips, 3 seeds" in text
    assert "against" not in rows(page(), "methods")["hanet"]


@pytest.mark.parametrize(
    ("difference", "low", "high", "lower_is_better", "verdict"),
    [
        (-0.8, -1.2, -0.3, True, "better"),
        (0.8, 0.3, 1.2, True, "worse"),
        (0.8, 0.3, 1.2, False, "better"),
        (-0.8, -1.2, -0.3, False, "worse"),
        (-0.8, -1.2, 0.0, True, None),
        (0.1, -0.1, 0.3, True, None),
        (-0.8, None, None, True, None),
    ],
)
def test_verdicts(
    difference: float, low: float | None, high: float | None, lower_is_better: bool, verdict: str | None
) -> None:
    against = Difference(row="x", difference=difference, low=low, high=high)
    assert against.verdict(lower_is_better=lower_is_better) == verdict


@pytest.mark.parametrize(
    ("low", "high", "digits", "text"),
    [
        (55.7513, 60.8856, 2, "[55.8, 60.9]"),
        (0.5872, 0.6135, 2, "[0.59, 0.61]"),
        (-1.5, -0.5, 2, "[−1.5, −0.5]"),  # as wide as a hundred of the last decimal
        (-1.2, -0.3, 2, "[−1.20, −0.30]"),
        (10.0, 300.0, 0, "[10, 300]"),
        (None, None, 2, None),
        (1.0, None, 2, None),
    ],
)
def test_intervals(low: float | None, high: float | None, digits: int, text: str | None) -> None:
    assert Cell(mean=0.0, low=low, high=high).interval(digits) == text


@pytest.mark.parametrize(
    ("p", "text"), [(0.0, "p < 0.001"), (0.00099, "p < 0.001"), (0.001, "p = 0.001"), (1.0, "p = 1.000")]
)
def test_probabilities(p: float, text: str) -> None:
    assert records.probability(p) == text


# --- links


def test_a_value_links_to_its_run_and_to_one_a_seed(results: Path) -> None:
    document = page()
    kinematics = rows(document, "kinematics")
    assert links(kinematics["+WB (the full method)"]["mpjpe_mm"]) == [("58.34", where("child-paper"))]
    several = kinematics["flow + velocity + acceleration"]["mpjpe_mm"]
    assert several.text == "59.14 ± 0.40 [56.5, 61.7] 1 2 3"
    assert links(several) == [(str(seed), where(f"child-{seed}")) for seed in (1, 2, 3)]
    assert several.all("a")[0].attrs["aria-label"] == "MPJPE, run acceleration-1"
    assert links(kinematics["flow + velocity"]["mpjpe_mm"]) == []  # not published
    methods = rows(document, "methods")  # no run of the table: the rows' own
    for key in files.METRICS:
        assert [href for _, href in links(methods["hanet"][key])] == [where("run-hanet-4321", "7")]
        assert [href for _, href in links(methods["input"][key])] == [where("run-input", "7")]
    assert ("This table in MLflow", where("table-run")) in links(document)


@pytest.mark.parametrize("content", [None, {}, {"clips-fcn": {"input": "0" * 64}}, {"runs": {}}])
def test_what_was_not_published_has_no_link(results: Path, content: dict[str, Any] | None) -> None:
    path = results / f"data/published/{EXPERIMENT}.json"
    path.unlink() if content is None else files.write_json(path, content)
    document = page()
    assert all(href.startswith("#") for _, href in links(document))
    assert rows(document, "methods")["hanet"]["mpjpe_mm"].text == "50.66 best [48.0, 53.2]"


def test_runs_without_a_server_have_no_link(results: Path) -> None:
    change(results / f"data/published/{EXPERIMENT}.json", tracking_ui=None)
    assert all(href.startswith("#") for _, href in links(page()))


# --- what is missing or wrong


def test_without_tables_the_message_says_what_to_run(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(results / "data/reports/clips-fcn/tables")
    assert failure(capsys) == "Error: data/reports/clips-fcn/tables holds no table; run dvc repro\n"


def test_a_training_without_validation(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (results / "data/reports/clips-fcn/training/hanet-4321.csv").write_text("epoch,loss\n1,2\n")
    assert "hanet-4321.csv has no column unit and no validation_error; run dvc repro" in failure(capsys)


@pytest.mark.parametrize(
    "content", ["epoch,validation_error,unit\n", "epoch,validation_error,unit\n1,0,mm\n"]
)
def test_a_training_without_errors(results: Path, capsys: pytest.CaptureFixture[str], content: str) -> None:
    (results / "data/reports/clips-fcn/training/hanet-4321.csv").write_text(content)
    assert "expected a positive validation_error in every epoch" in failure(capsys)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"rows": [{"method": "a", "label": "A", "status": "lost"}]},
            'rows.0.status: expected run or missing, got "lost"',
        ),
        ({"columns": []}, "columns: expected 1 or more entries, got []"),
        ({"title": None}, "title: expected text, got null"),
        ({"compared": "pck"}, "rows are compared by pck, which is none of mpjpe_mm, "),
    ],
)
def test_tables_of_another_form(
    results: Path, capsys: pytest.CaptureFixture[str], values: dict[str, Any], message: str
) -> None:
    change(results / "data/reports/clips-fcn/tables/kinematics.json", **values)
    assert message in failure(capsys)


@pytest.mark.parametrize("content", ['{"name": "kine', '{"rows": [{"cells": {"a": {"mean": NaN}}}]}', ""])
def test_tables_cut_off_or_without_numbers(
    results: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    path = results / "data/reports/clips-fcn/tables/kinematics.json"
    path.write_text(content)
    assert "tables/kinematics.json is not what the report reads (run dvc repro)" in failure(capsys)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("reports/clips-fcn/provenance.json", {"dataset": "clips"}, "estimator: missing"),
        ("poses/clips/report.json", {"leakage": "None."}, "splits: missing"),
        ("figures/clips-fcn/manifest.json", [{"file": "a.svg", "kind": "svg"}], "0.title: missing"),
        (
            f"published/{EXPERIMENT}.json",
            {"tables": {"b": {"run_id": 3}}},
            "tables.b.run_id: expected text, got ",
        ),
    ],
)
def test_files_of_another_form(
    results: Path, capsys: pytest.CaptureFixture[str], file: str, content: Any, message: str
) -> None:
    files.write_json(results / "data" / file, content)
    said = failure(capsys)
    assert f"data/{file} is not what the report reads (run dvc repro):" in said and message in said


def test_only_pages_of_a_server_are_linked(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(results / f"data/published/{EXPERIMENT}.json", tracking_ui="javascript:alert(1)//")
    assert f"{EXPERIMENT}.json is not what the report reads" in failure(capsys)
