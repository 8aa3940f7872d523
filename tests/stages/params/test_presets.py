"""Presets: entries that take the keys of another one."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.exceptions import InvalidArgumentError
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize import modify_yaml

from hanet.models.options import Config
from hanet.models.registry import network_of
from stages.params.document import read
from stages.params.load import Params, ParamsError, load
from stages.params.presets import PresetError, Presets, merge, published_figures
from tests.support import tiny
from tests.support.paths import ROOT


@pytest.mark.parametrize(
    ("base", "changes", "expected"),
    [
        ({"a": 1, "b": 2}, {"b": 3, "c": 4}, {"a": 1, "b": 3, "c": 4}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}}, {"a": {"b": 1, "c": 3}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),  # a list is a value
        ({"a": {"b": 1}, "c": 2}, {"a": None}, {"c": 2}),  # null removes a mapping
        ({"a": 1}, {"a": None}, {"a": None}),  # and is a value elsewhere
        ({}, {"a": None}, {"a": None}),
        ({"a": {"b": 1}}, {"a": 2}, {"a": 2}),
        ({"a": 1}, {"a": {"b": 1}}, {"a": {"b": 1}}),
    ],
)
def test_merging(base: dict[str, Any], changes: dict[str, Any], expected: dict[str, Any]) -> None:
    before = str(base)
    assert merge(base, changes) == expected
    assert str(base) == before


def test_an_entry_takes_the_keys_of_another() -> None:
    content = {
        "datasets": {
            "one": {"kind": "x", "ingest": {"split": 1, "seed": 4}},
            "two": {"extends": "one", "ingest": {"split": 2}},
            "three": {"extends": "two", "ingest": {"split": 3}},
        }
    }
    filled = Presets(content).content["datasets"]
    assert filled["two"] == {"kind": "x", "ingest": {"split": 2, "seed": 4}}
    assert filled["three"] == {"kind": "x", "ingest": {"split": 3, "seed": 4}}
    assert content["datasets"]["two"] == {"extends": "one", "ingest": {"split": 2}}  # not changed in place


MODELS = {
    "hanet": {"network": "hanet", "training": {"epochs": 20, "augmentation": {"scale": 0.1}}},
    "wide": {"extends": "hanet", "training": {"epochs": 30}},
}


@pytest.mark.parametrize(
    ("row", "described", "training"),
    [
        ("hanet", {}, {"epochs": 20, "augmentation": {"scale": 0.1}}),  # by its name
        ("hanet", {"training": {"epochs": 3}}, {"epochs": 3, "augmentation": {"scale": 0.1}}),
        ("hanet", {"training": {"augmentation": None}}, {"epochs": 20}),
        ("other", {"extends": "hanet"}, {"epochs": 20, "augmentation": {"scale": 0.1}}),
        ("hanet", {"extends": "wide"}, {"epochs": 30, "augmentation": {"scale": 0.1}}),
        ("own", {"network": "deciwatch", "training": {"epochs": 1}}, {"epochs": 1}),  # of no preset
        ("hanet", {"extends": None, "training": {"epochs": 1}}, {"epochs": 1}),
    ],
)
def test_a_model_takes_the_keys_of_its_preset(
    row: str, described: dict[str, Any], training: dict[str, Any]
) -> None:
    content = {"models": MODELS, "experiments": {"e": {"models": {row: described}}}}
    filled = Presets(content).content["experiments"]["e"]["models"][row]
    assert filled["training"] == training and "extends" not in filled


def test_an_experiment_takes_all_filters_and_the_models_of_another() -> None:
    content = {
        "models": MODELS,
        "filters": {
            "input": {},
            "gaussian": {"sigma": [1.0]},
            "one_euro": {"beta": [0.0], "d_cutoff": [1.0]},
        },
        "experiments": {
            "base": {"dataset": "a", "models": {"hanet": {"extends": "wide"}, "plain": {"extends": "hanet"}}},
            "same": {"extends": "base", "dataset": "b"},
            "less": {
                "extends": "base",
                "filters": {"gaussian": None, "one_euro": {"beta": [2.0]}},
                "models": {"plain": None, "hanet": {"training": {"epochs": 1}}},
            },
        },
    }
    filled = Presets(content).content["experiments"]
    assert filled["base"]["filters"] == filled["same"]["filters"] == content["filters"]
    assert list(filled["same"]["models"]) == ["hanet", "plain"]
    assert filled["same"]["models"] == filled["base"]["models"] and filled["same"]["dataset"] == "b"
    assert filled["less"]["filters"] == {"input": {}, "one_euro": {"beta": [2.0], "d_cutoff": [1.0]}}
    assert list(filled["less"]["models"]) == ["hanet"]
    assert filled["less"]["models"]["hanet"]["training"] == {"epochs": 1, "augmentation": {"scale": 0.1}}


def test_published_figures_are_not_taken_over() -> None:
    table = {
        "title": "A",
        "rows": {"input": "x"},
        "published": {"on": "here", "rows": {"input": {"mm": 1.0}}},
    }
    tables = {"a": table, "b": {"extends": "a", "title": "B"}}
    filled = Presets({"tables": tables}).content["tables"]
    assert filled["b"] == {"title": "B", "rows": {"input": "x"}, "published": {"on": "here"}}
    assert filled["a"] == table


def test_a_table_names_published_figures_and_experiments_by_patterns() -> None:
    """The figures of published.yaml with what the table adds; patterns in the order of the experiments."""
    content = {
        "experiments": {"b-1": {}, "a": {}, "b-2": {}},
        "tables": {
            "t": {"experiments": ["a", "b-*"], "published": {"figures": "aist-spin", "same_data": True}},
            "u": {"extends": "t", "title": "U"},
        },
        "summaries": {"s": {"over": {"b": ["b-*"], "one": ["a"]}}},
    }
    filled = Presets(content).content
    table = filled["tables"]["t"]
    assert table["experiments"] == ["a", "b-1", "b-2"]
    assert (table["published"]["on"], table["published"]["same_data"]) == ("AIST++, SPIN", True)
    assert table["published"]["rows"]["hanet-paper"] == {"mpjpe_mm": 69.2, "accel_mm_per_frame2": 5.4}
    assert filled["tables"]["u"]["published"] == {"same_data": True}
    assert filled["summaries"]["s"]["over"] == {"b": ["b-1", "b-2"], "one": ["a"]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"models": {"a": {"extends": "b"}}},
         "models.a.extends: expected the name of another entry of models, got 'b'; there are a"),
        ({"models": {"a": {"extends": ["a"]}}},
         "models.a.extends: expected the name of another entry of models, got ['a']; there are a"),
        ({"tables": {"a": {"extends": "a"}}}, "tables.a.extends: a extends itself; break the circle"),
        ({"datasets": {"a": {"extends": "b"}, "b": {"extends": "c"}, "c": {"extends": "b"}}},
         "datasets.c.extends: b extends itself; break the circle"),
        ({"models": MODELS, "experiments": {"e": {"models": {"haent": {}}}}},
         "experiments.e.models.haent: there is no preset 'haent' under models; there are hanet, wide"),
        ({"models": MODELS, "experiments": {"e": {"models": {"hanet": {"extends": "far"}}}}},
         "experiments.e.models.hanet: there is no preset 'far' under models; there are hanet, wide"),
        ({"experiments": {"e": {"models": {"hanet": {}}}}},
         "experiments.e.models.hanet: there is no preset 'hanet' under models; there are none"),
        ({"experiments": {"e": {}}, "tables": {"t": {"experiments": ["x*"]}}},
         "tables.t.experiments: no experiment matches x*"),
        ({"tables": {"t": {"published": {"figures": "mine"}}}},
         "tables.t.published.figures: expected a name in stages/params/published.yaml, got 'mine'; there are "
         + ", ".join(published_figures())),
    ],
)  # fmt: skip
def test_presets_that_do_not_exist(content: dict[str, Any], message: str) -> None:
    with pytest.raises(PresetError) as caught:
        Presets(content)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "content",
    [None, [], "text", {"models": 3}, {"experiments": {"e": None}}, {"experiments": {"e": {"models": [1]}}},
     {"models": {}, "experiments": {"e": {"models": {"hanet": None}}}}],
)  # fmt: skip
def test_what_has_the_wrong_type_is_left_to_the_schema(content: Any) -> None:
    assert Presets(content).content == content


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The tiny parameters with presets."""
    content: dict[str, Any] = yaml.safe_load(tiny.as_yaml(tiny.PARAMS))
    models = content["experiments"]["tiny"]["models"]
    content["models"] = {"hanet-paper": models["hanet-paper"], "second": models["second"]}
    content["filters"] = content["experiments"]["tiny"].pop("filters")
    content["experiments"]["tiny"]["models"] = {"hanet-paper": {}, "second": {"training": {"epochs": 1}}}
    content["experiments"]["kinect"]["models"]["second"]["extends"] = None
    content["experiments"]["more"] = {"extends": "tiny", "models": {"second": {"refine": {"stride": 2}}}}
    path = tmp_path / "params.yaml"
    path.write_text(tiny.as_yaml(content))
    return path


def change(path: Path, *overrides: str) -> Params:
    """The parameters with changes, applied as ``dvc exp run -S`` does."""
    apply_overrides(str(path), list(overrides))
    return load(path)


def test_a_change_of_a_preset_reaches_all_that_use_it(path: Path) -> None:
    params = change(path, "models.hanet-paper.model.hidden=16", "models.second.training.epochs=7")
    assert params.model("tiny", "hanet-paper").model["hidden"] == 16
    assert params.model("more", "hanet-paper").model["hidden"] == 16
    assert params.model("tiny", "bare").model["hidden"] == 16  # an ablation of it
    assert params.model("tiny", "second").training.epochs == 1  # the experiment has its own
    assert params.models["second"].training.epochs == 7


def test_a_change_of_one_experiment_leaves_the_others(path: Path) -> None:
    params = change(path, "+experiments.more.models.hanet-paper.training.augmentation.scale=0.2")
    changed, other = (params.model(name, "hanet-paper").training for name in ("more", "tiny"))
    assert (changed.augmentation.scale, other.augmentation.scale) == (0.2, 0.0)
    assert (changed.epochs, changed.warmup_epochs) == (other.epochs, other.warmup_epochs) == (2, 1)
    params = change(path, "+experiments.more.filters.gaussian.sigma=[3.0]")
    assert params.experiments["more"].filters == {"input": {}, "gaussian": {"sigma": [3.0]}}
    assert params.experiments["tiny"].filters["gaussian"] == {"sigma": [1.0, 2.0]}


def test_dvc_asks_for_a_plus_where_an_experiment_does_not_list_the_key(path: Path) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        change(path, "experiments.more.models.hanet-paper.training.epochs=3")
    assert "use +experiments.more.models.hanet-paper.training.epochs=3" in str(caught.value.__cause__)


def test_a_mistake_in_a_preset_is_reported_once(path: Path) -> None:
    with pytest.raises(ParamsError) as caught:
        change(path, "models.hanet-paper.training.batch=0.5", "filters.gaussian.sigma=[]")
    assert str(caught.value) == (
        f"{path} does not fit:\n"
        "  models.hanet-paper.training.batch: expected an integer, got 0.5\n"
        "  filters.gaussian.sigma: expected 1 or more entries, got []"
    )


def test_a_mistake_in_an_experiment_is_reported_there(path: Path) -> None:
    with pytest.raises(ParamsError) as caught:
        change(path, "+experiments.tiny.models.hanet-paper.training.batch=0.5")
    assert str(caught.value) == (
        f"{path} does not fit:\n  experiments.tiny.models.hanet-paper.training.batch: "
        "expected an integer, got 0.5"
    )


def test_the_repositorys_presets_are_used() -> None:
    """No preset is left over, and every experiment takes all filters and comparators."""
    content = read(ROOT / "params.yaml")
    presets = Presets(content)
    used = {source[1] for source in presets.sources.values() if source[0] == "models"}
    assert used == set(content["models"])
    for name, experiment in presets.content["experiments"].items():
        if name.startswith("opencap"):  # a test split alone: nothing is fitted, and no filter is chosen
            assert {len(values) for grid in experiment["filters"].values() for values in grid.values()} == {1}
            assert experiment["comparators"] == {"general": True, "post_filter": []}
            continue
        assert experiment["filters"] == content["filters"]
        # The general refiner smooths points, so rotations go without it.
        assert experiment["comparators"] | {"general": True} == content["comparators"]
    assert len(ROOT.joinpath("params.yaml").read_text().splitlines()) < 750


def test_dvc_writes_the_repositorys_file_again(tmp_path: Path) -> None:
    """`dvc exp run -S` does: it breaks lines in keys of two words and in text that needs quotes, in {…}."""
    path = tmp_path / "params.yaml"
    path.write_text(ROOT.joinpath("params.yaml").read_text())
    with modify_yaml(path) as content:
        content["run"]["seeds"] = [1]
    before = read(ROOT / "params.yaml")
    before["run"]["seeds"] = [1]
    assert read(path) == before


def test_a_training_takes_the_keys_of_another_models_in_the_same_experiment() -> None:
    """Of the experiment's own model where it has one, else of the preset; variants are not taken over."""
    base = {"training": {"epochs": 9, "batch": 4}, "refine": {"stride": 1, "variants": {"more": {}}}}
    like = {"training": {"extends": "base", "batch": 8}, "refine": {"extends": "base"}}
    experiments = {
        "one": {"models": {"base": {"training": {"epochs": 3}}, "like": {}}},
        "two": {"models": {"like": {"training": {"epochs": 5}}}},
    }
    found = Presets({"models": {"base": base, "like": like}, "experiments": experiments})
    models = {name: e["models"]["like"] for name, e in found.content["experiments"].items()}
    assert models["one"] == {"training": {"epochs": 3, "batch": 8}, "refine": {"stride": 1}}
    assert models["two"] == {"training": {"epochs": 5, "batch": 8}, "refine": {"stride": 1}}
    assert found.content["models"]["like"]["training"] == {"epochs": 9, "batch": 8}
    origins = [*found.origins(("experiments", "one", "models", "like", "training", "epochs"))]
    assert ("experiments", "one", "models", "base", "training", "epochs") in origins


@pytest.mark.parametrize("other", ["nobody", "like", 3])
def test_a_training_that_extends_none_is_refused(other: Any) -> None:
    models = {"base": {"training": {}}, "like": {"training": {"extends": other}}}
    with pytest.raises(PresetError, match=r"like\.training\.extends: expected a model whose training"):
        Presets({"models": models, "experiments": {}})


def test_equal_terms_are_equal() -> None:
    """Parameters within 10 % of ours, and all of its training, but for what belongs to a network."""
    params = load(ROOT / "params.yaml")
    for experiment, channels in (("clips-fcn", 51), ("uiprmd-kinect", 36)):
        models = params.experiment(experiment).models
        ours = models["hanet"]
        size = parameters(ours.config(channels))
        for name in ("mlp", "tcn", "smoothnet-equal", "deciwatch-equal", "hanet-equal"):
            other = models[name]
            assert parameters(other.config(channels)) == pytest.approx(size, rel=0.1), (experiment, name)
            own = {"loss_weight", "acceleration_weight"} | ({"epochs"} if name == "mlp" else set())
            same = {key: getattr(ours.training, key) for key in asdict(ours.training) if key not in own}
            assert {key: getattr(other.training, key) for key in same} == same, (experiment, name)
            assert other.refine.mirror_axis == ours.refine.mirror_axis
            assert other.refine.stride in (ours.refine.stride, other.config(channels).window)


def parameters(config: Config) -> int:
    return sum(parameter.numel() for parameter in network_of(config).build(config).parameters())
