"""A DVC graph of two stages, which `test_kills` kills; the stages do not import PyTorch."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hanet.cache.files import PoseCache
from hanet.files.atomic import write_text
from hanet.formats import exports
from hanet.methods.apply import refine_cache
from hanet.methods.filters import Gaussian

GRAPH = """\
stages:
  smooth:
    cmd: python -m tests.faults.graph smooth
    deps: [in.parquet]
    outs: [smooth.parquet]
  export:
    cmd: python -m tests.faults.graph export
    deps: [smooth.parquet]
    outs: [out.json]
"""


def graph(folder: Path) -> None:
    """`dvc repro` in a folder with in.parquet, to out.json; its stages find this module from there."""
    from dvc.cli import main

    from pipeline.repository.rwlock import mend

    os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    os.chdir(folder)
    if not Path("dvc.yaml").exists():
        main(["init", "--no-scm", "--force", "--quiet"])
        write_text(Path("dvc.yaml"), GRAPH)
    mend(Path())  # as `make repro` does
    if main(["repro", "--quiet"]):
        raise SystemExit(1)


def _stage(name: str) -> None:
    if name == "smooth":
        refine_cache(Gaussian(2.0), PoseCache.open(Path("in.parquet")), Path("smooth.parquet"), parameters={})
    else:
        exports.export(PoseCache.open(Path("smooth.parquet")), Path("out.json"))


if __name__ == "__main__":
    _stage(sys.argv[1])
