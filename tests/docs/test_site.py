"""`make docs` fails on a page that links to nothing."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT


@pytest.mark.parametrize(("link", "code"), [("index.md", 0), ("missing.md", 1), ("images/missing.png", 1)])
def test_a_dead_link_fails(tmp_path: Path, link: str, code: int) -> None:
    made = re.search(r"^docs:.*\n\t(?:\w+=\S+ )?mkdocs (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert made is not None
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.md").write_text(f"![x]({link})" if link.endswith("png") else f"[x]({link})")
    (tmp_path / "mkdocs.yml").write_text("site_name: x\nstrict: true\n")
    command = [sys.executable, "-m", "mkdocs", *shlex.split(made[1])]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert found.returncode == code, found.stderr
    assert (link in found.stderr) == bool(code)
