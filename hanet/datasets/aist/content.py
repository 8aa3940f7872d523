"""3D data sets filmed by real cameras: Human3.6M, 3DPW and AIST++."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from hanet.datasets.aist import files
from hanet.datasets.aist import views as aist
from hanet.datasets.aist.options import AistIngest
from hanet.datasets.common.content import Content, Item
from hanet.poses import skeletons


def aist_content(raw: Path, options: AistIngest) -> Content:
    """Every dance in every camera: ``gt-<split>``, ``smpl-<split>`` and the joints' ``keypoints-<split>``."""
    skeleton = skeletons.get(options.skeleton)

    def items(split: files.Split) -> Iterator[Item]:
        names = aist.sequence_names(raw, split)[: options.limit]
        views = aist.read_views(
            raw, names, cameras=options.cameras, skeleton=skeleton, optimised=options.optimised
        )
        bodies = aist.read_bodies(raw, names, cameras=options.cameras)
        for view, body in zip(views, bodies, strict=True):
            beside = {
                "keypoints": view.keypoints.thinned(options.stride),
                "smpl": body.thinned(options.stride),
            }
            yield Item(view.joints.thinned(options.stride), beside)

    return Content(
        {split: items(split) for split in get_args(files.Split)},
        group=aist.subject_of,
        groups="dancers",
        declared=[leak.declaration() for leak in options.declared],
    )
