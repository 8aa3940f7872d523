"""Where the data sets come from: publishers, terms, files, what a user has to do for them.

Facts only, nothing is fetched or decided here: `hanet.download.fetch` takes the remote files and
`hanet.download.by_hand` the manual ones. Hashes and sizes that no publisher states are None and recorded on
first use. Terms are summarised to help plan; the text on the publisher's own page is binding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from hanet.download.by_hand import ManualFile
from hanet.download.remote import RemoteFile


@dataclass(frozen=True)
class DatasetSource:
    """A data set as its publisher offers it.

    Attributes:
        title: full name.
        home_page: the publisher's page.
        terms: what the licence allows, in short.
        access: ``open``; ``agreement``, where terms are to be accepted first; ``account``, where one has to
            register.
        citation: key of the reference.
        reference: the paper.
        remote: files that can be fetched.
        manual: files that the user has to get.
        environment: variable that may name the user's folder of manual files; empty where there are none.
        published: what there is of it, by its publisher and paper.
        contents: what is unpacked of an archive, by its name: patterns as for `hanet.download.unpack.unpack`;
            a file that is not named is used as it is.
    """

    title: str
    home_page: str
    terms: str
    access: Literal["open", "agreement", "account"]
    citation: str
    reference: str
    remote: tuple[RemoteFile, ...] = ()
    manual: tuple[ManualFile, ...] = ()
    environment: str = ""
    published: str = ""
    contents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def files(self) -> tuple[RemoteFile | ManualFile, ...]:
        """All files, those to be fetched first."""
        return (*self.remote, *self.manual)

    def __post_init__(self) -> None:
        if not self.remote and not self.manual:
            raise ValueError(f"{self.title}: names no file")
        if bool(self.manual) != bool(self.environment):
            raise ValueError(
                f"{self.title}: environment names the folder of manual files: give both or neither"
            )
        if unknown := sorted(set(self.contents) - {file.name for file in self.files}):
            raise ValueError(f"{self.title}: contents of files that it has not: {', '.join(unknown)}")


HUMAN36M_SUBJECTS = (1, 5, 6, 7, 8, 9, 11)
"""Those whose poses are released."""


def _jhmdb(name: str) -> RemoteFile:
    return RemoteFile(
        name,
        (f"https://files.is.tue.mpg.de/jhmdb/{name}", f"http://files.is.tue.mpg.de/jhmdb/{name}"),
        help="see the downloads listed at http://jhmdb.is.tue.mpg.de",
    )


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
                "make one archive of their JSON files, a video a file, in folders train and val: "
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

CMU = DatasetSource(
    title="CMU Graphics Lab Motion Capture Database",
    home_page="http://mocap.cs.cmu.edu",
    published="trials of over a hundred subjects, 31 bones, 120 fps but for a few",
    terms="Free for all uses, also in products, but the data themselves may not be sold; the site asks for "
    "an acknowledgement of mocap.cs.cmu.edu and NSF EIA-0196217.",
    access="open",
    citation="cmu2003mocap",
    reference="CMU Graphics Lab Motion Capture Database, mocap.cs.cmu.edu. Funded by NSF EIA-0196217",
    remote=(
        RemoteFile(
            "allasfamc.zip",
            ("http://mocap.cs.cmu.edu/allasfamc.zip",),
            help="the page http://mocap.cs.cmu.edu offers it as all asf/amc files",
        ),
    ),
    contents={"allasfamc.zip": ("subjects/*/*.asf", "subjects/*/*.amc")},
)

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

SOURCES: Mapping[str, DatasetSource] = MappingProxyType(
    {
        "sub-jhmdb-1": SUB_JHMDB,
        "sub-jhmdb-2": SUB_JHMDB,
        "sub-jhmdb-3": SUB_JHMDB,
        "sub-jhmdb-pooled": SUB_JHMDB,
        "posetrack2017": POSETRACK2017,
        "posetrack2018": POSETRACK2018,
        "human36m": HUMAN36M,
        "pw3d": PW3D,
        "aist": AISTPP,
        "cmu": CMU,
        "uiprmd-raw": UIPRMD,
    }
)
"""Every data set's source by the name that it has in params.yaml."""


def source_of(dataset: str) -> DatasetSource | None:
    """The source of a data set by its name, or by that of a variant such as ``sub-jhmdb-pooled``."""
    names = [name for name in SOURCES if dataset == name or dataset.startswith(f"{name}-")]
    return SOURCES[max(names, key=len)] if names else None
