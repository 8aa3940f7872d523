"""The kinds of data sets, by their options in params.yaml.

`hanet.datasets.downloads` and `hanet.datasets.readers` dispatch to the code of each kind.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

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

AnyDataset = (
    Clips
    | UIPRMD
    | Released
    | SubJhmdb
    | PoseTrack17
    | PoseTrack18
    | Human36M
    | Pw3d
    | Aist
    | Cmu
    | UIPRMDRaw
    | AistKeypoints
    | OpenCap
    | Rendered
    | PennAction
)
Dataset = Annotated[AnyDataset, Field(discriminator="kind")]
