"""The domain matrix as a page: methods by domain, with how often each did harm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hanet.metrics.domains import ALPHA, WORSE, Row

TITLE = "# Domain matrix: refiners on estimators that they never saw"


def domains_page(domains: Mapping[str, tuple[str, int, int, Iterable[Row]]], notes: Iterable[str]) -> str:
    """Markdown.

    Args:
        domains: by name: unit (``m`` or ``px``), sequences, people, and the rows with the input first.
        notes: paragraphs below the title.
    """
    lines = [TITLE, "", *(line for note in notes for line in (note, "")), LEGEND, ""]
    for name, (unit, sequences, people, rows) in domains.items():
        lines += [f"## {name}: {sequences} sequences, {people} people", "", *_table(unit, list(rows)), ""]
    return "\n".join(lines).rstrip() + "\n"


LEGEND = (
    "Error is the mean distance from the truth (3D: mm, root-relative where a root is known; 2D: px), Accel "
    "the mean acceleration error per frame², fast the error in each joint's fastest 5 % of frames, PCK the "
    f"percentage of keypoints within {ALPHA} of the longer side of the person's box. Change is the "
    "difference in error to the input, a 95 % bootstrap interval over sequences. Unharmed is the percentage "
    f"of sequences, and of people, whose error rose by no more than {WORSE['m']} mm (2D: whose PCK fell by "
    f"no more than {WORSE['px']} points). Gaps of the input are filled by straight lines before it is scored."
)


def _table(unit: str, rows: list[Row]) -> list[str]:
    flat = unit == "px"
    head = ["method", "error", "change", "Accel", "fast", *(["PCK"] if flat else []), "unharmed", "people"]
    lines = [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}"]
    for row in rows:
        change = "" if row is rows[0] else f"{row.low:+.2f} to {row.high:+.2f}"
        cells = [row.method, f"{row.error:.2f}", change, f"{row.accel:.2f}", f"{row.fast:.2f}"]
        cells += [f"{row.pck:.2f}"] if flat else []
        cells += [f"{100 * row.unharmed:.1f}", f"{100 * row.unharmed_people:.1f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return lines
