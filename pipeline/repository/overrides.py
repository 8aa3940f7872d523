"""Changed parameters of one run: `path.to.key=value`, written into a work tree's params.yaml."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from pipeline.repository.work_trees import git
from stages.params.document import DocumentError, parse
from stages.params.overrides import OverrideError, put
from stages.params.presets import PresetError, Presets
from stages.params.selection import SelectionError, selection

PARAMS = "params.yaml"


def read(tree: Path, revision: str = "") -> dict[str, Any]:
    """The parameters of a work tree as they are written, or those at a revision; none without params.yaml.

    Raises
    ------
    OverrideError
        Where the file is not plain YAML.
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
    """Write overrides into a work tree's params.yaml, its comments kept, see `put`.

    Raises
    ------
    OverrideError
        As `put`.
    """
    yaml = YAML()
    yaml.preserve_quotes = True
    params = yaml.load(tree / PARAMS)
    for override in overrides:
        put(params, override)
    with (tree / PARAMS).open("w") as handle:
        yaml.dump(params, handle)


def of_run(
    params: dict[str, Any], *, experiments: Sequence[str] = (), seeds: Sequence[int] = ()
) -> list[str]:
    """Overrides of the section `run` for other experiments or seeds than it names; none where it names these.

    Named experiments run with all models that they have in common, and without ablations.

    Raises
    ------
    OverrideError
        For an experiment that params.yaml does not describe.
    """
    if not experiments and not seeds:
        return []
    try:
        chosen = selection(Presets(params).content, experiments, seeds=seeds)
    except (PresetError, SelectionError) as error:
        raise OverrideError(str(error)) from None
    run = params.get("run", {})
    return [f"run.{key}={flow(value)}" for key, value in chosen.items() if value != run.get(key)]


def flow(value: dict[str, str] | list[Any]) -> str:
    """A mapping or list as YAML on one line."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {other}' for name, other in value.items())}}}"
    return f"[{', '.join(map(str, value))}]"


def epochs(params: dict[str, Any], stage: str) -> int | None:
    """How many epochs a training stage runs; None where params.yaml does not say."""
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
