"""Where UI-PRMD comes from."""

from __future__ import annotations

from hanet.datasets.common.source import DatasetSource
from hanet.download.by_hand import ManualFile

_UIPRMD_RECORDED = ("Kinect/Positions", "Kinect/Angles", "Vicon/Positions")

UIPRMD = DatasetSource(
    title="UI-PRMD: University of Idaho Physical Rehabilitation Movement Data",
    home_page="https://webpages.uidaho.edu/ui-prmd/",
    published="10 movements of 10 subjects, 10 times each; Kinect v2 at 30 Hz (22 joints) and Vicon "
    "at 100 Hz (39 markers)",
    terms="Public domain (PDDL 1.0). Cite the paper.",
    access="open",
    citation="vakanski2018data",
    reference="Vakanski, Jun, Paul and Baker: A Data Set of Human Body Movements for Physical Rehabilitation "
    "Exercises. Data 2018, 3(1), 2",
    manual=(
        ManualFile(
            "Segmented Movements.zip",
            "https://webpages.uidaho.edu/ui-prmd/",
            (
                "no account is needed; where the site does not answer, try again on another day",
                "download Segmented Movements (not the incorrect ones), and keep the archive's name",
            ),
            members=tuple(f"Segmented Movements/{recorded}/*.txt*" for recorded in _UIPRMD_RECORDED),
        ),
    ),
    environment="HANET_UIPRMD_FOLDER",
    contents={
        "Segmented Movements.zip": tuple(
            f"Segmented Movements/{recorded}/*.txt*" for recorded in _UIPRMD_RECORDED
        )
    },
)
