"""Stage resolve: write what every other stage depends on in addition to data to data/resolved, one file per
stage.

A file contains `params`, the options that the stage uses with all defaults filled in, and `code`, a hash of
the meaning of each module that it imports (`stages.graph.code`). This stage runs after every change of code
or params.yaml; the others run only if their own file changes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hanet.files.atomic import fresh_folder, write_text
from hanet.files.json_text import read_json
from hanet.options import flatten
from hanet.progress import console
from stages import workspace
from stages.graph.code import Source
from stages.graph.instances import KINDS, Instance, instances
from stages.params.load import Params, load

NO_SCIENCE = (
    "hanet.datasets.mocap.packages",
    "hanet.datasets.uiprmd.pair_hashes",
    "hanet.progress",
    "stages.graph",
    "stages.params",
    "stages.tracking.client",
    "stages.workspace",
)
"""Modules that do not affect results: parameters are already resolved, and logs contain no results."""
REGISTRIES = (
    "hanet.datasets.downloads",
    "hanet.datasets.readers",
    "hanet.datasets.registry",
    "hanet.estimators.registry",
    "hanet.models.options",
    "hanet.models.registry",
)
"""Modules that dispatch to the code of each kind, see `stages.graph.code`."""
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
SHOWN = 3


def main(*, root: Path = Path()) -> None:
    """Write the files of all stages that are run, and report what changed."""
    with workspace.stage("resolve"):
        found = {one.path: content for one, content in resolved(load(), root)}
        before = read(workspace.RESOLVED)
        with fresh_folder(workspace.RESOLVED) as folder:
            for path, content in found.items():
                file = folder.joinpath(*path).with_name(f"{path[-1]}.json")
                write_text(file, json.dumps(content, indent=1, allow_nan=False) + "\n")
        after = read(workspace.RESOLVED)
        for name in sorted(after):
            if name in before and before[name] != after[name]:
                console.print(f"  {name}: {', '.join(changes(before[name], after[name]))}", markup=False)
        same = sum(before.get(name) == content for name, content in after.items())
        console.print(f"  {len(after)} files, {same} of them as before")


def resolved(params: Params, root: Path) -> Iterator[tuple[Instance, dict[str, Any]]]:
    """The resolved file of each stage that is run.

    Args:
        params: the parameters.
        root: the folder of the packages hanet and stages.

    Raises:
        ValueError: a name that is not a plain file name.
        CodeError: as `Source.code`.
    """
    source = Source(
        root, packages=("hanet", "stages"), kinds=KINDS, registries=REGISTRIES, without=NO_SCIENCE
    )
    for one in instances(params):
        for name in one.path:
            if not NAME.fullmatch(name):
                raise ValueError(
                    "params.yaml: expected a name of letters, digits, dots, - and _ that does not begin "
                    f"with a dot, got {name!r}; rename it"
                )
        code = source.code(one.modules, one.kinds) | (source.files(one.files) if one.files else {})
        yield one, {"params": one.params, "code": code}


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """The content of every file below a folder, by its path there without the ending."""
    return {
        str(path.relative_to(folder).with_suffix("")): read_json(
            path, dict, remedy="delete it and run dvc repro"
        )
        for path in sorted(folder.rglob("*.json"))
    }


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The first differences between two versions of a file, as text."""
    found = []
    old, new = flatten(before["params"]), flatten(after["params"])
    for key in dict.fromkeys((*old, *new)):
        if key not in old or key not in new:
            found.append(f"{key} is {'new' if key in new else 'gone'}")
        elif old[key] != new[key]:
            found.append(f"{key} was {old[key]}, is {new[key]}")
    modules = dict.fromkeys((*before["code"], *after["code"]))
    found += [name for name in modules if before["code"].get(name) != after["code"].get(name)]
    return [*found[:SHOWN], f"{len(found) - SHOWN} more"] if len(found) > SHOWN else found


if __name__ == "__main__":
    main()
