"""The page of swaps, gaps and calibration from their numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

TITLE = "# Swaps, gaps and calibration"
NOTE = "`python -m stages.repairs MOTION UIPRMD` writes this page and says how it measures."


def repairs_page(numbers: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Markdown of what `stages.repairs` measured."""
    best = ("linear", "cubic spline", "PCHIP")
    parts = [
        [
            "## Left-right swaps",
            "",
            "Swaps of the whole body, legs, arms or one pair of joints, 0.03 to 1 s long, put into CMU "
            "motion of people whom no choice was made on. Precision, recall and F1 count joints and "
            "frames. Jitter is white, per axis. In 2D the body is seen from the side, from a random "
            "direction.",
            "",
            *_table(
                ["D", "fps", "jitter, mm", "precision", "recall", "F1"],
                [
                    [f"{r['dimensions']}", f"{r['fps']:g}", f"{r['jitter_mm']:g}",
                     *(f"{r[name]:.3f}" for name in ("precision", "recall", "f1"))]
                    for r in numbers["swaps"]
                ],
            ),
            "",
            "Swaps found in motion that has none:",
            "",
            *_table(
                ["motion", "D", "minutes", "swaps found"],
                [
                    [r["motion"], f"{r['dimensions']}", f"{r['minutes']:.1f}", f"{r['false']}"]
                    for r in numbers["false swaps"]
                ],
            ),
        ],
        [
            "## Gaps",
            "",
            "Mean error inside the gap, mm, on CMU motion of the same people at 60 frames per second, "
            "without noise. The last column is the error as a share of the best interpolation's.",
            "",
            *_table(
                ["missing", "seconds", *best, "ours", "share"],
                [
                    [r["missing"], f"{r['seconds']:g}", *(f"{r[name]:.1f}" for name in (*best, "ours")),
                     f"{r['ours'] / min(r[name] for name in best):.0%}"]
                    for r in numbers["gaps"]
                ],
            ),
        ],
        [
            "## Calibration",
            "",
            "UI-PRMD's Kinect poses of two people (s09, s10): mean error, mm. Calibrated on a minute of each "
            "of the people named, a part of every movement; the constant offset is learned from the same "
            "minute. The choices were made on people s01 to s08.",
            "",
            *_table(
                ["calibrated on", "strength", "input", "constant offset", "calibrated", "s09", "s10"],
                [
                    [", ".join(r["people"]), r["strength"],
                     *(f"{r[name]:.1f}" for name in ("input", "offset", "calibrated")),
                     *(f"{r['by_person']['offset'][p]:.1f} → {r['by_person']['calibrated'][p]:.1f}"
                       for p in ("s09", "s10"))]
                    for r in numbers["calibration"]
                ],
            ),
            "",
            "Radii of the same poses (`hanet refine --method FOLDER --intervals TABLE`), which should hold "
            "90 % of the errors of people who were not calibrated on: the median radius, mm, and the "
            "percentage of joints and frames within their radius, means over episodes. They follow from the "
            "errors on parts of the minute that were left out, by a factor chosen on people s01 to s08.",
            "",
            *_table(
                ["calibrated on", "radius", "held, %", "s09", "s10"],
                [
                    [", ".join(r["people"]), f"{r['radius']:.0f}", f"{r['held']:.1f}",
                     *(f"{r['held_by_person'][p]:.1f}" for p in ("s09", "s10"))]
                    for r in numbers["calibration"]
                ],
            ),
        ],
    ]  # fmt: skip
    lines = [TITLE, "", NOTE, ""]
    for part in parts:
        lines += [*part, ""]
    return "\n".join(lines).rstrip() + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows)]
