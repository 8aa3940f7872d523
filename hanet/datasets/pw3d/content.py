"""The splits of 3DPW."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hanet.datasets.common.content import Content, Item, first_clips
from hanet.datasets.pw3d import people
from hanet.datasets.pw3d.options import Pw3dIngest
from hanet.poses import skeletons

PW3D_SPLITS: dict[str, people.Split] = {"train": "train", "val": "validation", "test": "test"}


def pw3d_content(raw: Path, options: Pw3dIngest) -> Content:
    """People: ``gt-<split>``, SMPL in the camera ``smpl-<split>``, released keypoints ``openpose-<split>``.

    The files do not name their people, so groups are sequences.
    """
    left_out = dict.fromkeys(PW3D_SPLITS, 0)

    def items(split: str) -> Iterator[Item]:
        skeleton = skeletons.get(options.skeleton)
        for person in people.read_people(raw, PW3D_SPLITS[split], skeleton=skeleton):
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
