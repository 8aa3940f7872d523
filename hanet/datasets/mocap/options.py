"""Options of motion capture: the embedded clips, and CMU's database."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from hanet.datasets.common.options import DatasetSection, Ingest, Packages, Remote
from hanet.datasets.mocap.packages import CLIPS
from hanet.options import SPLITS, Name, Section, Seed, Texts, once


class Cameras(Section):
    """Virtual cameras around a clip: their number, distance (metres), and offset of the point that they look
    at.
    """

    count: int = Field(ge=1)
    distance: tuple[float, float]
    off_centre: float = Field(ge=0)

    @field_validator("distance")
    @classmethod
    def _distance(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not 0 < value[0] <= value[1]:
            raise ValueError(f"expected [nearest, farthest] in metres, above 0, got {list(value)}")
        return value


class Glitches(Section):
    """Impossible motion: joints faster than this (m/s), bones off their median length by this share."""

    max_speed: float = Field(gt=0)
    max_stretch: float = Field(gt=0)
    min_frames: int = Field(ge=3)


class Variation(Section):
    """What each camera of a clip sees changed.

    `bones`: lengths, by a random share up to this; `limb_degrees`: the direction of each bone of the limbs,
    up to this angle; `tilt_degrees`: the whole clip, against the ground, up to this angle.
    """

    bones: float = Field(ge=0, lt=1)
    limb_degrees: float = Field(ge=0, le=180)
    tilt_degrees: float = Field(ge=0, le=180)


class MocapIngest(Section):
    """Motion capture clips as ground truth in virtual cameras; `source` trains the estimator.

    `train_cameras`: those of split train, where they are not `target_cameras`. Each camera of a source or
    training clip sees another body where the split has a variation.
    """

    fps: float = Field(gt=0)
    seed: Seed
    source_cameras: Cameras
    target_cameras: Cameras
    train_cameras: Cameras | None = None
    source_variation: Variation | None = None
    train_variation: Variation | None = None
    glitches: Glitches

    def seen_by(self, split: str) -> tuple[Cameras, Variation | None]:
        """The cameras of a split, and what each of them sees changed."""
        if split == "source":
            return self.source_cameras, self.source_variation
        if split == "train":
            return self.train_cameras or self.target_cameras, self.train_variation
        return self.target_cameras, None


def _with_source(value: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The three splits, with or without source; or source and one of them, for an estimator alone."""
    others = set(value) - {"source"}
    if others != set(SPLITS) and not ("source" in value and len(others) == 1 and others < set(SPLITS)):
        raise ValueError(
            f"expected the splits {', '.join(SPLITS)}, and source where an estimator is trained, got "
            f"{', '.join(value)}"
        )
    once([person for people in value.values() for person in people])
    return value


class ClipsIngest(MocapIngest, Ingest):
    """Splits by person.

    `people` says who moves in which clips (patterns of names, as for files). Each person is in one split;
    those of `source`, where there is one, are for an estimator trained here; those of `left_out` in none.
    With `hold_out`, the test split is that person, and everyone else of train and test trains.
    """

    people: dict[Name, Texts]
    splits: Annotated[dict[str, Texts], AfterValidator(_with_source)]
    left_out: list[Name] = Field(default_factory=list)
    hold_out: Name | None = None

    @model_validator(mode="after")
    def _everybody(self) -> ClipsIngest:
        placed = [*self.left_out, *(person for people in self.splits.values() for person in people)]
        once(placed)
        if unknown := sorted(set(placed) - set(self.people)):
            raise ValueError(f"splits name people that are not there: {', '.join(unknown)}")
        if missing := sorted(set(self.people) - set(placed)):
            raise ValueError(f"people in no split: {', '.join(missing)}; name them under splits or left_out")
        if self.hold_out is not None and self.hold_out not in self._others():
            raise ValueError(f"hold_out: {self.hold_out} is neither in train nor in test")
        return self

    def _others(self) -> list[str]:
        return [*self.splits.get("train", ()), *self.splits.get("test", ())]

    @property
    def split_of(self) -> dict[str, str]:
        """The split of each person who is in one."""
        found = {person: split for split, people in self.splits.items() for person in people}
        if self.hold_out is not None:
            found |= dict.fromkeys(self._others(), "train") | {self.hold_out: "test"}
        return found


class Clips(DatasetSection):
    """The embedded data set of motion capture clips."""

    estimates: ClassVar[tuple[str, ...]] = ("fcn", "regressor")
    kind: Literal["clips"]
    download: Packages = Packages(archives=CLIPS)
    ingest: ClipsIngest


class CmuIngest(MocapIngest, Ingest):
    """CMU motion capture: trials of some subjects.

    `rates` are frames per second of trials and subjects that were not recorded at 120 fps.
    """

    rates: dict[str, float] = Field(default_factory=dict)
    splits: Annotated[dict[str, Annotated[list[int], Field(min_length=1)]], AfterValidator(_with_source)]


class Cmu(DatasetSection):
    """CMU motion capture, 3D in virtual cameras."""

    estimates: ClassVar[tuple[str, ...]] = ("fcn", "regressor")
    kind: Literal["cmu"]
    download: Remote
    ingest: CmuIngest
