"""Every format read back by another reader than ours."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest

from hanet.cache.files import CacheMetadata, CacheWriter, PoseCache
from hanet.formats.exports import WRITERS, Up, export
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17, H36M17


@pytest.fixture
def walk(rng) -> PoseSequence:
    """Four frames from frame 10 on, the second without a person."""
    values = rng.normal(size=(4, 17, 3)).astype(np.float32)
    values[1] = np.nan
    scores = rng.uniform(size=(4, 17)).astype(np.float32)
    return PoseSequence(
        "walk", values, H36M17, "3d", 25.0, "m", "camera_root_relative",
        track=1, start=10, scores=scores, labelled=np.isfinite(values).all(axis=2), image_size=(640, 480),
    )  # fmt: skip


def cache(path: Path, *sequences: PoseSequence) -> PoseCache:
    metadata = CacheMetadata.of(sequences[0], dataset="made", split="video", estimator="x")
    with CacheWriter(path, metadata) as writer:
        for sequence in sequences:
            writer.write(sequence)
    return PoseCache.open(path)


@dataclass(frozen=True)
class Trc:
    head: dict[str, str]
    markers: list[str]
    frames: np.ndarray
    times: np.ndarray
    values: np.ndarray


def read_trc(path: Path) -> Trc:
    """A reader after OpenSim's description of the format, strict about the header's shape."""
    lines = path.read_text().split("\n")
    assert lines[0].split("\t") == ["PathFileType", "4", "(X/Y/Z)", path.name]
    head = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=True))
    markers = [label for label in lines[3].split("\t") if label]
    assert markers[:2] == ["Frame#", "Time"] and lines[3].count("\t") == lines[4].count("\t")
    count = int(head["NumMarkers"])
    assert [x for x in lines[4].split("\t") if x] == [f"{a}{i + 1}" for i in range(count) for a in "XYZ"]
    assert lines[5] == "" and lines[-1] == ""
    rows = np.array([[float(x) for x in line.split("\t")] for line in lines[6:-1]])
    assert rows.shape == (int(head["NumFrames"]), 2 + 3 * count)
    return Trc(head, markers[2:], rows[:, 0], rows[:, 1], rows[:, 2:].reshape(len(rows), count, 3))


def test_trc_is_what_opensim_reads(tmp_path, walk):
    export(cache(tmp_path / "a.parquet", walk), tmp_path / "a.trc")
    found = read_trc(tmp_path / "a.trc")
    assert found.head == {
        "DataRate": "25", "CameraRate": "25", "NumFrames": "4", "NumMarkers": "17", "Units": "m",
        "OrigDataRate": "25", "OrigDataStartFrame": "11", "OrigNumFrames": "4",
    }  # fmt: skip
    assert found.markers == list(H36M17.joints)
    assert found.frames.tolist() == [11, 12, 13, 14]
    np.testing.assert_allclose(found.times, [0.4, 0.44, 0.48, 0.52])
    # A camera's y points down and z ahead: up is -y, and z turns as well, so that it is no mirror image.
    np.testing.assert_allclose(found.values, walk.values * [1, -1, -1], atol=1e-6)


@pytest.mark.parametrize("up", get_args(Up))
def test_trc_turns_the_axis_that_points_up_to_y(tmp_path, walk, up):
    values = np.zeros_like(walk.values)
    values[..., "xyz".index(up[-1])] = -1.0 if up[0] == "-" else 1.0
    values[0] = np.eye(3, dtype=np.float32)[np.arange(17) % 3]
    world = replace(walk, values=values, frame_of_reference="world", scores=None, labelled=None)
    export(cache(tmp_path / "a.parquet", world), tmp_path / "a.trc", up=up)
    found = read_trc(tmp_path / "a.trc").values
    np.testing.assert_array_equal(found[1:], np.broadcast_to([0.0, 1.0, 0.0], (3, 17, 3)))
    assert np.linalg.det(found[0, :3]) == pytest.approx(1.0)  # turned, not mirrored


def test_trc_has_rows_between_the_parts_of_a_track(tmp_path, walk):
    later = replace(walk, start=16)
    export(cache(tmp_path / "a.parquet", walk, later), tmp_path / "a.trc")
    found = read_trc(tmp_path / "a.trc")
    assert found.frames.tolist() == list(range(11, 21))
    assert np.isnan(found.values[:, 0, 0]).nonzero()[0].tolist() == [1, 4, 5, 7]


def test_trc_leaves_out_markers_that_are_never_known(tmp_path, walk):
    values = walk.values.copy()
    values[:, 9] = np.nan  # the nose
    values[:3, 0] = np.nan  # the pelvis is known in the last frame
    gone = replace(walk, values=values, labelled=np.isfinite(values).all(axis=2))
    notes = export(cache(tmp_path / "a.parquet", gone), tmp_path / "a.trc")
    assert notes == ["a.trc: left out nose, which is never known"]
    found = read_trc(tmp_path / "a.trc")
    assert found.markers == [joint for joint in H36M17.joints if joint != "nose"]
    assert found.head["NumMarkers"] == "16"
    np.testing.assert_allclose(found.values, np.delete(values, 9, axis=1) * [1, -1, -1], atol=1e-6)
    assert export(cache(tmp_path / "b.parquet", walk), tmp_path / "b.trc") == []
    nothing = replace(walk, values=np.full_like(values, np.nan), labelled=None)
    with pytest.raises(ValueError, match=r"c\.trc: no joint is known in any frame; choose another"):
        export(cache(tmp_path / "c.parquet", nothing), tmp_path / "c.trc")
    assert not (tmp_path / "c.trc").exists()


def test_trc_refuses_what_it_cannot_hold(tmp_path, walk):
    two = cache(tmp_path / "two.parquet", walk, replace(walk, track=2))
    with pytest.raises(ValueError, match=r"one person, got walk \(track 1\), walk \(track 2\)"):
        export(two, tmp_path / "a.trc")
    export(two, tmp_path / "a.trc", track=2)
    world = cache(tmp_path / "world.parquet", replace(walk, frame_of_reference="world"))
    with pytest.raises(ValueError, match="which axis points up in world poses is not known; give --up"):
        export(world, tmp_path / "b.trc")
    flat = PoseSequence("f", np.zeros((2, 17, 2), np.float32), COCO17, "2d", 25.0, "px", "image")
    with pytest.raises(ValueError, match="TRC holds 3D joints, got 2d"):
        export(cache(tmp_path / "flat.parquet", flat), tmp_path / "b.trc")
    assert not (tmp_path / "b.trc").exists() and not list(tmp_path.glob(".*"))


def test_json_holds_everything(tmp_path, walk):
    export(cache(tmp_path / "a.parquet", walk), tmp_path / "a.json")
    found = json.loads((tmp_path / "a.json").read_text())
    assert (found["format"], found["fps"], found["unit"]) == ("hanet poses 1", 25.0, "m")
    assert found["joints"] == list(H36M17.joints) and found["parents"] == list(H36M17.parents)
    assert found["frame_of_reference"] == "camera_root_relative" and found["estimator"] == "x"
    [track] = found["sequences"]
    assert (track["name"], track["track"], track["image_size"]) == ("walk", 1, [640, 480])
    assert track["frames"] == [10, 11, 12, 13] and track["seconds"] == [0.4, 0.44, 0.48, 0.52]
    assert track["poses"][1] == [[None] * 3] * 17
    poses = np.array(track["poses"], dtype=np.float32)
    np.testing.assert_array_equal(poses, walk.values)  # to the last bit
    np.testing.assert_array_equal(np.array(track["scores"], np.float32), walk.scores)
    assert track["labelled"][1] == [False] * 17


def test_json_without_extras(tmp_path, walk):
    bare = replace(walk, scores=None, labelled=None, image_size=None)
    export(cache(tmp_path / "a.parquet", bare), tmp_path / "a.json")
    [track] = json.loads((tmp_path / "a.json").read_text())["sequences"]
    assert track["scores"] is track["labelled"] is track["image_size"] is None


def test_csv_has_a_row_a_frame(tmp_path, walk):
    export(cache(tmp_path / "a.parquet", walk, replace(walk, name="run, fast")), tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8 and {row["sequence"] for row in rows} == {"walk", "run, fast"}
    first = [row for row in rows if row["sequence"] == "walk"]
    assert list(first[0])[:5] == ["sequence", "track", "frame", "seconds", "pelvis_x"]
    assert first[1]["nose_y"] == "" and first[2]["frame"] == "12"
    nose = H36M17.index("nose")
    assert float(first[2]["nose_y"]) == pytest.approx(float(walk.values[2, nose, 1]), rel=1e-6)
    assert float(first[2]["nose_score"]) == pytest.approx(float(walk.scores[2, nose]), rel=1e-6)


def test_parquet_is_the_same_table(tmp_path, walk):
    export(cache(tmp_path / "a.parquet", walk), tmp_path / "t.parquet")
    table = pd.read_parquet(tmp_path / "t.parquet")
    assert table.shape == (4, 4 + 17 * 4) and table["seconds"].tolist() == [0.4, 0.44, 0.48, 0.52]
    assert table["nose_z"].isna().tolist() == [False, True, False, False]
    np.testing.assert_array_equal(table["l_hip_x"].to_numpy(), walk.values[:, H36M17.index("l_hip"), 0])


def test_npz_needs_no_pickle(tmp_path, walk):
    export(cache(tmp_path / "a.parquet", walk, replace(walk, track=3)), tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as found:
        np.testing.assert_array_equal(found["poses"], np.concatenate([walk.values] * 2))
        assert found["track"].tolist() == [1] * 4 + [3] * 4
        assert found["sequence"].tolist() == ["walk"] * 8 and found["joints"].tolist() == list(H36M17.joints)
        assert found["fps"] == 25.0 and str(found["unit"]) == "m"
        assert json.loads(str(found["metadata"]))["estimator"] == "x"


def test_keypoints_have_no_z(tmp_path):
    flat = PoseSequence("f", np.ones((2, 17, 2), np.float32), COCO17, "2d", 25.0, "px", "image")
    export(cache(tmp_path / "a.parquet", flat), tmp_path / "a.csv")
    header = (tmp_path / "a.csv").read_text().split("\n")[0]
    assert '"nose_y","nose_score"' in header and "nose_z" not in header


def test_what_is_refused(tmp_path, walk):
    poses = cache(tmp_path / "a.parquet", walk)
    with pytest.raises(ValueError, match=r"ends in \.json, \.csv, \.npz, \.parquet, \.trc"):
        export(poses, tmp_path / "a.xlsx")
    with pytest.raises(ValueError, match="only TRC turns axes"):
        export(poses, tmp_path / "a.csv", up="z")
    with pytest.raises(ValueError, match=r"nothing to write; it has walk \(track 1\)"):
        export(poses, tmp_path / "a.csv", sequence="run")
    with CacheWriter(tmp_path / "empty.parquet", poses.metadata):
        pass
    for ending in WRITERS:
        with pytest.raises(ValueError, match="it has no sequences"):
            export(PoseCache.open(tmp_path / "empty.parquet"), tmp_path / f"b{ending}")
