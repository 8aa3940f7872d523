"""MATLAB's files as SciPy writes them, and bytes by hand; what is damaged is refused and ends no process."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from hanet.files import mat_arrays
from hanet.files.mat_arrays import MatFileError, read_arrays


@pytest.mark.parametrize("compressed", [False, True])
def test_what_scipy_writes(tmp_path: Path, rng: np.random.Generator, compressed: bool) -> None:
    arrays: dict[str, Any] = {
        "x": rng.normal(size=(5, 13)),
        "pos_img": rng.normal(size=(2, 15, 7)).astype(np.float32),
        "mask": rng.integers(0, 14, size=(4, 6, 3)).astype(np.uint8),
        "seen": rng.random((5, 13)) > 0.5,
        "count": np.array([[7]], dtype=np.int64),
        "empty": np.zeros((0, 3)),
    }
    others = {"action": "tennis_serve", "cells": np.array([1, "a"], dtype=object), "more": {"a": 1}}
    path = tmp_path / "a.mat"
    savemat(path, arrays | others, do_compression=compressed)
    found = read_arrays(path, [*arrays, "action", "nothing"])
    theirs = loadmat(path)
    assert found.pop("action") == "tennis_serve"
    assert found.keys() == arrays.keys()
    for name in arrays:
        np.testing.assert_array_equal(found[name], theirs[name], strict=True)
    with pytest.raises(MatFileError, match="cells: expected real numbers or a line of text, got class 1"):
        read_arrays(path, ["cells"])
    savemat(path, {"z": np.array([[1 + 2j]])})
    with pytest.raises(MatFileError, match="z: expected real numbers"):
        read_arrays(path, ["z"])


def element(order: str, kind: int, data: bytes) -> bytes:
    """An element with its tag, filled up to a multiple of eight bytes."""
    return struct.pack(f"{order}II", kind, len(data)) + data + bytes(-len(data) % 8)


def array(order: str, *, what: int = 6, shape: tuple[int, ...] = (2, 2), data: bytes, kind: int = 2) -> bytes:
    """A file with one array, x."""
    parts = [
        element(order, 6, struct.pack(f"{order}II", what, 0)),
        element(order, 5, struct.pack(f"{order}{len(shape)}i", *shape)),
        struct.pack(f"{order}I", 1 << 16 | 1) + b"x\0\0\0",
        element(order, kind, data),
    ]
    return header(order) + element(order, 14, b"".join(parts))


def header(order: str, version: int = 0x0100) -> bytes:
    """The first 128 bytes."""
    return b"MATLAB".ljust(124) + struct.pack(f"{order}H", version) + {"<": b"IM", ">": b"MI"}[order]


@pytest.mark.parametrize("order", "<>")
def test_columns_first_and_numbers_stored_small(tmp_path: Path, order: str) -> None:
    """Doubles 1 to 4 in four bytes, in both orders of bytes; text in two bytes per letter."""
    path = tmp_path / "a.mat"
    path.write_bytes(array(order, data=bytes([1, 2, 3, 4])))
    found = read_arrays(path, ["x"])["x"]
    np.testing.assert_array_equal(found, np.array([[1.0, 3.0], [2.0, 4.0]]), strict=True)
    text = "né".encode("utf-16-le" if order == "<" else "utf-16-be")
    path.write_bytes(array(order, what=4, shape=(1, 2), data=text, kind=4))
    assert read_arrays(path, ["x"]) == {"x": "né"}


GOOD = array("<", data=bytes(4))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"expected MATLAB's versions 5 to 7 \(save with -v7\)"),
        (header("<", 0x0200) + b"\x89HDF", "got version 0x200"),
        (GOOD[:-1], "an element of 63 bytes|bytes where"),
        (GOOD + b"123", "ends within a tag"),
        (header("<") + element("<", 9, bytes(8)), "expected an array, got an element of type 9"),
        (header("<") + element("<", 14, b""), "without flags, shape and name"),
        (header("<") + struct.pack("<I", 5 << 16 | 14) + bytes(4), "a small element of 5 bytes"),
        (array("<", data=bytes(4), kind=16393), "expected real numbers"),  # ended the process in SciPy
        (array("<", data=bytes(4), what=255), "expected real numbers.*got class 255"),
        (array("<", data=bytes(3)), r"3 bytes for an array of shape \(2, 2\)"),
        (array("<", data=bytes(4), shape=(2**31 - 1, 2**31 - 1)), "4 bytes for an array"),
        (array("<", data=bytes(4), shape=(-1, 2)), r"an array of shape \(-1, 2\)"),
        (array("<", data=bytes(4), shape=(1,) * 9), "an array of shape"),
        (array("<", data=b"\xff", what=4, shape=(1, 1), kind=16), "text that is not utf-8"),
        (header("<") + element("<", 15, b"no"), "compressed data are damaged"),
        (header("<") + element("<", 15, zlib.compress(GOOD[128:])[:-5]), "cut off or unpacks"),
        (header("<") + element("<", 15, zlib.compress(b"")), "got an element of type 0"),
    ],
)
def test_what_is_damaged(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.mat"
    path.write_bytes(content)
    with pytest.raises(MatFileError, match=message):
        read_arrays(path, ["x"])


def test_an_array_that_unpacks_to_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mat_arrays, "LARGEST", 1000)
    (tmp_path / "a.mat").write_bytes(header("<") + element("<", 15, zlib.compress(bytes(1001))))
    with pytest.raises(MatFileError, match="unpacks to more than"):
        read_arrays(tmp_path / "a.mat", ["x"])
