"""torchvision's person detector.

Ren et al., "Faster R-CNN: Towards real-time object detection with region proposal networks", NeurIPS 2015,
with torchvision's ResNet-50 and feature pyramid, trained on COCO. The user provides the weight file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import nn
from torchvision.models.detection import fasterrcnn_resnet50_fpn

from hanet.estimators.common.checkpoints import Layout, load_official
from hanet.estimators.images.adapters import Picture

LAYOUT = Layout(
    container="state_dict",
    bare=True,
    renamed=(
        (r"(inner|layer)_blocks\.(\d)\.(weight|bias)$", r"\1_blocks.\2.0.\3"),
        (r"rpn\.head\.conv\.(weight|bias)$", r"rpn.head.conv.0.0.\1"),
    ),
)
"""Old tensor names in the released file, and torchvision's current names."""
PERSON = 1
"""Index of people among COCO's 91 categories."""


@dataclass(frozen=True)
class PersonDetector:
    """A detector with torchvision's interface, and the minimum score of a person."""

    network: nn.Module
    device: str = "cpu"
    min_score: float = 0.5

    @torch.no_grad()
    def __call__(self, image: Picture) -> tuple[Float[np.ndarray, "N 4"], Float[np.ndarray, " N"]]:
        """Boxes and scores of the people in an image, in the network's ranking.

        torchvision's origin is the corner of the first pixel, ours its centre.
        """
        x = torch.from_numpy(image.copy()).permute(2, 0, 1).to(self.device).float() / 255
        [found] = self.network([x])
        kept = (found["labels"] == PERSON) & (found["scores"] >= self.min_score)
        boxes = found["boxes"][kept].float().cpu().numpy() - np.float32(0.5)
        return boxes, found["scores"][kept].float().cpu().numpy()


def load(path: Path, *, device: str = "cpu", min_score: float = 0.5) -> PersonDetector:
    """Load the detector with torchvision's weight file, like ``fasterrcnn_resnet50_fpn_coco-….pth``.

    Raises:
        FileNotFoundError, ValueError: as `hanet.estimators.common.checkpoints.load_official`.
    """
    network = fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None)
    load_official(network, path, LAYOUT)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.eps = 0.0  # as the released network was trained; torchvision sets it for these weights too
    return PersonDetector(network.eval().to(device), device, min_score)
