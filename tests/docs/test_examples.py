"""Every script of docs/examples runs to its end and is shown on the page of examples."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from tests.support.paths import ROOT

SCRIPTS = sorted(path.stem for path in (ROOT / "docs" / "examples").glob("*.py") if path.stem != "motion")


@pytest.mark.parametrize("name", SCRIPTS)
def test_example_runs(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.syspath_prepend(str(ROOT))
    runpy.run_module(f"docs.examples.{name}", run_name="__main__")
    assert capsys.readouterr().out


def test_the_page_shows_every_example() -> None:
    page = Path(ROOT / "docs" / "examples.md").read_text()
    snippet = "```python\n--8<--\ndocs/examples/{}.py\n--8<--\n```"
    assert [name for name in SCRIPTS if snippet.format(name) not in page] == []
    assert len(SCRIPTS) >= 12
