"""Estimator cards and the command that lists them."""

from __future__ import annotations

import hashlib
from dataclasses import asdict

import pytest
from typer.testing import CliRunner

from hanet.cli.app import app
from hanet.estimators.cards import CARDS, find_weights


@pytest.fixture
def run(monkeypatch):
    """The command's output with as many columns as it likes, words of all cells kept."""
    monkeypatch.delenv("HANET_WEIGHTS", raising=False)
    monkeypatch.setenv("COLUMNS", "600")
    return lambda *args, **kwargs: CliRunner().invoke(app, ["estimators", *args], **kwargs)


def test_every_card_is_filled_in():
    assert list(CARDS) == ["simplebaseline", "dcpose", "fcn", "spin", "pare", "mediapipe"]
    for card in CARDS.values():
        assert all(value for field, value in asdict(card).items() if field != "reported")
        assert card.address.startswith("http")


def test_a_dead_address_comes_with_another_way():
    for card in CARDS.values():
        if card.reported:
            assert "Ask the authors" in card.how and "DeciWatch" in card.how


def test_weights_are_found_at_any_depth(tmp_path):
    path = tmp_path / "spin" / "data" / "model_checkpoint.pt"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"weights")
    (tmp_path / "pare_checkpoint.ckpt").mkdir()
    [found] = find_weights(CARDS["spin"], tmp_path)
    assert found.path == path and found.sha256 == hashlib.sha256(b"weights").hexdigest()
    assert find_weights(CARDS["pare"], tmp_path) == []


def test_the_list_says_what_is_there_and_what_is_not(tmp_path, run):
    (tmp_path / "model_checkpoint.pt").write_bytes(b"weights")
    for result in (run("--weights", str(tmp_path)), run(env={"HANET_WEIGHTS": str(tmp_path)})):
        assert result.exit_code == 0
        assert f"SHA-256 {hashlib.sha256(b'weights').hexdigest()}" in result.output
        assert result.output.count("found") == 1
        assert result.output.count(f"not below {tmp_path}") == 5
        assert "(reported dead (404))" in result.output


def test_the_list_without_a_folder(run):
    result = run()
    assert result.exit_code == 0
    assert result.output.count("not searched for: give --weights or set HANET_WEIGHTS") == 6
    assert "non-commercial" in result.output


def test_a_folder_that_is_none_is_refused(tmp_path, run):
    result = run("--weights", str(tmp_path / "absent"))
    assert result.exit_code == 2 and "absent: expected a folder with downloaded weights" in result.output
