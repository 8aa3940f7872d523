"""AIST++'s raw 2D detections with the reprojected 3D joints as ground truth, split by dancer.

The ground truth is not independent of the detections: AIST++ triangulated its joints from these detections in
all nine views and smoothed them over time. It corrects what one view gets wrong and the others get right, and
keeps an error that all views share.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hanet.datasets.aist import views as aist
from hanet.datasets.aist.files import REMEDY, AistError, ignored_names
from hanet.datasets.aist.options import AistKeypointsIngest
from hanet.datasets.common.content import Content, Item
from hanet.options import SPLITS
from hanet.poses.skeletons import COCO17

ESTIMATOR = "detector"
FILES = ("keypoints2d/*.pkl", "keypoints3d/*.pkl", "cameras/mapping.txt", "cameras/*.json")
"""What is read, below the folder of annotations."""
OPTIONAL = ("ignore_list.txt",)


def aist_keypoints(raw: Path, options: AistKeypointsIngest) -> Content:
    """Every dance in every camera: ``gt-<split>`` (reprojected joints, pixels) and ``detector-<split>``.

    A camera in which some joint was never detected is left out, and noted in the report.
    """
    left_out: list[str] = []
    names = _names(raw, options)

    def items(split: str) -> Iterator[Item]:
        for name in names[split][: options.limit]:
            truth = aist.read_views(raw, [name], cameras=options.cameras, skeleton=COCO17)
            found = {one.name: one for one in aist.read_detections(raw, [name], cameras=options.cameras)}
            for view in truth:
                keypoints = view.keypoints
                if keypoints.name not in found:
                    left_out.append(keypoints.name)
                    continue
                detected = found[keypoints.name].thinned(options.stride)
                yield Item(keypoints.thinned(options.stride), {ESTIMATOR: detected})

    return Content(
        {split: items(split) for split in SPLITS},
        estimators=frozenset({ESTIMATOR}),
        group=aist.subject_of,
        groups="dancers",
        people=True,
        declared=[leak.declaration() for leak in options.declared],
        notes={"cameras_left_out": left_out},
    )


def _names(raw: Path, options: AistKeypointsIngest) -> dict[str, list[str]]:
    """The sequences of each split.

    Raises:
        AistError: no sequence, or one of a dancer in no split.
    """
    of = {dancer: split for split, dancers in options.splits.items() for dancer in dancers}
    found: dict[str, list[str]] = {split: [] for split in SPLITS}
    ignored = ignored_names(raw) if (raw / OPTIONAL[0]).is_file() else frozenset[str]()
    for path in sorted((raw / "keypoints2d").glob("*.pkl")):
        if path.stem in ignored:
            continue
        dancer = aist.subject_of(path.stem)
        if dancer not in of:
            raise AistError(f"{path}: dancer {dancer} is in no split; add it to ingest.splits in params.yaml")
        found[of[dancer]].append(path.stem)
    if not any(found.values()):
        raise AistError(f"{raw / 'keypoints2d'}: expected files like {FILES[0]}, got none; {REMEDY}")
    return found
