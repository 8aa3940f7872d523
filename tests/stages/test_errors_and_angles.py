"""The commands `stages.errors` and `stages.angles` on small files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hanet.cache.files import CacheMetadata, CacheWriter
from hanet.estimators.measured.model import load
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import LIMBS12
from hanet.results.scores import Entry
from stages import angles, errors, workspace


def write(path: Path, sequence: PoseSequence, estimator: str) -> Path:
    described = CacheMetadata.of(sequence, dataset="d", split="test", estimator=estimator)
    with CacheWriter(path, described) as writer:
        writer.write(sequence)
    return path


def poses(noise: float) -> PoseSequence:
    rng = np.random.default_rng(0)
    still = rng.normal(0, 0.3, (1, 12, 3)).repeat(200, axis=0)
    values = still + noise * rng.normal(size=still.shape)
    return PoseSequence.joints(
        "a", values.astype(np.float32), LIMBS12, fps=30.0, frame_of_reference="world_root_relative"
    )


def test_errors_are_fitted_from_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pair = [write(tmp_path / f"{n}.parquet", poses(n), e) for n, e in ((0.01, "k"), (0.0, "gt"))]
    out = tmp_path / "table.json"
    errors.main(["--pair", *map(str, pair), "--note", "licence=none", "--to", str(out)])
    table = load(str(out))
    assert table.joints["elbow"].jitter == pytest.approx(0.01, rel=0.1)
    assert table.provenance["licence"] == "none" and len(table.provenance["sha256"]) == 1
    assert "| elbow |" in capsys.readouterr().out


def test_tracks_that_the_detector_lost_are_left_out(tmp_path: Path) -> None:
    """One is followed, one a metre off, one never found."""
    files = {"k": tmp_path / "k.parquet", "gt": tmp_path / "gt.parquet"}
    for estimator, noise in (("k", 0.01), ("gt", 0.0)):
        tracks = [replace(poses(noise), name=name) for name in "abc"]
        if estimator == "k":
            tracks = [tracks[0], tracks[1].with_values(tracks[1].values + np.float32([1, 0, 0]))]
        described = CacheMetadata.of(tracks[0], dataset="d", split="test", estimator=estimator)
        with CacheWriter(files[estimator], described) as writer:
            for one in tracks:
                writer.write(one)
    out = tmp_path / "table.json"
    errors.main(["--pair", *map(str, files.values()), "--lost", "0.5", "--to", str(out)])
    table = load(str(out))
    assert table.provenance["left_out"] == {"beyond": 0.5, "tracks": ["c", "b"]}
    assert table.provenance["tracks"] == 1 and table.joints["elbow"].bias < 0.005


def test_blazeposes_table_draws_what_it_says() -> None:
    """Of the package: fitted from over 20,000 frames; larger bias than AIST++'s detector, and swaps."""
    table, other = load("blazepose-1"), load("aist-1")
    assert table.unit == "size" and table.provenance["frames"] > 20_000 and len(table.swaps) == 6
    assert len(table.provenance["left_out"]["tracks"]) == 4
    for joint in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist"):
        assert table.joints[joint].bias > other.joints[joint].bias
        assert 0 < table.swaps[joint].rate < 0.5
    assert table.of_joint("l_ear") == table.joints["nose"]


def test_a_missing_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        errors.main(["--pair", str(tmp_path / "a"), str(tmp_path / "b"), "--to", str(tmp_path / "c.json")])
    assert f"No such file or directory: '{tmp_path / 'a'}'" in capsys.readouterr().err
    assert not (tmp_path / "c.json").exists()


def test_angles_of_refined_poses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = write(tmp_path / "gt.parquet", poses(0.0), "gt")
    entries = [
        Entry("input", None, write(tmp_path / "input.parquet", poses(0.02), "k")),
        Entry("hanet", 7, write(tmp_path / "hanet.parquet", poses(0.0), "k")),
    ]
    monkeypatch.setattr(workspace, "truth_path", lambda *_: truth)
    monkeypatch.setattr(angles, "refined", lambda *_: entries)
    monkeypatch.setattr(angles, "load", lambda: None)
    angles.main(["opencap", "--to", str(tmp_path)])
    table = pd.read_csv(tmp_path / "opencap" / "angles.csv")
    assert list(table["angle"]) == ["knee", "hip", "elbow"] * 2
    same = table[table["method"] == "hanet"]
    assert np.abs(same[["bias", "low", "high"]].to_numpy()).max() < 1e-3
    assert set(same["seed"]) == {7} and set(table["count"]) == {400}
    text = (tmp_path / "opencap" / "angles.md").read_text()
    assert "| hanet, seed 7 | +0.0 [" in text and "1 sequences, 200 frames" in text
