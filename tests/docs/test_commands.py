"""Every command, option and import that README, CONTRIBUTING and the docs name exists."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from hanet.cli.app import app
from tests.support.paths import ROOT

PAGES = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").glob("*.md")),
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`((?:hanet|make|python -m) [^`\n]+)`")


def commands(page: Path) -> list[str]:
    """List a page's shell lines: of its fenced blocks, with continued lines joined, and of its text."""
    text = page.read_text()
    blocks = [body for language, body in FENCE.findall(text) if language in ("sh", "bash")]
    lines = [line for body in blocks for line in body.replace("\\\n", " ").splitlines()]
    lines += CODE.findall(FENCE.sub("", text))
    pieces = [piece.strip() for line in lines for piece in line.split("&&")]
    return [piece for piece in pieces if re.match(r"(hanet|make|python -m) ", piece)]


def python_blocks(page: Path) -> list[str]:
    """A page's Python; files that it shows are no code of the page."""
    blocks = [body for language, body in FENCE.findall(page.read_text()) if language == "python"]
    return [body for body in blocks if not body.startswith("--8<--")]


def check_hanet(words: list[str]) -> None:
    command: Any = typer.main.get_command(app)
    path = "hanet"
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        found = command.commands.get(words[0])
        assert found is not None, f"`{path}` has no command {words[0]!r}; it has {sorted(command.commands)}"
        command, path, words = found, f"{path} {words[0]}", words[1:]
    known = {
        "--help",
        *(name for parameter in command.params for name in parameter.opts + parameter.secondary_opts),
    }
    for word in words:
        if word.startswith("--"):
            assert word.split("=")[0] in known, f"`{path}` has no option {word}; it has {sorted(known)}"


def check_make(words: list[str]) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for word in words:
        name, is_variable, _ = word.partition("=")
        if is_variable:
            assert f"$({name})" in makefile or f"$(origin {name})" in makefile or f"{name} " in makefile, (
                f"the Makefile reads no variable {name}"
            )
        elif re.fullmatch(r"[a-z][a-z-]*", name):
            assert re.search(rf"^{name}:", makefile, re.MULTILINE), f"the Makefile has no target {name}"


def check_module(words: list[str]) -> None:
    path = ROOT.joinpath(*words[0].split("."))
    if words[0].split(".")[0] in ("hanet", "stages", "pipeline", "tests", "docs", "benchmarks"):
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), f"no module {words[0]}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist(page: Path) -> None:
    for line in commands(page):
        words = shlex.split(line, comments=True)
        end = next((at for at, word in enumerate(words) if word in ("|", ";", ">", "…")), len(words))
        program, words = words[0], words[1:end]
        if program == "hanet":
            check_hanet(words)
        elif program == "make":
            check_make(words)
        else:
            check_module(words[1:])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_imports_exist(page: Path) -> None:
    for body in python_blocks(page):
        for node in ast.walk(ast.parse(body)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "hanet":
                module = importlib.import_module(node.module or "")
                for name in node.names:
                    if not hasattr(module, name.name):
                        importlib.import_module(f"{node.module}.{name.name}")


def test_the_pages_hold_commands() -> None:
    found = [line for page in PAGES for line in commands(page)]
    assert len([line for line in found if line.startswith("hanet ")]) > 10
    assert len([line for line in found if line.startswith("make ")]) > 10


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("hanet rafine x", "no command"),
        ("hanet refine x.parquet --modle m", "no option --modle"),
        ("make reproduce-all", "no target"),
        ("make run EXPRIMENT=x", "no variable EXPRIMENT"),
        ("python -m stages.nothing", "no module"),
    ],
)
def test_a_wrong_line_is_found(line: str, message: str) -> None:
    words = shlex.split(line)
    check = {"hanet": check_hanet, "make": check_make, "python": lambda rest: check_module(rest[1:])}[
        words[0]
    ]
    with pytest.raises(AssertionError, match=message):
        check(words[1:])
