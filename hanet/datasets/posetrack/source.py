"""Where both years of PoseTrack come from."""

from __future__ import annotations

from hanet.datasets.common.source import DatasetSource
from hanet.download.by_hand import ManualFile

_POSETRACK_TERMS = (
    "For non-commercial research after registration; annotations and frames of videos whose rights stay with "
    "their owners. Cite the paper."
)

_POSETRACK_PAPER = (
    "Andriluka, Iqbal, Insafutdinov, Pishchulin, Milan, Gall and Schiele: PoseTrack: A Benchmark for Human "
    "Pose Estimation and Tracking. CVPR 2018"
)

POSETRACK2017 = DatasetSource(
    title="PoseTrack 2017",
    home_page="https://posetrack.net",
    published="514 videos, 66,374 frames at 25 fps, sparsely labelled; 15 keypoints of several "
    "people, pixels",
    terms=_POSETRACK_TERMS,
    access="account",
    citation="andriluka2018posetrack",
    reference=_POSETRACK_PAPER,
    manual=(
        ManualFile(
            "posetrack_2017_annotations.zip",
            "https://posetrack.net",
            (
                "register and log in; the site has long outages, so try again on another day",
                "download the annotations of the 2017 challenge, without the images",
                "make one archive of their JSON files, one file per video, in folders train and val: "
                "zip -r posetrack_2017_annotations.zip train val",
            ),
            members=("train/*.json", "val/*.json"),
        ),
    ),
    environment="HANET_POSETRACK2017_FOLDER",
    contents={"posetrack_2017_annotations.zip": ("train/*.json", "val/*.json")},
)

POSETRACK2018 = DatasetSource(
    title="PoseTrack 2018",
    home_page="https://posetrack.net",
    published="1,138 videos, 153,615 poses at 25 fps, sparsely labelled; 15 of 17 keypoints of "
    "several people, pixels",
    terms=_POSETRACK_TERMS,
    access="account",
    citation="andriluka2018posetrack",
    reference=_POSETRACK_PAPER,
    manual=(
        ManualFile(
            "posetrack18_v0.45_public_labels.tar.gz",
            "https://posetrack.net",
            (
                "register and log in; the site has long outages, so try again on another day",
                "among the PoseTrack18 downloads take the labels, version 0.45, without the images",
            ),
            members=("posetrack_data/*/*/*.json",),
        ),
    ),
    environment="HANET_POSETRACK2018_FOLDER",
    contents={
        "posetrack18_v0.45_public_labels.tar.gz": ("annotations/train/*.json", "annotations/val/*.json")
    },
)
