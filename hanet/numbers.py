"""Numbers as people read them."""

from __future__ import annotations


def plain(value: float, digits: int = 3) -> str:
    """A number of `digits` digits, or with all digits before its point; never with a power of ten.

    What is below 0.0001 is 0.
    """
    text = f"{value:.{digits}g}"
    return "0" if "e-" in text else f"{value:,.0f}" if "e+" in text else text
