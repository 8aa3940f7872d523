"""Places in the repository that tests read from."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "tests" / "reference"
"""Numbers that the authors' implementations produced."""
