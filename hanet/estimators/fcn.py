"""FCN: 3D joints from the 2D keypoints of one frame.

Source: Martinez et al., "A simple yet effective baseline for 3d human pose estimation", ICCV 2017.

Module names follow the PyTorch port of the authors' network, so its checkpoints' keys fit as they are.

Axes: B frames, 2K keypoint coordinates, 3K' joint coordinates.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load as parse_safetensors
from safetensors.torch import save as format_safetensors
from torch import Tensor, nn

from hanet.poses import PoseSequence
from hanet.skeletons import H36M17

KEYPOINTS = [j for j in range(len(H36M17)) if H36M17.joints[j] != "nose"]
"""The network's 16 input keypoints: Human3.6M's 17 without the nose, as the authors' 2D detector has them."""
JOINTS = [j for j in range(len(H36M17)) if j not in H36M17.root]
"""Its 16 output joints: all but the root, which is the origin."""


class Residual(nn.Module):
    """Two linear layers, each with batch norm, ReLU and dropout, added to the input."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.w1 = nn.Linear(width, width)
        self.batch_norm1 = nn.BatchNorm1d(width)
        self.w2 = nn.Linear(width, width)
        self.batch_norm2 = nn.BatchNorm1d(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "B width"]) -> Float[Tensor, "B width"]:
        y = self.dropout(torch.relu(self.batch_norm1(self.w1(x))))
        y = self.dropout(torch.relu(self.batch_norm2(self.w2(y))))
        return x + y


class FCN(nn.Module):
    """Linear(32 → width), residual stages, Linear(width → 48), all on z-scored numbers."""

    def __init__(
        self,
        *,
        inputs: int = 2 * len(KEYPOINTS),
        outputs: int = 3 * len(JOINTS),
        width: int = 1024,
        stages: int = 2,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.w1 = nn.Linear(inputs, width)
        self.batch_norm1 = nn.BatchNorm1d(width)
        self.linear_stages = nn.ModuleList(Residual(width, dropout) for _ in range(stages))
        self.w2 = nn.Linear(width, outputs)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "B inputs"]) -> Float[Tensor, "B outputs"]:
        x = self.dropout(torch.relu(self.batch_norm1(self.w1(x))))
        for stage in self.linear_stages:
            x = stage(x)
        return self.w2(x)


@dataclass(frozen=True)
class Standardisation:
    """Means and standard deviations of training inputs (pixels) and outputs (metres)."""

    input_mean: Float[Tensor, " inputs"]
    input_std: Float[Tensor, " inputs"]
    output_mean: Float[Tensor, " outputs"]
    output_std: Float[Tensor, " outputs"]

    @classmethod
    def of(cls, inputs: Float[Tensor, "N inputs"], outputs: Float[Tensor, "N outputs"]) -> Standardisation:
        """Statistics of a training set."""
        return cls(inputs.mean(0), inputs.std(0), outputs.mean(0), outputs.std(0))


def network_input(keypoints: PoseSequence) -> Float[Tensor, "T inputs"]:
    """The 16 keypoints in full-image pixels, flattened.

    Raises:
        ValueError: where the sequence is not 2D on Human3.6M-17.
    """
    if keypoints.representation != "2d" or keypoints.skeleton != H36M17:
        raise ValueError(
            f"{keypoints.name}: FCN takes 2D keypoints on {H36M17.name}, "
            f"got {keypoints.representation} on {keypoints.skeleton.name}"
        )
    return torch.from_numpy(keypoints.values[:, KEYPOINTS].reshape(len(keypoints), -1).astype(np.float32))


def network_target(joints: PoseSequence) -> Float[Tensor, "T outputs"]:
    """The 16 root-relative joints in metres, flattened.

    Raises:
        ValueError: where the sequence is not root-relative joints of the camera frame on Human3.6M-17.
    """
    if joints.frame_of_reference != "camera_root_relative" or joints.skeleton != H36M17:
        raise ValueError(
            f"{joints.name}: FCN learns camera_root_relative joints on {H36M17.name}, "
            f"got {joints.frame_of_reference} {joints.representation} on {joints.skeleton.name}"
        )
    return torch.from_numpy(joints.values[:, JOINTS].reshape(len(joints), -1).astype(np.float32))


def mirrored(keypoints: PoseSequence, joints: PoseSequence) -> tuple[PoseSequence, PoseSequence]:
    """The pair as a mirror shows it: x turned about the image's middle, left and right joints swapped.

    Raises:
        ValueError: the keypoints lack an image size.
    """
    if keypoints.image_size is None:
        raise ValueError(
            f"{keypoints.name}: mirroring turns keypoints about the image's middle; give image_size"
        )
    swap = H36M17.mirror
    across = np.array([-1, 1, 1], dtype=np.float32)
    flipped = keypoints.values[:, swap] * across[:2]
    flipped[..., 0] += keypoints.image_size[0]
    return keypoints.with_values(flipped), joints.with_values(joints.values[:, swap] * across)


@dataclass(frozen=True, kw_only=True)
class FCNTraining:
    """How FCN is trained: Adam on batches drawn at random, the learning rate falling along a cosine.

    Attributes:
        steps: optimizer steps.
        batch: frames a step.
        learning_rate: at the start; zero at the end.
        dropout: share of features dropped; the authors' 0.5 wants far longer training than minutes.
        mirror: show every frame mirrored with probability one half.
    """

    steps: int
    batch: int
    learning_rate: float
    dropout: float = 0.5
    mirror: bool = False


def train_fcn(
    pairs: Sequence[tuple[PoseSequence, PoseSequence]],
    options: FCNTraining,
    *,
    seed: int,
    on_step: Callable[[int, float], None] = lambda step, loss: None,
) -> tuple[FCN, Standardisation]:
    """Train on (detected keypoints, true joints) pairs; the same seed gives the same weights on one machine.

    Raises:
        ValueError: where there are no pairs or fewer frames than a batch, a pair is not of the same frames,
            or a coordinate is NaN or the same throughout, so that it has no standard deviation.
    """
    if not pairs:
        raise ValueError("FCN needs at least one pair of keypoints and joints to train on")
    for keypoints, joints in pairs:
        if (keypoints.key, keypoints.start, len(keypoints)) != (joints.key, joints.start, len(joints)):
            raise ValueError(
                f"keypoints of {keypoints.key}, frames {keypoints.start} + {len(keypoints)}, are paired with "
                f"joints of {joints.key}, frames {joints.start} + {len(joints)}"
            )
    if options.mirror:
        pairs = [pair for both in pairs for pair in (both, mirrored(*both))]
    inputs = torch.cat([network_input(keypoints) for keypoints, _ in pairs])
    targets = torch.cat([network_target(joints) for _, joints in pairs])
    if len(inputs) < options.batch:
        raise ValueError(f"FCN has {len(inputs)} training frames, fewer than one batch of {options.batch}")
    scale = Standardisation.of(inputs, targets)
    x = (inputs - scale.input_mean) / scale.input_std
    y = (targets - scale.output_mean) / scale.output_std
    if not (x.isfinite().all() and y.isfinite().all()):
        raise ValueError("FCN's training poses hold NaN, or a coordinate that never changes")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = FCN(dropout=options.dropout)
        for layer in network.modules():
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_normal_(layer.weight)
        optimizer = torch.optim.Adam(network.parameters(), lr=options.learning_rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.steps)
        network.train()
        for step in range(options.steps):
            rows = torch.randint(len(x), (options.batch,))
            loss = nn.functional.mse_loss(network(x[rows]), y[rows])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            on_step(step, loss.item())
    return network.eval(), scale


@torch.no_grad()
def estimate(network: FCN, scale: Standardisation, keypoints: PoseSequence) -> PoseSequence:
    """Root-relative 3D joints (metres, camera frame) for every frame, each on its own.

    A joint's score is its keypoint's.
    """
    network.eval()
    x = (network_input(keypoints) - scale.input_mean) / scale.input_std
    y = network(x) * scale.output_std + scale.output_mean
    values = np.zeros((len(keypoints), len(H36M17), 3), dtype=np.float32)
    values[:, JOINTS] = y.reshape(len(keypoints), -1, 3).numpy()
    return replace(
        keypoints, values=values, representation="3d", unit="m", frame_of_reference="camera_root_relative"
    )


def save(network: FCN, scale: Standardisation, path: Path) -> str:
    """Write weights and statistics to one safetensors file, whole or not at all; returns its SHA-256."""
    tensors = {f"network.{k}": v.contiguous() for k, v in network.state_dict().items()}
    tensors |= {f"scale.{field.name}": getattr(scale, field.name).contiguous() for field in fields(scale)}
    content = format_safetensors(tensors)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(content)
    temporary.replace(path)
    return hashlib.sha256(content).hexdigest()


def load(path: Path) -> tuple[FCN, Standardisation]:
    """What `save` wrote, in evaluation mode.

    Raises:
        ValueError: the file is not an FCN of ours; names the first keys that differ, also those whose
            shapes do.
    """
    try:
        tensors = parse_safetensors(path.read_bytes())
    except SafetensorError as error:
        raise ValueError(
            f"{path}: not a whole safetensors file ({error}); run the estimate stage again"
        ) from error
    network = FCN()
    sizes = {"input": network.w1.in_features, "output": network.w2.out_features}
    expected = {f"network.{k}": v.shape for k, v in network.state_dict().items()}
    expected |= {f"scale.{side}_{of}": torch.Size([n]) for side, n in sizes.items() for of in ("mean", "std")}
    got = {name: tensor.shape for name, tensor in tensors.items()}
    if differing := sorted(k for k in expected | got if expected.get(k) != got.get(k)):
        raise ValueError(f"{path}: not a saved FCN; keys that differ: {', '.join(differing[:5])}")
    network.load_state_dict(
        {k.removeprefix("network."): v for k, v in tensors.items() if k.startswith("network.")}
    )
    return network.eval(), Standardisation(
        **{k.removeprefix("scale."): v for k, v in tensors.items() if k.startswith("scale.")}
    )
