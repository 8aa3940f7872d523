"""MediaPipe's pose model (BlazePose GHUM, Bazarevsky et al. 2020, Grishchenko et al. 2022) on a video.

The model ships inside the package ``mediapipe`` 0.10.21. That package pins older NumPy and protobuf than this
one needs, so it is installed in a separate environment (``make mediapipe``) and runs behind a pipe: see
`hanet.estimators.mediapipe.worker`. It tracks one person.

Axes: T frames, 33 landmarks.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np
from jaxtyping import Float, UInt8

from hanet.cache.files import CacheMetadata, CacheWriter
from hanet.estimators.common.joint_mixes import JointMix, joint_mix
from hanet.estimators.mediapipe import worker as mediapipe_worker
from hanet.estimators.mediapipe.video import Video
from hanet.estimators.mediapipe.worker import LANDMARKS, NUMBERS
from hanet.files.hashing import file_hash
from hanet.formats.linking import MAX_DISTANCE
from hanet.poses.sequence import PoseSequence, SequenceFields
from hanet.poses.skeletons import COCO17, H36M17, Skeleton

PYTHON_VARIABLE = "HANET_MEDIAPIPE_PYTHON"
ENVIRONMENT = Path(__file__).resolve().parents[3] / ".venv-mediapipe"
"""The folder of MediaPipe's environment, made by ``make mediapipe`` in the repository's root."""


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


class MediaPipeError(ValueError):
    """MediaPipe's environment is missing, or its process failed; the message says what to do."""


def find_python(environment: Mapping[str, str] = os.environ) -> Path:
    """Find the Python with MediaPipe: from the environment variable, else from ``make mediapipe``.

    Raises:
        MediaPipeError: no such file.
    """
    named = environment.get(PYTHON_VARIABLE)
    folder = "Scripts" if os.name == "nt" else "bin"
    python = Path(named) if named else ENVIRONMENT / folder / "python"
    if not python.is_file():
        raise MediaPipeError(
            f"MediaPipe's environment is not there (looked for {python}): run `make mediapipe` in the "
            f"repository, or set {PYTHON_VARIABLE} to a Python that has mediapipe==0.10.21"
        )
    return python


class Worker:
    """Context manager that runs MediaPipe in a separate process; the process ends with the block.

    Args:
        python: the interpreter with MediaPipe.
        size: (width, height) of the frames.
        smooth: let MediaPipe filter its landmarks over time, as if the frame rate were 30 fps.
        frames: number of frames; None where no other video follows.

    Attributes:
        about: versions, and the SHA-256 of the models by file name.

    Raises:
        MediaPipeError: on entering: the process cannot start or lacks MediaPipe.
    """

    about: dict[str, Any]

    def __init__(
        self, python: Path, size: tuple[int, int], *, smooth: bool, frames: int | None = None
    ) -> None:
        self._python, self._smooth = python, smooth
        self._asked = self._request(size, frames)

    def _request(self, size: tuple[int, int], frames: int | None) -> bytes:
        asked = {"width": size[0], "height": size[1], "smooth": self._smooth, "frames": frames}
        return json.dumps(asked).encode() + b"\n"

    def __enter__(self) -> Worker:
        self._messages: IO[bytes] = TemporaryFile()  # a full pipe would block the process
        # Isolated mode: PYTHONPATH and this folder must not affect the other environment.
        command = [str(self._python), "-I", mediapipe_worker.__file__]
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._messages
            )
        except OSError as error:
            self._messages.close()
            raise MediaPipeError(
                f"{self._python} does not run ({error}); set {PYTHON_VARIABLE} to a Python that has "
                "mediapipe==0.10.21"
            ) from error
        _widen(self._process.stdin)
        try:
            self._send(self._asked)
            self.about = self._greeting()
        except BaseException:
            self._end()
            raise
        return self

    def follow(self, size: tuple[int, int], frames: int) -> None:
        """Start the next video, after all announced frames of the one before.

        Raises:
            MediaPipeError: the process ended.
        """
        self._send(self._request(size, frames))
        self.about = self._greeting()

    def detect(self, image: UInt8[np.ndarray, "H W 3"]) -> Float[np.ndarray, "33 8"]:
        """Landmarks of one RGB frame, as described in `hanet.estimators.mediapipe.worker`; NaN where nobody
        is detected.

        Raises:
            MediaPipeError: the process ended; the message has its last output.
        """
        self._send(np.ascontiguousarray(image).data)
        assert self._process.stdout is not None
        answer = self._process.stdout.read(4 * LANDMARKS * NUMBERS)
        if len(answer) < 4 * LANDMARKS * NUMBERS:
            raise self._failure()
        return np.frombuffer(answer, "<f4").reshape(LANDMARKS, NUMBERS)

    def __exit__(self, *_: object) -> None:
        self._end()

    def _send(self, content: bytes | memoryview) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(content)
            self._process.stdin.flush()
        except (BrokenPipeError, OSError) as error:
            raise self._failure() from error

    def _greeting(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        try:
            about = json.loads(line)
        except ValueError:
            raise self._failure() from None
        if "error" in about:
            raise MediaPipeError(
                f"{self._python} has no MediaPipe with the solutions API and its model ({about['error']}): "
                f"run `make mediapipe`, or set {PYTHON_VARIABLE} to a Python that has mediapipe==0.10.21"
            )
        return about

    def _failure(self) -> MediaPipeError:
        self._process.kill()
        status = self._process.wait()
        self._messages.seek(0)
        said = self._messages.read().decode(errors="replace").strip().splitlines()[-5:]
        last = " | ".join(said) or "nothing"
        return MediaPipeError(f"MediaPipe's process ended (status {status}); it said last: {last}")

    def _end(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._messages.close()


def _widen(pipe: IO[bytes] | None) -> None:
    """Let a pipe hold a megabyte, where the system can: a frame then takes two writes instead of twenty."""
    with suppress(ImportError, AttributeError, OSError):
        import fcntl

        assert pipe is not None
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 1 << 20)


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

    def tracks(self, poses: PoseSequence) -> list[PoseSequence]:
        """`joints` or `keypoints`, split where a new person starts, as tracks 0, 1, …"""
        cuts = zip(self.starts, [*self.starts[1:], len(poses)], strict=True)
        return [replace(poses.part(slice(*cut)), track=number) for number, cut in enumerate(cuts)]

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
    python: Path,
    *,
    smooth: bool = False,
    track: Callable[[Iterable[Any]], Iterable[Any]] = lambda frames: frames,
) -> Estimate:
    """Estimate the poses of the person that MediaPipe tracks in a video.

    Args:
        video: the video.
        python: the interpreter with MediaPipe; see `find_python`.
        smooth: as in `Worker`. Off by default: the filter assumes 30 fps and adds lag, and refinement smooths
            the poses anyway.
        track: passes frames through and shows progress.

    Raises:
        MediaPipeError: the process cannot start or ended.
        ValueError: the video is damaged, or nobody is detected in it.
    """
    with Worker(python, video.size, smooth=smooth) as worker:
        found = np.stack(list(_detections(worker, track(video.images()))))
        about = worker.about
    seen = np.isfinite(found).all(axis=(1, 2))
    if not seen.any():
        raise ValueError(
            f"{video.path}: MediaPipe sees nobody in any of its {len(found)} frames; it needs one person, "
            "not too small in the picture, most of the body in view"
        )
    keypoints = TO_COCO17(_keypoints(found, video))
    settings = {"smooth": smooth, "fps": str(video.fps), "conversions": [TO_H36M17.name, TO_COCO17.name]}
    return Estimate(
        joints=TO_H36M17(_joints(found, video)).root_relative(),
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


def _detections(worker: Worker, images: Iterable[Any]) -> Iterator[Float[np.ndarray, "33 8"]]:
    for image in images:
        yield worker.detect(image)


def _joints(found: Float[np.ndarray, "T 33 8"], video: Video) -> PoseSequence:
    """Convert world landmarks: MediaPipe's axes are the camera's, metres, around the middle of the hips."""
    return PoseSequence.joints(
        video.path.stem,
        found[..., :3].astype(np.float32),
        LANDMARKS33,
        fps=float(video.fps),
        frame_of_reference="camera",
        **_common(found, video),
    )


def _keypoints(found: Float[np.ndarray, "T 33 8"], video: Video) -> PoseSequence:
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
