"""What a page holds: the poses themselves, gaps, leaps, and every n-th frame of long files."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hanet.formats.base import PoseFile
from hanet.poses.errors import NoPosesError
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17, H36M17, SMPL24
from hanet.view import content as view_content
from hanet.view.content import content
from hanet.view.people import pair, upward
from tests.support.walking import detected, filmed, walker


def pose_file(*tracks: PoseSequence, name: str = "walk.json", fps_known: bool = True) -> PoseFile:
    return PoseFile(
        format="numpy",
        path=Path(name),
        tracks=tracks,
        fps=tracks[0].fps if tracks else 30.0,
        fps_known=fps_known,
        skeleton=COCO17,
        unit="px",
        save=lambda out, updates: [],
    )


def keypoints(found: np.ndarray, **optional: Any) -> PoseSequence:
    values = np.where((found[..., :2] == 0).all(axis=2, keepdims=True), np.nan, found[..., :2])
    return PoseSequence.keypoints("walk", values, COCO17, fps=30.0, scores=found[..., 2], **optional)


@pytest.fixture
def before() -> list[PoseSequence]:
    found = detected(filmed([walker(120), walker(120, phase=1.0)]), noise=2.0)
    return [keypoints(found[:, p], track=p) for p in range(2)]


@pytest.fixture
def after() -> list[PoseSequence]:
    truth = filmed([walker(120), walker(120, phase=1.0)])
    truth[50:75, 0, COCO17.index("r_ear")] = 0.0
    return [keypoints(truth[:, p], track=p) for p in range(2)]


def floats(text: str, frames: int, joints: int = 17, dims: int = 2) -> np.ndarray:
    return np.frombuffer(b64decode(text), "<f4").reshape(frames, joints, dims)


def test_the_first_curves_are_of_the_joint_that_was_refined_most():
    raw = keypoints(filmed([walker(40)])[:, 0])
    moved = raw.values.copy()
    moved[10:14, 9] += 5
    moved[3:5, 4] += 1
    assert content(pair(pose_file(raw), pose_file(replace(raw, values=moved))), "a")["joint"] == 9
    never = raw.values.copy()
    never[:, 0] = np.nan  # known least: no curves to show
    alone = replace(raw, values=never, labelled=np.isfinite(never).all(axis=2))
    assert content(pair(pose_file(alone)), "a")["joint"] != 0


def test_coordinates_gaps_leaps_and_confidence(before, after):
    shown = content(pair(pose_file(*before), pose_file(*after, name="refined.json")), "walk")
    assert (shown["fps"], shown["unit"], shown["dims"], shown["step"]) == (30.0, "px", 2, 1)
    assert shown["joints"] == list(COCO17.joints) and shown["refined"] and shown["notes"] == []
    first, second = shown["tracks"]
    np.testing.assert_array_equal(floats(first["raw"], 120), before[0].values.astype(np.float32))
    np.testing.assert_array_equal(floats(second["refined"], 120), after[1].values.astype(np.float32))
    scores = np.frombuffer(b64decode(first["scores"]), np.uint8).reshape(120, 17) / 255
    np.testing.assert_allclose(scores, before[0].scores, atol=0.002)
    knee = COCO17.index("r_knee")
    assert first["leaps"] == [[35, knee], [62, knee], [88, knee]] and second["leaps"] == []
    facts = first["facts"]
    assert (facts["missing"], facts["positions"], facts["gaps"], facts["longest"]) == (29, 120 * 17, 2, 25)
    assert (facts["filled"], facts["left"], facts["leaps"], facts["leaps_after"]) == (4, 25, 3, 0)
    assert facts["acceleration_after"] < 0.2 * facts["acceleration"]
    moved = np.linalg.norm(after[0].values - before[0].values, axis=2)
    assert facts["moved"] == pytest.approx(np.nanmedian(moved), rel=1e-3)


def test_of_long_files_every_third_frame_is_shown(before):
    later = replace(before[1], start=before[1].start + 10)
    shown = content(pair(pose_file(before[0], later)), "walk", most_numbers=2800)
    assert shown["step"] == 3 and not shown["refined"]
    assert shown["notes"] == [
        "The page shows every third frame, to stay small; the table and the marks of leaps count all frames."
    ]
    first, second = shown["tracks"]
    assert (first["start"], second["start"]) == (0, 12)  # frames 3 apart, in step with each other
    np.testing.assert_array_equal(floats(first["raw"], 40), before[0].values[::3].astype(np.float32))
    np.testing.assert_array_equal(floats(second["raw"], 40), later.values[2::3].astype(np.float32))
    assert first["facts"]["frames"] == 120 and len(first["leaps"]) == 3


def test_of_many_tracks_the_longest_are_shown(before, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(view_content, "MOST_TRACKS", 2)
    parts = [replace(before[0].part(slice(0, n)), track=n) for n in (30, 90, 10, 60)]
    shown = content(pair(pose_file(*parts)), "walk")
    assert [track["number"] for track in shown["tracks"]] == [90, 60]
    assert "the 2 longest of 4 tracks" in shown["notes"][0]


def test_other_names_orders_and_spans_fit_together(before, after):
    """A refined file may have another name, fewer frames, and the joints in another order."""
    order = np.random.default_rng(0).permutation(17)
    skeleton = replace(
        COCO17, name="turned", joints=tuple(COCO17.joints[j] for j in order), parents=(-1,) * 17
    )
    other = replace(
        after[0], name="refined", values=after[0].values[:, order], skeleton=skeleton, scores=None
    ).part(slice(10, 50))
    people = pair(pose_file(before[0]), pose_file(other, name="refined.json"))
    [person] = people.each
    assert person.refined is not None and np.isnan(person.refined.values[:10]).all()
    np.testing.assert_array_equal(person.refined.values[10:50], after[0].values[10:50])
    assert np.isnan(person.refined.values[50:]).all()
    people = pair(pose_file(*before), pose_file(replace(after[1], name="x")))
    assert [person.refined is None for person in people.each] == [True, False]
    assert "1 of 2 tracks have no refined one" in people.notes[-1]


def test_files_that_do_not_belong_together_are_refused(before, after):
    flat = pose_file(*before)
    with pytest.raises(ValueError, match=r"r\.json has 60 frames per second, walk\.json has 30; give"):
        pair(flat, pose_file(replace(after[0], fps=60.0), name="r.json"))
    solid = PoseSequence.joints("walk", walker(50), COCO17, fps=30.0, frame_of_reference="world")
    with pytest.raises(ValueError, match=r"r\.json has 3d poses, walk\.json has 2d"):
        pair(flat, pose_file(solid, name="r.json"))
    with pytest.raises(ValueError, match=r"no track, joint and frame in common with walk\.json"):
        pair(flat, pose_file(replace(after[0], start=500), name="r.json"))
    with pytest.raises(NoPosesError, match=r"walk\.json: nobody in any frame"):
        pair(pose_file())


def test_a_rate_that_no_file_says_is_unknown(before):
    assert content(pair(pose_file(*before, fps_known=False)), "walk")["fps"] is None


def test_infinite_values_are_missing(before):
    values = before[0].values.copy()
    values[3, 4, 0], values[5, 6] = np.inf, 1e300
    shown = content(pair(pose_file(replace(before[0], values=values))), "walk")
    found = floats(shown["tracks"][0]["raw"], 120)
    assert np.isnan(found[3, 4]).all()


@pytest.mark.parametrize(("axis", "sign"), [(0, 1), (1, -1), (2, 1)])
def test_up_is_from_feet_to_head(axis: int, sign: int):
    y_up = walker(60)
    y_up[:20, COCO17.index("nose")] = np.nan
    turned = np.roll(y_up, axis - 1, axis=2) * (sign if axis == 1 else 1)
    track = PoseSequence.joints("walk", turned, COCO17, fps=30.0, frame_of_reference="world")
    np.testing.assert_array_equal(upward([track]), sign * np.eye(3)[axis])
    camera = replace(track, frame_of_reference="camera")
    np.testing.assert_array_equal(upward([camera]), [0, -1, 0])


def test_up_without_names_is_where_a_pose_extends_most():
    names = tuple(f"marker{j}" for j in range(17))
    loose = replace(COCO17, name="markers", joints=names, parents=(-1,) * 17)
    track = PoseSequence.joints("walk", walker(60), loose, fps=30.0, frame_of_reference="world")
    np.testing.assert_array_equal(upward([track]), [0, 1, 0])


def test_rotations_are_shown_on_a_standard_body():
    identity = np.tile([1.0, 0, 0, 1, 0, 0], (5, 24, 1))
    track = PoseSequence.rotations("walk", identity, fps=30.0)
    people = pair(replace(pose_file(track), skeleton=SMPL24, unit="rot6d"))
    assert people.unit == "m" and "standard body" in people.notes[0]
    head = people.each[0].raw.values[0, SMPL24.index("head")]
    np.testing.assert_allclose(head, [0, 0.62, 0.01], atol=1e-9)  # the rest pose's, from the pelvis
    assert content(people, "walk")["up"] == [0.0, 1.0, 0.0]


def test_skeletons_of_another_kind_share_what_they_name(before):
    values = np.random.default_rng(0).normal(size=(120, 17, 2))
    other = PoseSequence.keypoints("walk", values, H36M17, fps=30.0)
    [person] = pair(pose_file(before[0]), pose_file(other, name="r.json")).each
    assert person.refined is not None
    wrist = "l_wrist"
    np.testing.assert_array_equal(
        person.refined.values[:, COCO17.index(wrist)], values[:, H36M17.index(wrist)]
    )
    assert np.isnan(person.refined.values[:, COCO17.index("l_eye")]).all()
