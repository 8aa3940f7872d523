"""Changed parameters of one run: check `path.to.key=value` and write it into a work tree's params.yaml."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from hanet.files.atomic import whole_file
from pipeline.repository.git import git
from pipeline.repository.names import KEY, NAME, invalid_names

PARAMS = "params.yaml"
OVERRIDE = rf"^\+?{KEY}(\.{KEY})*="
"""How an override begins."""


class OverrideError(ValueError):
    """An override does not fit params.yaml, or puts text that is not a name where dvc.yaml expects one."""


def read(tree: Path, revision: str = "") -> dict[str, Any]:
    """Return the parameters of a work tree, or those at a git revision; empty if there is no params.yaml."""
    if revision:
        source = git(tree, "show", f"{revision}:{PARAMS}") if git(tree, "ls-tree", revision, PARAMS) else ""
    else:
        source = (tree / PARAMS).read_text() if (tree / PARAMS).exists() else ""
    return YAML(typ="safe").load(source) or {}


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
    """Set overrides in nested mappings, in place.

    `key=value` changes a key that exists, `+key=value` adds one. Values are YAML, so `[1, 2]` is a list.

    Raises:
        OverrideError: a path does not exist (the message lists what does), a value is not YAML, or the
            section `run` has text that is not a name.
    """
    for override in overrides:
        _set(params, override)
    if invalid := list(invalid_names(params)):
        raise OverrideError(
            f"expected names ({NAME}: letters, digits, and . _ - after the first), got {'; '.join(invalid)}"
        )


def _set(params: Any, override: str) -> None:
    """Set one override."""
    path, _, text = override.partition("=")
    if not re.match(OVERRIDE, override):
        raise OverrideError(f"expected key.of.params=value, got {override!r}")
    *above, last = path.removeprefix("+").split(".")
    section, walked = params, ""
    for key in above:
        section, walked = _child(section, key, walked, override), f"{walked}{key}."
    if path.startswith("+"):
        if not isinstance(section, dict):
            raise OverrideError(f"{override!r}: {walked.rstrip('.')} is {section!r}, which has no keys")
    else:
        _child(section, last, walked, override)
    try:
        section[last] = YAML(typ="safe").load(text)
    except YAMLError as error:
        raise OverrideError(f"{override!r}: the value is not YAML: {error}") from None


def _child(section: Any, key: str, walked: str, override: str) -> Any:
    """Return the value of a key, or raise an error that lists similar keys."""
    if isinstance(section, dict) and key in section:
        return section[key]
    names = [str(name) for name in section] if isinstance(section, dict) else []
    near = get_close_matches(key, names) or names
    where = walked.rstrip(".") or PARAMS
    raise OverrideError(
        f"{override!r}: {where} has no key {key!r}; it has {', '.join(near) or 'none'} "
        "(begin with + to add a key)"
    )


def of_run(
    params: dict[str, Any], *, experiments: Sequence[str] = (), seeds: Sequence[int] = ()
) -> list[str]:
    """Return the overrides that select other experiments or seeds; none if `run` names these already.

    Raises:
        OverrideError: params.yaml does not describe an experiment.
    """
    run = params.get("run", {})
    overrides = []
    if experiments and list(experiments) != run.get("experiments"):
        described = params.get("experiments", {})
        for name in experiments:
            if name not in described:
                raise OverrideError(f"no experiment is called {name!r}; there are {', '.join(described)}")
        estimates = {name: described[name]["dataset"] for name in experiments}
        pairs = ", ".join(f"{name}: {dataset}" for name, dataset in estimates.items())
        overrides = [
            f"run.experiments=[{', '.join(experiments)}]",
            f"run.estimates={{{pairs}}}",
            f"run.datasets=[{', '.join(dict.fromkeys(estimates.values()))}]",
        ]
    if seeds and list(seeds) != run.get("seeds"):
        overrides.append(f"run.seeds=[{', '.join(map(str, seeds))}]")
    return overrides


def epochs(params: dict[str, Any], stage: str) -> int | None:
    """Return how many epochs a training stage runs; None if params.yaml does not say."""
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
