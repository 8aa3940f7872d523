"""Write arrays and plain values as pickles and `.npz` of objects, as `hanet.files.pickled` reads them.

NumPy's modules have the names that NumPy 1 gives them, so that older programs can read the files.
"""

from __future__ import annotations

import gzip
import io
import pickle
import zipfile
import zlib
from collections.abc import Mapping
from types import FunctionType
from typing import Any, ClassVar

import numpy as np

from hanet.files.pickled import unpacked


def dump(content: Any, like: bytes) -> bytes:
    """A pickle of arrays and plain values with the protocol and the compression of another.

    joblib reads it as it reads its own.
    """
    plain = unpacked(like)
    protocol = plain[1] if plain[:1] == pickle.PROTO else 2
    stream = io.BytesIO()
    _Pickler(stream, min(protocol, pickle.HIGHEST_PROTOCOL)).dump(content)
    if like[:1] == b"\x78":
        return zlib.compress(stream.getvalue(), 3)
    return gzip.compress(stream.getvalue(), 3) if like[:2] == b"\x1f\x8b" else stream.getvalue()


_PythonPickler: Any = vars(pickle)["_Pickler"]
"""The pickler in Python, whose `save_global` can be replaced."""


class _Pickler(_PythonPickler):
    """Names NumPy's functions as NumPy 1 does; NumPy 2 knows these names too."""

    dispatch: ClassVar[dict[Any, Any]] = dict(_PythonPickler.dispatch)

    def save_global(self, obj: Any, name: str | None = None) -> None:
        module = getattr(obj, "__module__", None) or ""
        if not module.startswith("numpy._core"):
            super().save_global(obj, name)
            return
        module = module.replace("numpy._core", "numpy.core")
        self.write(pickle.GLOBAL + f"{module}\n{name or obj.__name__}\n".encode())
        self.memoize(obj)

    dispatch[FunctionType] = save_global


def dump_npz(fields: Mapping[str, Any]) -> bytes:
    """The arrays as an archive; those of objects are pickled."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in fields.items():
            member = io.BytesIO()
            if array.dtype.kind == "O":
                described = {"shape": array.shape, "fortran_order": False, "descr": "|O"}
                np.lib.format.write_array_header_1_0(member, described)
                _Pickler(member, 4).dump(array)
            else:
                np.lib.format.write_array(member, array, allow_pickle=False)
            archive.writestr(f"{name}.npy", member.getvalue())
    return stream.getvalue()
