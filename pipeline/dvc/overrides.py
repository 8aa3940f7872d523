"""Changed parameters of one run: `path.to.key=value`, written into a work tree's params.yaml."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipeline.dvc.work_trees import git

PARAMS = "params.yaml"


class OverrideError(ValueError):
    """An override that does not fit params.yaml."""


def read(tree: Path, revision: str = "") -> dict[str, Any]:
    """The parameters of a work tree, or those it had at a revision; none where it has no params.yaml."""
    if revision:
        source = git(tree, "show", f"{revision}:{PARAMS}") if git(tree, "ls-tree", revision, PARAMS) else ""
    else:
        source = (tree / PARAMS).read_text() if (tree / PARAMS).exists() else ""
    return YAML(typ="safe").load(source) or {}


def apply(tree: Path, overrides: Sequence[str]) -> None:
    """Write overrides into a work tree's params.yaml, its comments kept.

    `key=value` changes a key that is there, `+key=value` adds one; values are YAML, so `[1, 2]` is a list.

    Raises
    ------
    OverrideError
        Naming the part of the path that is not there and what is, or the value that is no YAML.
    """
    yaml = YAML()
    yaml.preserve_quotes = True
    params = yaml.load(tree / PARAMS)
    for override in overrides:
        put(params, override)
    with (tree / PARAMS).open("w") as handle:
        yaml.dump(params, handle)


def put(params: Any, override: str) -> None:
    """One override into nested mappings."""
    path, equals, text = override.partition("=")
    adds = path.startswith("+")
    *above, last = path.removeprefix("+").strip().split(".")
    if not equals or not all((*above, last)):
        raise OverrideError(f"expected key.of.params=value, got {override!r}")
    section, walked = params, ""
    for key in above:
        section, walked = child(section, key, walked, override), f"{walked}{key}."
    if adds:
        if not isinstance(section, dict):
            raise OverrideError(f"{override!r}: {walked.rstrip('.')} is {section!r}, which has no keys")
    else:
        child(section, last, walked, override)
    try:
        section[last] = YAML(typ="safe").load(text)
    except YAMLError as error:
        raise OverrideError(f"{override!r}: the value is no YAML: {error}") from None


def child(section: Any, key: str, walked: str, override: str) -> Any:
    """What a section holds under a key."""
    if isinstance(section, dict) and key in section:
        return section[key]
    names = [str(name) for name in section] if isinstance(section, dict) else []
    near = get_close_matches(key, names) or names
    where = walked.rstrip(".") or PARAMS
    raise OverrideError(
        f"{override!r}: {where} has no key {key!r}; it has {', '.join(near) or 'none'} "
        "(to add one, begin with +)"
    )


def of_run(
    params: dict[str, Any], *, experiments: Sequence[str] = (), seeds: Sequence[int] = ()
) -> list[str]:
    """Overrides of the section `run` for other experiments or seeds than it names; none where it names these.

    Raises
    ------
    OverrideError
        For an experiment that params.yaml does not describe.
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
    """How many epochs a training stage runs; None where params.yaml does not say."""
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
