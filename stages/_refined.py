"""Writing a method's refined poses; shared by the stages refine and filter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.progress import track

from hanet.data.cache import CacheWriter, PoseCache
from hanet.methods.base import Method
from stages import _run
from stages._smpl import copy_side


def write_refined(method: Method, detected: PoseCache, path: Path, parameters: dict[str, Any]) -> None:
    """The cache of a method's refined poses; metadata say by what, with which parameters, from what."""
    described = replace(
        detected.metadata,
        estimator=f"{detected.metadata.estimator}+{method.name}",
        provenance={
            "method": method.name,
            "observed": method.observed,
            "parameters": parameters,
            "detected_sha256": detected.content_hash(),
        },
    )
    table = detected.read()
    with CacheWriter(path, described) as writer:
        for sequence in track(
            table.sequences(), description=f"  {method.name}", total=table.num_segments, console=_run.console
        ):
            writer.write(method.refine(sequence))
    copy_side(detected.path, path)  # no refiner changes shape or place
