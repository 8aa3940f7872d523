"""Methods side by side without ground truth: what lies where, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from hanet.figures.skeletons.compare import Comparison, Footage, placed, placement
from hanet.figures.style import LEFT
from hanet.figures.video import write_motion
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17, H36M17, SMPL24, conversion

BLUE = tuple(int(LEFT[i : i + 2], 16) for i in (1, 3, 5))


def pictures(count: int = 90, size: tuple[int, int] = (320, 240)) -> Iterator[np.ndarray]:
    """Grey frames, brighter from one to the next."""
    for frame in range(count):
        yield np.full((size[1], size[0], 3), 100 + frame, np.uint8)


def seen_from_afar(person: PoseSequence, scale: float = 80.0) -> PoseSequence:
    """The person as COCO keypoints: scaled, and moved by (160 + frame, 120); the face at the nose."""
    index, named = conversion(person.skeleton, COCO17)
    index = np.where(named, index, H36M17.index("nose"))
    values = scale * person.values[:, index, :2] + np.array([160.0, 120.0])
    values[..., 0] += np.arange(len(person))[:, None]
    return PoseSequence(
        person.name, values.astype(np.float32), COCO17, "2d", person.fps, "px", "image", image_size=(320, 240)
    )


def share_of(image: np.ndarray, colour: tuple[int, ...]) -> float:
    return float((np.abs(image.astype(int) - colour).max(axis=-1) < 12).mean())


def test_the_place_in_the_picture_is_found(person):
    flat = seen_from_afar(person)
    scale, shift = placement(person, flat)
    np.testing.assert_allclose(scale, 80.0, rtol=1e-5)
    np.testing.assert_allclose(shift, np.stack([160 + np.arange(90), np.full(90, 120)], axis=1), atol=1e-3)
    points = placed(person.values, scale, shift)
    knees = [H36M17.index("l_knee"), COCO17.index("l_knee")]
    np.testing.assert_allclose(points[:, knees[0]], flat.values[:, knees[1]], atol=1e-3)


def test_a_frame_without_a_person_has_no_place(person):
    person.values[3] = np.nan
    scale, shift = placement(person, seen_from_afar(person))
    assert np.isnan(scale[3]) and np.isnan(shift[3]).all() and np.isfinite(scale[4])


def test_joints_are_shown_in_the_picture_and_from_two_sides(person, noisy):
    footage = Footage(pictures, (320, 240))
    methods = {"input": noisy(person, 0.02), "hanet": person}
    comparison = Comparison(methods, range(5, 9), footage=footage, keypoints=seen_from_afar(person))
    images = list(comparison.frames(width=640))
    assert len(images) == 4 and all(side % 2 == 0 for side in images[0].shape[:2])
    assert images[0].shape[1] == 640 and len({image.shape for image in images}) == 1
    panels = comparison._figure.axes
    assert len(panels) == 6
    assert [axes.get_xlabel() for axes in panels].count("front") == 2
    for image, grey in zip(images, (105, 106, 107, 108), strict=True):
        assert share_of(image, (grey,) * 3) > 0.2  # the frame of that number
    assert share_of(images[0], BLUE) > 0.001
    labels = " ".join(axes.get_title(loc="left") for axes in panels)
    assert "HANet\nmean acceleration" in labels and "m/s²" in labels


def test_every_other_frame(person):
    comparison = Comparison({"input": person}, range(10), footage=Footage(pictures, (320, 240)))
    images = list(comparison.frames(width=320, every=4))
    assert len(images) == 3
    for image, grey in zip(images, (100, 104, 108), strict=True):
        assert share_of(image, (grey,) * 3) > 0.2
    assert len(comparison._bodies) == 2  # without keypoints nothing lies in the picture


def test_keypoints_need_no_video(keypoints, noisy):
    comparison = Comparison({"input": noisy(keypoints, 3.0), "hanet": keypoints}, range(4))
    [image, *_] = comparison.frames(width=400)
    assert share_of(image, BLUE) > 0.001 and len(comparison._figure.axes) == 2
    assert "px/s²" in comparison._figure.axes[0].get_title(loc="left")


def test_a_crop_shows_the_person_larger(keypoints):
    footage = Footage(pictures, (320, 240))
    shares = []
    for crop in (False, True):
        comparison = Comparison({"input": keypoints}, [0, 1], footage=replace(footage, crop=crop))
        (x0, x1), (y0, y1) = comparison._figure.axes[0].get_xlim(), comparison._figure.axes[0].get_ylim()
        assert 0 <= x0 < x1 <= 320 and 0 <= y1 < y0 <= 240
        shares.append(x1 - x0)
    assert shares[1] < 200 < shares[0]


def test_large_pictures_are_made_smaller_once(person):
    footage = Footage(lambda: pictures(1, (3200, 2400)), (3200, 2400))
    comparison = Comparison({"input": person}, [0], footage=footage)
    [_] = comparison.frames(width=400)
    [image] = comparison._images
    assert image.get_array() is not None and image.get_array().shape[1] < 400


def test_people_who_are_not_seen_vanish(person):
    person.values[2] = np.nan
    known, unknown = Comparison({"input": person}, [1, 2]).frames(width=400)
    assert share_of(known, BLUE) > share_of(unknown, BLUE)


def test_it_can_be_written(tmp_path, person):
    write_motion(Comparison({"input": person}, range(4)), tmp_path / "a.mp4", fps=30.0)
    write_motion(Comparison({"input": person}, range(4)), tmp_path / "b.mp4", fps=30.0)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_what_is_refused(person, keypoints):
    footage = Footage(lambda: pictures(3), (320, 240))
    with pytest.raises(ValueError, match="the video has no frame 3; it may be another video"):
        list(Comparison({"input": person}, range(6), footage=footage).frames(width=200))
    with pytest.raises(ValueError, match=r"hanet: fps must be 30\.0 as the first method's, got 60\.0"):
        Comparison({"input": person, "hanet": replace(person, fps=60.0)}, [0])
    with pytest.raises(ValueError, match="hanet: skeleton must be h36m17 as the first method's, got coco17"):
        Comparison({"input": person, "hanet": keypoints}, [0])
    with pytest.raises(ValueError, match="expected 90 frames as the first method has, got 80"):
        Comparison({"input": person, "hanet": replace(person, values=person.values[:80])}, [0])
    with pytest.raises(ValueError, match=r"expected frames within 0\.\.89, got frame 90"):
        Comparison({"input": person}, [90])
    with pytest.raises(ValueError, match="no pose is known in these frames"):
        Comparison({"input": replace(person, values=np.full_like(person.values, np.nan))}, [0])
    rotations = PoseSequence("a", np.zeros((3, 24, 6), np.float32), SMPL24, "smpl", 30.0, "rot6d", "parent")
    with pytest.raises(ValueError, match="rotations cannot be drawn"):
        Comparison({"input": rotations}, [0])
    with pytest.raises(ValueError, match=r"expected keypoints of frames 0\.\.89, got 2d poses of 5\.\.24"):
        placement(person, keypoints)
    with pytest.raises(ValueError, match="expected joints in a camera frame, to place them"):
        placement(replace(person, frame_of_reference="world"), seen_from_afar(person))
