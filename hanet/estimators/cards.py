"""What there is to know of each estimator before it runs: source, input, terms, where its weights come from.

Weights are never part of this repository: their terms are between their authors and the user, who names a
file or an address in params.yaml. The addresses here are those of the official pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hanet.files.hashing import file_hash


@dataclass(frozen=True, kw_only=True)
class Card:
    """One estimator.

    Attributes:
        name: as in parameters and tables.
        paper: authors, title, venue.
        data_sets: what HANet's paper pairs it with.
        needs: what it takes.
        gives: what comes out.
        licence: of the code, and the terms of weights and body models.
        files: names under which the official weights are distributed.
        layout: how the file holds the network's tensors.
        address: where the official page says the files are.
        reported: what users report about the address, or ``""``.
        how: what to do to have it.
    """

    name: str
    paper: str
    data_sets: tuple[str, ...]
    needs: str
    gives: str
    licence: str
    files: tuple[str, ...]
    layout: str
    address: str
    reported: str = ""
    how: str


_DRIVE_FOLDER = "https://drive.google.com/drive/folders/"
_DRIVE_FILE = "https://drive.google.com/file/d/"
_NAMED = (
    "Download it in a browser, having read the terms, and name it as `weights` of an experiment's estimate "
    "in params.yaml."
)
_OTHERS = "Where it cannot be had, use poses that others computed: the released DeciWatch or SmoothNet files."
_SMPL = "the SMPL body model is licensed apart, at https://smpl.is.tue.mpg.de"

CARDS = {
    card.name: card
    for card in (
        Card(
            name="simplebaseline",
            paper="Xiao et al., Simple baselines for human pose estimation and tracking, ECCV 2018",
            data_sets=("Sub-JHMDB",),
            needs="images and person boxes",
            gives="MPII-16 or COCO-17 keypoints, pixels",
            licence="code MIT; weights for research purposes",
            files=("pose_resnet_101_384x384.pth.tar", "pose_resnet_50_256x192.pth.tar"),
            layout="a state dict; of training runs under state_dict, names begin with module.",
            address=f"{_DRIVE_FOLDER}13_wJ6nC7my1KKouMkQMqyr9r1ZnLnukP",
            how=_NAMED,
        ),
        Card(
            name="dcpose",
            paper="Liu et al., Deep dual consecutive network for human pose estimation, CVPR 2021",
            data_sets=("PoseTrack2017", "PoseTrack2018"),
            needs="images with their neighbours, and person boxes",
            gives="PoseTrack-17 keypoints, pixels",
            licence="the repository states none: ask the authors before use beyond reading",
            files=("PoseTrack17_DCPose.pth",),
            layout="state_dict, names begin with module.",
            address=f"{_DRIVE_FOLDER}1VPcwo9jVhnJpf5GVwR2-za1PFE6bCOXE",
            reported="dead (404)",
            how=f"Ask the authors for the file and name it as `weights` in params.yaml. {_OTHERS}",
        ),
        Card(
            name="fcn",
            paper="Martinez et al., A simple yet effective baseline for 3d human pose estimation, ICCV 2017",
            data_sets=("Human3.6M",),
            needs="2D keypoints of Human3.6M-17",
            gives="16 root-relative joints, camera frame",
            licence="code MIT",
            files=("gt_ckpt_best.pth.tar",),
            layout="state_dict, with the statistics of stat_3d beside it",
            address=f"{_DRIVE_FILE}1NUY8oZoLKY9DP63Jg_ZE96_DEJKiVvRp",
            how=(
                "Needs no download: the estimate stage trains it in minutes from a data set's keypoints and "
                "joints, on their skeleton. Or name the file and its stat_3d.pth.tar as `weights` and "
                "`statistics` in params.yaml."
            ),
        ),
        Card(
            name="spin",
            paper=(
                "Kolotouros et al., Learning to reconstruct 3D human pose and shape via model-fitting in the "
                "loop, ICCV 2019"
            ),
            data_sets=("AIST++", "3DPW"),
            needs="images and person boxes",
            gives="SMPL rotations and shape, weak camera",
            licence=f"code BSD-3-Clause; {_SMPL}",
            files=("model_checkpoint.pt",),
            layout="under model, names as they are",
            address="http://visiondata.cis.upenn.edu/spin/model_checkpoint.pt",
            reported="dead since May 2025",
            how=f"Ask the authors for the file and name it as `weights` in params.yaml. {_OTHERS}",
        ),
        Card(
            name="pare",
            paper="Kocabas et al., PARE: Part attention regressor for 3D human body estimation, ICCV 2021",
            data_sets=("3DPW",),
            needs="images and person boxes",
            gives="SMPL rotations and shape, weak camera",
            licence=f"Max Planck, non-commercial, no redistribution; {_SMPL}",
            files=("pare_checkpoint.ckpt",),
            layout="state_dict, names begin with model.; SMPL's own data in it is left out",
            address=f"{_DRIVE_FILE}1qIq0CBBj-O6wVc9nJXG-JDEtWPzRQ4KC",
            how=_NAMED,
        ),
        Card(
            name="mediapipe",
            paper=(
                "Grishchenko et al., BlazePose GHUM holistic: Real-time 3D human landmarks and pose "
                "estimation, CVPR workshop 2022"
            ),
            data_sets=("any video: hanet estimate VIDEO",),
            needs="a video of one person",
            gives="Human3.6M-17 joints, camera frame, and COCO-17 keypoints",
            licence="code and models Apache-2.0",
            files=("pose_landmark_full.tflite",),
            layout="inside the package mediapipe 0.10.21, which reads it itself",
            address="https://github.com/google-ai-edge/mediapipe",
            how="Needs no download of weights: `make mediapipe` installs the package, which has the model.",
        ),
    )
}
"""Estimators by name."""


@dataclass(frozen=True)
class Weights:
    """A file of weights that was found."""

    path: Path
    sha256: str


def find_weights(card: Card, folder: Path) -> list[Weights]:
    """The official files of an estimator anywhere below `folder`, by name, with their SHA-256."""
    paths = sorted(path for name in card.files for path in folder.rglob(name) if path.is_file())
    return [Weights(path, file_hash(path)) for path in paths]
