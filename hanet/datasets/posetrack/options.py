"""Options of PoseTrack2017 and 2018."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hanet.datasets.common.options import DatasetSection, Folder, Ingest, Share
from hanet.options import Seed


class PoseTrackIngest(Ingest):
    """PoseTrack: the test split is the official validation videos; validation videos are held out of
    training.
    """

    val_share: Share = 0.1
    seed: Seed


class PoseTrack17Ingest(PoseTrackIngest):
    """Like `PoseTrackIngest`; 2017's labels lack image sizes, by which keypoints are scaled for refinement.

    `image_size` (width, height) applies to all videos. It only sets the scale: PCK and mAP are in pixels.
    """

    image_size: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] = (1280, 720)


class PoseTrack17(DatasetSection):
    """PoseTrack 2017, 2D."""

    kind: Literal["posetrack17"]
    download: Folder
    ingest: PoseTrack17Ingest


class PoseTrack18(DatasetSection):
    """PoseTrack 2018, 2D."""

    kind: Literal["posetrack18"]
    download: Folder
    ingest: PoseTrackIngest
