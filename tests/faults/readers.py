"""Every reader with a valid small file of each form that it reads; `test_mutations` damages the files."""

from __future__ import annotations

from dataclasses import replace

from tests.faults.data_sets import DATA_SETS
from tests.faults.others_files import FILES, POSE_FILES
from tests.faults.own_files import OWN
from tests.faults.reader import Reader

POSES = {name: replace(reader, poses=True) for name, reader in (DATA_SETS | POSE_FILES).items()}
READERS: dict[str, Reader] = {**OWN, **FILES, **POSES}
