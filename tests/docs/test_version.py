"""One version of the package everywhere."""

from __future__ import annotations

import json
import re
import tomllib

import yaml

from tests.support.paths import ROOT


def test_files_agree_on_the_version():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    newest = re.search(r"^## (\S+) \((\S+)\)$", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert newest is not None
    assert newest[1] == version == citation["version"]
    assert newest[2] == str(citation["date-released"])
    assert json.loads((ROOT / "codemeta.json").read_text())["version"] == version


def test_golden_files_are_listed():
    golden = ROOT / "tests/reference/golden"
    listed = re.findall(r"^\| `(\S+)` \|", (golden / "README.md").read_text(), flags=re.MULTILINE)
    assert sorted(listed) == sorted(path.name for path in golden.iterdir() if path.is_dir())
