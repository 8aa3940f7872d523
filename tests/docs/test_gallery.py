"""The gallery says what the committed tables say, and its pictures are there and small."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from docs.tools import gallery
from hanet.cache.files import CacheMetadata, CacheWriter
from hanet.estimators.measured.model import load
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import LIMBS12


def test_the_page_is_built_from_the_committed_files():
    assert gallery.PAGE.read_text() == gallery.page(), "run python -m docs.tools.gallery"


def test_every_section_says_first_what_is_real():
    sections = gallery.page().split("\n## ")[1:]
    assert [section.splitlines()[0] for section in sections] == [one.name for one in gallery.EXPERIMENTS]
    for section in sections:
        assert re.match(r"(Real|Rendered|Simulated) ", section.splitlines()[2])
        assert "| input |" in section and re.search(r"!\[.*\]\(images/", section)


def test_pictures_are_small_and_there():
    shown = re.findall(r"\]\((images/[^)]+)\)", gallery.page())
    assert len(shown) >= len(gallery.EXPERIMENTS)
    for path in shown:
        assert (gallery.PAGE.parent / path).stat().st_size <= gallery.LARGEST, path


def write(folder: Path, side: str, sequence: PoseSequence) -> None:
    estimator = "gt" if side == "gt" else "kinect"
    described = CacheMetadata.of(sequence, dataset="d", split="test", estimator=estimator)
    with CacheWriter(folder / f"{side}-test.parquet", described) as writer:
        writer.write(sequence)


def test_pictures_and_errors_are_of_the_committed_pairs_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    rng = np.random.default_rng(1)
    still = rng.normal(0, 0.4, (1, 12, 3)).repeat(90, axis=0).astype(np.float32)
    gt = PoseSequence.joints("a", still, LIMBS12, fps=30.0, frame_of_reference="world_root_relative")
    found = gt.with_values(still + 0.02 * rng.normal(size=still.shape).astype(np.float32))
    pairs, results = tmp_path / "data" / "pairs" / "e", tmp_path / "results"
    write(pairs, "gt", gt)
    write(pairs, "detected", found)
    for name, folder in (
        ("RESULTS", results),
        ("ERRORS", results / "errors"),
        ("IMAGES", tmp_path / "images"),
    ):
        monkeypatch.setattr(gallery, name, folder)
    one = gallery.Experiment("e", "Real people.", "real/e/untrained", "Ours.")
    (results / "real" / "e").mkdir(parents=True)
    committed = results / "real" / "e" / "provenance.json"
    committed.write_text('{"data_sha256": {"detected": "other"}}')
    with pytest.raises(ValueError, match="other detections than those of docs/results/real/e/untrained"):
        gallery.draw(one, tmp_path / "data")
    digest = gallery.PoseCache.open(pairs / "detected-test.parquet").content_hash()
    committed.write_text(f'{{"data_sha256": {{"detected": "{digest}"}}}}')
    gallery.draw(one, tmp_path / "data")
    table = load(str(results / "errors" / "e.json"))
    assert table.joints["elbow"].jitter == pytest.approx(0.02, rel=0.15)
    assert table.provenance["spectrum"]["elbow"]["above_5_hz"] > 0.5
    (results / "real" / "e" / "untrained.csv").write_text(
        "label,status,mpjpe_mm.mean\ninput,run,12.345\nother,missing,\n"
    )
    text = gallery.section(one)
    assert "| input | 12.35 |" in text or "| input | 12.34 |" in text
    assert "other" not in text and "images/gallery/e.png" in text and "images/gallery/e-errors.png" in text
    assert "frames " in text and (tmp_path / "images" / "e.png").stat().st_size < gallery.LARGEST
