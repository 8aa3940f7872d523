"""Prefect variables: what people set once for all runs, on Prefect's page *Variables*."""

from __future__ import annotations

from prefect.variables import Variable

DEFAULTS: dict[str, float] = {"hanet_jobs": 2, "hanet_stage_timeout_minutes": 0}
"""Values until somebody changes them."""
LIMITS = {"hanet_jobs": (1, 64), "hanet_stage_timeout_minutes": (0, 60 * 24 * 365)}


def create_variables() -> None:
    """Create the variables that the server lacks; those that are there keep their values."""
    for name, value in DEFAULTS.items():
        if Variable.get(name) is None:
            Variable.set(name, value)


def setting(name: str, given: float) -> float:
    """A run's value: as given in its form, or where that is 0 the variable's.

    Raises:
        ValueError: the variable is not a number, or out of range.
    """
    if given:
        return given
    value = Variable.get(name, default=DEFAULTS[name])
    low, high = LIMITS[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(
            f"Prefect's variable {name}: expected a number from {low} to {high}, got {value!r}; change it "
            "on the page Variables"
        )
    return float(value)
