"""Where 3DPW comes from."""

from __future__ import annotations

from hanet.datasets.common.source import DatasetSource
from hanet.download.by_hand import ManualFile

PW3D = DatasetSource(
    title="3DPW: 3D Poses in the Wild",
    home_page="https://virtualhumans.mpi-inf.mpg.de/3DPW/",
    published="30 fps, SMPL and 24 joints in 3D; 22,735 frames of 34 people to train on, 35,515 of "
    "37 to test on",
    terms="For non-commercial research, after accepting the licence on the page; no redistribution. Cite the "
    "paper. Bodies are SMPL's, whose model has a licence of its own.",
    access="agreement",
    citation="vonmarcard2018recovering",
    reference="von Marcard, Henschel, Black, Rosenhahn and Pons-Moll: Recovering Accurate 3D Human Pose in "
    "the Wild Using IMUs and a Moving Camera. ECCV 2018",
    manual=(
        ManualFile(
            "sequenceFiles.zip",
            "https://virtualhumans.mpi-inf.mpg.de/3DPW/license.html",
            (
                "read and accept the licence",
                "download sequenceFiles.zip; imageFiles.zip is not needed",
            ),
            members=(
                "sequenceFiles/train/*.pkl",
                "sequenceFiles/validation/*.pkl",
                "sequenceFiles/test/*.pkl",
            ),
        ),
    ),
    environment="HANET_3DPW_FOLDER",
    contents={"sequenceFiles.zip": ("train/*.pkl", "validation/*.pkl", "test/*.pkl")},
)
