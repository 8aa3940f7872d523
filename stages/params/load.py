"""Read params.yaml: `load` names each wrong key, what it holds and what it may be.

`document` reads the file as plain data, `presets` fills in what entries take from others, and `schema` and
the options modules of the library check the result.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hanet.files.explain import problems
from stages.params.document import DocumentError, read
from stages.params.presets import PresetError, Presets
from stages.params.schema import PARAMS, Params, ParamsError, Run

__all__ = ["PARAMS", "Params", "ParamsError", "Run", "check", "load"]


def load(path: str | os.PathLike[str] = PARAMS) -> Params:
    """Read and check the parameters.

    Raises:
        ParamsError: naming file, key, what it holds and what it may be.
    """
    try:
        content = read(Path(path))
    except FileNotFoundError:
        raise ParamsError(f"{path} is missing; run from the root of the repository") from None
    except DocumentError as error:
        raise ParamsError(_message(path, [str(error)])) from None
    return check(content, path)


def check(content: Any, path: str | os.PathLike[str] = PARAMS) -> Params:
    """Check the content of params.yaml, presets not yet filled in.

    It is validated as JSON in pydantic's strict mode: a list may become a tuple and a mapping a dataclass,
    but neither text nor `true` becomes a number.

    Raises:
        ParamsError: as `load`.
    """
    try:
        presets = Presets(content)
    except PresetError as error:
        raise ParamsError(_message(path, [str(error)])) from None
    try:
        return Params.model_validate_json(json.dumps(presets.content), strict=True)
    except ValidationError as error:
        found = problems(error, Params.model_json_schema())
    lines = [
        f"{'.'.join(key)}: {problem}" if key else problem
        for key, problem in found.items()
        # The same problem in an entry and in the one that it extends is reported for the latter.
        if all(found.get(origin) != problem for origin in presets.origins(key))
    ]
    raise ParamsError(_message(path, lines))


def _message(path: str | os.PathLike[str], lines: list[str]) -> str:
    return "\n  ".join([f"{path} does not fit:", *"\n".join(lines).splitlines()])
