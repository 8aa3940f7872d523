"""Weights given by path or address, and the estimators built from them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from hanet.estimators.images import dcpose, pare, simplebaseline, spin
from hanet.estimators.images.adapters import (
    BodyEstimator,
    DCPoseEstimator,
    Estimator,
    SimpleBaselineEstimator,
)
from hanet.estimators.images.crops import Resize
from hanet.estimators.images.network_files import Channels, FileEstimator, Layout
from hanet.files.hashing import file_hash
from hanet.poses import skeletons
from hanet.smpl.body import Body

Kind = Literal["simplebaseline", "dcpose", "spin", "pare", "onnx"]


@dataclass(frozen=True, kw_only=True)
class EstimatorSpec:
    """Specification of an estimator that can be sent to another process and built there.

    Attributes:
        kind: of estimator.
        weights: an official checkpoint.
        skeleton: of SimpleBaseline's weights, ``mpii16`` or ``coco17``.
        layers: depth of its ResNet.
        pixels: width and height of SimpleBaseline's and DCPose's crops; None: 384 × 384, DCPose's 288 × 384.
        flip: SimpleBaseline's flip test.
        padding: scale of SPIN's and PARE's boxes; 1.2 for a detector's boxes with SPIN.
        resize: SPIN's, see `hanet.estimators.images.crops.spin_cut`.
        layout, channels: of a user's network, see `hanet.estimators.images.network_files`.
    """

    kind: Kind
    weights: Path
    skeleton: Literal["mpii16", "coco17"] = "mpii16"
    layers: Literal[50, 101] = 101
    pixels: tuple[int, int] | None = None
    flip: bool = True
    padding: float = 1.0
    resize: Resize = "legacy"
    layout: Layout | None = None
    channels: Channels = "rgb"

    @property
    def _pixels(self) -> tuple[int, int]:
        return self.pixels or ((288, 384) if self.kind == "dcpose" else (384, 384))

    def settings(self) -> dict[str, Any]:
        """The settings that apply to this kind, as JSON; weights only by their SHA-256."""
        own = {
            "simplebaseline": ("skeleton", "layers", "pixels", "flip"),
            "dcpose": ("pixels",),
            "spin": ("padding", "resize"),
            "pare": ("padding",),
            "onnx": ("layout", "channels"),
        }[self.kind]
        values = {name: value for name, value in asdict(self).items() if name in own}
        values |= {"pixels": list(self._pixels)} if "pixels" in own else {}
        if self.kind == "onnx":
            values["runtimes"] = _runtimes()
        return {"kind": self.kind, **values, "weights_sha256": file_hash(self.weights)}

    def build(self, device: str = "cpu") -> Estimator:
        """The estimator with its weights, on a device.

        Raises:
            FileNotFoundError, ValueError: as `hanet.estimators.common.checkpoints.load_official`; the message
                names the first tensors in which the file differs from the network.
        """
        if self.kind == "onnx":
            if self.layout is None:
                raise ValueError("kind onnx needs a layout")
            return FileEstimator.load(self.weights, self.layout, pixels=self.pixels, channels=self.channels)
        if self.kind == "simplebaseline":
            skeleton = skeletons.get(self.skeleton)
            network, _ = simplebaseline.load(self.weights, joints=len(skeleton), layers=self.layers)
            return SimpleBaselineEstimator(
                network=network.to(device), skeleton=skeleton, pixels=self._pixels, flip=self.flip
            )
        if self.kind == "dcpose":
            return DCPoseEstimator(network=dcpose.load(self.weights)[0].to(device), pixels=self._pixels)
        load = spin.load if self.kind == "spin" else pare.load
        network, _ = load(self.weights)
        return BodyEstimator(network=network.to(device), padding=self.padding, resize=self.resize)


def _runtimes() -> dict[str, str | None]:
    """Versions of what runs network files."""
    found: dict[str, str | None] = {}
    for name in ("onnxruntime", "ai-edge-litert"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


@dataclass(frozen=True, kw_only=True)
class BodySpec:
    """The body model that converts SPIN's and PARE's rotations to joints.

    Attributes:
        model: SMPL's file.
        regressor: ``J_regressor_h36m.npy``, for the LSP joints.
        joints: which joints.
    """

    model: Path
    regressor: Path | None = None
    joints: Literal["smpl24", "lsp14"] = "lsp14"

    def settings(self) -> dict[str, Any]:
        """The joints, and the files only by their SHA-256."""
        return {
            "joints": self.joints,
            "model_sha256": file_hash(self.model),
            "regressor_sha256": None if self.regressor is None else file_hash(self.regressor),
        }

    def build(self, device: str = "cpu") -> Body:
        """The body on a device.

        Raises:
            SmplFileError: a missing or wrong file, with where to get it.
            ValueError: LSP joints without a regressor.
        """
        if self.joints == "lsp14" and self.regressor is None:
            raise ValueError(
                "the 14 LSP joints need a regressor; set estimate.regressor to J_regressor_h36m.npy, which "
                "the SPIN and VIBE projects explain how to download"
            )
        return Body.load(self.model, h36m_regressor=self.regressor).to(device)
