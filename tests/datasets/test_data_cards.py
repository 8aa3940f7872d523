"""Data set cards from caches and reports, and what they say of data sets that are not there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from hanet.cache.files import CacheMetadata, CacheWriter, PoseCache
from hanet.cli.app import app
from hanet.datasets.cards import CardError, names, read_card
from hanet.datasets.sources import SOURCES
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import LIMBS12


def write(poses: Path, dataset: str, kind: str, split: str, lengths: list[int], *, unknown: int = 0) -> None:
    """Sequences of 12 joints, the first `unknown` joints of each not labelled."""
    labelled = np.arange(12) >= unknown
    sequences = [
        PoseSequence(
            f"s{i}",
            np.random.default_rng(i).normal(size=(T, 12, 3)).astype(np.float32),
            LIMBS12,
            "3d",
            30.0,
            "m",
            "camera",
            labelled=np.tile(labelled, (T, 1)),
        )
        for i, T in enumerate(lengths)
    ]
    described = CacheMetadata.of(sequences[0], dataset=dataset, split=split, estimator="gt")
    with CacheWriter(poses / dataset / f"{kind}-{split}.parquet", described) as writer:
        for sequence in sequences:
            writer.write(sequence)


def run(*arguments: str, poses: Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["data", *arguments, "--poses", str(poses)], env={"COLUMNS": "200"})
    return result.exit_code, result.output


def test_a_card_counts_what_no_report_tells(tmp_path):
    write(tmp_path, "mine", "gt", "test", [60, 40])
    write(tmp_path, "mine", "gt", "train", [300], unknown=3)
    write(tmp_path, "mine", "keypoints", "train", [300])
    card = read_card("mine", tmp_path)
    assert [(s.name, s.sequences, s.frames, s.labelled, s.others) for s in card.splits] == [
        ("train", 1, 300, 0.75, ("keypoints",)),
        ("test", 2, 100, 1.0, ()),
    ]
    assert card.splits[0].described.skeleton == LIMBS12
    assert (card.source, card.leakage, card.leak, card.missing) == (None, None, None, ())
    code, text = run("show", "mine", poses=tmp_path)
    assert code == 0
    assert "poses: 3d, 12 joints (limbs12), m, camera, 30 fps" in text
    assert "leakage: not checked; ingest it again" in text
    rows = [line for line in text.splitlines() if "train" in line or "test" in line]
    assert rows[0].split()[1::2] == ["train", "1", "300", "0.2", "75.0%", "keypoints"]
    assert rows[1].split()[1::2][:5] == ["test", "2", "100", "0.1", "100.0%"]


def test_a_report_is_believed_and_shown(tmp_path):
    write(tmp_path, "aist-tiny", "gt", "test", [5])
    report = {
        "splits": {"test": {"sequences": 7, "labelled": 0.5}},
        "leakage": "No leak between the splits found.",
        "leak": "pooled",
    }
    (tmp_path / "aist-tiny" / "report.json").write_text(json.dumps(report))
    card = read_card("aist-tiny", tmp_path)
    assert (card.splits[0].sequences, card.splits[0].labelled) == (7, 0.5)
    assert card.source is SOURCES["aist"]
    text = run("show", "aist-tiny", poses=tmp_path)[1]
    assert (
        "declared leak, to be reported with every number: pooled" in text
        and "leakage: No leak between the splits found." in text
    )
    assert "terms: Annotations CC BY 4.0" in text and "not ingested" not in text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", "expected a JSON object, got a JSON array; ingest"),
        ("{", "expected JSON, got .*; ingest the data set again"),
        ('{"splits": [1]}', "expected a mapping of splits; ingest"),
        ('{"leak": 1}', "expected text under leakage and leak; ingest"),
    ],
)
def test_a_report_that_is_none(tmp_path, content, message):
    write(tmp_path, "mine", "gt", "test", [5])
    (tmp_path / "mine" / "report.json").write_text(content)
    with pytest.raises(CardError, match=message):
        read_card("mine", tmp_path)


@pytest.mark.parametrize("name", SOURCES)
def test_what_is_missing_names_every_file_and_the_way(tmp_path, monkeypatch, name):
    source = SOURCES[name]
    if source.environment:
        monkeypatch.delenv(source.environment, raising=False)
    text = "\n".join(read_card(name, tmp_path).missing)
    for file in source.files:
        assert file.name in text
    for file in source.manual:
        assert file.url in text and all(step in text for step in file.steps)
        assert f"datasets.{name}.download.folder" in text and source.environment in text
    for file in source.remote:
        assert file.urls[0] in text
    assert f"add {name} to run.datasets" in text


def test_files_that_the_user_has_are_not_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("HANET_HUMAN36M_FOLDER", str(tmp_path))
    (tmp_path / "poses").mkdir()
    for subject in (1, 5, 6, 7, 8, 9, 11):
        (tmp_path / f"Poses_D3_Positions_S{subject}.tgz").touch()
    text = run("show", "human36m", poses=tmp_path / "poses")[1]
    assert "S11" not in text and f"put metadata.xml into {tmp_path}, the folder in HANET_HUMAN36M" in text
    (tmp_path / "metadata.xml").touch()
    assert read_card("human36m", tmp_path / "poses").missing == (
        "add human36m to run.datasets in params.yaml, and run `dvc repro ingest`",
    )


def test_all_are_listed(tmp_path):
    write(tmp_path, "mine", "gt", "test", [60, 40])
    assert names(tmp_path) == [*SOURCES, "mine"]
    code, text = run("list", poses=tmp_path)
    assert code == 0 and all(name in text for name in SOURCES)
    (row,) = [line for line in text.splitlines() if "mine" in line]
    assert [cell.strip() for cell in row.split("│")[1:5]] == ["mine", "", "2", "100"]


def test_an_empty_cache_counts_as_nothing(tmp_path):
    write(tmp_path, "mine", "gt", "test", [60])
    path = tmp_path / "mine" / "gt-test.parquet"
    with CacheWriter(path, PoseCache.open(path).metadata):
        pass
    [split] = read_card("mine", tmp_path).splits
    assert (split.sequences, split.frames, split.labelled) == (0, 0, 0.0)


def test_a_folder_that_does_not_exist_is_an_error(tmp_path):
    for command in (["list"], ["show", "aist"]):
        code, text = run(*command, poses=tmp_path / "gone")
        assert code == 2 and "gone: expected a folder of ingested data sets, got no such folder" in text


def test_no_such_data_set(tmp_path):
    code, text = run("show", "films", poses=tmp_path)
    assert code == 2 and "no data set films: it is not" in text and "Known: sub-jhmdb-1, sub-jhmdb-2" in text
