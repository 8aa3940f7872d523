"""SHA-256 against published values and another implementation."""

from __future__ import annotations

import subprocess
from pathlib import Path

from hanet.files.hashing import file_hash, json_hash


def test_the_hash_of_a_file(tmp_path: Path) -> None:
    """FIPS 180-4's example."""
    (tmp_path / "abc").write_bytes(b"abc")
    assert file_hash(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_hash_of_a_value_is_that_of_its_sorted_json() -> None:
    text = b'{"a": [1, null], "b": 2.5}'
    expected = subprocess.run(["sha256sum"], input=text, capture_output=True, check=True).stdout.split()[0]
    assert json_hash({"b": 2.5, "a": [1, None]}) == json_hash({"a": (1, None), "b": 2.5}) == expected.decode()
