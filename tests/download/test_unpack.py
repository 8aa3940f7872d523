"""Members extracted from good, damaged and hostile archives."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from hanet.download.unpack import ArchiveError, extract, listing
from tests.support.archive_files import FILES, make_tar, make_zip


def make(kind: str, folder: Path, files: Mapping[str, bytes] = FILES) -> Path:
    return {"whl": make_zip, "tar.gz": make_tar}[kind](folder / f"archive.{kind}", files)


both = pytest.mark.parametrize("kind", ["whl", "tar.gz"])


@both
def test_extracts_what_matches_and_nothing_else(kind: str, tmp_path: Path) -> None:
    path = make(kind, tmp_path)
    out = tmp_path / "new" / "out"
    found = extract(path, ["*/demo/*.txt", "p/code.py", "p/*/b.???"], out)
    assert found == [out / "p/code.py", out / "p/demo/a.txt", out / "p/demo/b.txt"]
    assert [p.read_bytes() for p in found] == [b"code", b"a" * 1000, b"b"]
    assert sorted(p for p in out.rglob("*") if p.is_file()) == found
    assert list(out.parent.iterdir()) == [out]
    out.joinpath("p/more").touch()  # the folder has ordinary permissions
    assert stat.S_IMODE(out.stat().st_mode) == stat.S_IMODE(out.parent.stat().st_mode)


@both
def test_every_pattern_must_match(kind: str, tmp_path: Path) -> None:
    with pytest.raises(
        ArchiveError, match=r"has no member that matches \*/a.txt, p/none: check the patterns"
    ):
        extract(make(kind, tmp_path), ["p/code.py", "p/none", "*/a.txt"], tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == [f"archive.{kind}"]


@both
@pytest.mark.parametrize("name", ["../x", "/x", "p/../../x", "p\\..\\x", "C:x"])
def test_members_that_lead_outside(kind: str, name: str, tmp_path: Path) -> None:
    path = make(kind, tmp_path, {name: b"out", "y": b"in"})
    with pytest.raises(ArchiveError, match="leads outside the folder"):
        extract(path, ["*", "*/*", "*/*/*/*"], tmp_path / "sub" / "out")
    assert list((tmp_path / "sub").iterdir()) == []
    assert not (tmp_path / "x").exists()
    assert extract(path, ["y"], tmp_path / "out") == [tmp_path / "out" / "y"]  # unwanted members do no harm


def test_links_are_refused(tmp_path: Path) -> None:
    path = make_tar(tmp_path / "a.tar.gz", links={"p/passwords": "/etc/passwd"})
    with pytest.raises(ArchiveError, match="'p/passwords' is a link or device"):
        extract(path, ["p/*"], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    zipped = tmp_path / "a.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        info = zipfile.ZipInfo("link")
        info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(ArchiveError, match="'link' is a link or device"):
        extract(zipped, ["link"], tmp_path / "out")


@both
def test_size_limits(kind: str, tmp_path: Path) -> None:
    path = make(kind, tmp_path, {"a": bytes(3_000_000), "b": bytes(3_000_000)})
    out = tmp_path / "out"
    with pytest.raises(ArchiveError, match="'a' unpacks to more than the 2999999 bytes"):
        extract(path, ["?"], out, member_limit=2_999_999)
    with pytest.raises(ArchiveError, match="'b' unpacks to more than the 2999999 bytes"):
        extract(path, ["?"], out, member_limit=3_000_000, total_limit=5_999_999)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert len(extract(path, ["?"], out, member_limit=3_000_000, total_limit=6_000_000)) == 2


@both
def test_a_member_that_comes_twice(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{kind}"
    if kind == "whl":
        with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("x", b"1")
            archive.writestr("x", b"2")
    else:
        with tarfile.open(path, "w:gz") as archive:
            archive.addfile(tarfile.TarInfo("x"))
            archive.addfile(tarfile.TarInfo("x"))
    with pytest.raises(ArchiveError, match="x occurs twice"):
        extract(path, ["x"], tmp_path / "out")


@both
@pytest.mark.parametrize("keep", [0.0, 0.2, 0.5, 0.9, 0.99])
def test_truncated_archives(kind: str, keep: float, tmp_path: Path, rng) -> None:
    path = make(kind, tmp_path, {"a": rng.bytes(20_000), "b": rng.bytes(20_000)})
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data))])
    with pytest.raises(ArchiveError, match=r"is damaged or not a .*: delete it and fetch it again"):
        extract(path, ["a", "b"], tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@both
def test_a_flipped_bit(kind: str, tmp_path: Path, rng) -> None:
    path = make(kind, tmp_path, {"a": rng.bytes(20_000)})
    data = bytearray(path.read_bytes())
    data[10_000] ^= 1
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match="is damaged"):
        extract(path, ["a"], tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_an_encrypted_member(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"a": b"data"})
    data = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        local = archive.getinfo("a").header_offset
    central = data.rindex(b"PK\x01\x02")
    changed = bytearray(data)
    changed[local + 6] |= 1
    changed[central + 8] |= 1
    path.write_bytes(changed)
    with pytest.raises(ArchiveError, match=r"RuntimeError: .*encrypted"):
        extract(path, ["a"], tmp_path / "out")


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip")
    out = tmp_path / "out"
    out.mkdir()
    extract(path, ["p/code.py"], out)  # empty: taken
    with pytest.raises(ArchiveError, match="out is not empty: delete it first"):
        extract(path, ["p/demo/a.txt"], out)
    assert [p.name for p in (out / "p").iterdir()] == ["code.py"]


# --- further kinds, and archives made to do harm


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_tar_in_every_compression(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "archive"  # the suffix does not matter
    with tarfile.open(path, mode) as archive:
        for name in ("./a/x.txt", "./a/y.txt"):
            info = tarfile.TarInfo(name)
            info.size = 3
            archive.addfile(info, io.BytesIO(b"abc"))
    assert listing(path) == ["a/x.txt", "a/y.txt"]
    assert extract(path, ["a/x.*"], tmp_path / "out") == [tmp_path / "out" / "a/x.txt"]
    path.write_bytes(path.read_bytes()[:700] if mode == "w" else path.read_bytes()[:-20])
    with pytest.raises(ArchiveError, match="is damaged"):
        extract(path, ["a/*"], tmp_path / "again")


@pytest.mark.parametrize("kind", [tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_tar(kind: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("p/innocent.txt")
        info.type, info.linkname = kind, "../../outside"
        archive.addfile(info)
    with pytest.raises(ArchiveError, match=r"'p/innocent\.txt' is a link or device, only plain files"):
        extract(path, ["p/*"], tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["a.tar"]


@both
def test_too_many_members(kind: str, tmp_path: Path) -> None:
    path = make(kind, tmp_path, {f"f{i}": b"" for i in range(11)})
    with pytest.raises(ArchiveError, match="more than 10 members match; raise count_limit only if"):
        extract(path, ["f*"], tmp_path / "out", count_limit=10)
    assert len(extract(path, ["f*"], tmp_path / "out", count_limit=11)) == 11


@both
def test_bombs(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hanet.download.unpack.RATIO_FLOOR", 1 << 20)
    path = make(kind, tmp_path, {"a": bytes(1 << 21), "b": bytes(1 << 21), "c": b"c"})
    size = path.stat().st_size
    bound = max(1 << 20, 250 * size)
    assert bound < 1 << 22  # deflate's best is about 1000 : 1
    with pytest.raises(
        ArchiveError, match=rf"unpacks to more than {bound} bytes, too much for its own {size}"
    ):
        extract(path, ["?"], tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert len(extract(path, ["?"], tmp_path / "out", ratio_limit=1100)) == 3


def test_a_bomb_among_members_that_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hanet.download.unpack.RATIO_FLOOR", 1 << 20)
    path = make_tar(tmp_path / "a.tar.gz", {"a": bytes(1 << 24), "b": b"b"})
    for call in (lambda: extract(path, ["b"], tmp_path / "out"), lambda: listing(path)):
        with pytest.raises(ArchiveError, match="unpacks to more than"):
            call()
    after = tmp_path / "b.tar.gz"
    with gzip.open(make_tar(tmp_path / "c.tar.gz", {"b": b"b"})) as good, gzip.open(after, "wb") as bad:
        bad.write(good.read() + bytes(1 << 24))  # behind the archive's end
    with pytest.raises(ArchiveError, match="unpacks to more than"):
        extract(after, ["b"], tmp_path / "out")


def test_a_listing_names_what_is_not_extracted(tmp_path: Path) -> None:
    path = make_tar(tmp_path / "a.tar.gz", {"b": b"b"}, {"../link": "/etc"})
    assert listing(path) == ["b", "../link"]
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04")
    with pytest.raises(ArchiveError, match="is damaged or not a zip or tar archive"):
        listing(tmp_path / "a.zip")
