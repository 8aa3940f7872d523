"""Where benchmarks write their results, and a description of the machine."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def environment() -> str:
    """Processor, load and versions, in one line."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "pyarrow", "torch"))
    # Other work makes rates lower bounds; the load average shows it.
    return (
        f"{cpu}, {os.cpu_count()} processors, load average {os.getloadavg()[0]:.1f} at the end; "
        f"Python {platform.python_version()}, {packages}."
    )


def save(name: str, lines: list[str]) -> None:
    """Write benchmarks/results/<name>.md and print it."""
    text = "\n".join(lines) + "\n"
    (RESULTS / f"{name}.md").write_text(text)
    print(text)
