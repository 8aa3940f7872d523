"""Penn Action: labels, hidden joints, boxes, the official split, files of a user and of the archive."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hanet.datasets.common.ingest import write as ingest
from hanet.datasets.common.options import Folder
from hanet.datasets.downloads import collect
from hanet.datasets.penn_action.clips import PennActionError, read_clip
from hanet.datasets.penn_action.content import penn_action
from hanet.datasets.penn_action.options import PennAction, PennActionIngest
from hanet.download.unpack import ArchiveError
from hanet.poses.skeletons import PENN13
from tests.support.penn_action_files import fields, write


def changed(**changes: Any) -> dict[str, Any]:
    return {**fields(), **changes}


def test_pixels_count_from_zero(tmp_path: Path) -> None:
    content = fields()
    clip = read_clip(write(tmp_path, "0001", content))
    np.testing.assert_allclose(clip.poses.values[..., 0], content["x"] - 1, atol=1e-4)
    np.testing.assert_allclose(clip.poses.values[..., 1], content["y"] - 1, atol=1e-4)
    np.testing.assert_allclose(clip.poses.boxes, content["bbox"] - 1, atol=1e-4)
    assert clip.poses.image_size == (480, 270) and clip.poses.fps == 30
    assert (clip.poses.name, clip.action, clip.train, clip.hidden) == ("0001", "squat", True, ())
    assert PENN13.joints[:3] == ("head", "l_shoulder", "r_shoulder")


def test_a_hidden_joint_is_unknown(tmp_path: Path) -> None:
    content = fields()
    content["visibility"][2, 5] = content["visibility"][:, 12] = 0
    content["x"][2, 5] = 1
    clip = read_clip(write(tmp_path, "0001", content))
    assert clip.hidden == ("r_ankle",)
    assert np.isnan(clip.poses.values[2, 5]).all() and np.isnan(clip.poses.values[:, 12]).all()
    assert clip.poses.labelled is not None and clip.poses.labelled.sum() == 6 * 12 - 1


def test_what_no_image_holds_is_unknown(tmp_path: Path) -> None:
    """A joint and a box at 1e300 pixels, which single precision does not know: the others stay."""
    content = fields()
    content["x"][2, 5] = content["bbox"][3, 2] = 1e300
    found = read_clip(write(tmp_path, "0001", content)).poses
    assert np.isnan(found.values[2, 5]).all() and np.isfinite(found.values).sum() == (6 * 13 - 1) * 2
    assert found.boxes is not None and np.isfinite(found.boxes).all()


def test_a_frame_without_a_box_gets_the_joints_extent(tmp_path: Path) -> None:
    content = fields()
    content["bbox"][1] = content["bbox"][1, [0, 1, 0, 1]]
    content["bbox"][2] = np.nan
    found = read_clip(write(tmp_path, "0001", content)).poses
    x, y = content["x"][1] - 1, content["y"][1] - 1
    middle, half = (x.min() + x.max()) / 2, (x.max() - x.min()) / 2
    assert found.boxes is not None and np.isfinite(found.boxes).all()
    np.testing.assert_allclose(found.boxes[1, [0, 2]], [middle - 1.2 * half, middle + 1.2 * half], rtol=1e-5)
    np.testing.assert_allclose(found.boxes[2, 3] - found.boxes[2, 1], 1.2 * (y.max() - y.min()), rtol=1e-5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (changed(x=np.zeros((6, 12))), r"expected x, y and visibility \(T, 13\)"),
        (changed(train=0), "expected train to be 1 or -1, got"),
        (changed(dimensions=np.array([[0, 480, 6]])), "expected dimensions"),
        (changed(y="text"), "expected numbers in y"),
        ({"x": np.zeros((6, 13))}, "without y, visibility, bbox, dimensions, action, train"),
    ],
)
def test_other_layouts_are_named(tmp_path: Path, content: dict[str, Any], message: str) -> None:
    path = write(tmp_path, "0001", content)
    with pytest.raises(PennActionError, match=message) as raised:
        read_clip(path)
    assert str(path) in str(raised.value) and "get it again" in str(raised.value)


def test_damaged_and_missing_files_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, "0001")
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(PennActionError, match=r"0001\.mat: not a whole MATLAB file"):
        read_clip(path)
    with pytest.raises(PennActionError, match=r"0002\.mat: no such file"):
        read_clip(path.with_name("0002.mat"))


def clips(folder: Path) -> None:
    """Ten training clips, three of test; of one of each, the head is never seen."""
    for number in range(13):
        content = fields(train=number < 10, seed=number)
        if number in (0, 12):
            content["visibility"][:, 0] = 0
        write(folder, f"{number:04d}", content)


def test_the_official_split_with_validation_from_training(tmp_path: Path) -> None:
    clips(tmp_path)
    content = penn_action(tmp_path, PennActionIngest(seed=1, val_share=0.2))
    names = {split: [item.poses.name for item in items] for split, items in content.splits.items()}
    assert names["test"] == ["0010", "0011"]
    assert len(names["train"]) + len(names["val"]) == 9 and not {*names["train"]} & {*names["val"]}
    assert content.notes["left_out"]["test"] == 1 and sum(content.notes["left_out"].values()) == 2
    assert content.notes["actions"] == {"squat": 11}
    again = penn_action(tmp_path, PennActionIngest(seed=1, val_share=0.2, limit=1))
    assert [len(list(items)) for items in again.splits.values()] == [1, 1, 1]


def test_ingest_writes_caches(tmp_path: Path) -> None:
    clips(tmp_path / "raw")
    (tmp_path / "poses").mkdir()
    content = penn_action(tmp_path / "raw", PennActionIngest(seed=1, val_share=0.2))
    report = ingest(content, tmp_path / "raw", tmp_path / "poses", "penn-action")
    assert report["splits"]["test"]["frames"] == 12
    assert (tmp_path / "poses" / "gt-train.parquet").is_file()


def test_no_labels_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PennActionError, match=r"expected files labels/\*\.mat, got none"):
        penn_action(tmp_path, PennActionIngest(seed=1))


def get(folder: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    paths = {"archives": tmp_path / "archives", "hashes": tmp_path / "hashes"}
    options = PennAction(
        kind="penn_action", download=Folder(folder=str(folder)), ingest=PennActionIngest(seed=1)
    )
    collect(options, raw, dataset="penn-action", **paths)


def test_labels_of_the_users_folder_are_copied(tmp_path: Path) -> None:
    path = write(tmp_path / "Penn_Action", "0001")
    get(tmp_path / "Penn_Action", tmp_path)
    assert (tmp_path / "raw/labels/0001.mat").read_bytes() == path.read_bytes()


def test_labels_of_the_archive_are_unpacked(tmp_path: Path) -> None:
    path = write(tmp_path / "Penn_Action", "0001")
    mine = tmp_path / "mine"
    mine.mkdir()
    with tarfile.open(mine / "Penn_Action.tar.gz", "w:gz") as archive:
        archive.add(path, "Penn_Action/labels/0001.mat")
        archive.add(path, "Penn_Action/frames/0001/000001.jpg")
    get(mine, tmp_path)
    found = [path for path in (tmp_path / "raw").rglob("*.*") if path.is_file()]
    assert [file.name for file in found if file.suffix == ".mat"] == ["0001.mat"]
    assert not [file for file in found if file.suffix == ".jpg"]
    assert len(list(penn_action(tmp_path / "raw", PennActionIngest(seed=1)).splits["train"])) == 1


def test_without_files_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HANET_PENN_ACTION_FOLDER", raising=False)
    with pytest.raises(ArchiveError, match=r"Penn_Action\.tar\.gz"):
        get(tmp_path / "nowhere", tmp_path)
