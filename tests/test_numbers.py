"""Numbers as people read them."""

from __future__ import annotations

import pytest

from hanet.numbers import plain


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.12345, 3, "0.123"), (99.96, 3, "100"), (999.6, 3, "1,000"), (9170.2, 3, "9,170"),
        (130.28, 4, "130.3"), (-12345.6, 4, "-12,346"), (0.0, 3, "0"), (2.3e-11, 3, "0"),
        (0.00012, 3, "0.00012"), (float("nan"), 3, "nan"),
    ],
)  # fmt: skip
def test_numbers_are_no_powers_of_ten(value: float, digits: int, text: str) -> None:
    assert plain(value, digits) == text
