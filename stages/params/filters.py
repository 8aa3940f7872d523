"""The filters of an experiment: names with the grids that are tried on the validation split."""

from __future__ import annotations

from inspect import signature
from itertools import product
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from hanet.methods.known_filters import FILTERS


def _grids(value: dict[str, dict[str, list[Any]]]) -> dict[str, dict[str, list[Any]]]:
    """The filters, where all of them exist and accept all values of their grids.

    Raises:
        ValueError: naming the filter, its parameter and the value.
    """
    for name, grid in value.items():
        if name not in FILTERS:
            raise ValueError(f"unknown filter {name}; known: {', '.join(FILTERS)}")
        parameters = signature(FILTERS[name]).parameters
        known = ", ".join(parameters) or "no parameters"
        if unknown := sorted(set(grid) - set(parameters)):
            raise ValueError(f"{name} has no parameter {', '.join(unknown)}; it takes {known}")
        required = [p for p in parameters.values() if p.default is p.empty and p.name not in grid]
        if required:
            names = ", ".join(parameter.name for parameter in required)
            raise ValueError(f"{name} needs values to try for {names}; it takes {known}")
        for parameter, values in grid.items():
            whole = parameters[parameter].annotation in (int, "int")
            if whole and (wrong := [v for v in values if not isinstance(v, int)]):
                raise ValueError(f"{name}.{parameter}: expected integers, got {wrong[0]}")
        for values in product(*grid.values()):
            try:
                FILTERS[name](**dict(zip(grid, values, strict=True)))
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
    return value


Grid = Annotated[list[int | float], Field(min_length=1)]
Filters = Annotated[dict[str, dict[str, Grid]], AfterValidator(_grids)]
"""By filter: the values to try of each of its parameters."""
