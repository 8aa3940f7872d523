"""Check a shell line against the programs that it calls, without running it.

Options, targets, modules, experiments, keys of params.yaml and environment variables have to exist; where the
program has a parser, the line goes through that parser.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import runpy
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout, suppress
from functools import cache
from io import StringIO
from typing import Any
from unittest import mock

import typer
import yaml

from hanet.cli.app import app
from stages.params.document import read
from stages.params.overrides import put
from stages.params.presets import Presets
from stages.params.run import main as select
from tests.support.paths import ROOT

OURS = ("hanet", "stages", "pipeline", "tests", "docs", "benchmarks")
END = re.compile(r"&&|\|\||[|;]")
ASSIGNMENT = re.compile(r"[A-Z][A-Z0-9_]*=")


class WrongLineError(AssertionError):
    """A line that its program would not take."""


def check(line: str) -> None:
    """Check all commands of a line.

    Raises:
        WrongLineError: naming what does not exist.
    """
    plain = re.sub(r"\$\(.*?\)", "VALUE", line.replace("…", "..."))
    for piece in END.split(plain):
        words = shlex.split(piece, comments=True)
        while words and ASSIGNMENT.match(words[0]):
            _variable(words.pop(0).partition("=")[0])
        if ">" in words:
            words = words[: words.index(">")]
        if words:
            _expect(words[0] in CHECKS, f"no check knows the program {words[0]!r} of {line!r}")
            CHECKS[words[0]](words[1:])


def check_hanet(words: list[str]) -> None:
    """Command, options and number of values, by the command line's own parser."""
    command: Any = typer.main.get_command(app)
    path = "hanet"
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        found = command.commands.get(words[0])
        _expect(found is not None, f"`{path}` has no command {words[0]!r}; it has {sorted(command.commands)}")
        command, path, words = found, f"{path} {words[0]}", words[1:]
    known = {"--help", *(name for p in command.params for name in p.opts + p.secondary_opts)}
    for word in words:
        name = word.split("=")[0]
        _expect(
            not word.startswith("--") or name in known,
            f"`{path}` has no option {name}; it has {sorted(known)}",
        )


def check_make(words: list[str]) -> None:
    """Targets and variables; experiments, models, ablations and changes by what `make run` calls."""
    makefile = (ROOT / "Makefile").read_text()
    for word in words:
        name, is_variable, _ = word.partition("=")
        if is_variable:
            used = (f"$({name})", f"$({name},", f"$(origin {name})", f"$(or $({name})")
            _expect(any(use in makefile for use in used), f"the Makefile reads no variable {name}")
        elif not word.startswith("-"):
            _expect(
                bool(re.search(rf"^{name}:", makefile, re.MULTILINE)), f"the Makefile has no target {name}"
            )
    if words[0] in ("run", "tables"):
        _check_selection(words)


def _check_selection(words: list[str]) -> None:
    """Let `stages.params.run` check the arguments that `make` would give it."""
    dry = ["make", "--dry-run", "--no-print-directory", "-o", "env", *words]
    printed = subprocess.run(dry, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    call = next(line for line in printed.splitlines() if line.startswith("python -m stages.params.run"))
    with mock.patch.object(os, "execvp"), chdir(ROOT), redirect_stdout(StringIO()):
        try:
            select(shlex.split(call)[3:])
        except SystemExit as error:
            raise WrongLineError(f"make {shlex.join(words)}: {error.code}") from None


def check_python(words: list[str]) -> None:
    """`python -m MODULE ...`: the module exists and its parser takes the arguments."""
    _expect(words[:1] == ["-m"], f"expected python -m MODULE, got python {shlex.join(words)}")
    module, arguments = words[1], words[2:]
    if module.split(".")[0] not in OURS:
        return
    path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
    _expect(path.is_file(), f"no module {module}")
    source = path.read_text()
    if module.startswith("docs.examples."):  # scripts, which tests/docs/test_examples.py runs
        return
    _expect("__main__" in source, f"{module} does nothing when it is run")
    if "ArgumentParser" in source:
        _parse(module, arguments)
        return
    if module == "stages.train":
        experiment, model, _ = arguments
        params = Presets(read(ROOT / "params.yaml")).content
        _expect(experiment in params["experiments"], f"params.yaml has no experiment {experiment!r}")
        _expect(model in params["models"], f"params.yaml has no model {model!r}")
    taken = [node for node in ast.walk(ast.parse(source)) if ast.unparse(node) == "sys.argv"]
    _expect(bool(taken) or not arguments, f"{module} takes no arguments, got {shlex.join(arguments)}")


def _parse(module: str, arguments: list[str]) -> None:
    """Run a module up to the end of its argument parser."""

    class ParsedError(Exception):
        pass

    original = argparse.ArgumentParser.parse_args

    def parse_args(self: argparse.ArgumentParser, args: Any = None, namespace: Any = None) -> None:
        if any("..." in word for word in arguments):
            raise ParsedError
        original(self, arguments if args is None else args, namespace)
        raise ParsedError

    with (
        mock.patch.object(argparse.ArgumentParser, "parse_args", parse_args),
        mock.patch.object(sys, "argv", [module, *arguments]),
        redirect_stderr(StringIO()) as said,
    ):
        loaded = sys.modules.pop(module, None)
        try:
            runpy.run_module(module, run_name="__main__")
        except ParsedError:
            return
        except SystemExit as error:
            if not arguments and "arguments are required" in said.getvalue():
                return  # a sentence names the module alone
            raise WrongLineError(f"python -m {module}: {said.getvalue()}") from error
        finally:
            if loaded is not None:
                sys.modules[module] = loaded
    raise WrongLineError(f"python -m {module} did not parse its arguments")


def check_dvc(words: list[str]) -> None:
    """By DVC's own parser; stages are those of dvc.yaml, changes fit params.yaml."""
    from dvc.cli.parser import DvcParserError, get_main_parser

    if not words:
        return
    parsed = None
    for more in ([], ["NAME"]):  # a sentence may name a command without what it takes
        with suppress(DvcParserError), redirect_stderr(StringIO()), redirect_stdout(StringIO()):
            parsed = get_main_parser().parse_args([*words, *more])
            break
    if parsed is None:
        raise WrongLineError(f"dvc does not take {shlex.join(words)}")
    for change in getattr(parsed, "set_param", None) or ():
        put(read(ROOT / "params.yaml"), change.removeprefix("params.yaml:"))
    if words[0] == "repro":
        stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
        for target in parsed.targets:
            _expect(target.partition("@")[0] in stages, f"dvc.yaml has no stage {target!r}")


def check_git(words: list[str]) -> None:
    """The command exists; files of `git checkout` do too."""
    if not words:
        return
    known = subprocess.run(["git", words[0], "-h"], cwd=ROOT, capture_output=True, text=True)
    _expect("usage:" in known.stdout + known.stderr, f"git has no command {words[0]!r}")
    if words[0] == "checkout":
        _expect((ROOT / words[1]).exists(), f"no file {words[1]}")


def check_pip(words: list[str]) -> None:
    """`pip install` of this package: its extras exist."""
    _expect(words[:1] == ["install"], f"expected pip install, got pip {shlex.join(words)}")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for word in words[1:]:
        name, _, asked = word.rstrip("]").partition("[")
        if name in (".", "hanet"):
            unknown = set(filter(None, asked.split(","))) - set(extras)
            _expect(not unknown, f"hanet has no extra {', '.join(sorted(unknown))}")


def check_mlflow(words: list[str]) -> None:
    """By MLflow's own options."""
    from mlflow.cli import cli

    command = cli.commands.get(words[0])
    if command is None:
        raise WrongLineError(f"mlflow has no command {words[0]!r}")
    known = {name for parameter in command.params for name in parameter.opts}
    for word in words[1:]:
        _expect(not word.startswith("--") or word in known, f"mlflow {words[0]} has no option {word}")


def check_export(words: list[str]) -> None:
    """Variables that something here reads."""
    for word in words:
        _variable(word.partition("=")[0])


def check_file(path: str) -> Callable[[list[str]], None]:
    """A program of this repository."""
    return lambda words: _expect(os.access(ROOT / path, os.X_OK), f"{path} is no program")


def _variable(name: str) -> None:
    _expect(name in _sources(), f"nothing here reads the environment variable {name}")


@cache
def _sources() -> str:
    """The text of all of our code, to look for names in."""
    files = [path for folder in ("hanet", "stages", "pipeline") for path in (ROOT / folder).rglob("*.py")]
    return "\n".join(path.read_text() for path in [*files, ROOT / "Makefile"])


def _expect(found: bool, message: str) -> None:
    if not found:
        raise WrongLineError(message)


def _anything(words: list[str]) -> None:
    """Programs that are not ours, whose options are not looked at."""


CHECKS: dict[str, Callable[[list[str]], None]] = {
    "hanet": check_hanet,
    "make": check_make,
    "python": check_python,
    ".venv/bin/python": check_python,
    "dvc": check_dvc,
    "git": check_git,
    "pip": check_pip,
    "mlflow": check_mlflow,
    "export": check_export,
    ".ci/run": check_file(".ci/run"),
    "cd": _anything,
    "ssh": _anything,
    "rerun": _anything,
}
