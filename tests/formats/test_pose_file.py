"""Options, the frame rate, and what may be written into a file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hanet.formats import PoseFile, ReadOptions, read
from hanet.formats.base import update_of, with_missing
from hanet.poses.skeletons import MPII16
from tests.support import keypoint_writers as writers


@pytest.fixture
def poses(tmp_path: Path) -> PoseFile:
    return read(writers.write_coco(tmp_path / "walk.json", writers.bodies(frames=6)), ReadOptions())


def test_the_frame_rate_is_asked_for(poses: PoseFile) -> None:
    assert (poses.fps_known, {track.fps for track in poses.tracks}) == (False, {1.0})
    with pytest.raises(ValueError, match=r"walk\.json: the file does not say its frame rate; give --fps"):
        poses.require_fps()
    known = read(poses.path, ReadOptions(fps=29.97))
    assert known.require_fps() == 29.97 and known.tracks[0].fps == 29.97


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fps": -5.0}, r"fps must be a positive number, got -5\.0"),
        ({"fps": float("nan")}, "fps must be a positive number, got nan"),
        ({"fps": float("inf")}, "fps must be a positive number, got inf"),
        ({"image_size": (0, 480)}, r"image size must be two positive numbers, got \(0, 480\)"),
    ],
)
def test_options_that_cannot_be(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ReadOptions(**options)  # type: ignore[arg-type]


def test_pieces_of_a_track_are_written_and_the_rest_stays(tmp_path: Path, poses: PoseFile) -> None:
    track = poses.tracks[1]
    shifted = replace(track, values=track.values + 0.5)
    poses.write(tmp_path / "out.json", [shifted.part(slice(0, 2)), shifted.part(slice(4, 5))])
    again = read(tmp_path / "out.json")
    np.testing.assert_array_equal(again.tracks[0].values, poses.tracks[0].values)
    expected = track.values.copy()
    expected[[0, 1, 4]] += 0.5
    np.testing.assert_array_equal(again.tracks[1].values, expected)


def test_a_file_can_be_written_several_times_and_over_itself(tmp_path: Path, poses: PoseFile) -> None:
    before = poses.path.read_bytes()
    moved = [replace(track, values=track.values + 1) for track in poses.tracks]
    poses.write(tmp_path / "a.json", moved)
    poses.write(tmp_path / "b.json", poses.tracks)
    assert (tmp_path / "b.json").read_bytes() == before
    poses.write(poses.path, moved)
    assert poses.path.read_bytes() == (tmp_path / "a.json").read_bytes() != before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"track": 7}, r"track 7: not a track of .*walk\.json, which has walk \(track 0\), walk \(track 1\)"),
        ({"name": "run"}, r"run, track 0: not a track of"),
        ({"skeleton": MPII16, "values": np.zeros((6, 16, 2)), "scores": None, "labelled": None},
         "walk, track 0: refined poses must have the file's skeleton coco17, got mpii16"),
        ({"frame_of_reference": "world"}, "must have the file's frame_of_reference image, got world"),
        ({"start": 1}, "walk, track 0: refined frames must lie in 0 to 5, got 1 to 6"),
        ({"start": -1}, "walk, track 0: refined frames must lie in 0 to 5, got -1 to 4"),
    ],
)  # fmt: skip
def test_tracks_of_another_file(
    tmp_path: Path, poses: PoseFile, change: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        poses.write(tmp_path / "out.json", [replace(poses.tracks[0], **change)])
    assert not (tmp_path / "out.json").exists()


def test_a_folder_is_not_overwritten(tmp_path: Path) -> None:
    source = writers.write_openpose(tmp_path / "in", writers.bodies("body25"))
    poses = read(source)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    for out in (tmp_path / "out", source, tmp_path / "out" / "mine.txt"):
        with pytest.raises(ValueError, match="exists already; give the name of a new folder"):
            poses.write(out, poses.tracks)
    assert (tmp_path / "out" / "mine.txt").read_text() == "keep" and len(list(source.iterdir())) == 4
    (tmp_path / "out" / "mine.txt").unlink()
    poses.write(tmp_path / "out", poses.tracks)
    assert len(list((tmp_path / "out").iterdir())) == 4


def test_nothing_is_written_where_writing_fails(tmp_path: Path, poses: PoseFile, monkeypatch) -> None:
    (tmp_path / "out.json").write_text("old")
    monkeypatch.setattr(json, "dumps", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        poses.write(tmp_path / "out.json", [replace(t, values=t.values + 1) for t in poses.tracks])
    assert (tmp_path / "out.json").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json", "walk.json"]


def test_keypoints_of_low_score_count_as_missing_and_stay_as_they_are(tmp_path: Path) -> None:
    found = writers.bodies(frames=3, count=1)
    found[1, 0, 4, 2] = 0.1
    path = writers.write_coco(tmp_path / "a.json", found)
    poses = read(path, ReadOptions(min_score=0.2))
    (track,) = poses.tracks
    assert track.labelled is not None and np.argwhere(~track.labelled).tolist() == [[1, 4]]
    poses.write(tmp_path / "b.json", [track])
    assert (tmp_path / "b.json").read_bytes() == path.read_bytes()
    values = track.values.copy()
    values[1, 4] = [5.5, 6.5]
    poses.write(tmp_path / "b.json", [replace(track, values=values)])
    assert json.loads((tmp_path / "b.json").read_text())[1]["keypoints"][12:15] == [5.5, 6.5, 0.1]


def test_people_of_low_score_are_left_alone(tmp_path: Path) -> None:
    path = writers.write_coco(tmp_path / "a.json", writers.bodies(frames=3))
    entries = json.loads(path.read_text())
    entries[1]["score"] = entries[3]["score"] = entries[5]["score"] = 0.05
    writers.dump(path, entries)
    poses = read(path, ReadOptions(min_person_score=0.1))
    (track,) = poses.tracks
    poses.write(tmp_path / "b.json", [replace(track, values=track.values + 1)])
    again = json.loads((tmp_path / "b.json").read_text())
    assert again[1::2] == entries[1::2] and all(a != b for a, b in zip(again[::2], entries[::2], strict=True))


def test_the_difference_of_two_tracks(poses: PoseFile) -> None:
    """Joint by joint: the same, changed, filled, dropped, still missing."""
    gone = np.zeros((6, 17), bool)
    gone[0, 2] = gone[0, 3] = True
    track = with_missing(poses.tracks[0], gone)
    assert (
        track.labelled is not None and (~track.labelled == gone).all() and np.isnan(track.values[gone]).all()
    )
    values = track.values.astype(np.float32)
    values[0, 1] += 1
    values[0, 2] = 0.1
    values[0, 4] = np.nan
    update = update_of(track, [replace(track, values=values)])
    assert [np.argwhere(mask).tolist() for mask in (update.changed, update.filled, update.dropped)] == [
        [[0, 1], [0, 2]], [[0, 2]], [[0, 4]],
    ]  # fmt: skip
    assert update.values[0, 2].tolist() == [0.1, 0.1]  # the digits that a float32 has
    assert np.argwhere(np.isnan(update.values[..., 0])).tolist() == [[0, 3], [0, 4]]
    np.testing.assert_array_equal(update.values[1:], track.values[1:])
