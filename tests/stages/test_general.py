"""Stages general and domains on small files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from hanet.models.general_export import load_general
from hanet.models.general_options import GeneralConfig
from hanet.training.general import GeneralTraining
from stages import domain_rows, domains, general, one_domain

TINY = GeneralTraining(windows=8, validation=4, frames=(28,), steps=4, batch=2, every=2)


def motion(path: Path, names: list[str], rng: np.random.Generator, jumps: int = 0) -> None:
    joints = rng.normal(size=(1, 17, 3)) + gaussian_filter1d(
        rng.normal(size=(90 * len(names), 17, 3)), 9.0, axis=0
    )
    np.savez(
        path, joints=joints.astype(np.float32), length=np.full(len(names), 90), name=np.array(names),
        jumps=np.full(len(names), jumps),
    )  # fmt: skip


def test_trains_and_writes_weights_with_their_origin(tmp_path: Path, rng: np.random.Generator) -> None:
    motion(tmp_path / "a.npz", ["001/1", "003/1"], rng)
    motion(tmp_path / "b.npz", ["002/1"], rng, jumps=2)  # left out
    general.main(tmp_path, tmp_path / "out", TINY)
    description = json.loads((tmp_path / "out" / "general.json").read_text())
    assert set(description["motion_sha256"]) == {"a.npz", "b.npz"}
    assert description["training"]["steps"] == 4
    assert load_general(tmp_path / "out").config.to_dict() == description["config"]
    assert len((tmp_path / "out" / "training.csv").read_text().splitlines()) == 3
    train, validation = general.read_motion([tmp_path / "a.npz", tmp_path / "b.npz"])
    assert (len(train), len(validation)) == (1, 1)


def test_motion_without_its_arrays_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "a.npz", joints=np.zeros((3, 17, 3)))
    with pytest.raises(SystemExit):
        general.main(tmp_path, tmp_path / "out", TINY)
    assert "length, name, jumps" in capsys.readouterr().err.replace("\n", " ")
    assert not (tmp_path / "out").exists()


def test_domains_writes_a_page(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mocap").mkdir()
    motion(tmp_path / "mocap" / "bandai1.npz", ["x_walk", "x_run"], rng)
    monkeypatch.setattr(domains, "PAGE", tmp_path / "domains.md")
    domains.main(tmp_path)
    page = (tmp_path / "domains.md").read_text()
    assert "## Bandai-1, drawn errors: 2 sequences, 1 people" in page
    numbers = json.loads((tmp_path / "domains.json").read_text())
    rows = numbers["Bandai-1, drawn errors"]
    assert [row["method"].split(" (")[0] for row in rows] == [
        "input", "Gaussian", "best Gaussian", "self-tuned", "general", "general, bones"
    ]  # fmt: skip
    assert rows[0]["unharmed"] == 1.0
    assert rows[4]["accel"] < 0.5 * rows[0]["accel"]
    assert list(numbers) == ["Bandai-1, drawn errors"] and "Seeds" not in page


def test_domains_shows_seeds_and_variants(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mocap").mkdir()
    (tmp_path / "motion").mkdir()
    motion(tmp_path / "mocap" / "bandai1.npz", ["x_walk"], rng)
    motion(tmp_path / "motion" / "a.npz", ["001/1", "003/1"], rng)
    for name, variant in (("one", "full"), ("two", "full"), ("other", "no-blocks"), ("net", "tcn")):
        general.main(tmp_path / "motion", tmp_path / "nets" / name, TINY, general.VARIANTS[variant])
    monkeypatch.setattr(domains, "PAGE", tmp_path / "domains.md")
    domains.main(tmp_path, tmp_path / "nets")
    page = (tmp_path / "domains.md").read_text()
    assert "| general | 1 | 1,500 | -0.631 |" in page
    assert "| general | 2 | 4 |" in page and " ± " in page
    assert "| dilated TCN | 1 | 4 |" in page and "| without bound |  |  |  |" in page
    trained = json.loads((tmp_path / "domains-trained.json").read_text())
    assert [one["name"] for one in trained] == [
        "general", "general", "no block over watched frames", "dilated TCN", "no network: self-tuned",
        "without bound",
    ]  # fmt: skip
    wrong = json.loads((tmp_path / "nets" / "one" / "general.json").read_text())
    wrong["training"]["harm"] = 7.0
    (tmp_path / "nets" / "one" / "general.json").write_text(json.dumps(wrong))
    with pytest.raises(ValueError, match="expected one of"):
        domain_rows.read_groups(tmp_path / "nets")


def test_the_command_names_variant_seed_and_steps(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    motion(tmp_path / "a.npz", ["001/1", "003/1"], rng)
    seen = {}

    def main(
        motion: Path, output: Path, options: GeneralTraining, variant: general.Variant, domain: str | None
    ) -> None:
        seen.update(options=options, variant=variant, domain=domain)

    monkeypatch.setattr(general, "main", main)
    general.command([str(tmp_path), "out", "--domain", "uiprmd"])
    assert seen["domain"] == "uiprmd"
    general.command([str(tmp_path), "out", "--variant", "no-blocks", "--seed", "7", "--steps", "20"])
    assert seen["domain"] is None
    assert (seen["options"].seed, seen["options"].steps, seen["options"].every) == (7, 20, 20)
    assert seen["variant"].config == GeneralConfig(blocks=0)


@pytest.mark.parametrize("name", [name for name in general.VARIANTS if name != "full"])
def test_every_variant_trains(name: str, tmp_path: Path, rng: np.random.Generator) -> None:
    motion(tmp_path / "a.npz", ["001/1", "003/1"], rng)
    general.main(tmp_path, tmp_path / "out", TINY, general.VARIANTS[name])
    trained, variant = load_general(tmp_path / "out"), general.VARIANTS[name]
    assert trained.config == variant.config
    said = json.loads((tmp_path / "out" / "general.json").read_text())["training"]
    assert (said["harm"], said["acceleration"]) == (variant.harm, variant.acceleration)


def rendered(path: Path, names: list[str], rng: np.random.Generator, frames: int = 60) -> None:
    """Clips of a detector on rendered bodies, whose errors are jitter and a constant one."""
    path.mkdir()
    shape = (len(names), frames, 13, 3)
    gt = rng.normal(size=(len(names), 1, 13, 3)) + gaussian_filter1d(rng.normal(size=shape), 9.0, axis=1)
    gt += np.array([0, 0, 9.0])
    detected = gt + 0.1 + 0.01 * rng.normal(size=shape)
    image = detected[..., :2] / detected[..., 2:] * 600 + [256, 200]
    np.savez(
        path / "a.npz", det2d=image, det3d=detected, gt3d=gt, focal=np.full(len(names), 600.0),
        size=np.array([512, 400]), name=np.array(names),
    )  # fmt: skip


PEOPLE = ["cmu_actions/train/a", "cmu_actions/test/b", "bandai1/c", "bandai1/d"]


def test_a_network_learns_from_one_domain_and_is_tested_on_other_people(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered(tmp_path / "rendered", PEOPLE, rng)
    general.main(tmp_path, tmp_path / "nets" / "own", TINY, domain="rendered")
    said = json.loads((tmp_path / "nets" / "own" / "general.json").read_text())
    assert said["validation"]["domain"] == "rendered" and list(said["motion_sha256"]) == ["rendered/a.npz"]
    (tmp_path / "motion").mkdir()
    motion(tmp_path / "motion" / "a.npz", ["001/1", "003/1"], rng)
    general.main(tmp_path / "motion", tmp_path / "nets" / "other", TINY)
    monkeypatch.setattr(domains, "PAGE", tmp_path / "domains.md")
    domains.main(tmp_path, tmp_path / "nets")
    page = (tmp_path / "domains.md").read_text()
    assert "## Trained on one domain, tested on all" in page
    table = page.split("### Error, by domain learned from")[1].split("###")[0]
    lines = [line for line in table.splitlines() if line.startswith("| ")]
    assert lines[0].endswith("| Rendered, MediaPipe 3D | Rendered, MediaPipe 2D |")
    assert [line.split(" | ")[0] for line in lines[1:]] == [
        "| input", "| no network: self-tuned", "| CMU motion, drawn errors", "| rendered pairs, 2D and 3D"
    ]  # fmt: skip
    assert lines[4].count("**") == 4 and "**" not in lines[3]
    crossed = json.loads((tmp_path / "domains-crossed.json").read_text())
    assert crossed[3]["own"] == ["Rendered, MediaPipe 3D", "Rendered, MediaPipe 2D"]
    # Seeds and ablations have all sequences and no such network.
    trained = json.loads((tmp_path / "domains-trained.json").read_text())
    assert [one["name"] for one in trained] == [
        "general",
        "general",
        "no network: self-tuned",
        "without bound",
    ]
    assert "Rendered, MediaPipe 3D: 4 sequences, 4 people" in page


def test_lengths_that_a_domain_does_not_have_are_left_out(tmp_path: Path, rng: np.random.Generator) -> None:
    rendered(tmp_path / "rendered", PEOPLE, rng)
    options = GeneralTraining(windows=4, validation=2, frames=(28, 44, 64, 96), batch=10)
    learned = one_domain.windows(tmp_path, "rendered", options)
    assert (learned.options.frames, learned.options.batch) == ((28, 44), 10 * 96 // 44)
    assert [w.gt.shape for w in learned.learn] == [(4, 13, 28, 3), (4, 13, 44, 3)]
    assert [len(w) for w in learned.choose] == [2, 2]
    # Only the jitter of 0.01 is left of the errors: what is wrong all the time is in the truth.
    errors = [
        np.linalg.norm(windows.detected - windows.gt, axis=3)[windows.gt[..., 2].any(axis=(1, 2))].ravel()
        for windows in learned.learn
    ]
    assert 0.0 < np.concatenate(errors).mean() < 0.03


def test_a_domain_that_is_not_there_or_too_short_is_refused(tmp_path: Path, rng: np.random.Generator) -> None:
    with pytest.raises(FileNotFoundError, match="expected the domain's folder"):
        one_domain.windows(tmp_path, "uiprmd", TINY)
    rendered(tmp_path / "rendered", PEOPLE, rng, frames=20)
    with pytest.raises(ValueError, match="at least 28 frames"):
        one_domain.windows(tmp_path, "rendered", TINY)
