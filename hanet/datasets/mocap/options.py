"""Options of motion capture: the embedded clips, and CMU's database."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, field_validator

from hanet.datasets.common.options import DatasetSection, Ingest, Packages, Remote
from hanet.options import SPLITS, Section, Seed, Texts, once, three_splits


class Cameras(Section):
    """Virtual cameras around a clip: how many, how far (metres), how far off its middle they look."""

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
    """What no body does: joints faster than this (m/s), bones off their median length by this share."""

    max_speed: float = Field(gt=0)
    max_stretch: float = Field(gt=0)
    min_frames: int = Field(ge=3)


class MocapIngest(Section):
    """Clips of motion capture to ground truth seen by virtual cameras; `source` is for the estimator."""

    fps: float = Field(gt=0)
    seed: Seed
    source_cameras: Cameras
    target_cameras: Cameras
    glitches: Glitches


class ClipsIngest(MocapIngest):
    """Splits by clip."""

    splits: Annotated[dict[str, Texts], AfterValidator(three_splits)]


class Clips(DatasetSection):
    """The embedded data set of motion capture clips."""

    estimates: ClassVar[tuple[str, ...]] = ("fcn", "regressor")
    kind: Literal["clips"]
    download: Packages
    ingest: ClipsIngest


def _with_source(value: dict[str, list[int]]) -> dict[str, list[int]]:
    if set(value) - {"source"} != set(SPLITS):
        raise ValueError(
            f"expected the splits {', '.join(SPLITS)}, and source where an estimator is trained, got "
            f"{', '.join(value)}"
        )
    once([subject for subjects in value.values() for subject in subjects])
    return value


class CmuIngest(MocapIngest, Ingest):
    """CMU motion capture: trials of some subjects.

    `rates` are frames a second of trials and subjects that were not recorded at 120.
    """

    rates: dict[str, float] = Field(default_factory=dict)
    splits: Annotated[dict[str, Annotated[list[int], Field(min_length=1)]], AfterValidator(_with_source)]


class Cmu(DatasetSection):
    """CMU motion capture, 3D in virtual cameras."""

    estimates: ClassVar[tuple[str, ...]] = ("fcn", "regressor")
    kind: Literal["cmu"]
    download: Remote
    ingest: CmuIngest
