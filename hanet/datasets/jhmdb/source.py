"""Where Sub-JHMDB comes from."""

from __future__ import annotations

from hanet.datasets.common.source import DatasetSource
from hanet.download.remote import RemoteFile


def _jhmdb(name: str) -> RemoteFile:
    return RemoteFile(
        name,
        (f"https://files.is.tue.mpg.de/jhmdb/{name}", f"http://files.is.tue.mpg.de/jhmdb/{name}"),
        help="see the downloads listed at http://jhmdb.is.tue.mpg.de",
    )


SUB_JHMDB = DatasetSource(
    title="Sub-JHMDB: the clips of J-HMDB in which the whole body is in view",
    home_page="http://jhmdb.is.tue.mpg.de",
    published="316 clips of 12 actions, 11,200 frames of 320×240 at about 25 fps; 15 keypoints, "
    "pixels; three official splits",
    terms="Free for research; the clips are those of HMDB51, collected from films and the web, whose rights "
    "stay with their owners. Cite the paper.",
    access="open",
    citation="jhuang2013towards",
    reference="Jhuang, Gall, Zuffi, Schmid and Black: Towards Understanding Action Recognition. ICCV 2013",
    remote=(_jhmdb("joint_positions.zip"), _jhmdb("sub_splits.zip"), _jhmdb("puppet_mask.zip")),
    contents={
        "joint_positions.zip": ("joint_positions/*/*/joint_positions.mat",),
        "sub_splits.zip": ("sub_splits/*_test_split?.txt",),
        "puppet_mask.zip": ("puppet_mask/*/*/puppet_mask.mat",),
    },
)
