"""Methods by the words of ``--method`` and ``--lag``."""

from __future__ import annotations

import ast
from dataclasses import fields
from pathlib import Path
from typing import Any

from hanet.methods.calibrated import Calibrated
from hanet.methods.calibration_files import DESCRIPTION
from hanet.methods.fixed_lag import FixedLag
from hanet.methods.smoothers import Smoother
from hanet.methods.smoothing import DEFAULT_GAP, GENERAL, GapAware, General, Smoothing
from hanet.methods.state_space import SMOOTHERS

RANGES: dict[str, tuple[float, float]] = {
    "cutoff": (1e-3, 1e4),
    "min_cutoff": (1e-3, 1e4),
    "d_cutoff": (0.02, 1e4),
    "window": (1e-5, 10.0),
    "sigma": (1e-5, 10.0),
    "order": (0, 20),
    "beta": (0.0, 1e6),
    "trust_ratio": (1e-6, 1e5),
    "smoothness": (1e-6, 1e6),
    "n_sigma": (1e-3, 1e6),
    "trust": (0.0, 1e6),
    "bones": (0.0, 1e6),
}
"""The parameters' bounds, wider than what is of use for poses: beyond them arrays of the size that a window
asks for do not fit into memory, and numbers overflow. Hz for cutoffs, seconds for window and sigma."""


def parse_method(method: str, max_gap: float, lag: float | None) -> GapAware:
    """As `parse`; with a lag in milliseconds, the general refiner at that lag.

    The folder of a calibration is a method too, see `hanet.methods.calibrate`.

    Raises:
        ValueError: as there, a lag out of range, or one for another method.
    """
    if lag is None:
        if (Path(method) / DESCRIPTION).is_file():
            return Calibrated.of(Path(method), max_gap)
        return parse(method, max_gap)
    if method != GENERAL:
        raise ValueError(f"a lag is the {GENERAL} refiner's alone, without parameters; got {method!r}")
    return FixedLag(max_gap, lag)


def parse(text: str, max_gap: float = DEFAULT_GAP) -> GapAware:
    """A method from ``general``, or a filter's ``NAME``, or several filters joined by ``+``.

    Parameters follow a name as ``NAME:KEY=VALUE,KEY=VALUE``.

    Raises:
        ValueError: an unknown name or parameter, or a value that is not a number or out of range.
    """
    if text.partition(":")[0].strip() == GENERAL:
        return General(max_gap, **_numbers(text, {"trust": "float", "bones": "float"}))
    return Smoothing(max_gap, tuple(_parse_one(part.strip()) for part in text.split("+")))


def _parse_one(text: str) -> Smoother:
    name = text.partition(":")[0].strip().replace("-", "_")
    if name not in SMOOTHERS:
        raise ValueError(f"unknown method {name!r}; expected {GENERAL} or one of {', '.join(SMOOTHERS)}")
    make = SMOOTHERS[name]
    return make(**_numbers(text, {option.name: str(option.type) for option in fields(make)}))  # type: ignore[arg-type]


def _numbers(text: str, known: dict[str, str]) -> dict[str, Any]:
    """The parameters in ``NAME:KEY=VALUE,…``; `known` has each one's type."""
    name, _, rest = (part.strip() for part in text.partition(":"))
    given: dict[str, Any] = {}
    for pair in filter(None, (p.strip() for p in rest.split(","))):
        key, equals, value = (part.strip() for part in pair.partition("="))
        if key not in known or not equals:
            raise ValueError(f"{name}: expected {' or '.join(f'{k}=NUMBER' for k in known)}, got {pair!r}")
        try:
            number = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            number = None
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            raise ValueError(f"{name}: {key} must be a number, got {_short(value)!r}")
        if known[key] == "int" and not isinstance(number, int):
            raise ValueError(f"{name}: {key} must be a whole number, got {value!r}")
        low, high = RANGES[key]
        if not low <= number <= high:
            raise ValueError(f"{name}: {key} must be from {low:g} to {high:g}, got {_short(value)}")
        given[key] = number if known[key] == "int" else float(number)
    return given


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"
