"""MediaPipe's pose model (BlazePose GHUM, Bazarevsky et al. 2020, Grishchenko et al. 2022) on a video.

The models ship inside published packages, which are fetched for them and not installed
(`hanet.estimators.mediapipe.models`); LiteRT runs them (`hanet.estimators.mediapipe.blazepose`). They track
one person.

Axes: T frames, 33 landmarks.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from hanet.cache.files import CacheMetadata, CacheWriter
from hanet.estimators.common.joint_mixes import JointMix, joint_mix
from hanet.estimators.mediapipe.blazepose import LiteRT
from hanet.estimators.mediapipe.engine import Worker, session
from hanet.estimators.mediapipe.models import ModelName
from hanet.estimators.mediapipe.video import Video
from hanet.estimators.mediapipe.worker import LANDMARKS
from hanet.files.hashing import file_hash
from hanet.formats.linking import MAX_DISTANCE
from hanet.poses.sequence import PoseSequence, SequenceFields
from hanet.poses.skeletons import COCO17, H36M17, Skeleton

THREADS = 4
"""Of the networks at most, where one video is read at a time."""


def _landmarks() -> tuple[str, ...]:
    eyes = [f"{side}_eye{part}" for side in "lr" for part in ("_inner", "", "_outer")]
    pairs = ["ear", "mouth", "shoulder", "elbow", "wrist", "pinky", "index", "thumb"]
    pairs += ["hip", "knee", "ankle", "heel", "foot_index"]
    return ("nose", *eyes, *(f"{side}_{part}" for part in pairs for side in "lr"))


LANDMARKS33 = Skeleton("mediapipe33", _landmarks(), parents=(-1,) * LANDMARKS, root=(23, 24))
"""MediaPipe's landmarks as loose points: not stored or drawn as a skeleton."""

TO_COCO17: JointMix = joint_mix("mediapipe33_to_coco17", LANDMARKS33, COCO17, {})

_HIPS = {"l_hip": 0.5, "r_hip": 0.5}
_SHOULDERS = {"l_shoulder": 0.5, "r_shoulder": 0.5}
_EARS_FROM_SHOULDERS = {"l_ear": 0.8, "r_ear": 0.8, "l_shoulder": -0.3, "r_shoulder": -0.3}
TO_H36M17: JointMix = joint_mix(
    "mediapipe33_to_h36m17_guessed",
    LANDMARKS33,
    H36M17,
    {
        "pelvis": _HIPS,
        "spine": dict.fromkeys((*_HIPS, *_SHOULDERS), 0.25),
        "thorax": _SHOULDERS,
        "head_top": _EARS_FROM_SHOULDERS,
    },
)
"""Limbs and nose by name. The trunk is our guess: pelvis midway between the hips, thorax midway between the
shoulders, spine midway between the two. The crown of the head lies beyond the ears by 0.6 of their distance
from the shoulders."""


@dataclass(frozen=True)
class Estimate:
    """MediaPipe's estimate for a video; frames without a detection are NaN and not labelled.

    Attributes:
        joints: 3D, Human3.6M's 17 joints, metres from the pelvis, the camera's axes (x right, y down, z away
            from the camera). MediaPipe assumes a distant camera: they are without perspective.
        keypoints: COCO's 17 keypoints, pixels of the upright frame.
        seen: share of frames with a detection.
        starts: rows at which a new person starts, by `changes`; the first is 0.
        provenance: SHA-256 of video and models, versions, settings.
    """

    joints: PoseSequence
    keypoints: PoseSequence
    seen: float
    starts: list[int]
    provenance: dict[str, Any]

    def lines(self) -> list[str]:
        """What was found, for a user."""
        first = f"{len(self.joints)} frames at {self.joints.fps:.6g} fps, a person in {self.seen:.1%}"
        if len(self.starts) == 1:
            return [first]
        at = ", ".join(map(str, self.starts[1:]))
        return [
            first,
            f"MediaPipe switched to another person at frame {at}: tracks 0 to {len(self.starts) - 1}",
        ]

    def tracks(self, poses: PoseSequence) -> list[PoseSequence]:
        """`joints` or `keypoints`, split where a new person starts, as tracks 0, 1, …"""
        cuts = zip(self.starts, [*self.starts[1:], len(poses)], strict=True)
        return [replace(poses.part(slice(*cut)), track=number) for number, cut in enumerate(cuts)]

    def save(self, joints: Path, keypoints: Path | None) -> list[tuple[Path, PoseSequence]]:
        """Write both as caches, the second one where it is wanted; returns files and poses."""
        wanted = [(joints, self.joints)]
        wanted += [] if keypoints is None else [(keypoints, self.keypoints)]
        for path, poses in wanted:
            self.write(path, poses)
        return wanted

    def write(self, path: Path, poses: PoseSequence) -> None:
        """Write `joints` or `keypoints` as a cache, split into `tracks`."""
        metadata = CacheMetadata.of(
            poses, dataset=poses.name, split="video", estimator="mediapipe", provenance=self.provenance
        )
        with CacheWriter(path, metadata) as writer:
            for track in self.tracks(poses):
                writer.write(track)


def estimate(
    video: Video,
    python: Path | None,
    *,
    model: ModelName = "full",
    smooth: bool = False,
    track: Callable[[Iterable[Any]], Iterable[Any]] = lambda frames: frames,
) -> Estimate:
    """Estimate the poses of the person that MediaPipe tracks in a video.

    Args:
        video: the video.
        python: as `hanet.estimators.mediapipe.engine.find_python` returns it.
        model: which network places the landmarks.
        smooth: filter the landmarks over time. Off by default: the filter assumes 30 fps and adds lag, and
            refinement smooths the poses anyway.
        track: passes frames through and shows progress.

    Raises:
        MediaPipeError: the process cannot start or ended, or has no such model.
        ValueError: the video is damaged, or nobody is detected in it.
    """
    threads = min(THREADS, os.cpu_count() or 1)
    with session(python, video.size, smooth=smooth, model=model, threads=threads) as worker:
        found = np.stack(list(_detections(worker, track(video.images()))))
        about = worker.about
    seen = np.isfinite(found).all(axis=(1, 2))
    if not seen.any():
        raise ValueError(
            f"{video.path}: MediaPipe sees nobody in any of its {len(found)} frames; it needs one person, "
            "not too small in the picture, most of the body in view"
        )
    keypoints = TO_COCO17(keypoints_of(found, video))
    settings = {
        "model": model,
        "smooth": smooth,
        "fps": str(video.fps),
        "conversions": [TO_H36M17.name, TO_COCO17.name],
    }
    return Estimate(
        joints=TO_H36M17(joints_of(found, video)).root_relative(),
        keypoints=keypoints,
        seen=float(seen.mean()),
        starts=[0, *changes(keypoints)],
        provenance={"video_sha256": file_hash(video.path), **settings, **about},
    )


def changes(keypoints: PoseSequence) -> list[int]:
    """Rows at which MediaPipe probably switched to another person, recognised by a jump.

    A jump is a mean distance of the keypoints of more than `MAX_DISTANCE` times the person's size per 1/25 s
    since the last detection; the size is the longer side of their bounding box.
    """
    seen = np.flatnonzero(np.isfinite(keypoints.values).all(axis=(1, 2)))
    values = keypoints.values[seen].astype(np.float64)
    moved = np.linalg.norm(np.diff(values, axis=0), axis=2).mean(axis=1)
    sizes = np.ptp(values, axis=1).max(axis=1)
    ticks = np.maximum(np.diff(seen), np.diff(seen) * 25 / keypoints.fps)
    leaps = moved > MAX_DISTANCE * ticks * np.maximum(sizes[1:], sizes[:-1])
    return seen[1:][leaps].tolist()


def _detections(worker: Worker | LiteRT, images: Iterable[Any]) -> Iterator[Float[np.ndarray, "33 8"]]:
    for image in images:
        yield worker.detect(image)


def joints_of(found: Float[np.ndarray, "T 33 8"], video: Video) -> PoseSequence:
    """Convert world landmarks: MediaPipe's axes are the camera's, metres, around the middle of the hips."""
    return PoseSequence.joints(
        video.path.stem,
        found[..., :3].astype(np.float32),
        LANDMARKS33,
        fps=float(video.fps),
        frame_of_reference="camera",
        **_common(found, video),
    )


def keypoints_of(found: Float[np.ndarray, "T 33 8"], video: Video) -> PoseSequence:
    """Convert image landmarks, which are shares of the image's width and height, to pixels."""
    return PoseSequence.keypoints(
        video.path.stem,
        (found[..., 3:5] * np.array(video.size)).astype(np.float32),
        LANDMARKS33,
        fps=float(video.fps),
        **_common(found, video),
    )


def _common(found: Float[np.ndarray, "T 33 8"], video: Video) -> SequenceFields:
    """Visibility as scores (0 without a detection), detection mask, and image size."""
    return {
        "scores": np.nan_to_num(found[..., 6]).astype(np.float32),
        "labelled": np.asarray(np.isfinite(found).all(axis=2)),
        "image_size": video.size,
    }
