"""Which experiments run: the section `run` for them, and the command that sets it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.hydra import apply_overrides

from stages.params import run
from stages.params.document import read
from stages.params.load import load
from stages.params.selection import SelectionError, flags, selection
from tests.support.paths import ROOT

PAPER: dict[str, Any] = {"hanet-paper": {}, "deciwatch": {}, "smoothnet": {}}
PARAMS: dict[str, Any] = {
    "run": {
        "datasets": ["clips"],
        "estimates": {"one": "clips"},
        "experiments": ["one"],
        "models": ["hanet", "hanet-paper"],
        "ablations": ["off"],
        "seeds": [1],
    },
    "experiments": {
        "one": {"dataset": "clips", "models": {"hanet": {}, **PAPER}},
        "two": {"dataset": "cmu", "models": PAPER},
        "three": {"dataset": "clips", "models": {"deciwatch": {}, "hanet-paper": {}}},
        "other": {"dataset": "aist", "models": {"mine": {}}},
    },
    "ablations": {"off": {}, "on": {}},
}


def test_an_experiment_with_all_its_models_and_no_ablations() -> None:
    assert selection(PARAMS, ["two"]) == {
        "datasets": ["cmu"],
        "estimates": {"two": "cmu"},
        "experiments": ["two"],
        "models": ["hanet-paper", "deciwatch", "smoothnet"],
        "ablations": [],
        "seeds": [1],
    }


def test_several_experiments_with_the_models_that_all_of_them_have() -> None:
    chosen = selection(PARAMS, ["one", "two", "three", "one"], ablations=["on"], seeds=[3, 2, 3])
    assert chosen == {
        "datasets": ["clips", "cmu"],
        "estimates": {"one": "clips", "two": "cmu", "three": "clips"},
        "experiments": ["one", "two", "three"],
        "models": ["hanet-paper", "deciwatch"],
        "ablations": ["on"],
        "seeds": [3, 2],
    }


def test_without_names_what_runs_stays() -> None:
    assert selection(PARAMS) == PARAMS["run"]
    assert selection(PARAMS, seeds=[7]) == PARAMS["run"] | {"seeds": [7]}
    assert selection(PARAMS, ablations=[]) == PARAMS["run"] | {"ablations": []}
    assert selection(PARAMS, models=["smoothnet"]) == PARAMS["run"] | {"models": ["smoothnet"]}


@pytest.mark.parametrize(
    ("experiments", "options", "message"),
    [
        (["tow"], {}, "no experiment is called 'tow'; there are one, two, three, other"),
        (["two"], {"models": ["hanet"]},
         "no model of two is called 'hanet'; there are hanet-paper, deciwatch, smoothnet"),
        (["two"], {"ablations": ["of"]}, "no ablation is called 'of'; there are off, on"),
        (["two", "other"], {}, "two, other have no model in common; run them one at a time"),
        (["other"], {"ablations": ["on"]},
         "ablations change the model hanet-paper, which other does not have"),
    ],
)  # fmt: skip
def test_names_that_do_not_exist(experiments: list[str], options: dict[str, Any], message: str) -> None:
    with pytest.raises(SelectionError) as caught:
        selection(PARAMS, experiments, **options)
    assert str(caught.value) == message


def test_dvc_sets_what_was_chosen(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(
        "run:\n  datasets: [clips]\n  estimates: {one: clips, two: cmu}\n  experiments: [one]\n"
        "  models: [hanet]\n  ablations: [off]\n  seeds: [1]\n"
    )
    before = read(path)["run"]
    chosen = {
        "datasets": ["sub-jhmdb-1", "3dpw"],
        "estimates": {"jhmdb-split-1": "sub-jhmdb-1", "a.b": "3dpw"},
        "experiments": ["jhmdb-split-1", "a.b"],
        "models": ["hanet"],
        "ablations": [],
        "seeds": [4321, 7],
    }
    changes = flags(before, chosen)
    assert not any("models" in change for change in changes)
    apply_overrides(str(path), changes)
    assert read(path)["run"] == chosen
    assert flags(chosen, chosen) == []


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands that the process would have become, in the repository's root."""
    commands: list[list[str]] = []
    monkeypatch.setattr(os, "execvp", lambda _, words: commands.append(words))
    monkeypatch.chdir(ROOT)
    return commands


def test_the_command(became: list[list[str]], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run.main(
        ["jhmdb-split-1,jhmdb-pooled", "--seeds", "1,2", "--models", "deciwatch", "--ablations", "oml-off",
         "--set", "+experiments.jhmdb-split-1.models.deciwatch.training.epochs=3", "--set", "train.devices=2"]
    )  # fmt: skip
    (words,) = became
    name = words[4]
    assert words[:4] == ["dvc", "exp", "run", "--name"] and name.startswith("jhmdb-split-1-2")
    assert words[5::2] == ["-S"] * len(words[5::2])
    assert capsys.readouterr().out.startswith(f"dvc exp run --name {name} -S ")
    path = tmp_path / "params.yaml"
    path.write_text(ROOT.joinpath("params.yaml").read_text())
    apply_overrides(str(path), words[6::2])
    params = load(path)
    assert params.run.estimates == {"jhmdb-split-1": "sub-jhmdb-1", "jhmdb-pooled": "sub-jhmdb-pooled"}
    assert (params.run.models, params.run.ablations, params.run.seeds) == (["deciwatch"], ["oml-off"], [1, 2])
    assert params.train.devices == 2
    assert params.model("jhmdb-split-1", "deciwatch").training.epochs == 3


def test_a_changed_data_set_is_what_runs(became: list[list[str]]) -> None:
    run.main(["uiprmd-kinect", "--set", "experiments.uiprmd-kinect.dataset=uiprmd-raw"])
    assert "run.datasets=[uiprmd-raw]" in became[0]
    assert "+run.estimates={uiprmd-kinect: uiprmd-raw}" in became[0]


def test_the_default_experiments_with_other_seeds(became: list[list[str]]) -> None:
    run.main(["--default", "--seeds", "1,2,3", "--name", "tables"])
    assert became[0][4].startswith("tables-2") and became[0][5:] == ["-S", "run.seeds=[1,2,3]"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "error: name one or more experiments, or --default; there are clips-fcn, clips-fcn-"),
        (["", "--seeds", ""], "error: name one or more experiments, or --default; there are clips-fcn, "),
        (["clips-fcn", "--default"], "error: name one or more experiments, or --default; there are "),
        (["clips-fnc"], "error: no experiment is called 'clips-fnc'; there are clips-fcn, clips-fcn-"),
        (["clips-fcn", "--seeds", "1,x"], "error: seeds: expected whole numbers such as 4321,4322, got 'x'"),
        (["clips-fcn", "--set", "train.device=2"],
         "error: 'train.device=2': train has no key 'device'; it has devices"),
        (["clips-fcn", "--set", "train.devices=0"],
         "error: params.yaml does not fit:\n  train.devices: expected a number of at least 1, got 0"),
        (["clips-fcn", "--set", "+tables.budget.extends=x"],
         "error: tables.budget.extends: expected the name of another entry of tables, got 'x'"),
    ],
)  # fmt: skip
def test_mistakes_before_anything_runs(became: list[list[str]], arguments: list[str], message: str) -> None:
    with pytest.raises(SystemExit) as caught:
        run.main(arguments)
    assert str(caught.value.code).startswith(message)
    assert became == []


def test_outside_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        run.main(["clips-fcn"])
    assert caught.value.code == "error: params.yaml is missing; run from the root of the repository"
