"""FCN with the weights and output statistics of the authors' PyTorch port.

The port (weigq/3d_pose_baseline_pytorch) stores the network in ``gt_ckpt_best.pth.tar`` under ``state_dict``,
and means and standard deviations of Human3.6M's 32 joints (millimetres, root-relative, camera frame) in
``stat_3d.pth.tar``: ``mean``, ``std`` (96) and ``dim_use`` (48). Its inputs are already standardised; here
their means and standard deviations come from the training keypoints.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hanet.estimators.common.checkpoints import Layout, load_official
from hanet.estimators.fcn.lifting import HUMAN36M
from hanet.estimators.fcn.network import FCN, Standardisation
from hanet.files.torch_file import read_torch

LAYOUT = Layout(container="state_dict", prefix="module.", bare=True)


def load(
    weights: Path, statistics: Path, inputs: Float[Tensor, "N inputs"]
) -> tuple[FCN, Standardisation, str]:
    """Load the network in evaluation mode, with statistics in pixels and metres, and the weights' SHA-256.

    Args:
        weights: the port's checkpoint; must contain exactly the network's tensors.
        statistics: the port's ``stat_3d.pth.tar``.
        inputs: training keypoints in the order of `hanet.estimators.fcn.lifting.HUMAN36M`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: other files (the message names what differs), or a constant keypoint coordinate.
    """
    network = FCN()
    sha256 = load_official(network, weights, LAYOUT)
    mean, std = output_statistics(statistics)
    scale = Standardisation(inputs.mean(0), inputs.std(0), mean, std)
    if not (scale.input_std > 0).all():
        raise ValueError("the training keypoints hold NaN, or a coordinate that never changes")
    return network.eval(), scale, sha256


def output_statistics(path: Path) -> tuple[Float[Tensor, " outputs"], Float[Tensor, " outputs"]]:
    """Mean and standard deviation (metres) of the network's outputs, from ``stat_3d.pth.tar``.

    Raises:
        FileNotFoundError, ValueError: no such file, or another kind of file.
    """
    content = _read(path)
    try:
        mean, std = (np.asarray(content[name], dtype=np.float64).reshape(-1) for name in ("mean", "std"))
        used = np.asarray(content["dim_use"]).reshape(-1)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: expected mean, std and dim_use of Human3.6M's joints, got {error!r}"
        ) from None
    outputs = 3 * len(HUMAN36M.joints)
    if mean.shape != (96,) or std.shape != (96,) or used.shape != (outputs,) or not _within(used):
        raise ValueError(
            f"{path}: expected 96 means and standard deviations and {outputs} indices of them, got "
            f"{mean.size}, {std.size} and {used.size}"
        )
    if not (np.isfinite(mean[used]).all() and (std[used] > 0).all()):
        raise ValueError(f"{path}: expected finite means and positive standard deviations; get it again")
    return tuple(torch.from_numpy(part[used] / 1000).float() for part in (mean, std))  # type: ignore[return-value]


def _within(used: np.ndarray) -> bool:
    return used.dtype.kind in "iu" and bool(((used >= 0) & (used < 96)).all())


def _read(path: Path) -> Any:
    """Read a PyTorch file with NumPy arrays, without running code from it."""
    rebuild: Any = np.empty(0).__reduce__()[0]
    scalar: Any = np.float64(0).__reduce__()[0]
    kinds = [type(np.dtype(kind)) for kind in (np.float32, np.float64, np.int32, np.int64)]
    # Files of NumPy 1 use its old module names.
    old = [(function, f"numpy.core.multiarray.{function.__name__}") for function in (rebuild, scalar)]
    allowed = [rebuild, scalar, np.ndarray, np.dtype, *kinds, *old]
    try:
        return read_torch(path, allowed=allowed)
    except ValueError as error:
        raise ValueError(f"{path} is no file of statistics that can be read safely: {error}") from error
