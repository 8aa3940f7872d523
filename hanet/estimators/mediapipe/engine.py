"""What runs BlazePose: LiteRT in this process, or MediaPipe's own program behind a pipe.

LiteRT is the default. MediaPipe itself pins older NumPy and protobuf than this package needs. To compare
both, `PYTHON_VARIABLE` names the Python of its own environment (``make mediapipe``), see
`hanet.estimators.mediapipe.worker`.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np
from jaxtyping import Float, UInt8

from hanet.estimators.mediapipe import worker as mediapipe_worker
from hanet.estimators.mediapipe.blazepose import LiteRT
from hanet.estimators.mediapipe.models import ModelName
from hanet.estimators.mediapipe.worker import LANDMARKS, NUMBERS

PYTHON_VARIABLE = "HANET_MEDIAPIPE_PYTHON"


class MediaPipeError(ValueError):
    """MediaPipe's environment is missing, or its process failed; the message says what to do."""


def find_python(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The Python with MediaPipe that the environment names; None where LiteRT is to run.

    Raises:
        MediaPipeError: the environment names no file.
        ModuleNotFoundError: LiteRT, of the extra ``video``, is missing.
    """
    if not (named := environment.get(PYTHON_VARIABLE)):
        if find_spec("ai_edge_litert") is None:
            raise ModuleNotFoundError("No module named 'ai_edge_litert'", name="ai_edge_litert")
        return None
    python = Path(named)
    if not python.is_file():
        raise MediaPipeError(
            f"MediaPipe's environment is not there (looked for {python}): unset {PYTHON_VARIABLE}, or set it "
            "to a Python that has mediapipe==0.10.21"
        )
    return python


def session(
    python: Path | None,
    size: tuple[int, int],
    *,
    smooth: bool,
    model: ModelName = "full",
    frames: int | None = None,
    threads: int = 1,
) -> Worker | LiteRT:
    """A context manager whose result detects people: `Worker` with a Python, `LiteRT` without.

    Raises:
        MediaPipeError: MediaPipe's own program is asked for another model than `full`.
    """
    if python is None:
        return LiteRT(smooth=smooth, model=model, threads=threads)
    if model != "full":
        raise MediaPipeError(
            f"MediaPipe's own program ({python}) has the full model alone, got {model}: unset "
            f"{PYTHON_VARIABLE} to run {model} by LiteRT"
        )
    return Worker(python, size, smooth=smooth, frames=frames)


def one_person(python: Path | None) -> None:
    """Refuse MediaPipe's own program where several people are to be followed.

    Raises:
        MediaPipeError: `python` is a program's.
    """
    if python is not None:
        raise MediaPipeError(
            f"MediaPipe's own program ({python}) follows one person: unset {PYTHON_VARIABLE} for several"
        )


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
                f"unset {PYTHON_VARIABLE}, or set it to a Python that has mediapipe==0.10.21"
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
