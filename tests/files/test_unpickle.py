"""Arrays of objects come back whole; files that want more are refused, and nothing of them runs."""

from __future__ import annotations

import io
import os
import pickle
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hanet.files.unpickle import UnsafeArrayError, read_npy, read_npz, read_pickle
from tests.support.smpl_release_files import objects


def write_pickle(path: Path, content: bytes, shape: str = "(1,)") -> Path:
    """An npz whose field `joints_3d` claims to be an array of objects, with `content` as its pickle."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "|O", "fortran_order": False, "shape": (1,)})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("joints_3d.npy", stream.getvalue() + content)
    return path


class Calls:
    """Pickles as a call of anything with anything."""

    def __init__(self, function: Callable[..., Any], *args: Any, state: Any = None) -> None:
        self.reduced = (function, args) if state is None else (function, args, state)

    def __reduce__(self) -> Any:
        return self.reduced


def test_arrays_of_every_layout_come_back(tmp_path):
    entries = [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(4, dtype=">i2"),
        np.array(["s/1.jpg", "s/ü.jpg"]),
        np.array([True, False]),
        np.zeros((0, 3), dtype=np.float32),
        objects([np.ones(2), "x"]),
        "text",
        [1, 2.5, None],
    ]
    path = tmp_path / "poses.npz"
    np.savez_compressed(path, mixed=objects([*entries]), plain=np.eye(2))
    fields = read_npz(path)
    np.testing.assert_array_equal(fields["plain"], np.eye(2))
    read = fields["mixed"]
    for got, expected in zip(read[:6], entries[:6], strict=True):
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(read[6][0], np.ones(2))
    assert read[6][1:] == ["x"] and read[7:] == ["text", [1, 2.5, None]]


@pytest.mark.parametrize("protocol", [3, 4, 5])
@pytest.mark.parametrize("core", [b"core", b"_core"])
def test_files_of_numpy_1_and_2(tmp_path, protocol, core):
    content = pickle.dumps(objects([np.arange(3.0), np.asfortranarray(np.eye(2))]), protocol=protocol)
    if core == b"core" and protocol == 3:  # names of other protocols are preceded by their length
        content = content.replace(b"numpy._core.", b"numpy.core.")
    elif core == b"core":
        for name in (b"numpy._core.multiarray", b"numpy._core.numeric"):
            old = name.replace(b"_core", b"core")
            content = content.replace(bytes([len(name)]) + name, bytes([len(old)]) + old)
        # The frame's stated length no longer fits; without a frame the stream is the same.
        content = content[:2] + content[11:]
    assert (b"numpy._core." in content) == (core == b"_core")
    entries = read_npz(write_pickle(tmp_path / "poses.npz", content))["joints_3d"]
    np.testing.assert_array_equal(entries[0], np.arange(3.0))
    np.testing.assert_array_equal(entries[1], np.eye(2))


def test_an_exploit_is_refused_and_does_not_run(tmp_path):
    victim = tmp_path / "victim"
    path = tmp_path / "poses.npz"
    np.savez(path, imgname=objects(["s/1.jpg"]), joints_3d=objects([Calls(os.system, f"touch {victim}")]))
    with pytest.raises(UnsafeArrayError, match=r"poses.npz, field 'joints_3d': refused, .*(posix|nt).system"):
        read_npz(path)
    assert not victim.exists()
    np.load(path, allow_pickle=True)["joints_3d"]  # the attack is a real one
    assert victim.exists()


ARRAY = np.arange(2.0).__reduce__()
RECONSTRUCT = ARRAY[0]
FROMBUFFER = np.arange(2.0).__reduce_ex__(5)[0]
PLAIN = pickle.dumps(np.arange(2.0), protocol=3)


@pytest.mark.parametrize(
    ("attack", "complaint"),
    [
        (eval, "builtins.eval"),
        (Calls(getattr, "", "join"), "builtins.getattr"),
        (Calls(np.load, "other.npy"), r"numpy\w*.load"),
        (Calls(RECONSTRUCT, np.matrix, (0,), b"b"), "numpy.*matrix"),
        (Calls(RECONSTRUCT, np.dtype, (0,), b"b"), "an array of type"),
        (
            Calls(RECONSTRUCT, np.ndarray, (0,), b"b", state=(1, (1,), np.dtype("O"), False, b"8 bytes.")),
            "not a list",
        ),
        (Calls(FROMBUFFER, b"8 bytes.", np.dtype("O"), (1,), "C"), "not a list"),
        (np.zeros(2, dtype="datetime64[s]"), "dtype 'M8'"),
        (np.zeros(2, dtype=[("x", "f4"), ("y", "f4")]), "dtype 'V8'"),
        (
            Calls(np.dtype, "f4", False, True, state=(3, "<", ("f4", (2,)), None, None, -1, -1, 0)),
            "structured",
        ),
        (Calls(np.dtype, "f4", False, True, state=5), "TypeError"),
        (np.dtype("f4"), "a pickled _DType"),
        ("text", "a pickled str"),
    ],
)
def test_anything_but_arrays_is_refused(tmp_path, attack, complaint):
    path = write_pickle(tmp_path / "poses.npz", pickle.dumps(attack, protocol=3))
    with pytest.raises(UnsafeArrayError, match=f"field 'joints_3d': refused, because it holds .*{complaint}"):
        read_npz(path)


def test_a_pickle_cannot_change_the_builders(tmp_path):
    """A state for the function itself, which plain unpickling sets as its attributes."""
    content = b"\x80\x03cnumpy.core.multiarray\n_reconstruct\n}X\x04\x00\x00\x00evilK\x01sb."
    with pytest.raises(UnsafeArrayError, match="a change to a function"):
        read_npz(write_pickle(tmp_path / "poses.npz", content))


def test_a_structured_array_with_objects_is_refused(tmp_path):
    path = tmp_path / "poses.npz"
    np.savez(path, joints_3d=np.zeros(1, dtype=[("x", "O")]))
    with pytest.raises(UnsafeArrayError, match="a structured array with objects"):
        read_npz(path)


def test_sizes_that_do_not_fit_their_bytes(tmp_path):
    content = PLAIN.replace(b"K\x02\x85", b"K\x7f\x85")
    assert content != PLAIN
    with pytest.raises(ValueError, match=r"field 'joints_3d': cannot be read .*download"):
        read_npz(write_pickle(tmp_path / "poses.npz", content))


def test_damaged_files(tmp_path):
    whole = tmp_path / "whole.npz"
    np.savez(whole, joints_3d=objects([np.ones((50, 3))]))
    cut = tmp_path / "cut.npz"
    cut.write_bytes(whole.read_bytes()[:-300])
    with pytest.raises(
        ValueError, match=r"cut.npz, field '\(archive\)': cannot be read .*download the file again"
    ):
        read_npz(cut)
    flipped = bytearray(whole.read_bytes())
    flipped[300] ^= 0xFF
    damaged = tmp_path / "damaged.npz"
    damaged.write_bytes(flipped)
    with pytest.raises(ValueError, match=r"field 'joints_3d': cannot be read .*CRC"):
        read_npz(damaged)
    half = write_pickle(tmp_path / "half.npz", PLAIN[:-20])
    with pytest.raises(ValueError, match="field 'joints_3d': cannot be read"):
        read_npz(half)
    with pytest.raises(FileNotFoundError, match=r"gone\.npz: no such file"):
        read_npz(tmp_path / "gone.npz")


def test_an_unknown_npy_version(tmp_path):
    path = tmp_path / "poses.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("joints_3d.npy", b"\x93NUMPY\x03\x00")
    with pytest.raises(ValueError, match=r"version \(3, 0\), expected 1.0 or 2.0"):
        read_npz(path)


def python2(array: np.ndarray) -> bytes:
    """The instructions of Python 2's pickle (protocol 2) for an array, with byte strings as it wrote them."""
    code = array.dtype.str[1:].encode()
    shape = b"(" + b"".join(b"J" + n.to_bytes(4, "little") for n in array.shape) + b"t"
    content = array.tobytes()
    return (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01"
        + shape
        + b"cnumpy\ndtype\nU"
        + bytes([len(code)])
        + code
        + b"K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T"
        + len(content).to_bytes(4, "little")
        + content
        + b"tb"
    )


def python2_dict(**entries: bytes) -> bytes:
    items = b"".join(b"U" + bytes([len(key)]) + key.encode() + value for key, value in entries.items())
    return b"\x80\x02}(" + items + b"u."


def save(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_a_pickle_of_python_2(tmp_path):
    """Among its doubles are bytes above 127, which are no ASCII."""
    array = np.array([[1.0, -np.pi, 1e300], [np.nan, 0.1, -0.0]])
    scalar = b"cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nU\x02f8K\x00K\x01\x87R(K\x03U\x01<NNN"
    scalar += b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tbU\x08" + np.float64(2.5).tobytes() + b"\x86R"
    content = python2_dict(
        poses=b"](" + python2(array) + python2(np.arange(3, dtype=np.int32)) + b"e",
        genders=b"](U\x01mU\x01fe",
        sequence=b"U\x03f\xfcr",
        fps=scalar,
    )
    assert (
        pickle.loads(content, encoding="latin1")["fps"] == 2.5
    )  # what was written here is what Python reads
    fields = read_pickle(save(tmp_path / "s.pkl", content))
    np.testing.assert_array_equal(fields["poses"][0], array)
    np.testing.assert_array_equal(fields["poses"][1], [0, 1, 2])
    assert (fields["genders"], fields["sequence"], fields["fps"]) == (["m", "f"], "für", 2.5)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_of_python_3(tmp_path, protocol):
    shared = np.arange(6, dtype=np.float32).reshape(2, 3)
    content = {
        "nested": {"arrays": [shared, shared], "pair": (1, 2.5)},
        "objects": objects([np.eye(2), "x"]),
        "scalar": np.float32(0.5),
        "flags": np.array([True, False]),
        "bytes": b"\xff",
        "empty": b"",
        "none": None,
    }
    fields = read_pickle(save(tmp_path / "s.pkl", pickle.dumps(content, protocol=protocol)))
    first, second = fields["nested"]["arrays"]
    assert first is second and first.dtype == np.float32
    np.testing.assert_array_equal(first, shared)
    np.testing.assert_array_equal(fields["objects"][0], np.eye(2))
    assert fields["nested"]["pair"] == (1, 2.5) and fields["objects"][1:] == ["x"]
    assert (fields["scalar"], fields["bytes"], fields["empty"], fields["none"]) == (0.5, b"\xff", b"", None)
    assert fields["flags"].tolist() == [True, False]


def test_an_exploit_in_a_plain_pickle_does_not_run(tmp_path):
    victim = tmp_path / "victim"
    attack = {"poses": np.eye(2), "x": Calls(os.system, f"touch {victim}")}
    path = save(tmp_path / "s.pkl", pickle.dumps(attack, protocol=2))
    with pytest.raises(UnsafeArrayError, match=r"s.pkl: refused, because it holds (posix|nt).system, where"):
        read_pickle(path)
    assert not victim.exists()
    pickle.loads(path.read_bytes())  # the attack is a real one
    assert victim.exists()


@pytest.mark.parametrize(
    ("attack", "complaint"),
    [
        (b"\x80\x02}U\x01x" + b"cos\nsystem\nU\x02ls\x85Rs.", "os.system"),
        (b"\x80\x02}U\x01xc__builtin__\neval\nU\x011\x85Rs.", "__builtin__.eval"),
        (
            b"\x80\x02}U\x01xc_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00rot\x86Rs.",
            "text in encoding 'rot'",
        ),
        (b"\x80\x02}U\x01xc_codecs\nencode\ns.", "a pickled Builder"),
        (b"\x80\x02}U\x01xcnumpy\nndarray\n)Rs.", "an array without content"),
        (
            b"\x80\x02}U\x01xcnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nU\x01OK\x00K\x01\x87RN\x86Rs.",
            "a scalar of an object",
        ),
        (pickle.dumps({"x": {1, 2}}, protocol=4), "a pickled set"),
        (pickle.dumps({"x": Path()}, protocol=2), "pathlib"),
    ],
)
def test_anything_but_plain_values_is_refused(tmp_path, attack, complaint):
    with pytest.raises(
        UnsafeArrayError, match=f"s.pkl: refused, because it holds .*{complaint}.*get it again"
    ):
        read_pickle(save(tmp_path / "s.pkl", attack))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_pickle(tmp_path, share):
    content = pickle.dumps({"poses": np.ones((50, 3))}, protocol=2)
    path = save(tmp_path / "s.pkl", content[: int(len(content) * share)])
    with pytest.raises(ValueError, match=r"s.pkl: cannot be read .*download the file again"):
        read_pickle(path)


def test_pickles_that_are_no_dict_of_values(tmp_path):
    cycle: list[Any] = []
    cycle.append(cycle)
    with pytest.raises(ValueError, match=r"cannot be read .RecursionError"):
        read_pickle(save(tmp_path / "s.pkl", pickle.dumps({"x": cycle})))
    with pytest.raises(ValueError, match=r"expected a pickled dict, got list; check the path"):
        read_pickle(save(tmp_path / "s.pkl", pickle.dumps([1])))
    with pytest.raises(FileNotFoundError, match=r"gone.pkl: no such file"):
        read_pickle(tmp_path / "gone.pkl")


def test_many_references_to_one_list_are_read_once(tmp_path):
    """Thirty levels of a list that holds the level below twice: 2³⁰ entries if each were followed."""
    level: list[Any] = [1]
    for _ in range(30):
        level = [level, level]
    nested = read_pickle(save(tmp_path / "s.pkl", pickle.dumps({"x": level})))["x"]
    assert nested[0] is nested[1]


def npy(shape: str, dtype: str = "<f8", content: bytes = bytes(80)) -> bytes:
    """A .npy whose header states any shape and dtype."""
    header = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}, }}"
    header = header.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (npy("(4000000000000000000,)"), "needs 32000000000000000000 bytes, 80 are there"),
        (npy("(11,)"), "needs 88 bytes, 80 are there"),
        (npy("(-1,)"), "shape"),
        (npy("(True, 10)"), ""),
        (npy("('a',)"), ""),
        (npy("(10,)", "<M8[s]"), "an array of dtype datetime64"),
        (npy("(10,)", "V8"), "an array of dtype"),
        (npy("(10,)", "<f9"), ""),
        (npy("(10"), ""),
        (npy("(" * 40), ""),
        (b"\x93NUMPY\x09\x00" + bytes(100), "version"),
        (b"", ""),
    ],
)
def test_headers_that_lie_are_refused(tmp_path, content, message):
    (tmp_path / "a.npy").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", content)
    with pytest.raises(ValueError, match=rf"a\.npy: cannot be read as \.npy.*{message}"):
        read_npy(tmp_path / "a.npy")
    with pytest.raises(ValueError, match=rf"a\.npz, field 'x': cannot be read.*{message}"):
        read_npz(tmp_path / "a.npz")


def test_an_archive_that_unpacks_to_far_more_is_refused_before_it_does(tmp_path):
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x.npy", "w") as member:
        member.write(npy("(37748736,)", content=b""))
        for _ in range(288):
            member.write(bytes(1 << 20))
    assert path.stat().st_size < 1 << 20
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"field 'x': .* unpack to 288 MiB: more than 100 times"):
        read_npz(path)
    assert tracemalloc.get_traced_memory()[1] < 1 << 24
    tracemalloc.stop()


def test_npy_files_are_read(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(read_npy(tmp_path / "a.npy"), np.arange(6.0).reshape(2, 3))
    with pytest.raises(FileNotFoundError, match=r"none\.npy: no such file"):
        read_npy(tmp_path / "none.npy")


@pytest.mark.parametrize("put", [b"r" + (50_000_000).to_bytes(4, "little"), b"p50000000\n"])
def test_a_value_with_a_number_beyond_the_file_is_refused(tmp_path: Path, put: bytes) -> None:
    """The unpickler would take eight bytes for every number up to it."""
    path = tmp_path / "a.pkl"
    path.write_bytes(b"\x80\x02}" + put + b".")
    with pytest.raises(ValueError, match="numbered up to 50000000"):
        read_pickle(path)
