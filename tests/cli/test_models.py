"""``hanet models``: what it lists, and what it says of a damaged model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from hanet.cli.app import app
from hanet.models import checkpoints
from hanet.models.cards import SHIPPED, shipped_card
from hanet.models.deciwatch import DeciWatch
from hanet.models.deciwatch_options import DeciWatchConfig


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    metadata = {
        "poses": {"representation": "3d", "skeleton": "h36m17", "fps": 60.0},
        "validation_error": 66.154,
        "validation_error_unit": "mm",
    }
    for name in ("clips/a-1", "clips/b-2"):
        checkpoints.save(
            DeciWatch(DeciWatchConfig(channels=6, interval=5, window=11, hidden=8)),
            tmp_path / name,
            metadata=metadata,
        )
    return tmp_path


def test_models_are_listed_with_their_facts(folder: Path) -> None:
    weights = sum(
        parameter.numel() for parameter in checkpoints.load(folder / "clips/a-1").state_dict().values()
    )
    result = CliRunner().invoke(app, ["models", str(folder)], env={"COLUMNS": "120"})
    assert result.exit_code == 0, result.output
    row = next(line for line in result.output.splitlines() if "clips/a-1" in line)
    assert row.split() == [
        "clips/a-1",
        "deciwatch",
        f"{weights:,}",
        "3d,",
        "h36m17,",
        "60",
        "fps",
        "66.15",
        "mm",
    ]
    assert "clips/b-2" in result.output


def test_a_damaged_model_is_named_and_the_others_are_listed(folder: Path) -> None:
    (folder / "clips/a-1/model.json").write_text("{")
    (folder / "clips/b-2/model.safetensors").write_bytes(b"\0" * 20)
    checkpoints.save(DeciWatch(DeciWatchConfig(channels=6, interval=5, window=11, hidden=8)), folder / "good")
    result = CliRunner().invoke(app, ["models", str(folder)], env={"COLUMNS": "120"})
    assert result.exit_code == 1
    assert result.output.count("unreadable") == 2
    assert "good" in result.output


def test_the_packages_weights_are_listed_with_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # without data/models
    result = CliRunner().invoke(app, ["models"], env={"COLUMNS": "120"})
    assert result.exit_code == 0, result.output
    general = next(line for line in result.output.splitlines() if " general " in line)
    assert " 28,035 " in general and "| size | 28,035 weights |" in shipped_card("general")
    for name in SHIPPED:
        assert name in result.output
        card = CliRunner().invoke(app, ["models", "--card", name])
        assert card.exit_code == 0 and card.output.startswith("# Model card: ")


def test_the_card_of_a_trained_model(folder: Path) -> None:
    result = CliRunner().invoke(app, ["models", str(folder), "--card", "clips/a-1"])
    assert result.exit_code == 0, result.output
    for line in (
        "# Model card: a-1",
        "| network | deciwatch |",
        "| refines | 3d, h36m17, 60 fps |",
        "| interval | 5 |",
    ):
        assert line in result.output.splitlines()
    assert "| validation error | 66.15 mm" in result.output
    missing = CliRunner().invoke(app, ["models", str(folder), "--card", "no"])
    assert missing.exit_code == 2 and "no" in missing.output


def test_a_folder_without_models_is_refused(tmp_path: Path) -> None:
    for path, message in ((tmp_path, "holds no trained model"), (tmp_path / "no", "there is no folder")):
        result = CliRunner().invoke(app, ["models", str(path)])
        assert result.exit_code == 2
        assert message in result.output


def test_a_light_installation_lists_models_and_their_cards(folder: Path) -> None:
    """Without the packages of the extras, in a process of its own: here PyTorch is loaded."""
    without = "import sys\nsys.modules |= dict.fromkeys(('torch', 'pandas', 'pyarrow'))\n"
    for words in (["models", str(folder)], ["models", str(folder), "--card", "clips/b-2"]):
        code = f"{without}sys.argv = {json.dumps(['hanet', *words])}\nfrom hanet.cli.app import app\napp()"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        shown = CliRunner().invoke(app, words, env={"COLUMNS": "80"})
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.split() == shown.output.split() and "deciwatch" in done.stdout
