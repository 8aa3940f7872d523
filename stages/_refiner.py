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

from hanet import checkpoints
from hanet.methods.learned import LearnedMethod
from hanet.poses import PoseSequence
from hanet.skeletons import get


class Refiner(PythonModel):
    """Refines one track of root-relative joints, or of keypoints."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the checkpoint folder and `LearnedMethod`'s settings."""
        folder = context.artifacts["checkpoint"]
        self._metadata = checkpoints.read_metadata(folder)
        self._model = checkpoints.load(folder)
        self._settings = json.loads(Path(context.artifacts["settings"]).read_text())
        self._in_image = self._settings.pop("representation") == "2d"

    def predict(
        self, context: PythonModelContext, model_input: np.ndarray, params: dict[str, Any] | None = None
    ) -> Any:
        """Detected poses (T, channels) to an array of refined ones of the same frames.

        Joints are metres, keypoints shares of the image's width and height. MLflow's method has no return
        annotation, which a type checker reads as None; hence Any.
        """
        skeleton = get(self._metadata["skeleton"])
        sequence = PoseSequence(
            name="track",
            values=np.asarray(model_input, dtype=np.float32).reshape(
                len(model_input), len(skeleton), 2 if self._in_image else 3
            ),
            skeleton=skeleton,
            representation="2d" if self._in_image else "3d",
            fps=1.0,
            unit="px" if self._in_image else "m",
            frame_of_reference="image" if self._in_image else "camera_root_relative",
            image_size=(1, 1) if self._in_image else None,
        )
        method = LearnedMethod(self._model, **self._settings)
        return method.refine(sequence).values.reshape(len(sequence), -1)


set_model(Refiner())
