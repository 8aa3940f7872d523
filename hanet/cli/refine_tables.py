"""What ``hanet refine`` writes beside the poses: a report of changes, and a table of intervals."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hanet.cli.errors import user_errors
from hanet.cli.outputs import check_output, wrote

if TYPE_CHECKING:
    from hanet.methods.smoothing import GapAware, Smoothed


def with_tables(
    filters: GapAware,
    report: Path | None,
    intervals: Path | None,
    force: bool,
    others: Sequence[str | Path | None],
) -> GapAware:
    """Check the names of a report and a table of intervals; the method that gives what they need."""
    if report is not None:
        check_output(report, [".json"], force=force, inputs=others)
    if intervals is None:
        return filters
    from hanet.methods.with_intervals import ENDINGS, WithIntervals

    check_output(intervals, ENDINGS, force=force, inputs=[*others, report])
    return WithIntervals.of(filters)


def write_tables(
    report: Path | None,
    changes: list[dict[str, object]],
    intervals: Path | None,
    results: Sequence[tuple[Path, Smoothed]],
) -> None:
    """Write those that are asked for."""
    from hanet.files.atomic import write_text

    with user_errors():
        if report is not None:
            write_text(report, json.dumps({"files": changes}, indent=1) + "\n")
            wrote(report)
        if intervals is not None and results:
            from hanet.methods.with_intervals import write_radii

            write_radii(intervals, results)
            wrote(intervals)
