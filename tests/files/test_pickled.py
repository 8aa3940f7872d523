"""Pickles of arrays come back with the same types, from pickle, joblib and NumPy; code in them is not run."""

from __future__ import annotations

import gzip
import io
import pickle
import zlib
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from hanet.files import pickled
from hanet.files.pickled import load, load_npz
from hanet.files.pickling import dump, dump_npz
from hanet.files.unpickle import UnsafeArrayError

HERE = Path("results.pkl")


def content() -> dict[Any, Any]:
    people: dict[Any, Any] = defaultdict(dict)
    people[1] = {
        "pose": np.arange(6, dtype=np.float32).reshape(2, 3),
        "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "names": np.array(["a", "bb"]),
        "none": None,
        "scalar": np.float32(3.5),
        "flag": np.bool_(True),
        "objects": np.array([None, {"a": np.eye(2)}, "text"], dtype=object),
        "empty": np.zeros((0, 3)),
        "bytes": b"\x00\xff",
    }
    people[np.int64(4)] = OrderedDict(list=[1, (2.5, "x"), True], set={1, 2})
    return people


def check_same(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype and one.shape == other.shape
        assert one.flags.f_contiguous == other.flags.f_contiguous
        for a, b in zip(one.flat, other.flat, strict=True):
            check_same(a, b)
    elif isinstance(one, dict):
        assert [(type(key), key) for key in one] == [(type(key), key) for key in other]
        for key in one:
            check_same(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            check_same(a, b)
    else:
        assert one == other


@pytest.mark.parametrize("protocol", range(6))
def test_pickles_of_every_protocol(protocol: int):
    raw = pickle.dumps(content(), protocol)
    found = load(raw, HERE)
    check_same(found, content())
    assert found.default_factory is dict
    written = dump(found, raw)
    assert b"numpy._core" not in written  # NumPy 1 has no such module
    check_same(pickle.loads(written), content())


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3)])
def test_files_of_joblib(tmp_path: Path, compress: Any):
    joblib.dump(content(), tmp_path / "a.pkl", compress=compress)
    raw = (tmp_path / "a.pkl").read_bytes()
    found = load(raw, HERE)
    check_same(found, content())
    (tmp_path / "b.pkl").write_bytes(dump(found, raw))
    check_same(joblib.load(tmp_path / "b.pkl"), content())
    assert (tmp_path / "b.pkl").read_bytes()[:2] == raw[:2]  # compressed in the same way


def test_npz_of_objects(tmp_path: Path):
    arrays = {"results": np.array(content(), dtype=object), "fps": np.array(30.0), "names": np.array(["a"])}
    np.savez(tmp_path / "a.npz", **arrays)
    found = load_npz(tmp_path / "a.npz", (tmp_path / "a.npz").read_bytes())
    for name, array in arrays.items():
        check_same(found[name], array)
    with np.load(io.BytesIO(dump_npz(found)), allow_pickle=True) as written:
        for name, array in arrays.items():
            check_same(written[name], array)


class _Calls:
    """Unpickling it calls a function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("function", [print, eval, Path, np.load, joblib.load, bytearray, getattr])
def test_no_function_of_a_file_is_called(capsys: pytest.CaptureFixture[str], function: Callable[..., Any]):
    for protocol in (0, 2, 4):
        raw = pickle.dumps({"a": _Calls(function, "1")}, protocol)
        with pytest.raises(UnsafeArrayError, match=r"results\.pkl: refused, because it holds"):
            load(raw, HERE)
    assert capsys.readouterr().out == ""


def test_joblib_pickles_of_objects_are_read_by_the_same_rules(tmp_path: Path):
    joblib.dump(np.array([_Calls(print, "ran")], dtype=object), tmp_path / "a.pkl")
    with pytest.raises(UnsafeArrayError, match="print"):
        load((tmp_path / "a.pkl").read_bytes(), HERE)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "not a whole pickle"),
        (b"text", "not a whole pickle"),
        (pickle.dumps(content())[:-40], "not a whole pickle"),
        (zlib.compress(pickle.dumps(content()))[:-40], "not a whole pickle"),
        (b"\x78\x9cjunk", "not a whole pickle"),
        (
            pickle.PROTO + b"\x05" + pickle.BYTEARRAY8 + (2**40).to_bytes(8, "little") + b"a",
            "not a whole pickle",
        ),
    ],
)
def test_damaged_files(raw: bytes, message: str):
    with pytest.raises(ValueError, match=message):
        load(raw, HERE)


def test_what_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(pickled, "LARGEST", 1000)
    raw = pickle.dumps({"a": np.zeros(10_000)})
    for packed in (zlib.compress(raw), gzip.compress(raw)):
        with pytest.raises(ValueError, match="more than 0 MiB when unpacked"):
            load(packed, HERE)
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros(10_000))
    with pytest.raises(ValueError, match="more than 0 MiB when unpacked"):
        load_npz(HERE, (tmp_path / "a.npz").read_bytes())
