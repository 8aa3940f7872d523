"""Changed parameters of one run: check `path.to.key=value` and write it into a work tree's params.yaml."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from hanet.files.atomic import whole_file
from pipeline.repository.git import git
from pipeline.repository.names import KEY, invalid_names
from stages.params.document import DocumentError, parse
from stages.params.overrides import OverrideError, put
from stages.params.presets import PresetError, Presets
from stages.params.selection import SelectionError, selection

PARAMS = "params.yaml"
OVERRIDE = rf"^\+?{KEY}(\.{KEY})*="
"""How an override begins."""

__all__ = ["OVERRIDE", "PARAMS", "OverrideError", "apply", "change", "epochs", "of_run", "read"]


def read(tree: Path, revision: str = "") -> dict[str, Any]:
    """Return the parameters of a work tree as written, or those at a git revision; empty without params.yaml.

    Raises:
        OverrideError: the file is not plain YAML.
    """
    if revision:
        source = git(tree, "show", f"{revision}:{PARAMS}") if git(tree, "ls-tree", revision, PARAMS) else ""
    else:
        source = (tree / PARAMS).read_text() if (tree / PARAMS).exists() else ""
    try:
        return parse(source) or {}
    except DocumentError as error:
        raise OverrideError(f"{PARAMS} does not fit: {error}") from None


def apply(tree: Path, overrides: Sequence[str]) -> None:
    """Write overrides into a work tree's params.yaml and keep its comments; on an error it is unchanged.

    Raises:
        OverrideError: as `change`.
    """
    yaml = YAML()
    yaml.preserve_quotes = True
    params = yaml.load(tree / PARAMS)
    change(params, overrides)
    with whole_file(tree / PARAMS) as temporary, temporary.open("w") as file:
        yaml.dump(params, file)


def change(params: Any, overrides: Sequence[str]) -> None:
    """Set overrides in nested mappings, in place, as `put` does.

    Raises:
        OverrideError: as `put`, or the section `run` has text that is not a name.
    """
    for override in overrides:
        if not re.match(OVERRIDE, override):
            raise OverrideError(f"expected key.of.params=value, got {override!r}")
        put(params, override)
    if invalid := list(invalid_names(params)):
        raise OverrideError(
            "expected names of letters, digits, '.', '_' and '-' (first a letter or digit, no '..') under "
            f"run, got {'; '.join(invalid)}"
        )


def of_run(
    params: dict[str, Any], *, experiments: Sequence[str] = (), seeds: Sequence[int] = ()
) -> list[str]:
    """Return the overrides that select other experiments or seeds; none if `run` names these already.

    Named experiments run with all models that they have in common, and without ablations.

    Raises:
        OverrideError: params.yaml does not describe an experiment.
    """
    if not experiments and not seeds:
        return []
    try:
        chosen = selection(Presets(params).content, experiments, seeds=seeds)
    except (PresetError, SelectionError) as error:
        raise OverrideError(str(error)) from None
    run = params.get("run", {})
    return [f"run.{key}={_flow(value)}" for key, value in chosen.items() if value != run.get(key)]


def _flow(value: dict[str, str] | list[Any]) -> str:
    """Return a mapping or list as YAML on one line."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {other}' for name, other in value.items())}}}"
    return f"[{', '.join(map(str, value))}]"


def epochs(params: dict[str, Any], stage: str) -> int | None:
    """Return how many epochs a training stage runs; None if params.yaml does not say."""
    try:
        params = Presets(params).content
    except PresetError:
        return None
    group, _, rest = stage.partition("@")
    for name, experiment in params.get("experiments", {}).items():
        models = experiment.get("models", {})
        if group == "ablate":
            known = {
                model: {
                    **models.get("hanet-paper", {}).get("training", {}),
                    **(changed.get("training") or {}),
                }
                for model, changed in params.get("ablations", {}).items()
            }
        else:
            known = {model: described.get("training", {}) for model, described in models.items()}
        for model, training in known.items():
            begin, _, seed = rest.rpartition("-")
            if begin == f"{name}-{model}" and seed.isdigit():
                return training.get("epochs")
    return None
