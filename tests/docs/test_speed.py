"""Pages of measured times say what `measured.json` says; tables are rendered as asked."""

from __future__ import annotations

import json

import pytest

from benchmarks import report
from benchmarks.run import NAMES, SPEED, speed_page

ENTRIES = json.loads(report.MEASURED.read_text())


@pytest.mark.parametrize("name", ENTRIES)
def test_a_page_is_written_from_the_numbers(name):
    assert name in NAMES
    page = report.RESULTS / f"{name}.md"
    assert page.read_text() == report.markdown(ENTRIES[name]), f"run python -m benchmarks.{name}"


def test_the_page_of_all_is_written_from_the_numbers():
    assert SPEED.read_text() == speed_page(ENTRIES), "run python -m benchmarks.run"


def test_a_table_formats_numbers_and_keeps_text():
    table = report.Table({"what": "", "rate": ",.1f", "share": ".0%"}, [["copy", 1234.56, 0.5]])
    assert table.markdown() == [
        "| what | rate | share |",
        "| --- | ---: | ---: |",
        "| copy | 1,234.6 | 50% |",
    ]


def test_what_stops_it_is_on_both_pages():
    entry = {"name": "one", "title": "One", "text": "Text.", "tables": [], "floors": [], "ratios": []}
    entry |= {"closing": "", "limits": ["One: 70 % is arithmetic."], "environment": "CPU"}
    assert "\n- One: 70 % is arithmetic.\n\nCPU\n" in report.markdown(entry)
    assert "\n## What stops the rest\n\n- One: 70 % is arithmetic.\n\n## Pages\n" in speed_page(
        {"model": entry}
    )


def test_functions_take_turns():
    called = []
    seconds = report.in_turns(lambda: called.append("a"), lambda: called.append("b"), runs=3, warm_up=1)
    assert called == ["a", "b"] * 4
    assert [len(times) for times in seconds] == [3, 3]


def test_a_run_keeps_its_numbers_and_leaves_those_of_others(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(report, "MEASURED", tmp_path / "measured.json")
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    table = report.Table({"n": "d"}, [[3]])
    for name in ("one", "two"):
        report.run(lambda name=name: report.Page(name, name.title(), "Text.", [table]))
    kept = json.loads((tmp_path / "measured.json").read_text())
    assert list(kept) == ["one", "two"]
    assert kept["one"]["tables"] == [{"columns": {"n": "d"}, "rows": [[3]]}]
    assert (tmp_path / "two.md").read_text().startswith("# Two\n\nText.\n\n| n |\n| ---: |\n| 3 |\n\n")
    assert "# Two" in capsys.readouterr().out
