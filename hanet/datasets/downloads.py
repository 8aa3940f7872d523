"""Fetch or copy, verify and unpack raw files by kind of data set.

A kind's code and addresses are imported when they are used, so that a change to one data set makes only that
data set stale.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hanet.datasets.aist.options import Aist, AistKeypoints
from hanet.datasets.human36m.options import Human36M
from hanet.datasets.jhmdb.options import SubJhmdb
from hanet.datasets.mocap.options import Clips, Cmu
from hanet.datasets.opencap.options import OpenCap
from hanet.datasets.penn_action.options import PennAction
from hanet.datasets.pose_files.options import Released
from hanet.datasets.posetrack.options import PoseTrack17, PoseTrack18
from hanet.datasets.pw3d.options import Pw3d
from hanet.datasets.rendered.options import Rendered
from hanet.datasets.uiprmd.options import UIPRMD, UIPRMDRaw
from hanet.progress import console

if TYPE_CHECKING:
    from hanet.datasets.common.source import DatasetSource
    from hanet.datasets.registry import AnyDataset

PublishedDataset = (
    Aist
    | AistKeypoints
    | Cmu
    | Human36M
    | PennAction
    | PoseTrack17
    | PoseTrack18
    | Pw3d
    | SubJhmdb
    | UIPRMDRaw
)
"""Data sets with a publisher, whose files are fetched or provided by the user."""


def collect(described: AnyDataset, raw: Path, *, dataset: str, archives: Path, hashes: Path) -> None:
    """Put the raw files of a data set into a folder, by its kind, and report them.

    Args:
        described: the data set's options.
        raw: the folder for the raw files.
        dataset: its name in params.yaml, for error messages.
        archives: the folder for downloaded archives, where an interrupted download resumes.
        hashes: the folder with one JSON file of recorded SHA-256 per data set.

    Raises:
        ValueError, OSError, hanet.download.unpack.ArchiveError: as raised by the kind's own code.
    """
    match described:
        case Clips() | Rendered():
            from hanet.download import packages

            packages.collect(described.download.archives, raw, archives)
        case Released():
            from hanet.datasets.pose_files import collect as pose_files

            pose_files.collect(described.download, raw)
        case UIPRMD():
            from hanet.datasets.uiprmd import collect as uiprmd

            download = described.download
            files = uiprmd.collect(Path(download.folder), raw, expected=download.sha256 or None)
            console.print(f"  {download.folder}: {len(files)} files")
        case AistKeypoints() if described.download.folder is not None:
            from hanet.datasets.aist.keypoints_content import FILES, OPTIONAL
            from hanet.datasets.common import copied

            copied.copy(Path(described.download.folder), FILES, raw, dataset=dataset, optional=OPTIONAL)
        case PennAction() if (Path(described.download.folder).expanduser() / "labels").is_dir():
            from hanet.datasets.common import copied
            from hanet.datasets.penn_action.source import LABELS

            folder = Path(described.download.folder).expanduser()
            copied.copy(folder, (LABELS,), raw, dataset=dataset)
        case OpenCap():
            from hanet.datasets.opencap import collect as opencap

            opencap.collect(
                described.download,
                raw,
                dataset=dataset,
                archives=archives / dataset,
                record=hashes / f"{dataset}.json",
            )
        case _:
            from hanet.datasets.common import published

            published.collect(
                source_of(described),
                described.download,
                raw,
                dataset=dataset,
                archives=archives / dataset,
                record=hashes / f"{dataset}.json",
                without=unwanted(described),
            )


def source_of(described: PublishedDataset) -> DatasetSource:
    """The source of a data set, by its kind."""
    match described:
        case Aist() | AistKeypoints():
            from hanet.datasets.aist.source import AISTPP

            return AISTPP
        case Cmu():
            from hanet.datasets.mocap.source import CMU

            return CMU
        case Human36M():
            from hanet.datasets.human36m.source import HUMAN36M

            return HUMAN36M
        case PennAction():
            from hanet.datasets.penn_action.source import PENN_ACTION

            return PENN_ACTION
        case PoseTrack17():
            from hanet.datasets.posetrack.source import POSETRACK2017

            return POSETRACK2017
        case PoseTrack18():
            from hanet.datasets.posetrack.source import POSETRACK2018

            return POSETRACK2018
        case Pw3d():
            from hanet.datasets.pw3d.source import PW3D

            return PW3D
        case SubJhmdb():
            from hanet.datasets.jhmdb.source import SUB_JHMDB

            return SUB_JHMDB
        case UIPRMDRaw():
            from hanet.datasets.uiprmd.source import UIPRMD as UIPRMD_SOURCE

            return UIPRMD_SOURCE


def unwanted(described: PublishedDataset) -> tuple[str, ...]:
    """Names of the publisher's files that the options exclude."""
    if isinstance(described, SubJhmdb) and not described.download.puppet_masks:
        return ("puppet_mask.zip",)
    return ()
