"""A trained network with what it was trained on: from its checkpoint, or from its export to ONNX."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hanet.files.hashing import file_hash
from hanet.methods.any_video import AtRate, OverGaps
from hanet.methods.base import Method
from hanet.methods.exported import ExportedMethod
from hanet.models import trained_skeleton
from hanet.models.descriptions import EXPORTED, WEIGHTS
from hanet.models.exported import ExportedNetwork
from hanet.models.trained_on import PoseKind
from hanet.poses.skeletons import Skeleton

ONNX = ".onnx"
"""The ending of an exported network; other paths are folders of checkpoints, which may hold one."""


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A network and what it was trained on.

    Attributes:
        method: the network over windows.
        kind: the poses it was trained on.
        skeleton: their joints.
        settings: how it is used, and the weights' SHA-256, for a cache's metadata.
    """

    method: Method
    kind: PoseKind
    skeleton: Skeleton
    settings: dict[str, Any]

    @classmethod
    def open(
        cls, path: Path, *, kind: PoseKind | None = None, stride: int | None = None, mirror: bool = False
    ) -> TrainedNetwork:
        """Read the folder of a checkpoint, or a file of `hanet export-onnx`.

        A folder that holds the export of its weights (`model.onnx`) is read from that, without PyTorch.

        Args:
            path: what to read.
            kind: the poses it was trained on, of a checkpoint that does not say so.
            stride: frames (of the model's rate) between windows; None uses the published evaluations': the
                interval between watched frames, or 1 for a network without one.
            mirror: refine the mirror image too and average; of poses in a camera's frame.

        Raises:
            FileNotFoundError, ValueError: no such model, a damaged one, or settings that it does not allow.
        """
        try:
            return cls._open(path, kind, stride, mirror)
        except OverflowError as error:
            raise ValueError(
                f"{path}: a number in its description is too large ({error}); restore the model, or train it "
                "again"
            ) from error

    @classmethod
    def _open(cls, path: Path, kind: PoseKind | None, stride: int | None, mirror: bool) -> TrainedNetwork:
        axis = 0 if mirror else None
        if path.suffix == ONNX:
            network = ExportedNetwork.open(path)
        else:
            network = _export_in(path) if kind is None else None
        if network is not None:
            kind, joints, weights = (
                PoseKind.from_dict(network.poses, path),
                network.joints,
                network.weights_sha256,
            )
            every = _stride(network.config, stride)
            method: Method = ExportedMethod(
                network, stride=every, mirror_axis=axis, name=path.stem if path.suffix == ONNX else path.name
            )
        else:
            from hanet.methods.learned import LearnedMethod
            from hanet.models import checkpoints

            kind = kind or PoseKind.of_checkpoint(path)
            model = checkpoints.load(path)
            joints = checkpoints.read_metadata(path).get(trained_skeleton.KEY)
            weights = file_hash(path / WEIGHTS)
            every = _stride(model.config, stride)
            method = LearnedMethod(model, stride=every, mirror_axis=axis, name=path.name)
        if mirror and not kind.frame_of_reference.startswith("camera"):
            raise ValueError(
                "--mirror needs 3D joints in a camera's frame, whose first axis goes from left to right; "
                f"{path} was trained on {kind.representation} poses in frame {kind.frame_of_reference}"
            )
        settings = {"stride": every, "mirror": mirror, "trained_fps": kind.fps, "weights_sha256": weights}
        return cls(method, kind, trained_skeleton.from_dict(kind.skeleton, joints, path), settings)

    def over_gaps(self, longest: int) -> OverGaps:
        """The network for tracks of its own kind with gaps and of any frame rate.

        Args:
            longest: frames (of the poses' rate) of the longest gap to fill.
        """
        return OverGaps(AtRate(self.method, self.kind.fps), longest=longest)


def _export_in(folder: Path) -> ExportedNetwork | None:
    """The export in a checkpoint's folder; None where it is missing or of other weights."""
    path, weights = folder / EXPORTED, folder / WEIGHTS
    if not (path.is_file() and weights.is_file()):
        return None
    network = ExportedNetwork.open(path)
    return network if network.weights_sha256 == file_hash(weights) else None


def _stride(config: Any, stride: int | None) -> int:
    return getattr(config, "interval", 1) if stride is None else stride
