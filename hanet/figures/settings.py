"""What the figures of an experiment show."""

from __future__ import annotations

from dataclasses import dataclass

from hanet.models.config import Settings


@dataclass(frozen=True)
class FigureSettings(Settings):
    """Choices that the figures of an experiment leave open; each figure's caption repeats those it used.

    Attributes:
        methods: the methods of curves, skeletons and video, in this order; those a run lacks are skipped.
        sequence: the test sequence to show; None takes the one whose input error is the median, so that
            nobody picks a flattering one.
        seconds: length of the video, around the worst of the input's error-prone spans.
        wrong_mm: a 3D joint is wrong from this distance to the ground truth on, roots aligned; 150 mm is
            the threshold of 3DPCK.
        wrong_alpha: a keypoint is wrong beyond this share of the longer side of the person's box, as in PCK.

    Raises:
        ValueError: naming the field, what it may be and what came.
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
