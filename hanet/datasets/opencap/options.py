"""Options of OpenCap's samples."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from hanet.datasets.common.copied import RemoteOrFolder
from hanet.datasets.common.options import DatasetSection, Ingest
from hanet.options import Names

TRIALS = ("squat", "walk", "STS", "walk_ts")
"""Published trials with markers, WHAM and OpenCap Monocular."""


class OpenCapIngest(Ingest):
    """OpenCap's samples: all of them are the test split.

    Attributes:
        estimator: whose recorded output is refined.
        trials: names; those that the raw files lack are left out.
        max_lag: frames of the estimator by which it may be late or early.
    """

    estimator: Literal["wham", "mono", "mediapipe"]
    trials: Names = Field(default=list(TRIALS))
    max_lag: int = Field(default=10, ge=0)


class OpenCap(DatasetSection):
    """OpenCap's samples: marker-based joints and recorded estimators; for tests only."""

    estimates: ClassVar[tuple[str, ...]] = ("recorded",)
    kind: Literal["opencap"]
    download: RemoteOrFolder
    ingest: OpenCapIngest
