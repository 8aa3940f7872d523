"""Options of an experiment's figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from hanet.figures.defaults import SECONDS, WRONG_ALPHA, WRONG_MM
from hanet.models.config import Settings

Positive = Annotated[float, Field(gt=0)]


@dataclass(frozen=True)
class FigureSettings(Settings):
    """Options of an experiment's figures; captions state the values used.

    Attributes:
        methods: methods in curves, skeletons and video, in this order; those missing from a run are skipped.
        sequence: the test sequence to show; None takes the one of median input error, so that the choice
            favours no method.
        seconds: length of the video, around the worst of the input's error-prone spans.
        wrong_mm: a 3D joint is wrong if it is farther than this from the ground truth, roots aligned; 150 mm
            is the threshold of 3DPCK.
        wrong_alpha: a keypoint is wrong if it is farther off than this share of the longer side of the
            person's box, as in PCK.

    Raises:
        ValueError: naming the field, the expected and the given value.
    """

    methods: Annotated[tuple[str, ...], Field(min_length=1, strict=False)] = (
        "input", "deciwatch", "smoothnet", "hanet",
    )  # fmt: skip
    sequence: Annotated[str, Field(min_length=1)] | None = None
    seconds: Positive = SECONDS
    wrong_mm: Positive = WRONG_MM
    wrong_alpha: Positive = WRONG_ALPHA

    def __post_init__(self) -> None:
        object.__setattr__(self, "methods", tuple(self.methods))  # YAML has a list
        super().__post_init__()

    def _check(self) -> None:
        distinct = len(set(self.methods)) == len(self.methods)
        self._require(distinct, "methods", "names that each occur once")
