"""Read SMPL's body files safely and without chumpy.

SMPL is licensed and not part of this package. The user registers at https://smpl.is.tue.mpg.de, accepts the
licence, downloads "SMPL for Python", and names the file by its path:

- ``SMPL_NEUTRAL.pkl`` as renamed for smplx, ``basicmodel_neutral_lbs_10_207_0_v1.1.0.pkl`` (1.1.0) or
  ``basicModel_neutral_lbs_10_207_0_v1.0.0.pkl`` (1.0.0); scores are published on the neutral body;
- any of them as `.npz` with the same fields as plain arrays.

The pickles hold arrays, SciPy's sparse matrices and chumpy's differentiable arrays. They are read by stand-in
classes for these forms, which call no code named by the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from hanet.files.unpickle import (
    ARRAY_NAMES,
    ArrayUnpickler,
    Builder,
    PickledArray,
    UnsafeArrayError,
    read_npy,
    read_npz,
)
from hanet.poses.skeletons import SMPL24

WHERE = (
    "register at https://smpl.is.tue.mpg.de, accept the licence, download 'SMPL for Python' and give the "
    "path of SMPL_NEUTRAL.pkl (basicmodel_neutral_lbs_10_207_0_v1.1.0.pkl in the download) or an .npz of it"
)
SHAPES = 10
"""Number of shape coefficients (betas) used; a file may have more."""
POSE_FEATURES = 9 * (len(SMPL24) - 1)


class SmplFileError(ValueError):
    """A file that cannot be used as a body; the message names file, expected, got and source."""


class SmplArrays(NamedTuple):
    """A body in SMPL's format, rest pose, metres; V vertices, F triangles."""

    v_template: Float[np.ndarray, "V 3"]
    shapedirs: Float[np.ndarray, "V 3 10"]
    """Displacement of each vertex for a unit of each shape coefficient."""
    posedirs: Float[np.ndarray, "V 3 207"]
    """Displacement for each entry of (rotation - identity) of the 23 joints below the root."""
    J_regressor: Float[np.ndarray, "24 V"]
    weights: Float[np.ndarray, "V 24"]
    """Skinning weights of each vertex for each joint."""
    f: Int[np.ndarray, "F 3"]


def read_smpl(path: str | Path) -> SmplArrays:
    """The arrays of a body file, `.pkl` or `.npz`, in double precision.

    Raises:
        SmplFileError: no such file, an unreadable one, or one that is not an SMPL body; the message has the
            remedy.
        UnsafeArrayError: a file that contains code or anything but arrays; none of it was run.
    """
    path = Path(path)
    if not path.is_file():
        raise SmplFileError(f"{path}: no such SMPL file; {WHERE}")
    fields = _read_pickle(path) if path.suffix == ".pkl" else _read_archive(path)
    missing = [name for name in (*SmplArrays._fields, "kintree_table") if name not in fields]
    if missing:
        raise SmplFileError(
            f"{path}: expected an SMPL body, but it has no {', '.join(missing)} "
            f"(it has {', '.join(sorted(fields)) or 'nothing'}); {WHERE}"
        )
    arrays = {name: _dense(fields[name], name, path) for name in (*SmplArrays._fields, "kintree_table")}
    return _checked(arrays, path)


def read_regressor(path: str | Path, *, joints: int, vertices: int, source: str) -> Float[np.ndarray, "J V"]:
    """A joint regressor (joints × vertices) from a `.npy`; `source` says where to get it, for the error
    message.

    Raises:
        SmplFileError: no such file, or not such an array.
    """
    path = Path(path)
    if not path.is_file():
        raise SmplFileError(f"{path}: no such regressor; {source}")
    try:
        array = read_npy(path)
    except (ValueError, OSError) as error:
        raise SmplFileError(f"{error}; {source}") from error
    if array.shape != (joints, vertices) or array.dtype.kind != "f":
        raise SmplFileError(
            f"{path}: expected a regressor ({joints}, {vertices}), got {array.shape} {array.dtype}; {source}"
        )
    if not np.isfinite(array).all():
        raise SmplFileError(f"{path}: holds values that are not finite; {source}")
    return array.astype(np.float64)


def _checked(arrays: dict[str, np.ndarray], path: Path) -> SmplArrays:
    parents = arrays.pop("kintree_table")
    joints = parents.shape[-1] if parents.ndim == 2 else None
    if joints in (52, 55):
        kind = {52: "SMPL-H", 55: "SMPL-X"}[joints]
        raise SmplFileError(f"{path}: {kind} with {joints} joints, expected SMPL with {len(SMPL24)}; {WHERE}")
    if parents.shape != (2, len(SMPL24)) or tuple(parents[0, 1:]) != SMPL24.parents[1:]:
        raise SmplFileError(f"{path}: kintree_table is not the tree of SMPL's {len(SMPL24)} joints; {WHERE}")
    V = len(arrays["v_template"])
    arrays["shapedirs"] = arrays["shapedirs"][..., :SHAPES]
    expected = {
        "v_template": (V, 3),
        "shapedirs": (V, 3, SHAPES),
        "posedirs": (V, 3, POSE_FEATURES),
        "J_regressor": (len(SMPL24), V),
        "weights": (V, len(SMPL24)),
        "f": (len(arrays["f"]), 3),
    }
    for name, shape in expected.items():
        array = arrays[name]
        if array.shape != shape:
            raise SmplFileError(f"{path}: {name} must be {shape}, got {array.shape}; {WHERE}")
        if not np.isfinite(array).all():
            raise SmplFileError(f"{path}: {name} holds values that are not finite; {WHERE}")
    faces = arrays.pop("f").astype(np.int64)
    if faces.size and (faces.min() < 0 or faces.max() >= V):
        raise SmplFileError(f"{path}: f names vertices outside 0..{V - 1}; {WHERE}")
    return SmplArrays(**{name: array.astype(np.float64) for name, array in arrays.items()}, f=faces)


def _read_archive(path: Path) -> dict[str, Any]:
    try:
        return read_npz(path)
    except UnsafeArrayError:
        raise
    except ValueError as error:
        raise SmplFileError(f"{error}; for a body file: {WHERE}") from error


def _read_pickle(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            fields = _SmplUnpickler(file, encoding="latin1").load()
    except UnsafeArrayError as error:
        raise UnsafeArrayError(
            f"{path}: refused, because it holds {error}, which no SMPL file needs; do not use it, {WHERE}"
        ) from None
    except Exception as error:
        # A damaged pickle, or misuse of the stand-ins, can raise any exception; none of these is a body.
        raise SmplFileError(
            f"{path}: cannot be read ({type(error).__name__}: {error}); expected a whole SMPL file, {WHERE}"
        ) from error
    if not isinstance(fields, dict):
        raise SmplFileError(
            f"{path}: holds a {type(fields).__name__}, expected SMPL's fields by name; {WHERE}"
        )
    return {str(name): value for name, value in fields.items()}


def _dense(value: Any, name: str, path: Path) -> np.ndarray:
    """A field as a dense array, from any of the supported forms."""
    try:
        array = _resolve(value)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise SmplFileError(
            f"{path}: {name} cannot be read ({type(error).__name__}: {error}); {WHERE}"
        ) from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        raise SmplFileError(f"{path}: {name} is no array of numbers; {WHERE}")
    return array


def _resolve(value: Any) -> Any:
    if isinstance(value, PickledArray):
        return value.value
    if not isinstance(value, _Held):
        return value
    if value.kind == "chumpy.ch.Ch":
        return _resolve(value.state["x"])
    if value.kind == "chumpy.reordering.Select":
        chosen = _resolve(value.state["a"]).ravel()[_resolve(value.state["idxs"])]
        shape = value.state.get("preferred_shape")
        return chosen if shape is None else chosen.reshape(shape)
    if value.kind.startswith("scipy.sparse"):
        form = sparse.csc_matrix if value.kind.endswith("csc_matrix") else sparse.csr_matrix
        parts = [_resolve(value.state[part]) for part in ("data", "indices", "indptr")]
        shape = value.state.get("_shape", value.state.get("shape"))
        matrix = form(tuple(parts), shape=shape)
        matrix.check_format(full_check=True)
        return matrix.toarray()
    raise ValueError(f"a {value.kind}, whose value needs chumpy to compute")


class _Held:
    """Stand-in for an object of chumpy's or SciPy's: its type's name and attributes, without behaviour."""

    kind = ""

    def __init__(self, *_: Any) -> None:
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, dict):
            raise UnsafeArrayError(f"a {self.kind} whose state is a {type(state).__name__}")
        self.state = {str(name): value for name, value in state.items()}


def _new_object(kind: Any, base: Any, state: Any) -> Any:
    if not (isinstance(kind, type) and issubclass(kind, _Held)) or base is not object:
        raise UnsafeArrayError(f"an object of type {kind}")
    return kind()


_SPARSE = ("csc", "csr")


class _SmplUnpickler(ArrayUnpickler):
    """Unpickler for SMPL's files, which contain sparse matrices, chumpy's arrays and sets besides arrays."""

    names: ClassVar[Mapping[str, Any]] = {
        **ARRAY_NAMES,
        **dict.fromkeys(("builtins.set", "__builtin__.set"), set),  # each by its names in Python 3 and 2
        **dict.fromkeys(("builtins.object", "__builtin__.object"), object),
        **dict.fromkeys(("copyreg._reconstructor", "copy_reg._reconstructor"), Builder(_new_object)),
    }

    def find_class(self, module: str, name: str) -> Any:
        full = f"{module}.{name}"
        is_sparse = any(
            full in (f"scipy.sparse.{s}.{s}_matrix", f"scipy.sparse._{s}.{s}_matrix") for s in _SPARSE
        )
        if is_sparse or (module.split(".")[0] == "chumpy" and "." not in name):
            return type(name, (_Held,), {"kind": full})
        return super().find_class(module, name)
