"""Demo videos from packages made here: what is fetched, when, and how it fails."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from hanet.download.demo_videos import DEMO_VIDEOS, POSE2SIM, SPORTS2D, DemoVideo, demo_videos
from hanet.download.package_index import PackageIndex
from hanet.download.packages import Archive, ArchiveError

NAME = "films-1.0-py3-none-any.whl"


@pytest.fixture
def index(tmp_path: Path) -> PackageIndex:
    """A folder with one package of two videos."""
    links = tmp_path / "links"
    links.mkdir()
    with zipfile.ZipFile(links / NAME, "w") as wheel:
        wheel.writestr("films/videos/a.mp4", b"first")
        wheel.writestr("films/videos/b.mp4", b"second")
        wheel.writestr("films/code.py", "raise SystemExit")
    return PackageIndex((), find_links=(links.as_uri(),))


@pytest.fixture
def videos(tmp_path: Path, index: PackageIndex) -> tuple[DemoVideo, ...]:
    digest = hashlib.sha256((tmp_path / "links" / NAME).read_bytes()).hexdigest()
    archive = Archive("films==1.0", NAME, digest, ("films/videos/*.mp4",), "MIT", "two films")
    return tuple(DemoVideo(f"films-{n}.mp4", f"films/videos/{n}.mp4", archive) for n in "ab")


def test_videos_are_taken_out_of_their_package(tmp_path, index, videos):
    paths = demo_videos(tmp_path / "demo", videos=videos, index=index)
    assert [path.read_bytes() for path in paths] == [b"first", b"second"]
    assert [path.name for path in paths] == ["films-a.mp4", "films-b.mp4"]
    assert not list((tmp_path / "demo").rglob("*.py"))


def test_what_is_there_is_not_fetched_again(tmp_path, index, videos):
    [first, _] = demo_videos(tmp_path / "demo", videos=videos, index=index)
    nowhere = PackageIndex(())
    assert demo_videos(tmp_path / "demo", videos=videos, index=nowhere)[0] == first
    first.unlink()  # the package is still there
    assert demo_videos(tmp_path / "demo", videos=videos, index=nowhere)[0].read_bytes() == b"first"


def test_another_file_than_the_pinned_one_is_refused(tmp_path, index, videos):
    other = tuple(replace(v, archive=replace(v.archive, sha256="0" * 64)) for v in videos)
    with pytest.raises(ArchiveError, match="expected 0000"):
        demo_videos(tmp_path / "demo", videos=other, index=index)
    assert not (tmp_path / "demo" / "films-a.mp4").exists()


def test_every_video_is_a_member_that_is_extracted():
    assert len({video.name for video in DEMO_VIDEOS}) == len(DEMO_VIDEOS) == 5
    assert {video.archive.requirement for video in DEMO_VIDEOS} == {"pose2sim==0.10.49", "sports2d==0.8.34"}
    for video in DEMO_VIDEOS:
        assert video.member in video.archive.members
    assert POSE2SIM.licence == SPORTS2D.licence == "BSD-3-Clause"
