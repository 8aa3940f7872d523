"""The extras of pyproject.toml, and how an error names the one that is missing."""

from __future__ import annotations

EXTRAS = {
    **dict.fromkeys(("h5py", "pyarrow"), "formats"),
    "rerun": "view",
    **dict.fromkeys(("torch", "torchvision", "timm", "pandas", "onnx"), "train"),
    **dict.fromkeys(("ai_edge_litert", "av", "PIL", "matplotlib", "unearth", "httpx2", "pip"), "video"),
    "smplx": "smpl",
    **dict.fromkeys(
        ("cdflib", "dask", "distributed", "ruamel", "psutil", "cryptography", "jinja2"), "pipeline"
    ),
}
"""By package that a light installation lacks: the extra that brings it."""


def message(error: Exception, extra: str | None = None) -> str:
    """An error that a user can fix in one line; of a package that is missing how to install it.

    Args:
        error: a ValueError, an OSError or a ModuleNotFoundError.
        extra: the extra that brings all that was asked for; None for the one that brings the package.
    """
    if isinstance(error, ModuleNotFoundError) and (package := package_of(error)) in EXTRAS:
        wanted = extra or EXTRAS[package]
        return f"this needs the package {package}; install it by pip install 'hanet[{wanted}]'"
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def package_of(error: ModuleNotFoundError) -> str:
    """The package that is missing."""
    return (error.name or "").partition(".")[0]
