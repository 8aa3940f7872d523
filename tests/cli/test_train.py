"""``hanet train`` on files: the model it writes refines files of the same kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from hanet.cli.app import app

OPTIONS = ("--fps", "30", "--skeleton", "limbs12")


def invoke(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"}).invoke(app, list(map(str, arguments)))
    assert "Traceback" not in result.output
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def files(tmp_path: Path) -> list[str | Path]:
    """Three people, each detected 3 cm off."""
    pairs: list[str | Path] = []
    for person in range(3):
        rng = np.random.default_rng(person)
        truth = np.cumsum(rng.normal(scale=0.003, size=(60, 12, 3)), axis=0) + rng.normal(size=(12, 3))
        seen = truth + rng.normal(scale=0.004, size=truth.shape)
        seen[:, 3:] += 0.03
        for option, name, values in (("--detected", "seen", seen), ("--gt", "true", truth)):
            np.save(tmp_path / f"{name}-{person}.npy", values)
            pairs += [option, tmp_path / f"{name}-{person}.npy"]
    return pairs


def test_a_model_of_ones_own(tmp_path: Path, files: list[str | Path]) -> None:
    more = ("--val", "seen-1*", "--network", "mlp", "--epochs", "3", *OPTIONS)
    code, text, error = invoke("train", *files, "--out", tmp_path / "model", *more)
    assert code == 0, error
    assert "2 recordings to train on; seen-1.npy validate" in text
    lines = [line.split()[0] for line in text.splitlines() if "mm/frame²" in line]
    assert lines == ["input", "general", "this"]
    code, text, error = invoke(
        "refine",
        tmp_path / "seen-2.npy",
        "--model",
        tmp_path / "model",
        "--out",
        tmp_path / "out.npy",
        *OPTIONS,
    )
    assert code == 0 and f"method: model {tmp_path / 'model'}, then general refiner" in text, error
    before, after = np.load(tmp_path / "seen-2.npy"), np.load(tmp_path / "out.npy")
    assert before.shape == after.shape and np.isfinite(after).all() and not np.array_equal(before, after)


def test_files_that_do_not_go_together(tmp_path: Path, files: list[str | Path]) -> None:
    for given, more, message in (
        (files[:-2], OPTIONS, "one each for each recording; got 3 and 2"),
        (files[:4], OPTIONS, "expected at least two pairs of files, one of which validates, got 1"),
        (files, (*OPTIONS, "--val", "nobody"), "--val nobody takes 0 of 3 files"),
        (files, OPTIONS[:2], "skeleton is true-1, that of seen-0.npy is true-0"),
        (files, OPTIONS[2:], "give --fps"),
        (files, (*OPTIONS, "--epochs", "1"), "Invalid value for '--epochs'"),
    ):
        code, _, error = invoke("train", *given, "--out", tmp_path / "model", *more)
        assert code == 2 and message in error, (message, error)
        assert not (tmp_path / "model").exists()
