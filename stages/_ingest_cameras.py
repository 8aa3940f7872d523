"""3D data sets filmed by real cameras: Human3.6M, 3DPW and AIST++."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from hanet import skeletons
from hanet.data import aist, aist_files, human36m, pw3d
from hanet.data.human36m import Split as Human36MSplit
from stages._ingest import Content, Item, first_clips, thinned, thinned_track
from stages.schema.datasets import AistIngest, Human36MIngest, Pw3dIngest

PW3D_SPLITS: dict[str, pw3d.Split] = {"train": "train", "val": "validation", "test": "test"}


def human36m_content(raw: Path, options: Human36MIngest) -> Content:
    """Every recording in every camera: ``gt-<split>`` and true ``keypoints-<split>``."""
    calibration = human36m.read_cameras(raw / "metadata.xml")

    def items(split: Human36MSplit) -> Iterator[Item]:
        subjects = human36m.subjects_of(split, validation=options.validation)
        recorded = human36m.recordings(raw, subjects)[: options.limit]
        for view in human36m.read_views(
            recorded, calibration, cameras=options.cameras, stride=options.stride
        ):
            yield Item(view.joints, {"keypoints": view.keypoints})

    return Content(
        {split: items(split) for split in get_args(Human36MSplit)},
        group=human36m.subject_of,
        groups="subjects",
        declared=[leak.declaration() for leak in options.declared],
        notes={"recordings_left_out": list(human36m.BROKEN)},
    )


def pw3d_content(raw: Path, options: Pw3dIngest) -> Content:
    """People: ``gt-<split>``, SMPL in the camera ``smpl-<split>``, released keypoints ``openpose-<split>``.

    The files do not name their people, so groups are sequences.
    """
    left_out = dict.fromkeys(PW3D_SPLITS, 0)

    def items(split: str) -> Iterator[Item]:
        skeleton = skeletons.get(options.skeleton)
        for person in pw3d.read_people(raw, PW3D_SPLITS[split], skeleton=skeleton):
            left_out[split] += person.frames - sum(map(len, person.joints))
            for joints, keypoints, smpl in zip(person.joints, person.keypoints, person.smpl, strict=True):
                yield Item(joints, {"smpl": smpl, "openpose": keypoints})

    return Content(
        {split: first_clips(items(split), options.limit) for split in PW3D_SPLITS},
        estimators=frozenset({"openpose"}),
        groups="sequence_names",
        declared=[leak.declaration() for leak in options.declared],
        notes={"frames_without_camera_left_out": left_out},
    )


def aist_content(raw: Path, options: AistIngest) -> Content:
    """Every dance in every camera: ``gt-<split>``, ``smpl-<split>`` and the joints' ``keypoints-<split>``."""
    skeleton = skeletons.get(options.skeleton)

    def items(split: aist_files.Split) -> Iterator[Item]:
        names = aist.sequence_names(raw, split)[: options.limit]
        views = aist.read_views(
            raw, names, cameras=options.cameras, skeleton=skeleton, optimised=options.optimised
        )
        bodies = aist.read_bodies(raw, names, cameras=options.cameras)
        for view, body in zip(views, bodies, strict=True):
            beside = {
                "keypoints": thinned(view.keypoints, options.stride),
                "smpl": thinned_track(body, options.stride),
            }
            yield Item(thinned(view.joints, options.stride), beside)

    return Content(
        {split: items(split) for split in get_args(aist_files.Split)},
        group=aist.subject_of,
        groups="dancers",
        declared=[leak.declaration() for leak in options.declared],
    )
