"""The model that MLflow stores with a training: loads the checkpoint and refines a track.

MLflow runs this file when it loads the model (``mlflow.pyfunc.load_model``): code and safetensors, no pickle.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from hanet.methods.learned import LearnedMethod
from hanet.models import checkpoints
from hanet.poses.sequence import DIMS, PoseSequence, Representation
from hanet.poses.skeletons import get


class Refiner(PythonModel):
    """Refines one track of root-relative joints, of keypoints or of SMPL rotations."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the checkpoint folder and `LearnedMethod`'s settings."""
        folder = context.artifacts["checkpoint"]
        self._metadata = checkpoints.read_metadata(folder)
        self._model = checkpoints.load(folder)
        self._settings = json.loads(Path(context.artifacts["settings"]).read_text())
        self._representation: Representation = self._settings.pop("representation")

    def predict(
        self, context: PythonModelContext, model_input: np.ndarray, params: dict[str, Any] | None = None
    ) -> Any:
        """Detected poses (T, channels) to an array of refined ones of the same frames.

        Joints are metres, keypoints shares of the image's width and height, rotations six numbers per joint.
        MLflow's method has no return annotation, which a type checker reads as None; hence Any.
        """
        skeleton, kind = get(self._metadata["skeleton"]), self._representation
        values = np.asarray(model_input, np.float32).reshape(len(model_input), len(skeleton), DIMS[kind])
        if kind == "2d":
            sequence = PoseSequence.keypoints("track", values, skeleton, fps=1.0, image_size=(1, 1))
        elif kind == "3d":
            sequence = PoseSequence.joints(
                "track", values, skeleton, fps=1.0, frame_of_reference="camera_root_relative"
            )
        else:
            sequence = PoseSequence.rotations("track", values, fps=1.0)
        method = LearnedMethod(self._model, **self._settings)
        return method.refine(sequence).values.reshape(len(sequence), -1)


set_model(Refiner())
