"""The images' stage on PoseTrack's own files: annotations, JPEG images, several people a frame."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hanet.cache.files import PoseCache
from hanet.datasets.posetrack.year2018 import read_video
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import POSETRACK17
from stages import estimate, workspace
from stages.train import rows
from tests.support import drawn, official_files

FOLDER = Path(os.environ.get("HANET_SHARED_DATA", "nowhere")) / "posetrack18"
VIDEOS = {"train": "003418_mpii_test", "val": "009473_mpii_test", "test": "012834_mpii_test"}
T = 5

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="set HANET_SHARED_DATA to a folder with posetrack18/annotations and images"
)


def people(name: str) -> list[PoseSequence]:
    """Whoever is annotated in the first frame, whose image is there; they stand still for five frames."""
    found = []
    for track in read_video(FOLDER / "annotations" / "val" / f"{name}.json")[1]:
        if track.start == 0 and track.labelled is not None and track.boxes is not None:
            repeated = {
                field: np.repeat(getattr(track, field)[:1], T, axis=0)
                for field in ("values", "labelled", "boxes")
            }
            found.append(replace(track, **repeated))
    return found


@pytest.mark.parametrize("kind", ["dcpose", "simplebaseline"])
def test_real_images_become_pairs(project: Path, kind: str) -> None:
    for split, name in VIDEOS.items():
        drawn.write_cache("gt", split, people(name))
        image = FOLDER / "images" / "val" / name / "000000.jpg"
        for frame in range(T):
            target = Path("images", "val", name, f"{frame:06d}.jpg")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(image, target)
    official_files.write_checkpoint(Path(f"files/{kind}.pth"), kind, joints=17)  # MPII has no nose: COCO's
    settings = {"skeleton": "coco17"} if kind == "simplebaseline" else {}
    images = "images/*/{name}/{frame:06d}.jpg"
    drawn.write_params(kind, "posetrack18", images=images, first_frame=0, shard=3, **settings)
    estimate.main("drawn")
    for split in VIDEOS:
        gt = list(PoseCache.open(workspace.truth_path("drawn", split)).sequences())
        found = list(PoseCache.open(workspace.detected_path("drawn", split)).sequences())
        assert [s.key for s in found] == [s.key for s in gt] and len({s.track for s in gt}) >= 1
        for sequence in found:
            assert sequence.skeleton == POSETRACK17 and sequence.boxes is not None
            assert sequence.image_size is not None and sequence.image_size[0] > 600
            # The same image five times gives the same keypoints.
            np.testing.assert_allclose(sequence.values, sequence.values[:1].repeat(T, axis=0), atol=1e-3)
    assert len(rows("drawn", "train").detected) == T * len(people(VIDEOS["train"]))
