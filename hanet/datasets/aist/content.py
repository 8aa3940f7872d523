"""The splits of AIST++."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from hanet.datasets.aist import files
from hanet.datasets.aist import views as aist
from hanet.datasets.aist.keypoints_content import aist_keypoints
from hanet.datasets.aist.options import Aist, AistIngest, AistKeypoints
from hanet.datasets.common.content import Content, Item
from hanet.poses import skeletons


def content(raw: Path, described: Aist | AistKeypoints) -> Content:
    """The joints in every camera, or the detections with the reprojected joints."""
    if isinstance(described, AistKeypoints):
        return aist_keypoints(raw, described.ingest)
    return aist_content(raw, described.ingest)


def aist_content(raw: Path, options: AistIngest) -> Content:
    """Every dance in every camera: ``gt-<split>``, ``smpl-<split>``, and ``keypoints-<split>`` of the same
    joints.
    """
    skeleton = skeletons.get(options.skeleton)

    def items(split: files.Split) -> Iterator[Item]:
        names = aist.sequence_names(raw, split)[: options.limit]
        views = aist.read_views(
            raw, names, cameras=options.cameras, skeleton=skeleton, optimised=options.optimised
        )
        bodies = aist.read_bodies(raw, names, cameras=options.cameras)
        for view, body in zip(views, bodies, strict=True):
            others = {
                "keypoints": view.keypoints.thinned(options.stride),
                "smpl": body.thinned(options.stride),
            }
            yield Item(view.joints.thinned(options.stride), others)

    return Content(
        {split: items(split) for split in get_args(files.Split)},
        group=aist.subject_of,
        groups="dancers",
        people=True,
        declared=[leak.declaration() for leak in options.declared],
    )
