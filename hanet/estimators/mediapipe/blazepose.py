"""BlazePose on the frames of a video, run by LiteRT: finds a person, then follows them from frame to frame.

Axes: H and W pixels.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

from hanet.estimators.mediapipe.decoding import (
    DETECTOR_PIXELS,
    LANDMARK_PIXELS,
    MIN_SCORE,
    Region,
    around,
    crop,
    landmarks,
    person,
    whole,
)
from hanet.estimators.mediapipe.models import ModelName, Models, find
from hanet.estimators.mediapipe.worker import LANDMARKS, NUMBERS

_SECONDS = 0.033333
"""Between frames: MediaPipe's filters take every video for one of 30 frames per second."""

Network = Callable[[Float[np.ndarray, "1 pixels pixels 3"]], Mapping[tuple[int, ...], np.ndarray]]
"""From a picture to the network's outputs by their shapes."""


class _Filter:
    """MediaPipe's One-Euro filter: it smooths less where the signal is fast, in person's sizes per second."""

    def __init__(self, min_cutoff: float, beta: float) -> None:
        self._min_cutoff, self._beta = min_cutoff, beta
        self._given: np.ndarray | None = None

    def __call__(self, value: np.ndarray, size: float = 1.0) -> np.ndarray:
        value = value.copy()
        if self._given is None:
            self._speed, self._value = np.zeros_like(value), value
        else:
            speed = (value - self._given) / size / _SECONDS
            self._speed += _share(1.0) * (speed - self._speed)
            share = _share(self._min_cutoff + self._beta * np.abs(self._speed))
            self._value = share * value + (1 - share) * self._value
        self._given = value
        return self._value.copy()


def _share(cutoff: Any) -> Any:
    """The share of a new value in a low-pass of a cutoff frequency, Hz."""
    return 1 / (1 + 1 / (2 * np.pi * cutoff * _SECONDS))


class _Filters(NamedTuple):
    """The filters of one person; afresh with every person."""

    region: _Filter
    pixels: _Filter
    metres: _Filter

    @classmethod
    def fresh(cls) -> _Filters:
        return cls(_Filter(0.01, 10.0), _Filter(0.05, 80.0), _Filter(0.1, 40.0))


class BlazePose:
    """MediaPipe's pose graph with its two networks.

    Args:
        detector: the network that finds people.
        landmarker: the network that places the landmarks in a person's region.
        smooth: filter the landmarks over time, as if the frame rate were 30 fps.
    """

    def __init__(self, detector: Network, landmarker: Network, *, smooth: bool = False) -> None:
        self._detector, self._landmarker, self._smooth = detector, landmarker, smooth
        self.follow()

    def follow(self) -> None:
        """Forget the person: the next frame is the first of a video."""
        self._region: Region | None = None
        self._filters = _Filters.fresh()
        self._seen: np.ndarray | None = None

    @property
    def region(self) -> Region | None:
        """Where the person is looked for in the next frame; None without a person."""
        return self._region

    def detect(self, image: UInt8[np.ndarray, "H W 3"]) -> Float[np.ndarray, "33 8"]:
        """Landmarks of the next RGB frame, as `hanet.estimators.mediapipe.worker` answers; NaN for nobody."""
        size = image.shape[1], image.shape[0]
        found = self.place(image, self._region or person(*self.raw_people(self._detector, image), size))
        return np.full((LANDMARKS, NUMBERS), np.nan, np.float32) if found is None else found

    def place(
        self, image: UInt8[np.ndarray, "H W 3"], region: Region | None = None
    ) -> Float[np.ndarray, "33 8"] | None:
        """Landmarks of the person in a region, by default the one followed; None without anybody there."""
        size = image.shape[1], image.shape[0]
        region = region or self._region
        found = None if region is None else self._place(image, region)
        if found is None:
            self.follow()
            return None
        middle, end = found[LANDMARKS, 3:5], found[LANDMARKS + 1, 3:5]
        body = 2 * float(np.hypot(*(end - middle)))
        self._region = around(*self._filters.region(np.stack([middle, end]), body))
        answer = found[:LANDMARKS]
        if self._smooth:
            answer[:, 3:6] = self._filters.pixels(answer[:, 3:6], body)
            answer[:, :3] = self._filters.metres(answer[:, :3])
            self._seen = (
                answer[:, 6:7] if self._seen is None else self._seen + 0.1 * (answer[:, 6:7] - self._seen)
            )
            answer[:, 6:7] = self._seen
        answer[:, 3:6] /= [size[0], size[1], size[0]]
        return answer.astype(np.float32)

    @staticmethod
    def raw_people(
        detector: Network, image: UInt8[np.ndarray, "H W 3"]
    ) -> tuple[Float[np.ndarray, "N 12"], Float[np.ndarray, " N"]]:
        """What the detector gives for a picture: boxes with points, and logits, of every anchor."""
        read = crop(image, whole((image.shape[1], image.shape[0])), DETECTOR_PIXELS, border=False)
        given = detector((read.astype(np.float32) * np.float32(2 / 255) - 1)[None])
        raw = next(value for shape, value in given.items() if shape[-1] == 12)
        scores = next(value for shape, value in given.items() if shape[-1] == 1)
        return raw[0], scores[0, :, 0]

    def _place(self, image: np.ndarray, region: Region) -> Float[np.ndarray, "39 8"] | None:
        read = crop(image, region, LANDMARK_PIXELS, border=True)
        given = self._landmarker((read.astype(np.float32) * np.float32(1 / 255))[None])
        if given[1, 1][0, 0] < MIN_SCORE:
            return None
        return landmarks(
            given[1, 195].reshape(39, 5), given[1, 64, 64, 39][0], given[1, 117].reshape(39, 3), region
        )


def lite(path: Path, threads: int) -> Network:
    """A .tflite file as a function, run by LiteRT on the CPU."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=threads)
    interpreter.allocate_tensors()
    (source,) = interpreter.get_input_details()
    targets = interpreter.get_output_details()

    def run(picture: np.ndarray) -> dict[tuple[int, ...], np.ndarray]:
        interpreter.set_tensor(source["index"], picture)
        interpreter.invoke()
        return {tuple(map(int, out["shape"])): interpreter.get_tensor(out["index"]) for out in targets}

    return run


class LiteRT:
    """BlazePose in this process: the same calls as `hanet.estimators.mediapipe.pose.Worker`.

    Args:
        smooth: as in `BlazePose`.
        model: which network places the landmarks.
        models: the files; None fetches them where they are missing.
        threads: of the networks.

    Attributes:
        about: versions, and the SHA-256 of the models by file name.
        networks: the detector of people, and the network that places the landmarks.
    """

    def __init__(
        self, *, smooth: bool, model: ModelName = "full", models: Models | None = None, threads: int = 1
    ) -> None:
        self._model: ModelName = model
        self._smooth, self._models, self._threads = smooth, models, threads

    def __enter__(self) -> LiteRT:
        models = self._models or find(model=self._model)
        self.networks = lite(models.detector, self._threads), lite(models.landmarks, self._threads)
        self._pose = BlazePose(*self.networks, smooth=self._smooth)
        self.about: dict[str, Any] = {
            "litert": version("ai-edge-litert"),
            "python": platform.python_version(),
            "models_sha256": models.about(),
        }
        return self

    def __exit__(self, *_: object) -> None:
        del self._pose, self.networks

    def follow(self, size: tuple[int, int], frames: int) -> None:
        """Start the next video."""
        self._pose.follow()

    def detect(self, image: UInt8[np.ndarray, "H W 3"]) -> Float[np.ndarray, "33 8"]:
        """As `BlazePose.detect`."""
        return self._pose.detect(image)
