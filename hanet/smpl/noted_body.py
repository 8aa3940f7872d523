"""Record the body model of an experiment's rotations with its pairs, with the SHA-256 of its files.

Stage estimate writes the record; later stages read it. Licensed files are not copied.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hanet.files.atomic import write_json
from hanet.files.hashing import file_hash
from hanet.files.json_text import read_json
from hanet.smpl.body import Body, JointSet
from hanet.smpl.options import SYNTHETIC, BodyFile
from hanet.smpl.synthetic_body import synthetic_body

BODY = "body.json"


def note_body(options: BodyFile, folder: Path) -> Body:
    """Load the body, and record it in the pairs' folder.

    Raises:
        SmplFileError: a missing or wrong file; the message says where to get it.
    """
    body = _load(options)
    files = [name for name in (options.model, options.h36m_regressor) if name not in (None, SYNTHETIC)]
    hashes = {name: file_hash(Path(name)) for name in files if name is not None}
    write_json(folder / BODY, options.model_dump() | {"sha256": hashes})
    return body


def noted_body(folder: Path) -> tuple[Body, JointSet] | None:
    """The body recorded in a folder of pairs and the scored joints; None without a record.

    Raises:
        SmplFileError: a missing file.
        ValueError: a file other than the one the poses were made with.
    """
    path = folder / BODY
    if not path.is_file():
        return None
    noted = read_json(path, dict, remedy="run the stage estimate again")
    try:
        hashes: Mapping[str, str] = dict(noted.pop("sha256"))
        options = BodyFile(**noted)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a noted body ({error}); run the stage estimate again") from error
    body = _load(options)
    for name, expected in hashes.items():
        if (found := file_hash(Path(name))) != expected:
            raise ValueError(
                f"{name} has SHA-256 {found}, but the poses of {folder.name} were made with {expected}; put "
                "that file back, or run the stage estimate again"
            )
    return body, options.joints


def _load(options: BodyFile) -> Body:
    if options.model == SYNTHETIC:
        return synthetic_body()
    return Body.load(options.model, h36m_regressor=options.h36m_regressor)
