"""SMPL in the pipeline: which body an experiment's rotations pose, and the side tables of its caches.

The stage estimate notes the body beside the pairs, with the SHA-256 of its files; the stages after it read it
from there. No licensed file is copied.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from hanet.body import Body, JointSet
from hanet.data.smpl_tracks import side_path
from hanet.synthetic_body import synthetic_body
from stages import _run
from stages.schema.estimates import SYNTHETIC, BodyFile

BODY = "body.json"


def note_body(options: BodyFile, folder: Path) -> Body:
    """Load the body, and write down in the pairs' folder which one it is.

    Raises:
        SmplFileError: a file that is missing or wrong, with where to get it.
    """
    body = _load(options)
    files = [name for name in (options.model, options.h36m_regressor) if name not in (None, SYNTHETIC)]
    hashes = {name: _run.file_hash(Path(name)) for name in files if name is not None}
    _run.write_json(folder / BODY, options.model_dump() | {"sha256": hashes})
    return body


def body_of(experiment: str) -> tuple[Body, JointSet] | None:
    """The experiment's body and the joints that are scored; None where its poses are no SMPL.

    Raises:
        SmplFileError: a file that is missing.
        ValueError: a file that is another than the poses were made with.
    """
    path = _run.PAIRS / experiment / BODY
    if not path.is_file():
        return None
    noted = json.loads(path.read_text())
    hashes: Mapping[str, str] = noted.pop("sha256")
    options = BodyFile(**noted)
    body = _load(options)
    for name, expected in hashes.items():
        if (found := _run.file_hash(Path(name))) != expected:
            raise ValueError(
                f"{name} has SHA-256 {found}, but the poses of {experiment} were made with {expected}; put "
                "that file back, or run the stage estimate again"
            )
    return body.to(_run.device()), options.joints


def _load(options: BodyFile) -> Body:
    if options.model == SYNTHETIC:
        return synthetic_body()
    return Body.load(options.model, h36m_regressor=options.h36m_regressor)


def copy_cache(source: Path, target: Path) -> None:
    """A cache under another name, with its side table where it has one."""
    shutil.copyfile(source, target)
    copy_side(source, target)


def copy_side(source: Path, target: Path) -> None:
    """The side table of a cache, where it has one, for another of the same frames."""
    if side_path(source).is_file():
        shutil.copyfile(side_path(source), side_path(target))
