"""Several people: who is found, followed and told apart, with networks whose answers are known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hanet.cache.files import PoseCache
from hanet.estimators.mediapipe import decoding, people
from hanet.estimators.mediapipe.blazepose import LiteRT
from hanet.estimators.mediapipe.engine import MediaPipeError, one_person
from hanet.estimators.mediapipe.people import Crowd, distinct, estimate_people, follow
from hanet.estimators.mediapipe.video import Video
from hanet.estimators.mediapipe.worker import LANDMARKS, NUMBERS
from hanet.figures.video import write_mp4

PIXELS = 448
REACH = 40.0
"""Pixels from a person's hips to above their head."""


class Scene:
    """People at places of a 448 × 448 picture; in the picture, a person is a pixel of their own brightness.

    The detector sees everyone who is in the picture; the landmarks of a person lie in a column around their
    place, from wherever the region is, if the region holds it.
    """

    def __init__(self) -> None:
        self.searched = 0

    def picture(self, *places: tuple[int, int]) -> np.ndarray:
        image = np.zeros((PIXELS, PIXELS, 3), np.uint8)
        self.places = places
        return image

    def detector(self, read: np.ndarray) -> dict[tuple[int, ...], np.ndarray]:
        self.searched += 1
        raw, scores = np.zeros((1, 2254, 12), np.float32), np.full((1, 2254, 1), -100, np.float32)
        for number, (x, y) in enumerate(self.places):
            at = np.array([x, y]) / 2  # pixels of the detector's picture
            anchor = int(np.abs(decoding.ANCHORS * 224 - at).sum(axis=1)[:1568].argmin())
            shift = at - decoding.ANCHORS[anchor] * 224
            raw[0, anchor, :4] = *shift, 30, 30
            raw[0, anchor, 4:8] = *shift, *(shift - [0, REACH / 2])
            scores[0, anchor] = 5 - number
        return {(1, 2254, 12): raw, (1, 2254, 1): scores}

    def crowd(self, count: int) -> Crowd:
        """A crowd whose regions are looked at instead of their pixels."""
        scene = self

        class Placed(people.BlazePose):
            def _place(self, image: np.ndarray, region: decoding.Region) -> np.ndarray | None:
                apart = [np.hypot(region.x - x, region.y - y) for x, y in scene.places]
                if not apart or min(apart) > region.side / 4:
                    return None
                x, y = scene.places[int(np.argmin(apart))]
                found = np.zeros((39, 8))
                found[:LANDMARKS, 3] = x + np.linspace(-10, 10, LANDMARKS)
                found[:LANDMARKS, 4] = y + np.linspace(-REACH, REACH, LANDMARKS)
                found[33, 3:5], found[34, 3:5] = (x, y), (x, y - REACH)
                found[:, 6:] = 0.9
                return found

        self.kind = Placed
        return Crowd(self.detector, lambda read: {}, count)


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    made = Scene()
    made.crowd(1)
    monkeypatch.setattr(people, "BlazePose", made.kind)
    return made


def middles(found: list[np.ndarray]) -> list[tuple[int, int]]:
    """Where people are, pixels."""
    return [tuple(np.rint(one[:, 3:5].mean(axis=0) * PIXELS).astype(int).tolist()) for one in found]


def test_the_detector_gives_everyone_the_surest_first(scene: Scene):
    scene.picture((100, 200), (300, 210))
    given = scene.detector(np.zeros((1, 224, 224, 3)))
    found = list(decoding.people(given[1, 2254, 12][0], given[1, 2254, 1][0, :, 0], (PIXELS, PIXELS)))
    assert [(round(one.x), round(one.y), round(one.side)) for one in found] == [
        (100, 200, 100), (300, 210, 100),
    ]  # fmt: skip


def test_people_are_followed_and_searched_for_while_some_are_missing(scene: Scene):
    crowd = Crowd(scene.detector, lambda read: {}, 2)
    assert middles(crowd.detect(scene.picture((100, 200)))) == [(100, 200)]
    assert middles(crowd.detect(scene.picture((104, 200), (300, 210)))) == [(104, 200), (300, 210)]
    searched = scene.searched
    assert middles(crowd.detect(scene.picture((300, 210), (108, 200)))) == [(108, 200), (300, 210)]
    assert scene.searched == searched == 2  # both are followed
    assert middles(crowd.detect(scene.picture((300, 210)))) == [(300, 210)]
    assert crowd.detect(scene.picture()) == []
    assert middles(crowd.detect(scene.picture((50, 200)))) == [(50, 200)]


def test_no_more_people_than_asked_for(scene: Scene):
    image = scene.picture((60, 200), (220, 200), (380, 200))
    assert middles(Crowd(scene.detector, lambda read: {}, 2).detect(image)) == [(60, 200), (220, 200)]
    with pytest.raises(ValueError, match="one person or more, got 0"):
        Crowd(scene.detector, lambda read: {}, 0)


def landmarks(x: float, presence: float = 0.9) -> np.ndarray:
    """A column of points at x, as shares of a picture."""
    found = np.zeros((LANDMARKS, NUMBERS), np.float32)
    found[:, 3], found[:, 4] = x, np.linspace(0.2, 0.8, LANDMARKS)
    found[:, 7] = presence
    return found


def test_two_on_one_person_count_once():
    assert distinct([landmarks(0.5, 0.6), landmarks(0.52, 0.9), landmarks(0.9)], (100, 100)) == [1, 2]
    assert distinct([], (100, 100)) == []


BLANK = np.zeros((2, 2, 3), np.uint8)


def walk(number: int, frame: int) -> float:
    return 0.2 + 0.004 * frame if number == 0 else 0.8 - 0.004 * frame


@pytest.mark.parametrize("gap", [10, 40])
def test_tracks_bridge_short_gaps_and_keep_who_is_who(gap: int):
    """The order in which a frame's people come says nothing; at 30 per second 10 frames are a short gap."""
    groups: list[list[np.ndarray]] = []
    for frame in range(70):
        shown = [0] if 10 <= frame < 10 + gap else [1, 0] if frame % 2 else [0, 1]
        groups.append([landmarks(walk(number, 0 if number else frame)) for number in shown])
    frames = iter(groups)
    tracks, count = follow(lambda image: next(frames), [BLANK] * 70, (100, 100), 30.0)
    assert count == 70
    if gap == 10:
        first, second = tracks
        assert (second.start, len(second.landmarks)) == (0, 70)
        assert np.isnan(second.landmarks[10:20]).all() and np.isfinite(second.landmarks[20:]).all()
    else:
        first, second, third = tracks
        assert (len(second.landmarks), third.start, len(third.landmarks)) == (10, 50, 20)
    np.testing.assert_allclose(first.landmarks[:, 0, 3], [walk(0, frame) for frame in range(70)], atol=1e-6)


def test_short_false_detections_are_left_out():
    groups = iter([[landmarks(0.2)]] * 5 + [[]] * 25 + [[landmarks(0.8)]] * 30)
    tracks, _ = follow(lambda image: next(groups), [BLANK] * 60, (100, 100), 30.0)
    assert [(one.start, len(one.landmarks)) for one in tracks] == [(30, 30)]


class Film(LiteRT):
    """A session whose crowd sees two people, one of them from frame 5 on."""

    def __enter__(self) -> LiteRT:
        self.networks = (lambda read: {}, lambda read: {})
        self.about = {"models_sha256": {}}
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Video:
    path = tmp_path / "two.mp4"
    write_mp4(path, (np.full((48, 64, 3), 100, np.uint8) for _ in range(20)), fps=25.0)
    monkeypatch.setattr(people, "LiteRT", Film)
    return Video.open(path)


def test_a_video_of_two_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, video: Video):
    def groups() -> Iterator[list[np.ndarray]]:
        for frame in range(20):
            yield [landmarks(0.2)] if frame < 5 else [landmarks(0.2), landmarks(0.8)]

    frames = groups()
    monkeypatch.setattr(Crowd, "detect", lambda self, image: next(frames))
    found = estimate_people(video, 3, model="heavy")
    assert [(one.track, one.start, len(one)) for one in found.keypoints] == [(0, 0, 20), (1, 5, 15)]
    np.testing.assert_allclose(found.keypoints[1].values[:, 0, 0], 0.8 * 64, rtol=1e-6)
    assert found.seen == [1.0, 1.0] and found.provenance["people"] == 3
    assert found.lines()[:2] == [
        "20 frames at 25 fps, tracks of people: 2",
        "track 0: frames 0 to 19, seen in 100.0%",
    ]
    found.write(tmp_path / "a.parquet", found.joints)
    stored = list(PoseCache.open(tmp_path / "a.parquet").sequences())
    assert [(one.track, one.start, one.skeleton.name) for one in stored] == [
        (0, 0, "h36m17"),
        (1, 5, "h36m17"),
    ]


def test_a_video_of_nobody(monkeypatch: pytest.MonkeyPatch, video: Video):
    monkeypatch.setattr(Crowd, "detect", lambda self, image: [])
    with pytest.raises(
        ValueError, match=r"two\.mp4: MediaPipe sees nobody for 0.25 s in any of its 20 frames"
    ):
        estimate_people(video, 2)


def test_mediapipes_own_program_follows_one():
    one_person(None)
    with pytest.raises(MediaPipeError, match="follows one person: unset HANET_MEDIAPIPE_PYTHON"):
        one_person(Path("/python"))
