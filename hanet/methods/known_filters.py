"""The filters that experiments may name.

Apart from the filters, so that a new one changes the code of no other stage than the filters' own.
"""

from __future__ import annotations

from collections.abc import Callable

from hanet.methods.base import Method
from hanet.methods.filters import Gaussian, Input, LinearInterpolation, OneEuro, SavitzkyGolay

FILTERS: dict[str, Callable[..., Method]] = {
    "input": Input,
    "linear_interpolation": LinearInterpolation,
    "savitzky_golay": SavitzkyGolay,
    "gaussian": Gaussian,
    "one_euro": OneEuro,
}
"""By name; called with their attributes as keyword arguments."""
