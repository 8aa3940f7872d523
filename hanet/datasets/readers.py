"""Read ground truth from raw files, by kind of data set.

A kind's reader is imported when it is used, so that a change to one data set makes only that data set stale.
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

if TYPE_CHECKING:
    from hanet.datasets.common.content import Content
    from hanet.datasets.registry import AnyDataset


def content(  # noqa: C901 (one case per kind)
    raw: Path, described: AnyDataset, dataset: str, *, scratch: Path
) -> Content:
    """Read the raw files of a data set, by its kind.

    Args:
        raw: folder of the raw files.
        described: the data set's options.
        dataset: its name in params.yaml, for error messages.
        scratch: folder of unfinished work, from which a killed run resumes.

    Raises:
        ValueError, OSError: as raised by the kind's reader.
    """
    match described:
        case Clips():
            from hanet.datasets.mocap import content as mocap

            return mocap.clips(raw, described.ingest, dataset)
        case Rendered():
            from hanet.datasets.rendered import content as rendered

            return rendered.rendered(raw, described.ingest, dataset, scratch=scratch)
        case Cmu():
            from hanet.datasets.mocap import cmu_content as mocap

            return mocap.cmu(raw, described.ingest)
        case UIPRMD() | UIPRMDRaw():
            from hanet.datasets.uiprmd import content as uiprmd

            return uiprmd.content(raw, described)
        case Released():
            from hanet.datasets.pose_files import content as pose_files

            return pose_files.content(raw, described)
        case Pw3d():
            from hanet.datasets.pw3d import content as pw3d

            return pw3d.pw3d_content(raw, described.ingest)
        case Aist() | AistKeypoints():
            from hanet.datasets.aist import content as aist

            return aist.content(raw, described)
        case OpenCap():
            from hanet.datasets.opencap import content as opencap

            return opencap.opencap(raw, described.ingest)
        case Human36M():
            from hanet.datasets.human36m import content as human36m

            return human36m.human36m_content(raw, described.ingest)
        case SubJhmdb():
            from hanet.datasets.jhmdb import content as jhmdb

            return jhmdb.jhmdb(raw, described.ingest)
        case PennAction():
            from hanet.datasets.penn_action import content as penn_action

            return penn_action.penn_action(raw, described.ingest)
        case PoseTrack17():
            from hanet.datasets.posetrack import content, year2017

            return content.posetrack(raw, described.ingest, year2017.read_video)
        case PoseTrack18():
            from hanet.datasets.posetrack import content, year2018

            return content.posetrack(raw, described.ingest, year2018.read_video)
