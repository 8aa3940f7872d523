"""MediaPipe's pose model behind a pipe: frames in on standard input, landmarks out on standard output.

`hanet.estimators.mediapipe.pose` runs this file with the Python of MediaPipe's own environment, whose NumPy
and protobuf are older than this package's; so it does not import this package.

The caller sends one line of JSON: ``width``, ``height``, ``smooth``, and ``frames``, the number of frames
(null: all until the end of the input). The answer is one line of JSON: versions and the SHA-256 of the
models, or ``error``. Then each frame of height × width RGB bytes is answered by 33 landmarks of 8
little-endian float32: x, y, z in metres around the hips; x, y, z as shares of the image; visibility;
presence. All are NaN where nobody is detected. After the last frame the next video may follow, with its own
line of JSON and a model that has seen no frame. The process exits at the end of the input.
"""

import hashlib
import itertools
import json
import os
import platform
import sys
from pathlib import Path

LANDMARKS, NUMBERS = 33, 8
MODELS = ("pose_detection/pose_detection.tflite", "pose_landmark/pose_landmark_full.tflite")


def landmarks(result):
    """Encode MediaPipe's result for one frame as bytes."""
    import numpy as np

    answer = np.full((LANDMARKS, NUMBERS), np.nan, "<f4")
    if result.pose_landmarks is not None and result.pose_world_landmarks is not None:
        for row, world, image in zip(
            answer, result.pose_world_landmarks.landmark, result.pose_landmarks.landmark, strict=True
        ):
            row[:] = (world.x, world.y, world.z, image.x, image.y, image.z, image.visibility, image.presence)
    return answer.tobytes()


def start(smooth):
    """A function from an RGB image to its answer, and a description of the model."""
    import mediapipe  # pyright: ignore[reportMissingImports] (in the other environment)

    folder = Path(str(mediapipe.__file__)).parent / "modules"
    about = {
        "mediapipe": mediapipe.__version__,  # pyright: ignore[reportAttributeAccessIssue]
        "python": platform.python_version(),
        "models_sha256": {
            Path(name).name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in MODELS
        },
    }
    # Complexity 1 is the only one whose model is part of the package: others would be downloaded.
    pose = mediapipe.solutions.pose.Pose(model_complexity=1, smooth_landmarks=smooth)  # pyright: ignore[reportAttributeAccessIssue]
    return (lambda image: landmarks(pose.process(image))), about


def serve(requests, answers, start):
    """Answer until the input ends; return 0 on success, else 1."""
    while line := requests.readline():
        if not serve_video(json.loads(line), requests, answers, start):
            return 1
    return 0


def serve_video(asked, requests, answers, start):
    """Answer one video's frames; False where the model does not start."""
    import numpy as np

    try:
        detect, about = start(asked["smooth"])
    except (ImportError, AttributeError, OSError) as error:
        about, detect = {"error": f"{type(error).__name__}: {error}"}, None
    answers.write(json.dumps(about).encode() + b"\n")
    answers.flush()
    if detect is None:
        return False
    shape = asked["height"], asked["width"], 3
    size = shape[0] * shape[1] * 3
    for _ in itertools.count() if asked["frames"] is None else range(asked["frames"]):
        if len(frame := requests.read(size)) < size:
            break
        answers.write(detect(np.frombuffer(frame, np.uint8).reshape(shape)))
        answers.flush()
    return True


def main():
    """Serve standard input; libraries' output goes to standard error."""
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        return serve(sys.stdin.buffer, answers, start)


if __name__ == "__main__":
    sys.exit(main())
