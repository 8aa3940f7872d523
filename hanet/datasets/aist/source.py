"""Where AIST++ comes from."""

from __future__ import annotations

from hanet.datasets.common.source import DatasetSource
from hanet.download.remote import RemoteFile

AISTPP = DatasetSource(
    title="AIST++: 3D dance motion of the AIST Dance Video Database",
    home_page="https://google.github.io/aistplusplus_dataset/",
    published="60 fps, nine cameras, SMPL and 17 joints in 3D; 5,916,474 camera frames to train on, "
    "2,882,640 to test on",
    terms="Annotations CC BY 4.0, Google LLC. The videos, not used here, have terms of their own at "
    "aistdancedb.ongaaccel.jp. Cite both papers that the site names.",
    access="open",
    citation="li2021ai",
    reference="Li, Yang, Ross and Kanazawa: AI Choreographer: Music Conditioned 3D Dance Generation with "
    "AIST++. ICCV 2021",
    remote=(
        RemoteFile(
            "fullset.zip",
            ("https://storage.googleapis.com/aist_plusplus_public/20210308/fullset.zip",),
            help="the page https://google.github.io/aistplusplus_dataset/download.html links it after its "
            "terms; a browser may have to be logged in to a Google account",
        ),
    ),
    contents={
        "fullset.zip": (
            *("keypoints2d/*.pkl", "keypoints3d/*.pkl", "motions/*.pkl"),
            *("cameras/mapping.txt", "cameras/*.json", "splits/pose_*.txt", "ignore_list.txt"),
        )
    },
)
