"""Body files: as SMPL's authors pickle them (chumpy, SciPy, Python 2), and the many files that are none."""

from __future__ import annotations

import os
import pickle
import sys
import types
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from scipy import sparse

from hanet.files.unpickle import UnsafeArrayError
from hanet.poses.skeletons import SMPL24
from hanet.smpl.body_files import SmplArrays, SmplFileError, read_regressor, read_smpl

V = 30
KINTREE = np.array([SMPL24.parents, range(24)])


@pytest.fixture
def fields(rng) -> dict[str, Any]:
    return {
        "v_template": rng.normal(size=(V, 3)),
        "shapedirs": rng.normal(size=(V, 3, 10)),
        "posedirs": rng.normal(size=(V, 3, 207)),
        "J_regressor": np.abs(rng.normal(size=(24, V))),
        "weights": np.abs(rng.normal(size=(V, 24))),
        "f": rng.integers(0, V, size=(7, 3)).astype(np.uint32),
        "kintree_table": KINTREE,
    }


@pytest.fixture
def chumpy(monkeypatch) -> Any:
    """Classes under chumpy's names, whose pickles are as chumpy's: an object's attributes."""
    modules = {}
    for module, kinds in {
        "chumpy": [],
        "chumpy.ch": ["Ch"],
        "chumpy.reordering": ["Select", "transpose"],
    }.items():
        modules[module] = types.ModuleType(module)
        for kind in kinds:
            made = type(kind, (), {"__init__": lambda self, **state: self.__dict__.update(state)})
            made.__module__ = module
            setattr(modules[module], kind, made)
        monkeypatch.setitem(sys.modules, module, modules[module])
    return types.SimpleNamespace(
        **vars(modules["chumpy.ch"]),
        **{k: v for k, v in vars(modules["chumpy.reordering"]).items() if not k.startswith("_")},
    )


def save(path: Path, fields: dict[str, Any], protocol: int = 2) -> Path:
    path.write_bytes(pickle.dumps(fields, protocol=protocol))
    return path


def assert_same(got: SmplArrays, fields: dict[str, Any]) -> None:
    for name, array in got._asdict().items():
        np.testing.assert_array_equal(array, fields[name], err_msg=name)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_reads_a_pickle_of_plain_arrays(tmp_path, fields, protocol):
    assert_same(read_smpl(save(tmp_path / "a.pkl", fields, protocol)), fields)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("form", [sparse.csc_matrix, sparse.csr_matrix])
def test_reads_sparse_matrices_and_chumpy_s_arrays(tmp_path, fields, chumpy, protocol, form):
    more = np.concatenate([fields["shapedirs"], fields["shapedirs"]], axis=2)
    index = np.arange(more.size).reshape(more.shape)[:, :, :10].ravel()
    stored = fields | {
        "J_regressor": form(fields["J_regressor"]),
        "v_template": chumpy.Ch(x=fields["v_template"], _dirty_vars={"x"}, _itr=None),
        "shapedirs": chumpy.Select(a=chumpy.Ch(x=more), idxs=index, preferred_shape=(V, 3, 10)),
        "weights": chumpy.Ch(x=chumpy.Ch(x=fields["weights"])),
        "bs_type": "lrotmin",
        "J": chumpy.transpose(a=3),  # needs chumpy to compute, and is not asked for
    }
    assert_same(read_smpl(save(tmp_path / "a.pkl", stored, protocol)), fields)


def test_reads_what_python_2_wrote(tmp_path, fields):
    """Python 2 stored bytes as text: the same instructions, but for SHORT_BINSTRING and BINSTRING."""

    class Python2(pickle._Pickler):
        dispatch: ClassVar = dict(pickle._Pickler.dispatch)

        def save_bytes(self, obj: bytes) -> None:
            self.write(pickle.BINSTRING + len(obj).to_bytes(4, "little") + obj)

        def save_str(self, obj: str) -> None:
            self.save_bytes(obj.encode("latin1"))

        dispatch[bytes], dispatch[str] = save_bytes, save_str

    path = tmp_path / "a.pkl"
    with path.open("wb") as file:
        Python2(file, protocol=2).dump(fields | {"scale": np.float64(2.5)})
    assert b"numpy.core" in path.read_bytes() or b"numpy._core" in path.read_bytes()
    assert_same(read_smpl(path), fields)


def test_shape_coefficients_beyond_ten_are_left(tmp_path, fields, rng):
    stored = fields | {
        "shapedirs": np.concatenate([fields["shapedirs"], rng.normal(size=(V, 3, 290))], axis=2)
    }
    np.savez(tmp_path / "a.npz", **stored)
    assert_same(read_smpl(tmp_path / "a.npz"), fields)


def test_the_root_s_parent_may_be_any_number(tmp_path, fields):
    kintree = KINTREE.astype(np.uint32)
    assert kintree[0, 0] == 2**32 - 1
    assert_same(read_smpl(save(tmp_path / "a.pkl", fields | {"kintree_table": kintree})), fields)


class Shell:
    def __reduce__(self):
        return os.mkdir, ("hacked",)


@pytest.mark.parametrize("protocol", [0, 2, 5])
@pytest.mark.parametrize("suffix", ["pkl", "npz"])
def test_a_file_that_asks_for_code_is_refused(tmp_path, fields, monkeypatch, suffix, protocol):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"a.{suffix}"
    if suffix == "pkl":
        save(path, fields | {"v_template": Shell()}, protocol)
    else:
        np.savez(path, **fields, more=np.array([Shell()], dtype=object))
    with pytest.raises(
        UnsafeArrayError, match=r"a\.(pkl|npz).*refused, because it holds (posix|nt|os)\.mkdir"
    ):
        read_smpl(path)
    assert not (tmp_path / "hacked").exists()


def hostile(reduced: Any) -> Any:
    return type("Hostile", (), {"__reduce__": lambda self: reduced})()


@pytest.mark.parametrize(
    "name, text",
    [
        ("numpy.load", "numpy.load"),
        ("builtins.eval", "builtins.eval"),
        ("builtins.getattr", "builtins.getattr"),
        ("operator.attrgetter", "operator.attrgetter"),
        ("scipy.sparse._csc.isspmatrix_csc", "isspmatrix_csc"),
        ("hanet.smpl.body_files._Held", "_Held"),
    ],
)
def test_no_function_or_type_beyond_arrays_is_admitted(tmp_path, name, text):
    module, _, attribute = name.rpartition(".")
    path = tmp_path / "a.pkl"
    path.write_bytes(f"c{module}\n{attribute}\n.".encode())
    with pytest.raises(UnsafeArrayError, match=text):
        read_smpl(path)


@pytest.mark.parametrize(
    "program, text",
    [
        (b"ccopyreg\n_reconstructor\n(cbuiltins\nset\ncbuiltins\nobject\nNtR.", "an object of type"),
        (b"c_codecs\nencode\n(Vabc\nVrot13\ntR.", "encoding 'rot13'"),
        (b"cnumpy.core.multiarray\n_reconstruct\n(cbuiltins\nset\n(t\x8c\x01btR.", "array of type"),
        (b"cchumpy.ch\nCh\n)\x81]b.", "whose state is a list"),
    ],
)
def test_admitted_parts_put_to_other_uses_are_refused(tmp_path, program, text):
    path = tmp_path / "a.pkl"
    path.write_bytes(b"\x80\x04" + program)
    with pytest.raises(UnsafeArrayError, match=text):
        read_smpl(path)


def test_a_missing_file_says_where_to_get_it(tmp_path):
    with pytest.raises(
        SmplFileError, match=r"none\.pkl: no such SMPL file; .*smpl\.is\.tue\.mpg\.de.*SMPL_NEUTRAL"
    ):
        read_smpl(tmp_path / "none.pkl")


@pytest.mark.parametrize(
    "change, text",
    [
        ({"weights": None}, "no weights"),
        ({"v_template": np.zeros((V, 2))}, r"v_template must be \(30, 3\), got \(30, 2\)"),
        ({"posedirs": np.zeros((V, 3, 93))}, r"posedirs must be \(30, 3, 207\)"),
        ({"shapedirs": np.zeros((V, 3, 4))}, r"shapedirs must be \(30, 3, 10\), got \(30, 3, 4\)"),
        ({"weights": np.full((V, 24), np.nan)}, "weights holds values that are not finite"),
        ({"weights": "much"}, "weights is no array of numbers"),
        ({"weights": np.full((V, 24), "a")}, "weights is no array of numbers"),
        ({"f": np.full((1, 3), V)}, r"f names vertices outside 0\.\.29"),
        ({"kintree_table": np.zeros((2, 52), int)}, "SMPL-H with 52 joints, expected SMPL with 24"),
        ({"kintree_table": np.zeros((2, 55), int)}, "SMPL-X with 55 joints"),
        ({"kintree_table": np.zeros((2, 24), int)}, "not the tree of SMPL's 24 joints"),
    ],
)
def test_another_content_is_named(tmp_path, fields, change, text):
    stored = {name: value for name, value in (fields | change).items() if value is not None}
    with pytest.raises(SmplFileError, match=f"{text}.*smpl.is.tue.mpg.de"):
        read_smpl(save(tmp_path / "a.pkl", stored))


def test_an_expression_that_needs_chumpy_is_named(tmp_path, fields, chumpy):
    path = save(tmp_path / "a.pkl", fields | {"weights": chumpy.transpose(a=fields["weights"])})
    with pytest.raises(SmplFileError, match=r"weights cannot be read .*chumpy\.reordering\.transpose"):
        read_smpl(path)


@pytest.mark.parametrize("content", [b"", b"SMPL", pickle.dumps([1, 2])])
def test_no_body_at_all(tmp_path, content):
    path = tmp_path / "a.pkl"
    path.write_bytes(content)
    with pytest.raises(SmplFileError, match=r"cannot be read|holds a list"):
        read_smpl(path)
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(SmplFileError, match=r"a\.npz.*smpl\.is\.tue\.mpg\.de"):
        read_smpl(tmp_path / "a.npz")


def test_a_truncated_pickle(tmp_path, fields):
    path = save(tmp_path / "a.pkl", fields)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(SmplFileError, match="expected a whole SMPL file"):
        read_smpl(path)


def test_a_sparse_matrix_that_points_outside_is_refused(tmp_path, fields):
    matrix = sparse.csc_matrix(fields["J_regressor"])
    matrix.indices[0] = 10_000
    with pytest.raises(SmplFileError, match="J_regressor cannot be read"):
        read_smpl(save(tmp_path / "a.pkl", fields | {"J_regressor": matrix}))


@pytest.mark.parametrize(
    "write, text",
    [
        (lambda p: np.save(p, np.zeros((9, 4))), r"regressor \(17, 30\), got \(9, 4\) float64; ask"),
        (lambda p: np.save(p, np.full((17, 30), np.inf)), "not finite; ask"),
        (lambda p: np.save(p, np.array([{}])), "expected an array of numbers, got one of objects; ask"),
        (lambda p: p.write_bytes(b"\x93NUMPY"), "cannot be read as .npy.*ask"),
    ],
)
def test_wrong_regressors(tmp_path, write, text):
    path = tmp_path / "a.npy"
    write(path)
    with pytest.raises(SmplFileError, match=text):
        read_regressor(path, joints=17, vertices=30, source="ask")
