"""All benchmarks in one run: ``python -m benchmarks.run [NAME ...]``.

Each runs in a process of its own, one after another, and writes its page and its part of
`results/measured.json`; then docs/speed.md is written from that file. `scale` (half an hour) and `gpu` run
only when named.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.progress import track

from benchmarks.report import MEASURED, Floor, Ratio, Table

QUICK = (
    "model",
    "exported",
    "training",
    "general",
    "gather",
    "caches",
    "evaluation",
    "mesh",
    "estimators",
    "ingest",
    "ensembles",
    "prefect",
)
NAMES = (*QUICK, "scale", "gpu")
SPEED = Path(__file__).parent.parent / "docs" / "speed.md"


def speed_page(measured: dict[str, Any]) -> str:
    """docs/speed.md: every measured rate beside the machine's own, and every ratio beside its plain way."""
    entries = [measured[name] for name in NAMES if name in measured]
    floors = [Floor(**floor) for entry in entries for floor in entry["floors"]]
    ratios = [Ratio(**ratio) for entry in entries for ratio in entry["ratios"]]
    rates = Table(
        {"what": "", "rate": ".1f", "the machine's own": ".1f", "unit": "", "share": ".0%", "of": ""},
        [[f.what, f.rate, f.peak, f.unit, f.rate / f.peak, f.of] for f in floors],
    )
    times = Table({"what": "", "times as fast": ".2f", "as": ""}, [[r.what, r.times, r.over] for r in ratios])
    limits = [f"- {limit}" for entry in entries for limit in entry.get("limits", ())]
    pages = [
        f"- `benchmarks/results/{entry['name']}.md`, {entry['title']}: {entry['environment']}"
        for entry in entries
    ]
    lines = [
        "# Speed",
        "",
        "`python -m benchmarks.run` measures everything here and writes this page; numbers are in",
        "`benchmarks/results/measured.json`. Each rate stands beside what the same core did in the same "
        "run when it did nothing but",
        "multiply matrices or copy memory, so the share says how far it could still rise. One thread "
        "unless said.",
        "",
        "## Beside the machine's own rate",
        "",
        *rates.markdown(),
        "",
        "## Beside the plain way",
        "",
        *times.markdown(),
        "",
        *(["## What stops the rest", "", *limits, ""] if limits else []),
        "## Pages",
        "",
        *pages,
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run what was named, or all quick ones."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], metavar="NAME", help=", ".join(NAMES))
    failed = []
    for name in track(parser.parse_args().names or QUICK, description="benchmarks"):
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"]).returncode:
            failed.append(name)
    SPEED.write_text(speed_page(json.loads(MEASURED.read_text())))
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}; the others are written")


if __name__ == "__main__":
    main()
