"""Every package is pinned with hashes, its licence is listed, and an audit that cannot ask says so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from docs.tools.audit import verdict
from docs.tools.licences import PAGE, pinned
from tests.support.paths import ROOT

LOCKS = sorted(ROOT.glob("constraints*.txt"))


def versions(path: Path) -> dict[str, Version]:
    return {canonicalize_name(r.name): Version(str(r.specifier)[2:]) for r in pinned(path)}


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_package_has_one_version_and_hashes(path):
    entries = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", path.read_text(), flags=re.MULTILINE))
    for entry in entries:
        assert re.match(r"[\w.-]+==\S+", entry), f"{entry[:60]}: no single version"
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), f"{entry[:60]}: no hash; run make lock"


def test_constraints_hold_every_dependency_of_pyproject():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"].values()
    wanted = [Requirement(line) for line in sum(extras, project["project"]["dependencies"])]
    wanted += [Requirement(line) for line in project["build-system"]["requires"]]
    locked = versions(ROOT / "constraints.txt")
    for requirement in wanted:
        name = canonicalize_name(requirement.name)
        if name != "hanet":
            assert name in locked, f"{name} is not in constraints.txt; run make lock"
            assert requirement.specifier.contains(locked[name]), f"{requirement}: {locked[name]} is pinned"
    assert {"triton", "nvidia-cublas", "nvidia-nccl-cu13", "cuda-toolkit"} <= set(locked)


def test_packages_are_built_with_the_pinned_setuptools():
    everything = versions(ROOT / "constraints.txt")
    tools = versions(ROOT / "constraints-build.txt")
    assert tools == {name: everything[name] for name in ("pip", "setuptools")}


def test_make_installs_nothing_without_a_hash():
    makefile = (ROOT / "Makefile").read_text()
    assert makefile.count("pip install") == 1
    lines = makefile.splitlines()
    installs = [line for line in lines if "$(INSTALL)" in line]
    assert len(installs) == 6
    for line in installs:
        assert "--require-hashes -r" in line or "--no-deps -e ." in line, line


def test_licences_are_listed_for_every_package():
    listed = re.findall(r"^\| (\S+) \| (.+) \|$", PAGE.read_text(), flags=re.MULTILINE)[1:]
    assert [name for name, _ in listed] == sorted(versions(ROOT / "constraints.txt")), "run make licences"
    assert all(licence.strip() for _, licence in listed)


@pytest.mark.parametrize(
    ("package", "code", "says"),
    [
        ({"vulns": []}, 0, "no known vulnerabilities in 1 packages"),
        ({"vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}]}, 1, "a 1: PYSEC-1, fixed in 2"),
        ({"vulns": [{"id": "PYSEC-1", "fix_versions": []}]}, 1, "no release yet"),
        ({"skip_reason": "not found"}, 2, "1 of 1 packages could not be looked up (not found"),
        (None, 2, "could not be reached"),
    ],
)
def test_an_audit_that_could_ask_for_nothing_fails(package, code, says):
    found = None if package is None else {"dependencies": [{"name": "a", "version": "1", **package}]}
    status, lines = verdict("constraints.txt", found)
    assert status == code
    assert says in lines[0]


def test_workflows_use_actions_of_known_commits():
    workflows = "".join(path.read_text() for path in (ROOT / ".github/workflows").glob("*.yml"))
    steps = workflows.split("uses:")[1:]
    assert steps
    for step in steps:
        assert re.match(r" [\w/-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+\n", step), step.splitlines()[0]
