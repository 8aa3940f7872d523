"""Options of an experiment's figures."""

from __future__ import annotations

from dataclasses import dataclass

from hanet.models.config import Settings


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

    methods: tuple[str, ...] = ("input", "deciwatch", "smoothnet", "hanet")
    sequence: str | None = None
    seconds: float = 4.0
    wrong_mm: float = 150.0
    wrong_alpha: float = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "methods", tuple(self.methods))  # a list, as YAML gives it
        distinct = len(set(self.methods)) == len(self.methods) > 0
        self._require(distinct, "methods", "one or more names, none of them twice")
        self._require(self.sequence is None or bool(self.sequence), "sequence", "a name or null")
        for name in ("seconds", "wrong_mm", "wrong_alpha"):
            self._require(0 < getattr(self, name) < float("inf"), name, "positive and finite")
