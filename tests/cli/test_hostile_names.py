"""Names in files never become lines of their own, codes for a terminal, formulas or paths."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from hanet.cache.files import CacheMetadata, CacheWriter, PoseCache
from hanet.cli.lines import one_line
from hanet.formats import read
from hanet.formats.cells import guarded, unguarded
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17
from tests.cli.test_refine import invoke, people

NAMES = [
    "../../outside",
    "=1+cmd|' /C calc'!A0",
    "'=quoted",
    "@SUM(A1)",
    "-o",
    "a\x1b[31mred",
    "b\nError: forged\tx",
    "c\x00\u202e\u2028d",
    "[red]x[/blue]",
    "",
    "plain",
]


@pytest.fixture
def named(tmp_path: Path) -> Path:
    """A cache with a track of each name."""
    track = PoseSequence.keypoints("a", people(count=1)[:, 0, :, :2], COCO17, fps=30.0, image_size=(640, 480))
    metadata = CacheMetadata.of(track, dataset="d", split="test", estimator="e")
    path = tmp_path / "names.parquet"
    with CacheWriter(path, metadata) as writer:
        for name in NAMES:
            writer.write(replace(track, name=name))
    return path


def test_every_track_is_one_line_without_codes(named: Path) -> None:
    for arguments in (
        ("info", named),
        ("refine", named, "--out", named.with_name("out.parquet")),
        ("convert", named, "--out", named.with_name("out.json"), "--to", "coco"),
        ("export", named, "--to", named.with_name("out.trc")),
    ):
        _, out, err = invoke(*arguments)
        lines = (out + err).splitlines()
        assert len(out + err) > 20 and all(line.isprintable() for line in lines), lines
        assert not any(line.strip().startswith("Error: forged") for line in lines), lines
        if arguments[0] in ("info", "refine"):
            tracks = [line for line in lines if ", track 0: " in line]
            assert [line.split(", track 0: ")[0].strip() for line in tracks] == list(map(one_line, NAMES))


def test_names_are_no_formulas_in_tables_of_text(named: Path) -> None:
    exported, converted = named.with_name("exported.csv"), named.with_name("converted.csv")
    assert invoke("export", named, "--to", exported)[0] == 0
    assert invoke("convert", named, "--out", converted)[0] == 0
    for path in (exported, converted):
        with path.open(newline="") as file:
            found = dict.fromkeys(row["sequence"] for row in csv.DictReader(file))
        assert len(found) == len(NAMES)
        assert not any(name.startswith(("=", "+", "-", "@")) for name in found)
    # A stripped name comes back: readers of CSV take no account of spaces around a cell.
    assert [track.name for track in read(converted).tracks] == [name.strip() for name in NAMES]


@pytest.mark.parametrize("name", [*NAMES, "''=x", "'", "+1", "\t=x"])
def test_a_guarded_name_comes_back(name: str) -> None:
    assert unguarded(guarded(name)) == name
    assert not guarded(name).startswith(("=", "+", "-", "@", "\t"))


def test_names_are_no_paths(named: Path) -> None:
    for name in ("../../outside", "-o", ""):
        out = named.with_name(f"folder{len(name)}")
        code, _, err = invoke("convert", named, "--to", "openpose", "--out", out, "--sequence", name)
        assert code == 0, err
        assert len(list(out.iterdir())) == 60
    assert sorted(p.name for p in named.parent.iterdir()) == [
        "folder0",
        "folder13",
        "folder2",
        "names.parquet",
    ]
    assert len(list(PoseCache.open(named).sequences())) == len(NAMES)
