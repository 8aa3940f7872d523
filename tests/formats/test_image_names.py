"""Which frame of which video an image is, what is no frame number, and which names mean the same video."""

from __future__ import annotations

import pytest

from hanet.formats import FormatError
from hanet.formats.image_names import match_videos, number_images


def numbered(*names: str, order: bool = False) -> dict[str, tuple[str, int]]:
    images = ((name, f"a.json, entry images.{i}") for i, name in enumerate(names))
    return number_images(images, default="default", order=order)


@pytest.mark.parametrize(
    ("image", "place"),
    [
        ("walk/0007.jpg", ("walk", 7)),
        ("a/b/c_0007.jpg", ("a/b", 7)),
        ("walk_0007.jpg", ("walk", 7)),
        ("walk-2_07.jpg", ("walk-2", 7)),
        ("walk12.jpg", ("walk", 12)),
        ("walk_0007", ("walk", 7)),
        ("cam01.0007", ("cam01", 7)),
        ("walk.mp4_000012.JPEG", ("walk.mp4", 12)),
        ("17.jpg", ("default", 17)),
        ("frame_0017.jpg", ("default", 17)),
        ("IMG0017.jpg", ("default", 17)),
        ("walk/frame_0017.jpg", ("walk", 17)),
        ("17", ("default", 17)),
        ("-1.jpg", ("default", 1)),
        ("a\\b\\17.jpg", ("a/b", 17)),
        ("C:\\a\\b\\17.jpg", ("a/b", 17)),
        ("/home/me/walk/17.jpg", ("home/me/walk", 17)),
        ("./walk/17.jpg", ("walk", 17)),
        ("images/val/000001_mpii_test/000008.jpg", ("images/val/000001_mpii_test", 8)),
        ("VID_20240105_101530_0001.jpg", ("VID_20240105_101530", 1)),  # a video named by its time
        ("walk_20240105_000001.jpg", ("walk_20240105", 1)),
        ("3f2a9b17_0001.jpg", ("3f2a9b17", 1)),  # a video named by its hash
    ],
)
def test_an_images_video_and_frame(image: str, place: tuple[str, int]) -> None:
    assert numbered(image) == {image: place}


def test_frames_left_out_are_no_times() -> None:
    for numbers in (
        range(0, 300, 30),
        (1, 2, 3, 40, 41, 42, 43),
        (10, 20, 30, 40, 51),
        (7, 60, 300, 301, 990),
    ):
        assert [frame for _, frame in numbered(*(f"w/{n:06}.jpg" for n in numbers)).values()] == list(numbers)


def test_several_videos() -> None:
    names = [f"{folder}walk_{i}.jpg" for folder in ("", "x/") for i in (9, 10)] + ["run_1.jpg", "run_2.jpg"]
    assert list(numbered(*names).values()) == [
        *[("walk", 9), ("walk", 10), ("x", 9), ("x", 10), ("run", 1), ("run", 2)],
    ]
    names = ["x/walk_1.jpg", "x/walk_2.jpg", "x/run_1.jpg", "x/run_2.jpg"]
    assert list(numbered(*names).values()) == [("x/walk", 1), ("x/walk", 2), ("x/run", 1), ("x/run", 2)]


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["walk.jpg"], "no frame number"),
        ([""], "no frame number"),
        (["w/1.jpg", "w/cover.jpg"], "no frame number"),
        (["VID_20240105_101530.jpg", "VID_20240105_101531.jpg"], "a time"),
        (["2024-01-05 10.15.30.jpg", "2024-01-05 10.15.31.jpg"], "a time"),
        (["2024-01-05_10-15-30_123456.jpg", "2024-01-05_10-15-31_001000.jpg"], "a time"),
        (["12-30-59.jpg", "12-31-00.jpg"], "a time"),
        (["cam_123059.jpg", "cam_123100.jpg"], "a time"),
        (["1699999999.250.jpg", "1700000000.250.jpg"], "a time"),
        ([f"cam_{ms:05}.jpg" for ms in (33, 67, 100, 133, 167, 200)], "a time in milliseconds"),
        ([f"{ms}.png" for ms in (0, 17, 33, 50, 117, 133, 150)], "a time in milliseconds"),
        (["1699999999.jpg"], "a number of 10000000 or more"),
        (["x_20240105.jpg"], "a number of 10000000 or more"),
        (["x_2024-01-05.jpg", "x_2024-01-06.jpg"], "a date"),
        (["a/3f2a9b17.png", "a/d41d8cd98f00b204e9800998ecf8427e.png"], "a hash"),
        (["frame_12_jpg.rf.0123456789abcdef0123456789abcd17.jpg"], "a hash"),
        (["123e4567-e89b-12d3-a456-426614174000.jpg"], "a hash"),
        (["k3.jpg", "q8.jpg", "zz4.jpg", "b1.jpg"], "a number after names that differ"),
    ],
)
def test_what_is_no_frame_number(names: list[str], reason: str) -> None:
    with pytest.raises(
        FormatError, match=rf"a\.json, entry images\.\d+: '.*' ends in {reason}.*; rename .*order"
    ):
        numbered(*names)


def test_the_order_of_the_file_counts_where_asked() -> None:
    names = ["x/3f2a9b17.png", "y/a.png", "x/4f2a9b17.png"]
    assert list(numbered(*names, order=True).values()) == [("x", 0), ("y", 0), ("x", 1)]
    assert list(numbered("b.png", "a.png", order=True).values()) == [("default", 0), ("default", 1)]


def test_two_images_of_one_frame() -> None:
    with pytest.raises(
        FormatError, match=r"images\.1: w/01.jpg and w/1.jpg are both frame 1 of w; give each"
    ):
        numbered("w/1.jpg", "w/01.jpg")
    assert numbered("w/1.jpg", "w/1.jpg") == {"w/1.jpg": ("w", 1)}  # two people in an image


@pytest.mark.parametrize(
    "found",
    [
        "walk",
        "images/val/walk",
        "/home/me/data/walk",
        "C:\\data\\walk",
        "data/walk.mp4",
        "walk.AVI",
        "./walk",
    ],
)
def test_names_of_one_video(found: str) -> None:
    assert match_videos(["run", "walk"], [found]) == {found: "walk"}


def test_the_longest_common_end_wins() -> None:
    wanted = ["climb_3/cam0", "climb_3/cam1", "fall/cam0"]
    assert match_videos(wanted, ["D:/x/climb_3/cam0", "fall/cam0", "jump/cam0", "cam1"]) == {
        "D:/x/climb_3/cam0": "climb_3/cam0",
        "fall/cam0": "fall/cam0",
        "cam1": "climb_3/cam1",
    }
    assert match_videos(["walk"], ["my_walk", "walks", ""]) == {}


def test_names_that_may_mean_several() -> None:
    with pytest.raises(ValueError, match=r"'cam0' of the files may be a/cam0 or b/cam0; name files"):
        match_videos(["a/cam0", "b/cam0"], ["cam0"])
    with pytest.raises(
        ValueError, match=r"videos train/walk and val/walk of the files may both be walk; give"
    ):
        match_videos(["walk"], ["val/walk", "train/walk"])
    # A name that is equal is meant; the other is another video.
    assert match_videos(["walk"], ["val/walk", "walk"]) == {"walk": "walk"}
