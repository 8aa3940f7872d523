"""Legends of whole figures that fit their width."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from matplotlib.legend import Legend


def legend_outside(figure: Figure, *, most_columns: int, **options: Any) -> Legend:
    """Add a legend outside the axes with as many columns as fit the figure's width.

    Args:
        figure: laid out by the constrained engine, which makes room for the legend.
        most_columns: columns where there is room.
        options: of `Figure.legend`, with ``loc``.
    """
    for columns in range(most_columns, 0, -1):
        legend = figure.legend(ncols=columns, **options)
        figure.draw_without_rendering()
        if columns == 1 or legend.get_window_extent().width <= figure.bbox.width:
            return legend
        legend.remove()
    raise ValueError(f"expected at least 1 column, got {most_columns}")
