"""Choose what runs: the section `run` of params.yaml for other experiments, models, ablations or seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stages.params.models import ABLATED

NONE = "none"


class SelectionError(ValueError):
    """A name that params.yaml does not define, or names that do not go together."""


def selection(
    params: Mapping[str, Any],
    experiments: Sequence[str] = (),
    *,
    models: Sequence[str] = (),
    ablations: Sequence[str] | None = None,
    seeds: Sequence[int] = (),
) -> dict[str, Any]:
    """The section `run` of params.yaml for other experiments, models, ablations or seeds than it has.

    Args:
        params: the content of params.yaml, presets filled in.
        experiments: names of experiments; none keeps those of `run`, with their models and ablations.
        models: names of models; without any, all models that the named experiments have in common; `NONE`
            alone trains nothing.
        ablations: names of ablations; None takes none for named experiments.
        seeds: none keeps those of `run`.

    Raises:
        SelectionError: for unknown names, with those that exist.
    """
    run, defined = params.get("run", {}), params.get("experiments", {})
    names = [*dict.fromkeys(experiments or run.get("experiments", []))]
    for name in names:
        _known("experiment", name, defined)
    if not experiments:
        models = models or run.get("models", [])
        ablations = run.get("ablations", []) if ablations is None else ablations
    for ablation in ablations or ():
        _known("ablation", ablation, params.get("ablations", {}))
    estimates = {name: defined[name].get("dataset") for name in names}
    chosen = {
        "datasets": [*dict.fromkeys(estimates.values())],
        "estimates": estimates,
        "experiments": names,
        "models": _models({name: defined[name].get("models", {}) for name in names}, models),
        "ablations": [*dict.fromkeys(ablations or ())],
        "seeds": [*dict.fromkeys(seeds or run.get("seeds", []))],
    }
    without = [name for name in names if ABLATED not in defined[name].get("models", {})]
    if chosen["ablations"] and without:
        raise SelectionError(
            f"ablations change the model {ABLATED}, which {', '.join(without)} does not have"
        )
    return chosen


def _models(by_experiment: Mapping[str, Mapping[str, Any]], asked: Sequence[str]) -> list[str]:
    """The models asked for, or all that the experiments have in common."""
    if list(asked) == [NONE]:
        return []
    for experiment, defined in by_experiment.items():
        for model in asked:
            _known(f"model of {experiment}", model, defined)
    if asked or not by_experiment:
        return [*dict.fromkeys(asked)]
    first, *others = by_experiment.values()
    common = [model for model in first if all(model in other for other in others)]
    if others and not common and any(by_experiment.values()):
        raise SelectionError(f"{', '.join(by_experiment)} have no model in common; run them one at a time")
    return common


def _known(what: str, name: str, defined: Mapping[str, Any]) -> None:
    if name not in defined:
        raise SelectionError(f"no {what} is called {name!r}; there are {', '.join(defined) or 'none'}")


def flags(run: Mapping[str, Any], chosen: Mapping[str, Any]) -> list[str]:
    """Changes that turn the section `run` into the chosen one, in the syntax of ``dvc exp run -S``."""
    changes = []
    for key, value in chosen.items():
        if value == run.get(key):
            continue
        if isinstance(value, dict):  # DVC merges mappings: the old one goes first
            changes.append(f"~run.{key}")
            changes.append(f"+run.{key}={{{', '.join(f'{name}: {other}' for name, other in value.items())}}}")
        else:
            changes.append(f"run.{key}=[{','.join(map(str, value))}]")
    return changes
