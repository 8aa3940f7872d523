"""Look for known vulnerabilities in pinned packages with pip-audit: `make audit`.

pip-audit calls a run clean that could ask for no package at all; here that is an error. Exit code 1 for
vulnerabilities, 2 where packages could not be looked up.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any


def audit(path: str) -> dict[str, Any] | None:
    """What pip-audit finds for a file of `make lock`; None if it ends without a result."""
    command = [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", "--progress-spinner"]
    done = subprocess.run([*command, "off", "--format", "json", "-r", path], capture_output=True, text=True)
    try:
        return json.loads(done.stdout)
    except ValueError:
        print(done.stderr.strip()[-500:], file=sys.stderr)
        return None


def verdict(path: str, found: dict[str, Any] | None) -> tuple[int, list[str]]:
    """Exit code and lines for one file."""
    if found is None:
        return 2, [f"{path}: the advisory database could not be reached; run this again where it can"]
    packages = found["dependencies"]
    skipped = [package for package in packages if "skip_reason" in package]
    lines = [
        f"{path}: {package['name']} {package['version']}: {vulnerability['id']}, fixed in "
        f"{', '.join(vulnerability['fix_versions']) or 'no release yet'}"
        for package in packages
        for vulnerability in package.get("vulns", ())
    ]
    code = 1 if lines else 2 if skipped else 0
    if skipped:
        lines.append(
            f"{path}: {len(skipped)} of {len(packages)} packages could not be looked up "
            f"({skipped[0]['skip_reason']}, ...); run this again where the advisory database can be reached"
        )
    return code, lines or [f"{path}: no known vulnerabilities in {len(packages)} packages"]


def main(paths: Sequence[str]) -> int:
    codes = set()
    for path in paths:
        code, lines = verdict(path, audit(path))
        codes.add(code)
        print("\n".join(lines))
    return 1 if 1 in codes else max(codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
