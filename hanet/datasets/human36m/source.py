"""Where Human3.6M comes from."""

from __future__ import annotations

from hanet.datasets.common.source import DatasetSource
from hanet.download.by_hand import ManualFile

HUMAN36M_SUBJECTS = (1, 5, 6, 7, 8, 9, 11)
"""Subjects whose poses are released."""


def _human36m(subject: int) -> ManualFile:
    return ManualFile(
        f"Poses_D3_Positions_S{subject}.tgz",
        "http://vision.imar.ro/human3.6m/",
        (
            "register with the address of an academic institution, sign the agreement and wait for approval",
            "log in and open the downloads by subject",
            "under Poses, take D3 Positions of subjects 1, 5, 6, 7, 8, 9 and 11",
        ),
        members=("*/MyPoseFeatures/D3_Positions/*.cdf",),
    )


HUMAN36M = DatasetSource(
    title="Human3.6M",
    home_page="http://vision.imar.ro/human3.6m/",
    published="50 fps, four cameras, 17 of 32 joints in 3D; 1,559,752 camera frames to train on (five "
    "subjects), 543,344 to test on (two)",
    terms="For academic research only, after signing an agreement; no redistribution. "
    "Cite both papers that the site names.",
    access="account",
    citation="ionescu2014human36m",
    reference="Ionescu, Papava, Olaru and Sminchisescu: Human3.6M: Large Scale Datasets and Predictive "
    "Methods for 3D Human Sensing in Natural Environments. TPAMI 2014",
    manual=(
        *(_human36m(subject) for subject in HUMAN36M_SUBJECTS),
        ManualFile(
            "metadata.xml",
            "http://vision.imar.ro/human3.6m/",
            (
                "log in and download the code of the release",
                "take the file metadata.xml out of its archive: it holds the cameras",
            ),
        ),
    ),
    environment="HANET_HUMAN36M_FOLDER",
    contents={
        f"Poses_D3_Positions_S{subject}.tgz": (f"S{subject}/MyPoseFeatures/D3_Positions/*.cdf",)
        for subject in HUMAN36M_SUBJECTS
    },
)
