"""A user's own network file: keypoints of COCO-17 from an ONNX or TFLite model, by the layout of its outputs.

Layouts:

- ``simcc``: RTMPose as rtmlib ships it. Input (B, 3, H, W), ImageNet's means and deviations; outputs
  ``simcc_x`` (B, 17, W · k) and ``simcc_y`` (B, 17, H · k), k cells per pixel.
- ``heatmap``: input as above; one output (B, 17, h, w).
- ``movenet``: input (1, H, W, 3), 0 to 255; one output (1, 1, 17, 3) or (1, 17, 3): y, x as shares of the
  picture, and a score.

Axes: B crops, J joints.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hanet.estimators.images.adapters import Picture, Poses
from hanet.estimators.images.crops import Crop, decode, normalised, padded_crop, square_crop
from hanet.poses.sequence import FrameOfReference, Representation, Unit
from hanet.poses.skeletons import COCO17, Skeleton

Layout = Literal["simcc", "heatmap", "movenet"]
Channels = Literal["rgb", "bgr"]
J = len(COCO17)
MOVENET_PADDING = 1.25


@dataclass(frozen=True)
class NetworkFile:
    """A model that was read.

    Attributes:
        path: its file.
        shape: of its input; None where any size is taken.
        dtype: of its input.
        run: from an input to the outputs, by name.
    """

    path: Path
    shape: tuple[int | None, ...]
    dtype: np.dtype
    run: Callable[[np.ndarray], dict[str, np.ndarray]]


def read(path: Path) -> NetworkFile:
    """Read an ``.onnx`` file with onnxruntime, or a ``.tflite`` file with LiteRT, on one thread of the CPU.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another kind of file, a damaged one, or more than one input.
        ModuleNotFoundError: LiteRT is missing.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; estimate.weights names an .onnx or .tflite model")
    reader = {".onnx": _onnx, ".tflite": _tflite}.get(path.suffix.lower())
    if reader is None:
        raise ValueError(f"{path}: expected a model that ends in .onnx or .tflite")
    try:
        return reader(path)
    except ModuleNotFoundError:
        raise
    except Exception as error:  # onnxruntime and LiteRT raise classes of their own
        said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(f"{path}: not a model that can be run: {said}") from None


def _onnx(path: Path) -> NetworkFile:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    given, names = session.get_inputs(), [one.name for one in session.get_outputs()]
    if len(given) != 1:
        raise ValueError(f"expected one input, got {', '.join(one.name for one in given)}")
    dtypes = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8, "tensor(int32)": np.int32}
    if given[0].type not in dtypes:
        raise ValueError(f"expected an input of {', '.join(dtypes)}, got {given[0].type}")
    return NetworkFile(
        path,
        tuple(size if isinstance(size, int) else None for size in given[0].shape),
        np.dtype(dtypes[given[0].type]),
        lambda x: {
            name: np.asarray(out)
            for name, out in zip(names, session.run(names, {given[0].name: x}), strict=True)
        },
    )


def _tflite(path: Path) -> NetworkFile:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    given, targets = interpreter.get_input_details(), interpreter.get_output_details()
    if len(given) != 1:
        raise ValueError(f"expected one input, got {', '.join(one['name'] for one in given)}")

    def run(x: np.ndarray) -> dict[str, np.ndarray]:
        interpreter.set_tensor(given[0]["index"], x)
        interpreter.invoke()
        return {one["name"]: interpreter.get_tensor(one["index"]) for one in targets}

    return NetworkFile(path, tuple(map(int, given[0]["shape"])), np.dtype(given[0]["dtype"]), run)


@dataclass(frozen=True, kw_only=True)
class FileEstimator:
    """A user's network: keypoints in image pixels.

    Attributes:
        file: the model.
        layout: of its outputs.
        pixels: width and height of its input.
        channels: order of colours that it reads.
    """

    file: NetworkFile
    layout: Layout
    pixels: tuple[int, int]
    channels: Channels = "rgb"
    skeleton: Skeleton = COCO17
    representation: Representation = "2d"
    unit: Unit = "px"
    frame_of_reference: FrameOfReference = "image"

    @classmethod
    def load(
        cls, path: Path, layout: Layout, *, pixels: tuple[int, int] | None = None, channels: Channels = "rgb"
    ) -> FileEstimator:
        """Read a model and try it on a black crop.

        Args:
            path: the file.
            layout: of its outputs.
            pixels: width and height of the input, where the model takes any size.
            channels: order of colours that it reads.

        Raises:
            FileNotFoundError, ValueError: as `read`; or a model of another layout.
        """
        file = read(path)
        found = cls(file=file, layout=layout, pixels=_pixels(file, layout, pixels), channels=channels)
        width, height = found.pixels
        crop = Crop((width / 2, height / 2), (float(width), float(height)), found.pixels)
        black = np.zeros((height, width, 3), np.uint8)
        found.poses(found._input(black)[None], [crop])
        return found

    def prepare(
        self, previous: Picture, current: Picture, following: Picture, box: Float[np.ndarray, " 4"]
    ) -> tuple[Tensor, Crop]:
        """One crop: the box padded by 1.25, a square for MoveNet. Neighbours are ignored."""
        if self.layout == "movenet":
            crop = square_crop(box, padding=MOVENET_PADDING, pixels=self.pixels[0])
        else:
            crop = padded_crop(box, self.pixels)
        return self._input(crop.cut(current)), crop

    def _input(self, cut: Picture) -> Tensor:
        if self.layout == "movenet":
            ordered = cut if self.channels == "rgb" else cut[..., ::-1]
            return torch.from_numpy(ordered.astype(self.file.dtype))
        return normalised(cut[None], self.channels)[0]

    def poses(self, x: Tensor, crops: Sequence[Crop]) -> Poses:
        """Keypoints in image pixels, and the network's scores."""
        given = x.float().cpu().numpy() if self.layout != "movenet" else x.cpu().numpy()
        if self.file.shape[0] == 1:
            parts = [self._run(given[i : i + 1]) for i in range(len(given))]
            points, scores = (np.concatenate(side) for side in zip(*parts, strict=True))
        else:
            points, scores = self._run(given)
        width = self.pixels[0]
        placed = [c.to_image(p, width=width) for c, p in zip(crops, points, strict=True)]
        return Poses(np.stack(placed), scores.astype(np.float32))

    def _run(self, x: np.ndarray) -> tuple[Float[np.ndarray, "B 17 2"], Float[np.ndarray, "B 17"]]:
        """Points in pixels of the crop, and scores."""
        try:
            outputs = self.file.run(x)
        except Exception as error:  # onnxruntime raises classes of its own
            raise ValueError(f"{self.file.path}: the model fails: {str(error).splitlines()[0]}") from None
        count, (width, height) = len(x), self.pixels
        match self.layout:
            case "simcc":
                across, down = self._simcc(outputs, count)
                return simcc(across, down, (width, height))
            case "heatmap":
                maps = self._one(outputs, (count, J, None, None))
                cells, scores = decode(maps)
                return cells * (width / maps.shape[-1]), scores
            case "movenet":
                found = self._one(outputs, (count, 1, J, 3), (count, J, 3)).reshape(count, J, 3)
                return found[..., [1, 0]] * np.array([width, height]), found[..., 2]

    def _simcc(self, outputs: dict[str, np.ndarray], count: int) -> tuple[np.ndarray, np.ndarray]:
        named = [outputs[name] for name in ("simcc_x", "simcc_y") if name in outputs]
        if len(named) != 2:
            raise self._wrong(outputs, "simcc_x and simcc_y")
        for values, size in zip(named, self.pixels, strict=True):
            if values.shape[:2] != (count, J) or values.ndim != 3 or values.shape[2] % size:
                raise self._wrong(outputs, f"simcc_x (B, {J}, k · width) and simcc_y (B, {J}, k · height)")
        return named[0], named[1]

    def _one(self, outputs: dict[str, np.ndarray], *shapes: tuple[int | None, ...]) -> np.ndarray:
        if len(outputs) == 1:
            [values] = outputs.values()
            for shape in shapes:
                if len(shape) == values.ndim and all(
                    size in (None, got) for size, got in zip(shape, values.shape, strict=True)
                ):
                    return values
        raise self._wrong(outputs, "one output " + " or ".join(_said(shape) for shape in shapes))

    def _wrong(self, outputs: dict[str, np.ndarray], wanted: str) -> ValueError:
        got = ", ".join(f"{name} {_said(values.shape)}" for name, values in outputs.items())
        return ValueError(f"{self.file.path}: layout {self.layout} needs {wanted}, got {got}")


def _said(shape: Sequence[Any]) -> str:
    return f"({', '.join('any' if size is None else str(size) for size in shape)})"


def _pixels(file: NetworkFile, layout: Layout, wanted: tuple[int, int] | None) -> tuple[int, int]:
    """Width and height of the input.

    Raises:
        ValueError: an input of another order or type, an unknown size, or one that is not `wanted`.
    """
    channel = 3 if layout == "movenet" else 1
    order = "(1, height, width, 3)" if layout == "movenet" else "(B, 3, height, width)"
    shape = file.shape
    if len(shape) != 4 or shape[channel] not in (3, None) or (shape[0] or 1) != 1:
        raise ValueError(f"{file.path}: layout {layout} needs an input {order}, got {_said(shape)}")
    if layout != "movenet" and file.dtype != np.float32:
        raise ValueError(f"{file.path}: layout {layout} needs an input of float32, got {file.dtype}")
    height, width = shape[1:3] if layout == "movenet" else shape[2:]
    found = (width or (wanted or (0, 0))[0], height or (wanted or (0, 0))[1])
    if not all(found):
        raise ValueError(f"{file.path} takes any size; set pixels of the estimate to its width and height")
    if wanted is not None and found != tuple(wanted):
        raise ValueError(f"{file.path}: its input is {found[0]} × {found[1]}, pixels are {list(wanted)}")
    if layout == "movenet" and found[0] != found[1]:
        raise ValueError(f"{file.path}: layout movenet needs a square input, got {found[0]} × {found[1]}")
    return found


def simcc(
    across: Float[np.ndarray, "B J Wk"], down: Float[np.ndarray, "B J Hk"], pixels: tuple[int, int]
) -> tuple[Float[np.ndarray, "B J 2"], Float[np.ndarray, "B J"]]:
    """Points in pixels from one distribution per axis: their peaks; the lower peak's height is the score.

    As rtmlib decodes them, but a joint whose score is not positive lies in the crop's corner with score 0.
    """
    cells = np.stack([across.argmax(-1), down.argmax(-1)], axis=-1).astype(np.float64)
    scores = np.minimum(across.max(-1), down.max(-1))
    per_pixel = np.array([across.shape[-1] / pixels[0], down.shape[-1] / pixels[1]])
    points = np.where((scores > 0)[..., None], cells / per_pixel, 0.0)
    return points, np.clip(scores, 0, None)
