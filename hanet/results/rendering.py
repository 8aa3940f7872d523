"""Render a table of results as Markdown, LaTeX, CSV, or for a terminal.

A table is the mapping that the stage compare writes as JSON: title, columns, and rows with cells (mean, sd
over seeds, 95 % interval), the difference to the reference row, and published figures.

A table over several experiments (stage summarise) has no differences between rows, has a description of its
data and protocol (``basis``), and marks rows that leak.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table as TerminalTable

from hanet.results.columns import BY_KIND

Table = Mapping[str, Any]
TERMINAL = (
    *("mpjpe_mm", "mpvpe_mm", "accel_mm_per_frame2"),
    *("pck_005", "pck_010", "accel_px_per_frame2", "map", "test_clips_seen"),
)
"""Columns shown in a terminal."""


def _cells(table: Table) -> Iterator[list[str]]:
    """Texts of each row: label, metrics, difference, share of frames read, seeds, published figures."""
    for row in table["rows"]:
        texts = [row["label"]]
        if row["status"] == "run":
            found = row["against"] or {}
            texts += [cell(row["cells"].get(column["key"]), column["digits"]) for column in table["columns"]]
            texts += [difference(found), probability(found)] if _compares(table) else []
            texts += [f"{row['observed']:.0%}", str(len(row["seeds"]) or "")]
        else:
            texts += ["not run", *[""] * (len(table["columns"]) + (3 if _compares(table) else 1))]
        texts += [row.get("deviations") or ""] if _deviates(table) else []
        texts += [f"{row['published'][key]:g}" if key in row["published"] else "" for key in _foreign(table)]
        yield texts


def _foreign(table: Table) -> list[str]:
    """Metrics with a published figure."""
    keys = {key for row in table["rows"] for key in row["published"]}
    return [column["key"] for column in table["columns"] if column["key"] in keys]


def _heads(table: Table) -> list[str]:
    names = {column["key"]: f"{column['label']} {column['unit']}" for column in table["columns"]}
    foreign = [f"published: {names[key]} ({table['published']['on']})" for key in _foreign(table)]
    compared = (
        [f"{_compared(table)['label']} against {table['reference']['label']}", "p"]
        if _compares(table)
        else []
    )
    deviations = ["deviations from the release"] if _deviates(table) else []
    return ["row", *map(str.strip, names.values()), *compared, "frames read", "seeds", *deviations, *foreign]


def _compares(table: Table) -> bool:
    """Whether any row is compared with the reference row."""
    return any(row.get("against") for row in table["rows"])


def _deviates(table: Table) -> bool:
    """Whether a deviation from a release is declared for any row."""
    return any(row.get("deviations") for row in table["rows"])


def _compared(table: Table) -> Mapping[str, Any]:
    """The column that rows are compared by."""
    return next(column for column in table["columns"] if column["key"] == table["compared"])


def cell(values: Mapping[str, float] | None, digits: int = 2) -> str:
    """``mean ± sd [low, high]``, without the parts that are missing."""
    if values is None:
        return ""
    text = f"{values['mean']:.{digits}f}"
    if "sd" in values:
        text += f" ± {values['sd']:.{digits}f}"
    if "low" in values:
        text += f" [{values['low']:.1f}, {values['high']:.1f}]"
    return text


def difference(found: Mapping[str, Any], digits: int = 2) -> str:
    """``difference [low, high]``, without the parts that are missing."""
    if not found:
        return ""
    text = f"{found['difference']:+.{digits}f}"
    return f"{text} [{found['low']:+.1f}, {found['high']:+.1f}]" if "low" in found else text


def probability(found: Mapping[str, Any]) -> str:
    """The p-value of a difference, or why there is none; empty without a difference."""
    if "p" not in found:
        return f"no p: {found['no_p']}" if "no_p" in found else ""
    return f"{found['p']:.3f}" if found["p"] >= 0.001 else "<0.001"


def basis(table: Table, provenance: Mapping[str, Any] | None = None) -> str:
    """Describe data and protocol: from an experiment's `provenance`, else the table's own ``basis``."""
    if provenance is None:
        return table["basis"]
    first = next(row for row in table["rows"] if row["status"] == "run")
    hashes = {name: value[:12] for name, value in provenance["data_sha256"].items()}
    text = (
        f"Experiment {provenance['experiment']}: data set {provenance['dataset']}, estimator "
        f"{provenance['estimator']}. Protocol {provenance['protocol']}, {first['frames']} test frames in "
        f"{first['sequences']} sequences, {provenance['fps']:g} fps. Data (SHA-256): ground truth "
        f"{hashes['ground_truth']}, detected {hashes['detected']}. In brackets: {over(table)}; ± is the "
        f"standard deviation over seeds."
    )
    if not _compares(table):
        return text
    return (
        f"{text} Differences are to the row {table['reference']['label']}. p: two-sided, of the same "
        f"Student's distribution as the interval, adjusted over the table (Holm); none below five people or "
        f"clips."
    )


def over(table: Table) -> str:
    """What the intervals are over: ``95% over 6 people, 12 clips, 3 seeds``."""
    return f"95% over {table['over']}"


def sources(table: Table) -> str:
    """Source of the published figures; empty if there are none."""
    published = table["published"]
    if published is None or not _foreign(table):
        return ""
    data = "on the same files" if published.get("same_data") else "on other data"
    return f"Published figures are others', {data} ({published['on']}): {published['source']}."


def leak(table: Table) -> str:
    """The declared leak; empty if there is none."""
    return f"Declared leak: {' '.join(table['leak'].split())}" if table.get("leak") else ""


def markdown(table: Table, provenance: Mapping[str, Any] | None = None) -> str:
    """The table as Markdown, with `basis`."""
    heads = _heads(table)
    lines = [f"# {table['title']}", ""]
    lines += [f"**{leak(table)}**\n"] if leak(table) else []
    lines += [f"{table['note']}\n"] if table["note"] else []
    lines += [f"| {' | '.join(heads)} |", f"|---|{'---:|' * (len(heads) - 1)}"]
    lines += [f"| {' | '.join(texts)} |" for texts in _cells(table)]
    lines += ["", basis(table, provenance)]
    lines += ["", sources(table)] if sources(table) else []
    return "\n".join(lines) + "\n"


def latex(table: Table, provenance: Mapping[str, Any] | None = None) -> str:
    """The table as LaTeX (booktabs), with `basis` as comments."""
    heads = _heads(table)
    comments = [text for text in (leak(table), basis(table, provenance), sources(table)) if text]
    lines = [f"% {text}" for text in (table["title"], *comments)]
    lines += [rf"\begin{{tabular}}{{l{'r' * (len(heads) - 1)}}}", r"\toprule"]
    lines += [" & ".join(map(_escaped, heads)) + r" \\", r"\midrule"]
    lines += [" & ".join(map(_escaped, texts)) + r" \\" for texts in _cells(table)]
    lines += [r"\bottomrule", r"\end{tabular}"]
    return "\n".join(lines) + "\n"


_TEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{",
    "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": "$<$", ">": "$>$",
    "±": r"$\pm$", "²": r"$^2$", "−": "$-$",
}  # fmt: skip


def _escaped(text: str) -> str:
    return "".join(_TEX.get(letter, letter) for letter in text)


def as_csv(table: Table) -> str:
    """One line per row, columns ``mpjpe_mm.mean``, ``against.p``, ``published.mpjpe_mm`` and so on."""
    rows = []
    for row in table["rows"]:
        entry: dict[str, Any] = {key: row[key] for key in ("method", "label", "status")}
        entry |= {key: row.get(key) for key in ("observed", "frames", "sequences")}
        entry |= {"leak": row.get("leak", "" if "basis" in table else table["leak"])} if leak(table) else {}
        entry["seeds"] = " ".join(map(str, row.get("seeds", ())))
        for key, values in row.get("cells", {}).items():
            entry |= {f"{key}.{part}": value for part, value in values.items()}
        entry |= {f"against.{key}": value for key, value in (row.get("against") or {}).items()}
        entry |= {"deviations": row["deviations"]} if row.get("deviations") else {}
        entry |= {f"published.{key}": value for key, value in row["published"].items()}
        rows.append(entry)
    text = io.StringIO()
    names = dict.fromkeys(name for row in rows for name in row)
    writer = csv.DictWriter(text, list(names), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def terminal(table: Table) -> TerminalTable:
    """The table for a terminal of 80 characters: means of the columns of `TERMINAL`, and the differences.

    Rows that were not run are named below it. Tables over several experiments have the deviation between
    experiments instead of differences.
    """
    first = next((row for row in table["rows"] if row["status"] == "run"), None)
    title = f"{table['experiment']}: {table['title']}\n"
    if first and "basis" not in table:
        title += f"{first['sequences']} test sequences, {first['frames']} frames, "
    title += f"protocol {table['protocol']}"
    lines = [escape(title), escape(leak(table))]
    lines += (
        [escape(f"differences to {table['reference']['label']}, {over(table)}")] if _compares(table) else []
    )
    shown = TerminalTable(
        box=SIMPLE,
        title="\n".join(filter(None, lines)),
        caption=_not_run(table),
        pad_edge=False,
        collapse_padding=True,
        show_edge=False,
    )
    columns = [column for column in table["columns"] if column["key"] in TERMINAL]
    if _by_kind(table):
        columns = list(table["columns"])
    shown.add_column("", overflow="fold")
    several = any("sd" in row.get("cells", {}).get(table["compared"], ()) for row in table["rows"])
    for column in columns:
        unit = column["unit"].replace("/frame²", "/\nframe²")
        head = f"{column['label'].removeprefix('MPJPE, ')}\n{unit}"
        shown.add_column(escape(head), justify="right", no_wrap=True)
    compares = _compares(table) and not _by_kind(table)
    against = [f"{_compared(table)['label']}\ndifference", "\np"] if compares else []
    for head in (*against, "\nread"):
        shown.add_column(head, justify="right", no_wrap=True)
    for row in (row for row in table["rows"] if row["status"] == "run"):
        found = row.get("against") or {}
        texts = [_brief(row["cells"].get(c["key"]), c, table, several=several) for c in columns]
        texts += [difference(found, 1 if several else 2), _short(found)] if against else []
        texts.append(f"{row['observed']:.0%}")
        shown.add_row(escape(row["label"]), *(text.replace("[", r"\[") for text in texts))
    return shown


def _not_run(table: Table) -> str | None:
    """A line that names the rows that were not run."""
    labels = [row["label"] for row in table["rows"] if row["status"] != "run"]
    return escape(f"not run: {', '.join(labels)}") if labels else None


def _by_kind(table: Table) -> bool:
    """Whether the table shows errors by kind of frame."""
    kinds = {column.key for column in BY_KIND}
    return any(column["key"] in kinds for column in table["columns"])


def _brief(
    values: Mapping[str, float] | None, column: Mapping[str, Any], table: Table, *, several: bool
) -> str:
    """A cell without its interval; only the compared column shows its deviation over seeds (`several`)."""
    if values is None:
        return ""
    if several and (column["key"] == table["compared"] or "basis" in table):
        return cell({part: values[part] for part in ("mean", "sd") if part in values}, 1)
    return cell({"mean": values["mean"]}, column["digits"])


def _short(found: Mapping[str, Any]) -> str:
    """The p-value of a difference; a dash where there is none, the title says over how few."""
    return "–" if "no_p" in found else probability(found)
