"""Weights on disk: the authors' released checkpoints, and our own.

Our own is a folder with ``model.safetensors`` (the weights) and ``model.json`` (format version, network,
configuration, the weights' SHA-256, the writer's metadata). Reading either kind never runs code in a file.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load as parse_safetensors
from safetensors.torch import save as format_safetensors

from hanet.files.atomic import write_bytes, write_text
from hanet.models.hanet import HANet, HANetConfig
from hanet.models.registry import Model, named, network_of
from hanet.models.released_weights import (
    LAYER_NAMES,
    Source,
    check_tensors,
    grouped,
    load_weights,
    substitute,
)

FORMAT_VERSION = 2
WEIGHTS = "model.safetensors"
DESCRIPTION = "model.json"

_PREFIX = "transformer."
_RELEASED_NAMES = (
    (r"^encoder\.enter\.0\.", "encoder_embed."),
    (r"^encoder\.enter\.", "projection."),
    (r"^encoder\.narrow\.", "offset_refine."),
    (r"^encoder\.stages\.(\d+)\.norm_feedforward\.", r"encoder.\1.layers.0.norm2."),
    (r"^encoder\.stages\.(\d+)\.", r"encoder.\1.layers.0."),
    (r"^decoder\.embed\.", "decoder_embed."),
    (r"^kinematics\.scale_previous\.", "prev_v_embed."),
    (r"^kinematics\.scale_next\.", "next_v_embed."),
    (r"^kinematics\.scale_acceleration\.", "acc_embed."),
    (r"^memory_embed\.", "motion_embed."),
    (r"^(encoder|decoder)_offset\.", r"\1_joints_embed."),
    *LAYER_NAMES,
)
"""Patterns of our names and what the released models have in their place, applied in this order."""


def released_names(model: HANet) -> dict[str, tuple[str, ...]]:
    """Released tensor names, and for each the names of ours that it holds, one below the other.

    It is one to one, but for attention's query, key and value, which the released models store as one.
    """
    return grouped(model.state_dict(), _released_name)


def _released_name(ours: str) -> str:
    name = substitute(ours, _RELEASED_NAMES)
    if entry := re.fullmatch(r"projection\.(\d+)(\..+)", name):
        # There it leaves stage i, here it enters stage i + 1.
        name = f"projection.{int(entry[1]) - 1}{entry[2]}"
    return _PREFIX + name


def load_released(source: Source, config: HANetConfig) -> HANet:
    """A HANet with the weights of a checkpoint of the authors' implementation, in evaluation mode.

    Args:
        source: a state dict or a file of one, plain or under the key ``state_dict``; names may have or lack
            the prefixes ``module.`` and ``transformer.``.
        config: the checkpoint's configuration; a checkpoint does not tell interval, window or heads.

    The tensors that nothing reads (what leaves the last stage; ``encoder_norm`` of the pre-norm form) must
    be there and are left out.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a file that holds more than tensors and plain values, or tensors that are missing,
            unexpected or of another shape than `config` asks for; all are named.
    """
    model = HANet(config).eval()
    load_weights(model, source, released_names(model), prefix=_PREFIX, unread=_unread_shapes(model))
    return model


def _unread_shapes(model: HANet) -> dict[str, tuple[int, ...]]:
    """Shapes of what the released models store and never read."""
    widths = model.encoder.widths
    last = f"{_PREFIX}projection.{len(widths) - 1}"
    shapes: dict[str, tuple[int, ...]] = {
        f"{last}.weight": (2 * widths[-1], widths[-1]),
        f"{last}.bias": (2 * widths[-1],),
    }
    if model.config.pre_norm:
        norms = {f"{_PREFIX}encoder_norm.{i}": width for i, width in enumerate(widths)}
        shapes |= {f"{name}.{part}": (width,) for name, width in norms.items() for part in ("weight", "bias")}
    return shapes


def save(model: Model, folder: str | os.PathLike[str], *, metadata: Mapping[str, Any] | None = None) -> None:
    """Write a model to `folder`, which is made where needed; an older checkpoint there is replaced.

    Each file appears whole or not at all, and `load` notices two files that do not belong together. The
    same weights give the same bytes. `metadata` comes back from `read_metadata`; what JSON cannot hold is
    refused (TypeError, or ValueError for NaN and infinity) before anything is written.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    weights = format_safetensors(tensors)
    description = {
        "format_version": FORMAT_VERSION,
        "network": network_of(model.config).name,
        "config": model.config.to_dict(),
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "metadata": dict(metadata or {}),
    }
    text = json.dumps(description, indent=2, sort_keys=True, allow_nan=False) + "\n"
    write_bytes(Path(folder) / WEIGHTS, weights)
    write_text(Path(folder) / DESCRIPTION, text)


def load(folder: str | os.PathLike[str]) -> Model:
    """The model that `save` wrote, on the CPU and in evaluation mode.

    Raises:
        FileNotFoundError: a file of the checkpoint is missing.
        ValueError: another format version, an unknown network, weights that are not those described, or
            tensors that are missing, unexpected or of another shape; all are named.
    """
    folder = Path(folder)
    description = _describe(folder)
    weights = _read(folder / WEIGHTS)
    if hashlib.sha256(weights).hexdigest() != description["weights_sha256"]:
        raise ValueError(
            f"{folder / WEIGHTS} is not the file that {DESCRIPTION} describes: its SHA-256 differs. "
            f"Restore or rewrite both together"
        )
    network = named(description["network"])
    model = network.build(network.config.from_dict(description["config"])).eval()
    tensors = parse_safetensors(weights)
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    check_tensors(tensors, expected, f"{folder / WEIGHTS} does not fit its configuration")
    model.load_state_dict(tensors)
    return model


def read_metadata(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """The metadata given to `save`; raises as `load` does where there is no such checkpoint."""
    return _describe(Path(folder))["metadata"]


def _describe(folder: Path) -> dict[str, Any]:
    path = folder / DESCRIPTION
    description = json.loads(_read(path))
    version = description.get("format_version")
    if version != FORMAT_VERSION:
        raise ValueError(f"{path} has format version {version!r}, this package reads {FORMAT_VERSION}")
    expected = ("network", "config", "weights_sha256", "metadata")
    if missing := [key for key in expected if key not in description]:
        raise ValueError(f"{path} lacks {', '.join(missing)}")
    return description


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path} is missing: a checkpoint is a folder with {DESCRIPTION} and {WEIGHTS}"
        ) from None
