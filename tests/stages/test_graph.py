"""dvc.yaml: a stage's dependencies are the modules its result depends on, and its parameters exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.support.paths import ROOT

GRAPH: dict[str, dict[str, Any]] = {
    name: stage.get("do", stage) for name, stage in YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"].items()
}
PARAMS: dict[str, Any] = YAML(typ="safe").load(ROOT / "params.yaml")
NO_SCIENCE = {
    Path("stages/params/load.py"),
    Path("stages/workspace.py"),
    *(path.relative_to(ROOT) for path in (ROOT / "stages" / "schema").glob("*.py")),
}
MODULES = {"ablate": "train", "refine-ablated": "refine"}
"""Stages that run another stage's module."""


def imported(path: Path) -> set[str]:
    """Names of modules, or of what is in them, that a file of ours imports when it runs."""
    tree = ast.parse((ROOT / path).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name for name in names if name.split(".")[0] in ("hanet", "stages")}


def file_of(module: str) -> Path | None:
    """A module's file; None for a name in one, and for an empty package file."""
    path = Path(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if (ROOT / candidate).is_file() and (ROOT / candidate).read_text().strip():
            return candidate
    return None


def closure(start: Path) -> set[str]:
    """All files of ours that a stage runs, reading of parameters and logging left out."""
    seen: set[Path] = set()
    todo = [start]
    while todo:
        path = todo.pop()
        if path in seen | NO_SCIENCE:
            continue
        seen.add(path)
        for module in imported(path):
            # Importing a.b.c runs a/__init__.py and a/b/__init__.py too.
            parts = module.split(".")
            files = [file_of(".".join(parts[: n + 1])) for n in range(len(parts))]
            todo += [file for file in files if file is not None]
    return {str(path) for path in seen - {Path("hanet/__init__.py")}}  # a docstring


def test_the_walk_finds_what_a_module_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "hanet" / "deep").mkdir(parents=True)
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages" / "__init__.py").touch()
    for name, text in {
        "stages/work.py": "from hanet.deep import a\nfrom stages import _run\nimport numpy",
        "stages/workspace.py": "import hanet.never",
        "hanet/deep/__init__.py": "'not empty'",
        "hanet/deep/a.py": "if TYPE_CHECKING:\n    import hanet.never\ndef f():\n    import hanet.late",
        "hanet/never.py": "x = 1",
        "hanet/late.py": "x = 1",
    }.items():
        (tmp_path / name).write_text(text)
    expected = {"stages/work.py", "hanet/deep/__init__.py", "hanet/deep/a.py", "hanet/late.py"}
    assert closure(Path("stages/work.py")) == expected


@pytest.mark.parametrize("stage", GRAPH)
def test_code_dependencies_are_the_imports(stage: str) -> None:
    needed = closure(Path(f"stages/{MODULES.get(stage, stage)}.py"))
    if stage == "publish":  # MLflow runs this file by its path
        needed |= closure(Path("stages/tracking/model.py"))
    listed = {dep for dep in GRAPH[stage]["deps"] if dep.endswith(".py")}
    missing = "".join(f"\n      - {name}" for name in sorted(needed - listed))
    superfluous = "".join(f"\n      - {name}" for name in sorted(listed - needed))
    assert listed == needed, (
        f"dvc.yaml, {stage}: add{missing or ' nothing'}\nremove{superfluous or ' nothing'}"
    )


@pytest.mark.parametrize("stage", GRAPH)
def test_the_command_runs_the_module_of_its_name(stage: str) -> None:
    command = GRAPH[stage]["cmd"].split()
    module = MODULES.get(stage, stage)
    assert command[:3] == ["python", "-m", f"stages.{module}"]
    assert (ROOT / "stages" / f"{module}.py").is_file()


def parameters() -> list[tuple[str, str]]:
    """Every parameter key of the graph, filled in for all data sets and experiments, on or off."""
    found = []
    for stage, content in GRAPH.items():
        for key in content.get("params", []):
            if "${item.dataset}" in key:
                found += [(stage, key.replace("${item.dataset}", name)) for name in PARAMS["datasets"]]
                continue
            for experiment, described in PARAMS["experiments"].items():
                for model in PARAMS["ablations"] if stage in MODULES else described["models"]:
                    filled = key.replace("${item.model}", model)
                    filled = re.sub(r"\$\{(item\.experiment|key)\}", experiment, filled)
                    found.append((stage, filled))
    return sorted(set(found))


@pytest.mark.parametrize(("stage", "key"), parameters())
def test_parameters_exist(stage: str, key: str) -> None:
    section: Any = PARAMS
    for part in key.split("."):
        assert part in section, f"{stage} needs {key}: no {part}"
        section = section[part]


def test_every_parameter_makes_some_stage_run_again() -> None:
    keys = {key for _, key in parameters()}

    def leaves(section: Any, prefix: str = "") -> list[str]:
        if not isinstance(section, dict) or not section:
            return [prefix[:-1]]
        return [leaf for name, value in section.items() for leaf in leaves(value, f"{prefix}{name}.")]

    structure = {"kind", "dataset", "datasets", "estimates", "experiments"}  # what the matrix is made of
    science = {name: section for name, section in PARAMS.items() if name != "train"}
    silent = [
        leaf
        for leaf in leaves(science)
        if not any(f"{leaf}.".startswith(f"{key}.") for key in keys) and leaf.split(".")[-1] not in structure
    ]
    assert silent == []


def test_what_trainings_run_on_makes_nothing_stale() -> None:
    assert "train" in PARAMS and not [key for _, key in parameters() if key.split(".")[0] == "train"]
