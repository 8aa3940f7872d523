"""List the licences of every pinned package that is installed here in docs/licences.md: `make licences`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PLATFORM = {
    "implementation_name": "cpython", "platform_python_implementation": "CPython", "python_version": "3.11",
    "python_full_version": "3.11.9", "platform_machine": "x86_64", "sys_platform": "linux",
}  # fmt: skip
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/licences.md"
HEAD = """# Licences of the packages that `make env` installs

Written by `make licences` from the packages' own metadata, on Linux with Python 3.11. HANet itself is under
the Apache License 2.0 (`LICENSE`). None of these packages is part of this repository. smplx may be used for
non-commercial research only; CUDA's packages (`nvidia-*`, `cuda-*`) are under NVIDIA's terms.

| package | licence |
|---|---|
"""


def pinned(path: Path) -> Iterator[Requirement]:
    """The packages that a file of `make lock` installs on `PLATFORM`."""
    for line in path.read_text().splitlines():
        if line and line[0] not in "# ":
            requirement = Requirement(line.removesuffix("\\").strip())
            if requirement.marker is None or requirement.marker.evaluate(PLATFORM):
                yield requirement


def licence(package: Distribution) -> str:
    """What a package's metadata states: an SPDX expression, else classifiers, else its own words."""
    if expressions := package.metadata.get_all("License-Expression"):
        return expressions[0]
    classifiers = package.metadata.get_all("Classifier") or []
    named = [c.split(" :: ")[-1] for c in classifiers if c.startswith("License :: ") and c.count(" :: ") > 1]
    if named:
        return "; ".join(named)
    for stated in package.metadata.get_all("License") or []:
        if stated.strip() not in ("", "UNKNOWN"):
            return _quoted(stated.strip().splitlines()[0])
    for file in package.files or []:
        if "licen" in file.name.lower():
            for line in file.read_text().splitlines():
                if len(line) > 10 and ("licen" in line.lower() or "permission" in line.lower()):
                    return _quoted(line)
    return "not stated in its package"


def _quoted(line: str) -> str:
    """One line, short enough for a table."""
    return re.sub(r"\s+", " ", line).strip().replace("|", "/")[:80]


def main() -> None:
    rows = [
        f"| {name} | {licence(distribution(name))} |"
        for name in sorted(canonicalize_name(r.name) for r in pinned(ROOT / "constraints.txt"))
    ]
    PAGE.write_text(HEAD + "\n".join(rows) + "\n")
    print(f"{PAGE}: {len(rows)} packages")


if __name__ == "__main__":
    main()
