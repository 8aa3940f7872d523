"""Model cards: what a trained network is, what it was trained on and what it is for, as Markdown."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hanet.models.descriptions import WEIGHTS, read_description
from hanet.options import flatten

_PACKAGE = Path(__file__).parents[1]
SHIPPED = {
    "general": _PACKAGE / "weights/general.safetensors",
    **{f"fcn-cmu-{n}": _PACKAGE / f"estimators/fcn/weights/cmu-{n}.safetensors" for n in (1, 2, 3)},
}
"""Files of the weights that come with the package, by name; README.md beside them is their card."""


def shipped_card(name: str) -> str:
    """The card of weights that come with the package."""
    return SHIPPED[name].with_name("README.md").read_text()


def model_card(folder: str | os.PathLike[str]) -> str:
    """The card of a trained checkpoint, from its description.

    Raises:
        FileNotFoundError: no checkpoint there.
        ValueError: a damaged or unknown description.
    """
    description = read_description(folder)
    about: dict[str, Any] = description["metadata"]
    facts = {"network": description["network"], **_facts(about)}
    facts |= {
        f"{split} estimates": f"SHA-256 {value[:16]}…"
        for split, value in about.get("data_sha256", {}).items()
    }
    facts["weights"] = f"{WEIGHTS}, SHA-256 {description['weights_sha256'][:16]}…"
    lines = [
        f"# Model card: {Path(folder).resolve().name}",
        "",
        *_table(facts),
        "",
        "## Use and limits",
        "",
        "It refines tracks of the poses above, from the estimator that it was trained on; other skeletons, "
        "units and frame rates are refused. Validation people chose its epoch. Its error on other people and "
        "other estimators is unknown until it is scored on them.",
        "",
        "## Network",
        "",
        *_table(description["config"]),
    ]
    if "training" in about:
        lines += ["", "## Training", "", *_table(flatten(about["training"]))]
    return "\n".join([*lines, ""])


def _facts(about: dict[str, Any]) -> dict[str, Any]:
    """What a checkpoint's metadata say, as far as they say it."""
    poses = about.get("poses") or {}
    parts = [str(poses[key]) for key in ("representation", "skeleton", "unit") if poses.get(key)]
    if isinstance(poses.get("fps"), int | float):
        parts.append(f"{poses['fps']:g} fps")
    facts: dict[str, Any] = {"refines": ", ".join(parts), "trained by": about.get("machine", "")}
    if "experiment" in about:
        facts["experiment"] = f"{about['experiment']}, seed {about.get('seed')}"
    error, unit = about.get("validation_error"), about.get("validation_error_unit", "")
    if isinstance(error, int | float):
        epoch = f", epoch {about['best_epoch']}" if "best_epoch" in about else ""
        facts["validation error"] = f"{error:.2f} {unit}{epoch}"
    return facts


def _table(facts: dict[str, Any]) -> list[str]:
    return ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in facts.items() if value != "")]
