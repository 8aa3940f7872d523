"""The layouts of the released `.npz` files of DeciWatch, HANet and SmoothNet: their paths and joints.

DeciWatch (Zeng et al., ECCV 2022; its ``doc/data.md``), also HANet's: joints, keypoints and SMPL of one
estimator in one file, ::

groundtruth_poses/pw3d/pw3d_gt_test.npz
    detected_poses/pw3d/spin/pw3d_spin_test.npz

SmoothNet (Zeng et al., ECCV 2022; its README and data sets' loaders): one folder per representation, ::

pw3d_spin_3D/groundtruth/pw3d_gt_3D_test.npz
    pw3d_spin_3D/detected/pw3d_spin_3D_test.npz

SmoothNet's README calls the fields ``keypoints_3d`` and ``keypoints_2d``, its loaders read ``joints_3d`` and
``joints_2d``: both names are accepted, for both layouts. The joints in SmoothNet's files depend on the
estimator and are not documented; they are inferred from the root in each estimator's configuration (joint 0,
or the middle of joints 2 and 3) and from the bones in its figures.

DeciWatch's Human3.6M files are assumed to have the left leg and arm first, like its 3DPW files. This was not
checked on a file, and Human3.6M itself has the right ones first. MPJPE, PA-MPJPE and Accel are the same
either way, and so is mirroring, which swaps the same pairs: only the names left and right would change, in
figures and scores per joint.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hanet.poses.sequence import Representation
from hanet.poses.skeletons import H36M16, H36M17, H36M17_LEFT_FIRST, JHMDB15, LSP14, Skeleton

Layout = Literal["deciwatch", "smoothnet"]
OFFICIAL = ("train", "test")
"""The released splits."""


@dataclass(frozen=True)
class Release:
    """The storage of one data set in the released files.

    Attributes:
        representation: ``2d`` (field ``joints_2d``) or ``3d`` (``joints_3d``).
        stored: the joints in the file.
        skeleton: the joints of the sequences read, a subset of `stored`.
        fps: frames per second of the data set.
        q: intervals per window of the released models of this data set.
        unnamed: whether sequences may lack a name.
    """

    representation: Representation
    stored: Skeleton
    skeleton: Skeleton
    fps: float
    q: int
    unnamed: bool = False

    @property
    def field(self) -> str:
        """The field that holds the poses."""
        return f"joints_{self.representation}"

    @property
    def other_field(self) -> str:
        """The field's alternative name."""
        return f"keypoints_{self.representation}"


RELEASES: dict[str, Release] = {
    "pw3d": Release("3d", H36M17_LEFT_FIRST, LSP14, fps=30.0, q=20),
    "h36m": Release("3d", H36M17_LEFT_FIRST, H36M17_LEFT_FIRST, fps=50.0, q=20),
    "aist": Release("3d", LSP14, LSP14, fps=60.0, q=20),
    "jhmdb": Release("2d", JHMDB15, JHMDB15, fps=25.0, q=2),
}
"""DeciWatch's and HANet's data sets by the name in their files."""


SMOOTHNET: dict[tuple[str, Representation], dict[str, Skeleton]] = {
    ("pw3d", "3d"): {
        "spin": H36M17_LEFT_FIRST,
        "eft": H36M17_LEFT_FIRST,
        "pare": H36M17_LEFT_FIRST,
        "vibe": LSP14,
        "tcmr": LSP14,
    },
    ("h36m", "3d"): {
        "fcn": H36M17,
        "rle": H36M17,
        "videoposet27": H36M17,
        "videoposet81": H36M17,
        "videoposet243": H36M17,
        "vibe": LSP14,
        "tcmr": LSP14,
    },
    ("h36m", "2d"): {"cpn": H36M17, "hourglass": H36M16, "hrnet": H36M16, "rle": H36M16},
    ("aist", "3d"): {"spin": LSP14, "vibe": LSP14, "tcmr": LSP14},
    ("jhmdb", "2d"): {"simplepose": JHMDB15},
}
"""The joints in SmoothNet's files by data set, representation and estimator."""


def release_of(dataset: str) -> Release:
    """A data set of `RELEASES`; a ValueError lists the known ones."""
    if dataset not in RELEASES:
        raise ValueError(
            f"unknown dataset {dataset!r}; released pose files are read for {', '.join(RELEASES)}"
        )
    return RELEASES[dataset]


def joints_release(
    dataset: str, estimator: str, *, layout: Layout, representation: Representation | None = None
) -> Release:
    """The storage of an estimator's joints or keypoints.

    Args:
        dataset: a key of `RELEASES`.
        estimator: its name in the files; ignored in DeciWatch's layout.
        layout: ``deciwatch`` or ``smoothnet``.
        representation: ``2d`` or ``3d``; None for the one that `RELEASES` has.

    Raises:
        ValueError: an unknown data set or estimator, or a representation that the layout lacks.
    """
    known = release_of(dataset)
    representation = representation or known.representation
    if layout == "deciwatch":
        if representation != known.representation:
            raise ValueError(
                f"{dataset} is released in {known.representation} only, not {representation}; SMPL is "
                "read by hanet.datasets.pose_files.smpl"
            )
        return known
    estimators = SMOOTHNET.get((dataset, representation), {})
    if estimator not in estimators:
        raise ValueError(
            f"no {representation} poses of {estimator!r} on {dataset} in SmoothNet's layout; it has "
            f"{_listed(dataset)}"
        )
    stored = estimators[estimator]
    return Release(representation, stored, stored, fps=known.fps, q=known.q, unnamed=True)


def _listed(dataset: str) -> str:
    return "; ".join(f"{r}: {', '.join(known)}" for (d, r), known in SMOOTHNET.items() if d == dataset)


def release_paths(
    folder: Path,
    dataset: str,
    estimator: str,
    split: str,
    *,
    layout: Layout,
    representation: Representation,
) -> tuple[Path, Path]:
    """The files of ground truth and detected poses.

    Args:
        folder: contains ``groundtruth_poses`` and ``detected_poses``, or SmoothNet's folders.
        dataset, estimator, split: as in the files' names.
        layout: ``deciwatch`` or ``smoothnet``.
        representation: ``2d``, ``3d`` or ``smpl``.

    Raises:
        FileNotFoundError: a missing file; the message lists the existing ones.
    """
    if layout == "deciwatch":
        gt = folder / "groundtruth_poses" / dataset / f"{dataset}_gt_{split}.npz"
        detected = folder / "detected_poses" / dataset / estimator / f"{dataset}_{estimator}_{split}.npz"
    else:
        kind = {"2d": "2D", "3d": "3D", "smpl": "smpl"}[representation]
        base = folder / f"{dataset}_{estimator}_{kind}"
        gt = base / "groundtruth" / f"{dataset}_gt_{kind}_{split}.npz"
        detected = base / "detected" / f"{dataset}_{estimator}_{kind}_{split}.npz"
    for path in (gt, detected):
        if not path.is_file():
            there = sorted(str(p.relative_to(folder)) for p in folder.rglob(f"{dataset}_*.npz"))
            raise FileNotFoundError(
                f"{path}: no such file; below {folder} there is {', '.join(there) or f'no {dataset}_*.npz'}: "
                "check folder, estimator, split and layout"
            )
    return gt, detected
