"""The domain matrix as a page: methods by domain, with how often each did harm; seeds and ablations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hanet.metrics.domains import ALPHA, BAND, WORSE, Row

TITLE = "# Domain matrix: refiners on estimators that they never saw"


@dataclass(frozen=True)
class Trained:
    """Networks trained alike, with other seeds.

    Attributes:
        name: of the row.
        steps: of the training; 0 for none.
        loss: validation loss of each.
        rows: of each domain, one per network.
        own: domains whose estimator it learned from, on other people.
    """

    name: str
    steps: int
    loss: tuple[float, ...]
    rows: Mapping[str, Sequence[Row]]
    own: tuple[str, ...] = ()


def domains_page(
    domains: Mapping[str, tuple[str, int, int, Iterable[Row]]],
    notes: Iterable[str],
    trained: Sequence[Trained] = (),
    crossed: Sequence[Trained] = (),
) -> str:
    """Markdown.

    Args:
        domains: by name: unit (``m`` or ``px``), sequences, people, and the rows with the input first.
        notes: paragraphs below the title.
        trained: rows of the tables of seeds and ablations; none leaves these out.
        crossed: rows of the tables of networks that learned from one domain, likewise.
    """
    lines = [TITLE, "", *(line for note in notes for line in (note, "")), LEGEND, ""]
    for name, (unit, sequences, people, rows) in domains.items():
        lines += [f"## {name}: {sequences} sequences, {people} people", "", *_table(unit, list(rows)), ""]
    if trained:
        lines += ["## Seeds, ablations and other networks", "", SEEDS, ""]
        for title, show in COLUMNS.items():
            lines += [f"### {title}", "", *_across(list(domains), trained, show), ""]
    if crossed:
        names = list(crossed[0].rows)
        lines += ["## Trained on one domain, tested on all", "", CROSSED, ""]
        for title, show in COLUMNS.items():
            lines += [f"### {title}, by domain learned from", "", *_across(names, crossed, show), ""]
    return "\n".join(lines).rstrip() + "\n"


LEGEND = (
    "Error is the mean distance from the truth (3D: mm, root-relative where a root is known; 2D: px), "
    "Accel the mean acceleration error per frame², fast the error in each joint's fastest 5 % of "
    f"frames, PCK the percentage of keypoints within {ALPHA} of the longer side of the person's box. "
    "Change is the difference in error to the input, a 95 % bootstrap interval over sequences. Spectrum "
    f"is the amplitude from {BAND[0]:g} to {BAND[1]:g} Hz over the truth's: below 1 fast motion is "
    "missing, above it there is noise. Lag is the time in ms by which velocities trail the truth's. "
    "Unharmed is the percentage of sequences, and of people, whose error rose by no more than "
    f"{WORSE['m']} mm (2D: whose PCK fell by no more than {WORSE['px']} points), with 95 % intervals "
    "(Clopper and Pearson). Gaps of the input are filled by straight lines before it is scored."
)
SEEDS = (
    "Networks trained on the same motion with errors drawn alike, by `make general`; each row but the "
    "first two has one seed. General: mean and standard deviation over its seeds. *Without bound* are "
    "the packaged weights with `trust` infinite. Validation windows are drawn again for each seed, so losses "
    "compare within a seed only."
)
CROSSED = (
    "Each network learned from its row's domain (`make general DOMAIN=`), all with equal steps, and is "
    "tested on each column's people, whom no row learned from or was chosen on. **Bold**: it learned "
    "from this estimator. UI-PRMD is tested on people 9 and 10 (1 to 6 were learned from), AIST++ on dancer "
    "d06 (d02 and d03), rendered poses on clips that move like Bandai-1's actors (9 clips of 2 seconds that "
    "move like CMU's people), package clips on three people, without CMU's subject 1 (one climber), all else "
    "whole. [What follows](../general.md#trained-on-one-estimator)."
)
COLUMNS = {
    "Error": lambda rows: _spread([row.error for row in rows], 2),
    "Accel": lambda rows: _spread([row.accel for row in rows], 2),
    "Unharmed sequences, %": lambda rows: _spread([100 * row.unharmed for row in rows], 1),
}


def _spread(values: Sequence[float], digits: int) -> str:
    mean = f"{np.mean(values):.{digits}f}"
    return mean if len(values) < 2 else f"{mean} ± {np.std(values, ddof=1):.{digits}f}"


def _across(names: list[str], trained: Sequence[Trained], show) -> list[str]:
    head = ["network", "seeds", "steps", "validation loss", *names]
    lines = [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}"]
    for one in trained:
        loss = _spread(one.loss, 3) if one.loss else ""
        steps = f"{one.steps:,}" if one.steps else ""
        count = str(len(one.loss)) if one.loss else ""
        shown = [
            f"**{text}**" if name in one.own else text for name in names for text in [show(one.rows[name])]
        ]
        cells = [one.name, count, steps, loss, *shown]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _table(unit: str, rows: list[Row]) -> list[str]:
    flat = unit == "px"
    head = ["method", "error", "change", "Accel", "fast", *(["PCK"] if flat else []), "spectrum", "lag"]
    head += ["unharmed", "people"]
    lines = [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}"]
    for row in rows:
        first = row is rows[0]
        change = "" if first else f"{row.low:+.2f} to {row.high:+.2f}"
        cells = [row.method, f"{row.error:.2f}", change, f"{row.accel:.2f}", f"{row.fast:.2f}"]
        cells += [f"{row.pck:.2f}"] if flat else []
        cells += [f"{row.spectrum:.2f}", f"{row.lag:+.1f}"]
        for share, (low, high) in (
            (row.unharmed, row.unharmed_range),
            (row.unharmed_people, row.unharmed_people_range),
        ):
            cells.append("" if first else f"{100 * share:.1f} ({100 * low:.1f} to {100 * high:.1f})")
        lines.append(f"| {' | '.join(cells)} |")
    return lines
