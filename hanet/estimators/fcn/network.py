"""FCN: 3D joints from the 2D keypoints of one frame.

Source: Martinez et al., "A simple yet effective baseline for 3d human pose estimation", ICCV 2017.

Module names follow the PyTorch port of the authors' network, so its checkpoints' keys match.
`hanet.estimators.fcn.lifting` defines the input keypoints and output joints.

Axes: B frames, 2K keypoint coordinates, 3K' joint coordinates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from safetensors.torch import save as format_safetensors
from torch import Tensor, nn

from hanet.estimators.common.gaps import filled
from hanet.estimators.fcn.lifting import HUMAN36M, Lifting
from hanet.estimators.fcn.options import FCNTraining
from hanet.files.atomic import write_bytes
from hanet.files.hashing import file_hash
from hanet.files.safe_tensors import read_tensors
from hanet.models.tensors import require_finite
from hanet.poses.sequence import PoseSequence

LIFTING = "lifting"
"""The key of a file's metadata."""
BODY = "body."
"""Beginning of the names of a file's tensors that hold limb lengths; a person's name follows."""


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
    """Linear(inputs → width), residual stages, Linear(width → outputs), on standardised coordinates.

    Inputs and outputs are those of `lifting`: 32 and 48 on Human3.6M-17.
    """

    def __init__(
        self,
        *,
        lifting: Lifting = HUMAN36M,
        width: int = 1024,
        stages: int = 2,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.lifting = lifting
        self.w1 = nn.Linear(2 * len(lifting.keypoints), width)
        self.batch_norm1 = nn.BatchNorm1d(width)
        self.linear_stages = nn.ModuleList(Residual(width, dropout) for _ in range(stages))
        self.w2 = nn.Linear(width, 3 * len(lifting.joints))
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


def mirrored(keypoints: PoseSequence, joints: PoseSequence) -> tuple[PoseSequence, PoseSequence]:
    """Mirror a pair: x is reflected about the image's middle, left and right joints are swapped.

    Raises:
        ValueError: the keypoints lack an image size.
    """
    if keypoints.image_size is None:
        raise ValueError(
            f"{keypoints.name}: mirroring turns keypoints about the image's middle; give image_size"
        )
    across = np.array([-1, 1, 1], dtype=np.float32)
    seen, truth = _swapped(keypoints, across[:2]), _swapped(joints, across)
    seen.values[..., 0] += keypoints.image_size[0]
    return seen, truth


def _swapped(poses: PoseSequence, across: Float[np.ndarray, " D"]) -> PoseSequence:
    swap = poses.skeleton.mirror
    labelled = None if poses.labelled is None else poses.labelled[:, swap]
    return replace(poses.with_values(poses.values[:, swap] * across), labelled=labelled)


def train_fcn(
    pairs: Sequence[tuple[PoseSequence, PoseSequence]],
    options: FCNTraining,
    *,
    seed: int,
    lifting: Lifting = HUMAN36M,
    on_step: Callable[[int, float], None] = lambda step, loss: None,
) -> tuple[FCN, Standardisation]:
    """Train on (detected keypoints, true joints) pairs; deterministic for a seed on one machine.

    Frames with an unknown keypoint or joint of `lifting` are skipped.

    Raises:
        ValueError: no pairs, fewer known frames than a batch, a pair of different frames or on another
            skeleton than `lifting`, or a constant coordinate, whose standard deviation is 0.
    """
    inputs, targets = _training_set(pairs, options, lifting)
    scale = Standardisation.of(inputs, targets)
    x = (inputs - scale.input_mean) / scale.input_std
    y = (targets - scale.output_mean) / scale.output_std
    if not (x.isfinite().all() and y.isfinite().all()):
        raise ValueError("FCN's training poses have a coordinate that never changes")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = FCN(lifting=lifting, width=options.width, dropout=options.dropout)
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
    return (rounded(network) if options.half else network).eval(), scale


def rounded(network: FCN) -> FCN:
    """The network with the weights of its linear layers rounded to half precision, in place."""
    for layer in _linear(network).values():
        layer.weight.data = layer.weight.data.half().float()
    return network


def _linear(network: FCN) -> dict[str, nn.Linear]:
    return {name: layer for name, layer in network.named_modules() if isinstance(layer, nn.Linear)}


def _training_set(
    pairs: Sequence[tuple[PoseSequence, PoseSequence]], options: FCNTraining, lifting: Lifting
) -> tuple[Float[Tensor, "N inputs"], Float[Tensor, "N outputs"]]:
    """All completely known frames, also mirrored where the options say so."""
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
    inputs = torch.cat([lifting.inputs(keypoints) for keypoints, _ in pairs])
    targets = torch.cat([lifting.targets(joints) for _, joints in pairs])
    known = inputs.isfinite().all(dim=1) & targets.isfinite().all(dim=1)
    if known.sum() < options.batch:
        raise ValueError(
            f"FCN has {int(known.sum())} training frames, fewer than one batch of {options.batch}; "
            f"{int((~known).sum())} more lack a keypoint or joint"
        )
    return inputs[known], targets[known]


@torch.no_grad()
def estimate(network: FCN, scale: Standardisation, keypoints: PoseSequence) -> PoseSequence:
    """Estimate root-relative 3D joints (metres, camera frame), frame by frame.

    Computes in double precision and returns single precision, so that the order of additions on a processor
    changes poses by less than 0.001 mm.

    See `Lifting.poses` for scores and for joints that the network does not return; frames that lack an input
    keypoint are filled as in `hanet.estimators.common.gaps`.

    Raises:
        ValueError: keypoints on another skeleton than the network's, or no frame with all input keypoints.
    """
    exact = deepcopy(network.eval()).double()
    x = (network.lifting.inputs(keypoints).double() - scale.input_mean) / scale.input_std
    y = exact(x) * scale.output_std + scale.output_mean
    return filled(network.lifting.poses(y, keypoints))


def save(
    network: FCN,
    scale: Standardisation,
    path: Path,
    *,
    bodies: Mapping[str, Float[np.ndarray, " L"]] | None = None,
    half: bool = False,
) -> str:
    """Write weights and statistics to one safetensors file, atomically; returns its SHA-256.

    The metadata name the keypoints and joints; a file without them uses `HUMAN36M`.

    Args:
        network, scale: what `train_fcn` returns.
        path: of the file.
        bodies: limb lengths (metres, `hanet.poses.bodies`) of the people that it was trained on, by name.
        half: store the linear layers' weights in half precision, as `rounded` made them.
    """
    small = {f"{name}.weight" for name in _linear(network)} if half else set()
    state = network.state_dict().items()
    tensors = {f"network.{k}": (v.half() if k in small else v).contiguous() for k, v in state}
    tensors |= {f"scale.{field.name}": getattr(scale, field.name).contiguous() for field in fields(scale)}
    tensors |= {f"{BODY}{name}": torch.from_numpy(limbs).float() for name, limbs in (bodies or {}).items()}
    lifting = None if network.lifting == HUMAN36M else {LIFTING: network.lifting.to_json()}
    write_bytes(path, format_safetensors(tensors, metadata=lifting))
    return file_hash(path)


def load(path: Path) -> tuple[FCN, Standardisation, dict[str, Float[np.ndarray, " L"]]]:
    """Load what `save` wrote: the network in evaluation mode, its statistics, and its people's limbs.

    Raises:
        ValueError: not a file of `save`; the message names the first keys that differ, by name or shape, or
            the fault in its keypoints and joints.
    """
    tensors, metadata = read_tensors(path, remedy="run the estimate stage again")
    try:
        lifting = Lifting.from_json(metadata[LIFTING]) if LIFTING in metadata else HUMAN36M
    except ValueError as error:
        raise ValueError(f"{path}: not a saved FCN: {error}") from error
    bodies = {
        name.removeprefix(BODY): tensors.pop(name).double().numpy()
        for name in sorted(tensors)
        if name.startswith(BODY)
    }
    bias = tensors.get("network.w1.bias")
    network = FCN(lifting=lifting, width=1024 if bias is None else max(bias.numel(), 1))
    sizes = {"input": network.w1.in_features, "output": network.w2.out_features}
    expected = {f"network.{k}": v.shape for k, v in network.state_dict().items()}
    expected |= {f"scale.{side}_{of}": torch.Size([n]) for side, n in sizes.items() for of in ("mean", "std")}
    got = {name: tensor.shape for name, tensor in tensors.items()}
    if differing := sorted(k for k in expected | got if expected.get(k) != got.get(k)):
        raise ValueError(f"{path}: not a saved FCN; keys that differ: {', '.join(differing[:5])}")
    require_finite(tensors, str(path))
    network.load_state_dict(
        {k.removeprefix("network."): v for k, v in tensors.items() if k.startswith("network.")}
    )
    scale = Standardisation(
        **{k.removeprefix("scale."): v for k, v in tensors.items() if k.startswith("scale.")}
    )
    return network.eval(), scale, bodies
