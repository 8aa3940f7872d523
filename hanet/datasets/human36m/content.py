"""The splits of Human3.6M, in every camera."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from hanet.datasets.common.content import Content, Item
from hanet.datasets.human36m import recordings
from hanet.datasets.human36m.options import Human36MIngest
from hanet.datasets.human36m.recordings import Split as Human36MSplit


def human36m_content(raw: Path, options: Human36MIngest) -> Content:
    """Every recording in every camera: ``gt-<split>`` and true ``keypoints-<split>``."""
    calibration = recordings.read_cameras(raw / "metadata.xml")

    def items(split: Human36MSplit) -> Iterator[Item]:
        subjects = recordings.subjects_of(split, validation=options.validation)
        recorded = recordings.recordings(raw, subjects)[: options.limit]
        for view in recordings.read_views(
            recorded, calibration, cameras=options.cameras, stride=options.stride
        ):
            yield Item(view.joints, {"keypoints": view.keypoints})

    return Content(
        {split: items(split) for split in get_args(Human36MSplit)},
        group=recordings.subject_of,
        groups="subjects",
        people=True,
        declared=[leak.declaration() for leak in options.declared],
        notes={"recordings_left_out": list(recordings.BROKEN)},
    )
