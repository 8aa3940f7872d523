"""The table of a detector's errors, per joint.

Tables of the package are in ``tables/``; `hanet.estimators.measured.fit` makes them and
`hanet.estimators.measured.simulate` draws from them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from hanet.files.atomic import write_json
from hanet.files.explain import problems
from hanet.files.json_text import read_json
from hanet.options import Section

TABLES = Path(__file__).parent / "tables"
NEAREST = {
    "pelvis": "hip", "spine": "hip", "belly": "hip", "thorax": "shoulder", "neck": "shoulder",
    "upper_neck": "shoulder", "head_bottom": "shoulder", "head": "nose", "head_top": "nose", "face": "nose",
    "eye": "nose", "ear": "nose", "nose": "shoulder",
}  # fmt: skip
"""Whose errors a joint takes that a table lacks."""

Positive = Annotated[float, Field(gt=0)]
Amount = Annotated[float, Field(ge=0)]


class JointErrors(Section):
    """Errors of one joint; sizes are standard deviations per axis in the table's unit.

    Attributes:
        bias: of an offset that is constant over a track.
        jitter: of white noise.
        drift: of noise that is correlated in time, a first-order autoregression.
        drift_time: its correlation time, seconds.
        burst_rate: bursts (the joint is detected elsewhere) per second outside of bursts.
        burst_time: mean length of a burst, seconds.
        burst_size: of the displacement in a burst.
        miss_rate: spans without a detection per second outside of them.
        miss_time: mean length of such a span, seconds.
    """

    bias: Amount
    jitter: Amount
    drift: Amount
    drift_time: Positive
    burst_rate: Amount
    burst_time: Amount
    burst_size: Amount
    miss_rate: Amount
    miss_time: Amount


class SwapErrors(Section):
    """Spans in which a left joint and its right one are taken for each other.

    Attributes:
        rate: spans per second outside of them, while both joints are apart.
        time: mean length, seconds.
    """

    rate: Amount
    time: Amount


class ErrorTable(Section):
    """What a detector gets wrong.

    Attributes:
        unit: of all sizes: ``size``, a fraction of the person's size (the longer side of the box, its median
            over the track), for keypoints; or ``m`` for 3D joints, both relative to their root.
        joints: by name of the joint without its side.
        swaps: by name of the pair of joints.
        provenance: which detections and truth, how much of them, with what licence.
    """

    unit: Literal["size", "m"]
    joints: Annotated[dict[str, JointErrors], Field(min_length=1)]
    swaps: dict[str, SwapErrors]
    provenance: dict[str, Any]

    def of_joint(self, joint: str) -> JointErrors:
        """Errors of a joint by its full name, such as ``l_wrist``; of the nearest where it is not measured.

        Raises:
            ValueError: neither the joint nor one near it is in the table.
        """
        part = part_of(joint)
        while part not in self.joints:
            if part not in NEAREST:
                raise ValueError(
                    f"the table of measured errors has no joint {part!r}, nor one near it; it has "
                    f"{', '.join(self.joints)}"
                )
            part = NEAREST[part]
        return self.joints[part]


def part_of(joint: str) -> str:
    """A joint's name without its side."""
    return joint[2:] if joint[:2] in ("l_", "r_") else joint


def find(name: str) -> Path:
    """The file of a table: one of the package by its name, or a path that ends in ``.json``.

    Raises:
        ValueError: an unknown name.
        FileNotFoundError: no file at the path.
    """
    own = name.endswith(".json")
    path = Path(name) if own else TABLES / f"{name}.json"
    if not path.is_file():
        if not own:
            known = ", ".join(sorted(one.stem for one in TABLES.glob("*.json")))
            raise ValueError(
                f"no measured errors are called {name!r}; the package has {known}; or name a .json file"
            )
        raise FileNotFoundError(f"{path}: no such file; `python -m stages.errors` writes it")
    return path


def load(name: str) -> ErrorTable:
    """The table of a name, see `find`.

    Raises:
        ValueError, FileNotFoundError: as `find`; or a damaged file, which is named with the wrong fields.
    """
    path = find(name)
    content = read_json(path, dict, remedy="make it again with `python -m stages.errors`")
    try:
        return ErrorTable.model_validate(content)
    except ValidationError as error:
        found = problems(error, ErrorTable.model_json_schema())
        first, problem = next(iter(found.items()))
        raise ValueError(f"{path}: {'.'.join(first)}: {problem}; make it again") from None


def save(table: ErrorTable, path: Path) -> None:
    """Write a table; numbers keep four significant digits."""
    write_json(path, _rounded(table.model_dump(mode="json")))


def _rounded(value: Any) -> Any:
    match value:
        case dict():
            return {key: _rounded(inner) for key, inner in value.items()}
        case list():
            return [_rounded(inner) for inner in value]
        case float():
            return float(f"{value:.4g}")
    return value
