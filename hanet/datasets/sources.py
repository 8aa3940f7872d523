"""Every published data set's source, by its name in params.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hanet.datasets.aist.source import AISTPP
from hanet.datasets.common.source import DatasetSource
from hanet.datasets.human36m.source import HUMAN36M
from hanet.datasets.jhmdb.source import SUB_JHMDB
from hanet.datasets.mocap.source import CMU
from hanet.datasets.opencap.source import OPENCAP
from hanet.datasets.penn_action.source import PENN_ACTION
from hanet.datasets.posetrack.source import POSETRACK2017, POSETRACK2018
from hanet.datasets.pw3d.source import PW3D
from hanet.datasets.uiprmd.source import UIPRMD

SOURCES: Mapping[str, DatasetSource] = MappingProxyType(
    {
        "sub-jhmdb-1": SUB_JHMDB,
        "sub-jhmdb-2": SUB_JHMDB,
        "sub-jhmdb-3": SUB_JHMDB,
        "sub-jhmdb-pooled": SUB_JHMDB,
        "posetrack2017": POSETRACK2017,
        "posetrack2018": POSETRACK2018,
        "human36m": HUMAN36M,
        "pw3d": PW3D,
        "aist": AISTPP,
        "cmu": CMU,
        "uiprmd-raw": UIPRMD,
        "opencap": OPENCAP,
        "penn-action": PENN_ACTION,
    }
)


def source_of(dataset: str) -> DatasetSource | None:
    """The source of a data set by its name or a variant's, such as ``sub-jhmdb-pooled``."""
    names = [name for name in SOURCES if dataset == name or dataset.startswith(f"{name}-")]
    return SOURCES[max(names, key=len)] if names else None
