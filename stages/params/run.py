"""Run experiments that are off by default: `dvc exp run` with the section `run` that they need.

``make run EXPERIMENT=clips-smpl SEEDS=1,2`` calls ``python -m stages.params.run clips-smpl --seeds 1,2``.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from stages.params.document import DocumentError, read
from stages.params.load import PARAMS, ParamsError, check
from stages.params.overrides import OverrideError, put
from stages.params.presets import PresetError, Presets
from stages.params.selection import SelectionError, flags, selection

DESCRIPTION = "Run experiments of params.yaml by `dvc exp run`. Names and numbers are separated by commas."


def command(
    content: Any, experiments: Sequence[str], options: Mapping[str, Any], sets: Sequence[str], name: str
) -> list[str]:
    """The ``dvc exp run`` of a selection, checked against the schema.

    Args:
        content: of params.yaml, as it is written; changed in place.
        experiments: names, see `selection`.
        options: the other arguments of `selection`.
        sets: changes of other parameters, as `put` takes them.
        name: of the DVC experiment.

    Raises:
        SelectionError, OverrideError, PresetError, ParamsError: as the functions used.
    """
    if not isinstance(content, dict):
        check(content)
    for override in sets:
        put(content, override)
    run = content.get("run", {})
    chosen = selection(Presets(content).content, experiments, **options)
    check({**content, "run": chosen})
    changes = [*sets, *flags(run, chosen)]
    return ["dvc", "exp", "run", "--name", name, *(word for change in changes for word in ("-S", change))]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the command and become it."""
    parser = argparse.ArgumentParser(prog="python -m stages.params.run", description=DESCRIPTION)
    parser.add_argument("experiments", nargs="*", help="names under experiments in params.yaml")
    parser.add_argument("--default", action="store_true", help="the experiments under run in params.yaml")
    parser.add_argument(
        "--models", default="", help="names, or none (default: all that the experiments share)"
    )
    parser.add_argument("--ablations", help="names (default: none; with --default those under run)")
    parser.add_argument("--seeds", default="", help="numbers (default: those under run)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="another change")
    parser.add_argument("--name", help="of the DVC experiment, before the time (default: the experiment's)")
    parser.add_argument("--list", action="store_true", help="list the experiments and run nothing")
    asked = parser.parse_args(arguments)
    try:
        if asked.list:
            print(listing(read(PARAMS)))
            return
        words = _command(asked)
    except FileNotFoundError:
        sys.exit(f"error: {PARAMS} is missing; run from the root of the repository")
    except (DocumentError, ParamsError, PresetError, OverrideError, SelectionError) as error:
        sys.exit(f"error: {error}")
    print(shlex.join(words), flush=True)
    os.execvp(words[0], words)


def _command(asked: argparse.Namespace) -> list[str]:
    """The command that the arguments ask for."""
    content = read(PARAMS)
    experiments = split(",".join(asked.experiments))
    if bool(experiments) == asked.default:
        names = content.get("experiments", {}) if isinstance(content, dict) else {}
        raise SelectionError(f"name one or more experiments, or --default; there are {', '.join(names)}")
    options = {
        "models": split(asked.models),
        "ablations": None if asked.ablations is None else split(asked.ablations),
        "seeds": numbers(asked.seeds),
    }
    title = re.sub(r"[^0-9A-Za-z_-]+", "-", asked.name or next(iter(experiments), "run"))
    return command(content, experiments, options, asked.set, f"{title}-{time.strftime('%Y%m%d-%H%M%S')}")


def listing(content: Any) -> str:
    """List the experiments of params.yaml: name, data set, kind of estimates; the default run's are marked.

    Raises:
        PresetError, ParamsError: params.yaml does not fit.
    """
    if not isinstance(content, dict):
        check(content)
    experiments = Presets(content).content["experiments"]
    default = content["run"]["experiments"]
    width = max(map(len, experiments))
    lines = [
        f"  {name:{width}}  {about['dataset']}, {about['estimate']['kind']}"
        f"{'  (default)' if name in default else ''}"
        for name, about in experiments.items()
    ]
    return "\n".join(
        ["Experiments of params.yaml (data set, estimates), for make run EXPERIMENT=name:", *lines]
    )


def split(text: str) -> list[str]:
    """Names separated by commas or spaces."""
    return text.replace(",", " ").split()


def numbers(text: str) -> list[int]:
    """Seeds separated by commas or spaces."""
    wrong = [word for word in split(text) if not word.isdecimal()]
    if wrong:
        raise SelectionError(f"seeds: expected whole numbers such as 4321,4322, got {wrong[0]!r}")
    return [int(word) for word in split(text)]


if __name__ == "__main__":
    main()
