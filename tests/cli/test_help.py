"""Help texts: complete, with defaults, within 80 columns."""

from __future__ import annotations

import re
from typing import Any

import pytest
from typer.testing import CliRunner

from hanet.cli.app import app
from tests.cli.commands import tree

COMMANDS = tree()


def rendered(words: str, columns: int) -> str:
    result = CliRunner().invoke(
        app, [*words.split(), "--help"], env={"COLUMNS": str(columns), "NO_COLOR": "1"}
    )
    assert result.exit_code == 0
    return result.stdout


def row(text: str, parameter: Any) -> str:
    """The line of an option or argument, in help that is wide enough for one line each."""
    name = parameter.opts[0]
    [line] = [
        line
        for line in text.splitlines()
        if re.match(rf"│ +\*? +{re.escape(name)}(\.\.\.)? |│ {name} ", line)
    ]
    return " ".join(line.split())


@pytest.mark.parametrize("words", COMMANDS)
def test_help_shows_every_text_and_every_default(words):
    """Rich takes words in brackets for markup: a text that holds any would lose them."""
    command, text = COMMANDS[words], rendered(words, 400)
    assert command.help in " ".join(text.split())
    for name, child in getattr(command, "commands", {}).items():
        [line] = [line for line in text.splitlines() if line.startswith(f"│ {name} ")]
        assert (child.help or child.short_help) in line
    for parameter in command.params:
        if parameter.name == "help":
            continue
        line = row(text, parameter)
        assert parameter.help and parameter.help in line, parameter.name
        assert parameter.help[0].isupper() or parameter.help.split()[0] in ("full:", "METHOD=FILE:")
        if parameter.required:
            assert line.removesuffix(" │").endswith("[required]")
        elif not getattr(parameter, "is_flag", False):
            shown = re.search(r"\[default: \(?(.+?)\)?\]", line)
            assert shown, f"{words} {parameter.name} does not show its default"
            assert parameter.default is None or str(parameter.default) == shown[1]


@pytest.mark.parametrize("words", COMMANDS)
def test_help_fits_eighty_columns(words):
    command, text = COMMANDS[words], rendered(words, 80)
    assert "…" not in text and max(map(len, text.splitlines())) <= 80
    there = set(text.split())
    for said in (command.help, *(p.help for p in command.params)):
        assert set(said.split()) <= there, f"cut or broken: {set(said.split()) - there}"


def test_the_first_page_groups_the_commands():
    text = rendered("", 80)
    panels = re.findall(r"╭─ ([^─]+) ─", text)
    assert panels == [
        "Options",
        "Poses of any estimator",
        "From a video to refined poses",
        "Scores and figures",
        "Data sets, estimators and models",
    ]
