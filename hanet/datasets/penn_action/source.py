"""Where Penn Action comes from."""

from __future__ import annotations

from hanet.datasets.common.source import DatasetSource
from hanet.download.by_hand import ManualFile

LABELS = "labels/*.mat"
"""The files that are read, below the folder ``Penn_Action``."""

PENN_ACTION = DatasetSource(
    title="Penn Action: people doing 15 sports, from videos of the web",
    home_page="http://dreamdragon.github.io/PennAction/",
    published="2,326 clips of 15 actions, 163,841 frames; 13 keypoints with visibility, boxes, an official "
    "split by clip",
    terms="For research; no licence is stated, and the videos' rights stay with their owners. Nothing that "
    "is trained on it comes with this package. Cite the paper.",
    access="open",
    citation="zhang2013actemes",
    reference="Zhang, Zhu and Derpanis: From Actemes to Action: A Strongly-supervised Representation for "
    "Detailed Action Understanding. ICCV 2013",
    manual=(
        ManualFile(
            "Penn_Action.tar.gz",
            "http://dreamdragon.github.io/PennAction/",
            (
                "no account is needed; the archive has 3 GB, most of it images, of which none is read",
                "download Penn_Action.tar.gz and keep its name; or unpack it, and set download.folder to the "
                "folder Penn_Action",
            ),
            members=(f"Penn_Action/{LABELS}",),
        ),
    ),
    environment="HANET_PENN_ACTION_FOLDER",
    contents={"Penn_Action.tar.gz": (f"Penn_Action/{LABELS}",)},
)
