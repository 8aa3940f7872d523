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

from safetensors.torch import save as format_safetensors

from hanet.files.atomic import write_bytes, write_text
from hanet.files.safe_tensors import parse_tensors
from hanet.models.descriptions import (
    AGAIN,
    DESCRIPTION,
    FORMAT_VERSION,
    WEIGHTS,
    read_description,
    read_file,
)
from hanet.models.hanet import HANet, HANetConfig
from hanet.models.registry import Model, named, network_of
from hanet.models.released_weights import LAYER_NAMES, Source, grouped, load_weights, substitute
from hanet.models.tensors import check_tensors, expected_shapes, require_finite

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
"""Patterns of our tensor names and their replacements in the released models, applied in this order."""


def released_names(model: HANet) -> dict[str, tuple[str, ...]]:
    """Map released tensor names to the names of ours that they contain, stacked along the first axis.

    The map is one to one, except for attention's query, key and value, which the released models store as
    one.
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
        config: the checkpoint's configuration; a checkpoint does not contain interval, window or heads.

    Unused tensors (the last stage's projection; ``encoder_norm`` of the pre-norm form) must be present and
    are ignored.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a file with more than tensors and plain values, or tensors that are missing, unexpected or
            of another shape than `config` implies; the message names them.
    """
    model = HANet(config).eval()
    load_weights(model, source, released_names(model), prefix=_PREFIX, unread=_unread_shapes(model))
    return model


def _unread_shapes(model: HANet) -> dict[str, tuple[int, ...]]:
    """Shapes of tensors that the released models store and never use."""
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
    """Write a model to `folder`, which is created if missing; an older checkpoint there is replaced.

    Each file is written atomically, and `load` detects two files that do not belong together. The same
    weights give the same bytes. `read_metadata` returns `metadata`; values that JSON cannot represent are
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
        ValueError: another format version, an unknown network, weights that do not match their description,
            or tensors that are missing, unexpected, of another shape or not finite; the message names them.
    """
    folder = Path(folder)
    description = read_description(folder)
    weights = read_file(folder / WEIGHTS)
    if hashlib.sha256(weights).hexdigest() != description["weights_sha256"]:
        raise ValueError(
            f"{folder / WEIGHTS} is not the file that {DESCRIPTION} describes: its SHA-256 differs. "
            f"Restore or rewrite both together"
        )
    try:
        network = named(description["network"])
        config = network.config.from_dict(description["config"])
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{folder / DESCRIPTION}: not a network and its configuration ({error}); {AGAIN}"
        ) from error
    tensors = parse_tensors(weights, where=str(folder / WEIGHTS), remedy=AGAIN)
    complaint = f"{folder / WEIGHTS} does not fit its configuration"
    shapes = expected_shapes(config, lambda: network.build(config), len(tensors), complaint)
    check_tensors(tensors, shapes, complaint)
    require_finite(tensors, str(folder / WEIGHTS))
    model = network.build(config).eval()
    model.load_state_dict(tensors)
    return model


def read_metadata(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """The metadata given to `save`; raises as `load` does for a missing checkpoint."""
    return read_description(folder)["metadata"]
