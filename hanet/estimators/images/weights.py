"""Weights that the user names, by path or by address, and the estimators that are built from them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
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
from hanet.files.hashing import file_hash
from hanet.poses import skeletons
from hanet.smpl.body import Body

Kind = Literal["simplebaseline", "dcpose", "spin", "pare"]


@dataclass(frozen=True, kw_only=True)
class EstimatorSpec:
    """An estimator as it can be named, sent to another process, and built there.

    Attributes:
        kind: which.
        weights: an official checkpoint.
        skeleton: of SimpleBaseline's weights, ``mpii16`` or ``coco17``.
        layers: of its ResNet.
        pixels: width and height of its crops and DCPose's; None: 384 × 384, and DCPose's 288 × 384.
        flip: its flip test.
        padding: of the boxes, for SPIN and PARE; 1.2 for a detector's with SPIN.
        resize: SPIN's, see `hanet.estimators.images.crops.spin_cut`.
    """

    kind: Kind
    weights: Path
    skeleton: Literal["mpii16", "coco17"] = "mpii16"
    layers: Literal[50, 101] = 101
    pixels: tuple[int, int] | None = None
    flip: bool = True
    padding: float = 1.0
    resize: Resize = "legacy"

    @property
    def _pixels(self) -> tuple[int, int]:
        return self.pixels or ((288, 384) if self.kind == "dcpose" else (384, 384))

    def settings(self) -> dict[str, Any]:
        """What matters for this kind, as JSON; the weights by their SHA-256 alone."""
        own = {
            "simplebaseline": ("skeleton", "layers", "pixels", "flip"),
            "dcpose": ("pixels",),
            "spin": ("padding", "resize"),
            "pare": ("padding",),
        }[self.kind]
        values = {name: value for name, value in asdict(self).items() if name in own}
        values |= {"pixels": list(self._pixels)} if "pixels" in own else {}
        return {"kind": self.kind, **values, "weights_sha256": file_hash(self.weights)}

    def build(self, device: str = "cpu") -> Estimator:
        """The estimator with its weights, on a device.

        Raises:
            FileNotFoundError, ValueError: as `hanet.estimators.common.checkpoints.load_official`; names the
                first tensors in which the file differs from the network.
        """
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


@dataclass(frozen=True, kw_only=True)
class BodySpec:
    """The body model that turns SPIN's and PARE's rotations into joints.

    Attributes:
        model: SMPL's file.
        regressor: ``J_regressor_h36m.npy``, for the LSP joints.
        joints: which joints.
    """

    model: Path
    regressor: Path | None = None
    joints: Literal["smpl24", "lsp14"] = "lsp14"

    def settings(self) -> dict[str, Any]:
        """The joints, and the files by their SHA-256."""
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
                "the 14 LSP joints need a regressor; name J_regressor_h36m.npy, which the SPIN and VIBE "
                "projects tell to download, as estimate.regressor"
            )
        return Body.load(self.model, h36m_regressor=self.regressor).to(device)
