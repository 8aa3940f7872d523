"""MediaPipe's pose model behind a pipe: frames in on standard input, landmarks out on standard output.

`hanet.estimators.mediapipe.pose` runs this file with the Python of MediaPipe's own environment, whose NumPy
and protobuf are older than this package's; so it imports nothing of this package.

The caller sends one line of JSON: ``width``, ``height``, ``smooth``. The answer is one line of JSON: versions
and the SHA-256 of the models, or ``error``. From then on, for each frame of height × width RGB bytes comes an
answer of 33 landmarks × 8 little-endian float32: x, y, z in metres around the hips; x, y, z as shares of the
image; visibility; presence. All are NaN where nobody is seen. The end of the input ends the process.
"""

import hashlib
import json
import os
import platform
import sys
from pathlib import Path

LANDMARKS, NUMBERS = 33, 8
MODELS = ("pose_detection/pose_detection.tflite", "pose_landmark/pose_landmark_full.tflite")


def landmarks(result):
    """One frame's answer, in bytes, from MediaPipe's result."""
    import numpy as np

    answer = np.full((LANDMARKS, NUMBERS), np.nan, "<f4")
    if result.pose_landmarks is not None and result.pose_world_landmarks is not None:
        for row, world, image in zip(
            answer, result.pose_world_landmarks.landmark, result.pose_landmarks.landmark, strict=True
        ):
            row[:] = (world.x, world.y, world.z, image.x, image.y, image.z, image.visibility, image.presence)
    return answer.tobytes()


def start(smooth):
    """A function from an RGB image to its answer, and what there is to know of the model."""
    import mediapipe  # pyright: ignore[reportMissingImports] (in the other environment)

    folder = Path(str(mediapipe.__file__)).parent / "modules"
    about = {
        "mediapipe": mediapipe.__version__,  # pyright: ignore[reportAttributeAccessIssue]
        "python": platform.python_version(),
        "models_sha256": {
            Path(name).name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in MODELS
        },
    }
    # Complexity 1 is the only one whose model is inside the package: others would be downloaded.
    pose = mediapipe.solutions.pose.Pose(model_complexity=1, smooth_landmarks=smooth)  # pyright: ignore[reportAttributeAccessIssue]
    return (lambda image: landmarks(pose.process(image))), about


def serve(requests, answers, start):
    """Answer until the input ends; 0 where all went well, else 1."""
    import numpy as np

    asked = json.loads(requests.readline())
    try:
        detect, about = start(asked["smooth"])
    except (ImportError, AttributeError, OSError) as error:
        about, detect = {"error": f"{type(error).__name__}: {error}"}, None
    answers.write(json.dumps(about).encode() + b"\n")
    answers.flush()
    if detect is None:
        return 1
    shape = asked["height"], asked["width"], 3
    size = shape[0] * shape[1] * 3
    while len(frame := requests.read(size)) == size:
        answers.write(detect(np.frombuffer(frame, np.uint8).reshape(shape)))
        answers.flush()
    return 0


def main():
    """Serve standard input; what libraries print goes to standard error."""
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        return serve(sys.stdin.buffer, answers, start)


if __name__ == "__main__":
    sys.exit(main())
