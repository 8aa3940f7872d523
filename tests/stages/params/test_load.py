"""params.yaml: the repository's own is right, and what is wrong in one is said by key."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.hydra import apply_overrides
from ruamel.yaml import YAML

from hanet.datasets.pose_files.options import Released
from hanet.estimators.fcn.options import DetectorErrors, FCNEstimate
from hanet.models.hanet import HANetConfig
from hanet.options import flatten
from hanet.training.options import TrainingOptions
from stages.params.load import ParamsError, load
from stages.params.models import Use
from tests.support import tiny
from tests.support.paths import ROOT

Refused = Callable[..., str]


@pytest.fixture
def refused(tmp_path: Path, params: dict[str, Any]) -> Refused:
    """The message for parameters in which one dotted key has another value (none: `...`)."""

    def message(key: str, value: Any) -> str:
        *above, last = key.split(".")
        section: Any = params
        for part in above:
            section = section[part]
        if value is ...:
            del section[last]
        elif isinstance(section, list):
            section[int(last)] = value
        else:
            section[last] = value
        path = tmp_path / "params.yaml"
        path.write_text(tiny.as_yaml(params))
        with pytest.raises(ParamsError) as caught:
            load(path)
        first, *problems = str(caught.value).split("\n  ")
        assert first == f"{path} does not fit:"
        return "\n".join(problems)

    return message


def test_the_repositorys_own_parameters_fit() -> None:
    params = load(ROOT / "params.yaml")
    for name in params.experiments:
        experiment = params.experiment(name)
        assert params.dataset(experiment.dataset)
        for model in experiment.models.values():
            config = model.config(36)
            assert getattr(config, "channels", 36) == 36
            assert model.refine.stride <= config.window


def test_sections_become_what_the_library_takes(tmp_path: Path, params: dict[str, Any]) -> None:
    (tmp_path / "params.yaml").write_text(tiny.as_yaml(params))
    experiment = load(tmp_path / "params.yaml").experiment("tiny")
    assert isinstance(experiment.estimate, FCNEstimate)
    assert isinstance(experiment.estimate.detector, DetectorErrors)
    assert experiment.models["hanet-paper"].training == TrainingOptions(
        epochs=2, batch=32, stride=2, learning_rate=0.01, loss_weight=1.0, warmup_epochs=1
    )
    # Counts stay whole numbers: a filter's window is one, its sigma is none.
    assert experiment.filters["gaussian"]["sigma"] == [1.0, 2.0]


MODEL = "experiments.tiny.models.hanet-paper"
ESTIMATE = "experiments.tiny.estimate"
INGEST = "datasets.clips.ingest"


@pytest.mark.parametrize(
    ("key", "known"),
    [
        (
            "nonsense",
            "ablations, comparators, datasets, evaluate, experiments, figures, filters, models, run",
        ),
        ("run.nonsense", "ablations, datasets, estimates, experiments, models, seeds"),
        ("evaluate.nonsense", "protocol, resamples, seed"),
        ("datasets.clips.nonsense", "download, ingest, kind"),
        ("datasets.uiprmd.download.nonsense", "folder, sha256"),
        (f"{INGEST}.target_cameras.nonsense", "count, distance, off_centre"),
        ("datasets.clips.download.archives.pybullet.nonsense", "filename, licence, members, requirement"),
        (
            f"{ESTIMATE}.nonsense",
            "detector, kind, out_of_fold, pretrained, seed, statistics, train_on, training, weights",
        ),
        (f"{ESTIMATE}.detector.nonsense", "burst_rate, burst_size, burst_time, drift"),
        ("experiments.kinect.estimate.nonsense", "kind"),
        (f"{MODEL}.nonsense", "model, network, refine, training"),
        (f"{MODEL}.refine.nonsense", "mirror_axis, phases, stride, variants"),
        ("experiments.tiny.models.second.refine.variants.more.nonsense", "mirror_axis, phases, stride"),
        ("ablations.bare.nonsense", "model, refine, training"),
        ("tables.all.nonsense", "columns, deviations, experiments, note, published, reference, rows, title"),
        ("tables.all.published.nonsense", "on, rows, same_data, source"),
        (f"{MODEL}.training.nonsense", "acceleration_weight, augmentation, average"),
    ],
)
def test_an_unknown_key_is_named_with_those_known_there(refused: Refused, key: str, known: str) -> None:
    assert refused(key, 1).startswith(f"{key}: unknown key; known here: {known}")


def test_an_unknown_key_below_a_dataclass_of_a_dataclass(refused: Refused) -> None:
    message = refused(f"{MODEL}.training.augmentation", {"flip": True})
    assert message.startswith(f"{MODEL}.training.augmentation.flip: unknown key; known here: ")
    assert "mirror_axis" in message


def test_names_that_are_also_kinds_are_no_stumbling_block(refused: Refused, params: dict[str, Any]) -> None:
    models = params["experiments"]["tiny"]["models"]
    models["fcn"] = models["hanet-paper"] | {"refine": {"stride": 0}}
    message = refused("experiments.tiny.models", models)
    assert message == "experiments.tiny.models.fcn.refine.stride: expected a number of at least 1, got 0"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("evaluate.resamples", "many", 'expected an integer, got "many"'),
        ("evaluate.resamples", "200", 'expected an integer, got "200"; remove the quotes'),
        ("evaluate.resamples", 99, "expected a number of at least 100, got 99"),
        ("evaluate.resamples", 1e3, "expected an integer, got 1000.0; write 1000"),
        ("evaluate.resamples", True, "expected an integer, got true"),
        ("evaluate.protocol", "mine", 'expected full or smoothnet, got "mine"'),
        ("evaluate.seed", ..., "missing, but required"),
        ("evaluate.seed", float("inf"), "expected a finite number, got inf"),
        ("evaluate", 3, "expected a mapping, got 3"),
        ("run.seeds", [], "expected 1 or more entries, got []"),
        ("run.seeds.0", 1.0, "expected an integer, got 1.0; write 1"),
        ("run.estimates", {}, "expected 1 or more entries, got {}"),
        ("run.seeds", [1, 2, 1], "listed more than once: 1"),
        ("run.models", ["second", "second"], "listed more than once: second"),
        ("run.ablations", ["bare", "bare"], "listed more than once: bare"),
        (f"{MODEL}.network", "resnet", 'expected hanet, deciwatch, smoothnet, mlp or tcn, got "resnet"'),
        ("datasets.clips.download.archives", {}, "expected 1 or more entries, got {}"),
        (f"{INGEST}.fps", 0, "expected a number above 0, got 0"),
        (f"{INGEST}.fps", float("nan"), "expected a finite number, got nan"),
        (f"{INGEST}.fps", "30", 'expected a number, got "30"; remove the quotes'),
        (f"{INGEST}.target_cameras.distance", [6.0], "expected more entries, got [6.0]"),
        (f"{INGEST}.target_cameras.distance", [6.0, 7.0, 8.0], "expected 2 entries or fewer, got [6.0"),
        (f"{INGEST}.target_cameras.distance", [6.5, 6.0],
         "expected [nearest, farthest] in metres, above 0, got [6.5, 6.0]"),
        (f"{INGEST}.glitches", None, "expected a mapping, got null; write {} for an empty one"),
        (f"{ESTIMATE}.train_on", "both", 'expected source or target, got "both"'),
        (f"{ESTIMATE}.detector", [1], "expected a mapping or text, got [1]"),
        (f"{ESTIMATE}.detector.jitter", "little", 'expected a number, got "little"'),
        (f"{ESTIMATE}.detector.jitter", True, "expected a number, got true"),
        (f"{ESTIMATE}.training.steps", ..., "missing, but required"),
        (f"{ESTIMATE}.training.mirror", 1, "expected true or false, got 1"),
        (f"{MODEL}.refine.stride", 0, "expected a number of at least 1, got 0"),
        (f"{MODEL}.refine.phases", [], "expected 1 or more entries, got []"),
        (f"{MODEL}.training.oml", "both", 'expected symmetric, stop_gradient or off, got "both"'),
        (f"{MODEL}.training.loss_weight", ..., "missing, but required"),
        (f"{MODEL}.training.batch", 32.0, "expected an integer, got 32.0; write 32"),
        ("experiments.tiny.models", [], "expected a mapping, got []"),
        ("experiments.tiny.filters.gaussian.sigma", [], "expected 1 or more entries, got []"),
        ("experiments.tiny.filters.gaussian.sigma.1", "wide", 'expected a number, got "wide"'),
        ("experiments.tiny.filters.gaussian.sigma.1", True, "expected a number, got true"),
        ("tables.all.title", 3, "expected text, got 3; write it in quotes"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_what_it_may_be(
    refused: Refused, key: str, value: Any, message: str
) -> None:
    assert refused(key, value).startswith(f"{key}: {message}")


def test_a_kind_that_is_missing(refused: Refused) -> None:
    assert refused(f"{ESTIMATE}.kind", ...) == f"{ESTIMATE}.kind: missing, but required"


def test_a_kind_that_does_not_exist(refused: Refused) -> None:
    message = refused("datasets.clips", {"kind": "films"})
    assert message.startswith("datasets.clips.kind: expected one of clips, ")
    assert message.endswith(', got "films"')


def test_long_values_are_abridged(refused: Refused) -> None:
    message = refused("evaluate.protocol", "very " * 100)
    assert message.endswith(f'got "{"very " * 11}ver…') and len(message) < 120


def test_every_problem_is_named_at_once(refused: Refused, params: dict[str, Any]) -> None:
    params["evaluate"]["seed"] = -1
    assert refused("run.nonsense", 1).count("\n") == 1


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (f"{MODEL}.training.seed", 4, f"{MODEL}.training: seed comes from run.seeds; remove it here"),
        (f"{MODEL}.model.channels", 51, f"{MODEL}.model: channels follow from the data; remove them here"),
        (f"{MODEL}.model.window", 6, f"{MODEL}.model: window must be interval·Q + 1 with Q ≥ 1"),
        (f"{MODEL}.model.depth", 6, f"{MODEL}.model: depth: unknown key; known here: "),
        (f"{MODEL}.model.hidden", ..., f"{MODEL}.model: hidden: missing, but required"),
        (f"{MODEL}.training.augmentation", {"scale": 2.0}, f"{MODEL}.training.augmentation: scale must be"),
        (f"{ESTIMATE}.training.steps", 0, f"{ESTIMATE}.training: steps must be at least 1, got 0"),
        (f"{ESTIMATE}.training.dropout", 1.0, f"{ESTIMATE}.training: dropout must be in [0, 1), got 1.0"),
        (f"{MODEL}.training.learning_rate", -1.0,
         f"{MODEL}.training: learning_rate must be at least 0, got -1.0"),
        ("datasets.clips.download.archives.pybullet.sha256", "abc",
         "datasets.clips.download.archives.pybullet: clips-1.0.tar.gz: sha256 must be 64 lower-case"),
        (f"{ESTIMATE}.out_of_fold", 3, f"{ESTIMATE}: out_of_fold (2 or more folds) belongs to"),
        (f"{ESTIMATE}.train_on", "target", f"{ESTIMATE}: out_of_fold (2 or more folds) belongs to"),
        ("experiments.tiny.filters", {"median": {}},
         "experiments.tiny.filters: unknown filter median; known: input, linear_interpolation"),
        ("experiments.tiny.filters.gaussian", {"width": [1.0]},
         "experiments.tiny.filters: gaussian has no parameter width; it takes sigma"),
        ("experiments.tiny.filters.gaussian", {},
         "experiments.tiny.filters: gaussian needs values to try for sigma; it takes sigma"),
        ("experiments.tiny.filters.input", {"sigma": [1.0]},
         "experiments.tiny.filters: input has no parameter sigma; it takes no parameters"),
        ("experiments.tiny.filters.gaussian.sigma", [1.0, -1.0],
         "experiments.tiny.filters: gaussian: sigma must be positive, got -1.0 frames"),
        ("experiments.tiny.filters", {"linear_interpolation": {"interval": [5.0]}},
         "experiments.tiny.filters: linear_interpolation.interval: expected integers, got 5.0"),
        (f"{INGEST}.splits", {"train": ["a"], "dev": ["b"], "test": ["c"]},
         f"{INGEST}.splits: expected the splits train, val, test, and source where an estimator is trained, "
         "got train, dev, test"),
        (f"{INGEST}.splits.val", ["climb_9"],
         f"{INGEST}: splits name people that are not there: climb_9"),
        (f"{INGEST}.left_out", [], f"{INGEST}: people in no split: others; name them under splits or"),
        (f"{INGEST}.left_out", ["others", "climb_0"], f"{INGEST}: listed more than once: climb_0; keep one"),
        (f"{INGEST}.hold_out", "climb_2", f"{INGEST}: hold_out: climb_2 is neither in train nor in test"),
        (f"{ESTIMATE}.pretrained", "cmu-1", f"{ESTIMATE}: fcn takes training, or pretrained, or weights and"),
        (f"{INGEST}.splits.val", ["climb_0"], f"{INGEST}.splits: listed more than once: climb_0"),
        (f"{INGEST}.splits.val", [], f"{INGEST}.splits.val: expected 1 or more entries, got []"),
        ("datasets.uiprmd.ingest.splits.val", [7, 1],
         "datasets.uiprmd.ingest.splits: listed more than once: 1"),
        ("run.datasets", ["clips", "films"], "run.datasets: films is not defined; defined: clips, uiprmd"),
        ("run.experiments", ["tiny", "huge"], "run.experiments: huge is not defined; defined: tiny, kinect"),
        ("run.models", ["third"],
         "run.models (experiment tiny): third is not defined; defined: hanet-paper, second"),
        ("run.ablations", ["odd"], "run.ablations: odd is not defined; defined: bare, off"),
        ("ablations.odd", {"model": {"window": 6}},
         "ablations.odd (experiment tiny): model: window must be interval"),
        ("ablations.odd", {"training": {"epochs": 1.0}, "refine": {"stride": 0}},
         "ablations.odd (experiment tiny): training.epochs: expected an integer, got 1.0; write 1; "
         "refine.stride: expected a number of at least 1, got 0"),
        ("ablations.second", {}, "experiments.tiny: more than one row is called second; rename one of them"),
        (f"{MODEL}.refine.variants", {"more": {"stride": 2}},
         "experiments.tiny: more than one row is called more; rename one of them"),
        ("tables.all.rows", {"input": "one"}, "tables.all.rows: expected 2 or more entries, got {"),
        ("tables.all.published.rows", {"none": {}},
         "tables.all: published.rows: the table has no row none; its rows are input, gaussian, second, more"),
        ("run.datasets", ["uiprmd"],
         "run.experiments: tiny needs the data set clips; add it to run.datasets"),
        ("run.estimates", {"tiny": "uiprmd"},
         'run.estimates: expected {"tiny": "clips"}, each of run.experiments with its data set, got {"'),
        ("run.estimates", {"tiny": "clips", "kinect": "uiprmd"}, 'run.estimates: expected {"tiny": "clips"}'),
        ("experiments.kinect.dataset", "films",
         "experiments.kinect.dataset: films is not defined; defined: clips, uiprmd"),
        ("experiments.kinect.dataset", "clips",
         "experiments.kinect.estimate.kind: expected fcn or regressor for data set clips, got recorded"),
        ("tables.all.experiments", ["huge"],
         "tables.all.experiments: huge is not defined; defined: tiny, kinect"),
        ("experiments.tiny.dataset", "uiprmd",
         "experiments.tiny.estimate.kind: expected recorded for data set uiprmd, got fcn"),
    ],
)  # fmt: skip
def test_what_does_not_go_together(refused: Refused, key: str, value: Any, message: str) -> None:
    assert refused(key, value).startswith(message)


def test_names_are_safe_in_paths_and_commands(tmp_path: Path, params: dict[str, Any]) -> None:
    """Wherever the file has names: as keys of mappings, in lists and as text."""
    bad = "hanet; touch X #"
    models = params["experiments"]["tiny"]["models"]
    mappings = {
        "datasets": params["datasets"],
        "datasets.clips.download.archives": params["datasets"]["clips"]["download"]["archives"],
        "experiments": params["experiments"],
        "experiments.tiny.models": models,
        "experiments.tiny.models.second.refine.variants": models["second"]["refine"]["variants"],
        "ablations": params["ablations"],
        "tables": params["tables"],
        "tables.all.rows": params["tables"]["all"]["rows"],
        "summaries": params["summaries"],
        "run.estimates": params["run"]["estimates"],
    }
    for mapping in mappings.values():
        mapping[bad] = next(
            iter(mapping.values()), {"title": "x", "over": {"g": ["tiny"]}, "rows": {"a": "b"}}
        )
    params["models"] = {"a b": params["experiments"]["kinect"]["models"]["first"]}
    lists = [f"run.{key}" for key in ("datasets", "experiments", "models", "ablations")]
    for key in lists:
        params["run"][key.split(".")[1]] = [bad]
    params["tables"]["all"]["experiments"] = [bad]
    params["summaries"]["all"] = {"title": "x", "over": {"any text": [bad]}, "rows": {"a": "b"}}
    params["experiments"]["kinect"]["dataset"] = bad
    path = tmp_path / "params.yaml"
    path.write_text(tiny.as_yaml(params))
    with pytest.raises(ParamsError) as caught:
        load(path)
    expected = "expected a name of letters, digits, '.', '_' and '-' (first a letter or digit, no '..'), got "
    places = [f"{key}.{bad}" for key in mappings]
    places += [f"{key}.0" for key in (*lists, "tables.all.experiments", "summaries.all.over.any text")]
    places.append("experiments.kinect.dataset")
    lines = str(caught.value).split("\n  ")
    assert {f"{place}: {expected}{bad!r}" for place in places} <= set(lines)
    assert f"models.a b: {expected}'a b'" in lines


@pytest.mark.parametrize("content", ["", "- a list\n", "word\n"])
def test_a_file_that_is_no_mapping(tmp_path: Path, content: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(content)
    with pytest.raises(ParamsError, match="does not fit:\n  expected a mapping, got "):
        load(path)


@pytest.mark.parametrize("content", [b"run: [1, 2\n", b"\xff\xfe\xfa", b"a: b: c\n"])
def test_a_file_that_is_no_yaml(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    with pytest.raises(ParamsError, match=r"params\.yaml does not fit:\n  .*not (YAML|UTF-8 text): .*$"):
        load(path)


def test_a_section_that_is_an_alias_of_another(tmp_path: Path, params: dict[str, Any]) -> None:
    path = tmp_path / "params.yaml"
    models = params["experiments"]["kinect"]["models"]
    models["second"] = models["first"]
    path.write_text(yaml.safe_dump(params, sort_keys=False))
    with pytest.raises(ParamsError) as caught:
        load(path)
    assert "a YAML alias (*id001); write the value out, or use `extends`" in str(caught.value)


def test_a_change_by_dvc_of_any_parameter_takes_effect(tmp_path: Path) -> None:
    """Of every number in params.yaml: an alias of a mapping would set some of them back."""
    path = tmp_path / "params.yaml"
    text = ROOT.joinpath("params.yaml").read_text()
    before = flatten(YAML(typ="safe").load(text))
    numbers = [key for key, value in before.items() if type(value) is int and "." in key]
    changed = {key: 10**6 + place for place, key in enumerate(numbers)}
    path.write_text(text)
    apply_overrides(str(path), [f"{key}={value}" for key, value in changed.items()])
    assert len(numbers) > 90
    assert flatten(YAML(typ="safe").load(path)) == before | changed


def test_a_file_that_is_missing(project: Path) -> None:
    with pytest.raises(ParamsError, match=r"^params\.yaml is missing; run from the root of the repository$"):
        load()


def test_names_that_are_not_there(tmp_path: Path, params: dict[str, Any]) -> None:
    (tmp_path / "params.yaml").write_text(tiny.as_yaml(params))
    loaded = load(tmp_path / "params.yaml")
    with pytest.raises(ParamsError, match=r"no experiment 'huge' in params\.yaml; there are tiny, kinect"):
        loaded.experiment("huge")
    with pytest.raises(ParamsError, match=r"no data set 'films' in params\.yaml; there are clips, uiprmd"):
        loaded.dataset("films")


def test_an_ablation_is_the_papers_model_with_changed_keys(tmp_path: Path, params: dict[str, Any]) -> None:
    params["ablations"]["wide"] = {
        "model": {"hidden": 16},
        "training": {"epochs": 5},
        "refine": {"stride": 1},
    }
    (tmp_path / "params.yaml").write_text(tiny.as_yaml(params))
    loaded = load(tmp_path / "params.yaml")
    base, wide, bare = (loaded.model("tiny", name) for name in ("hanet-paper", "wide", "bare"))
    assert wide.model == base.model | {"hidden": 16}
    assert wide.training == replace(base.training, epochs=5)
    assert wide.refine.stride == 1 and not wide.refine.variants
    assert (bare.model, bare.training) == (base.model | {"flow": False}, base.training)
    assert loaded.model("tiny", "off").training.oml == "off"
    with pytest.raises(ParamsError, match=r"no model 'odd' in params\.yaml for experiment tiny; there are "):
        loaded.model("tiny", "odd")
    # The experiment without the paper's model has no ablations.
    with pytest.raises(ParamsError, match=r"no model 'bare' in params\.yaml for experiment kinect"):
        loaded.model("kinect", "bare")


def test_ablations_need_the_papers_model(refused: Refused, params: dict[str, Any]) -> None:
    params["run"] |= {"datasets": ["uiprmd"], "estimates": {"kinect": "uiprmd"}, "models": ["first"]}
    assert refused("run.experiments", ["kinect"]).startswith(
        "run.ablations: ablations change the model hanet-paper, which experiment kinect does not have "
        "(it has first, second); set run.ablations to []"
    )


def test_a_model_and_its_other_uses_are_rows(tmp_path: Path, params: dict[str, Any]) -> None:
    (tmp_path / "params.yaml").write_text(tiny.as_yaml(params))
    refine = load(tmp_path / "params.yaml").model("tiny", "second").refine
    assert list(refine.uses("second")) == [
        ("second", Use(stride=4)),
        ("more", Use(stride=4, phases=(0, 1, 3))),
    ]


def test_networks_have_their_own_settings(refused: Refused) -> None:
    message = refused("experiments.tiny.models.second.model.layers", 3)
    assert message.startswith("experiments.tiny.models.second.model: layers: unknown key")


def test_the_released_models_have_the_published_settings() -> None:
    """Table of HANet's released configurations: interval, window, width, norm, batch and loss weight."""
    published = {
        "jhmdb-simplebaseline": (5, 11, 256, False, 16, 5.0),
        "h36m-fcn": (5, 101, 64, True, 96, 1.0),
        "h36m-mhformer": (2, 101, 64, True, 576, 5.0),
        "pw3d-pare": (5, 101, 128, True, 64, 1.0),
        "aist-spin": (5, 101, 32, True, 256, 5.0),
    }
    params = load(ROOT / "params.yaml")
    for name, expected in published.items():
        model = params.model(name, "hanet-paper")
        config, training = model.config(30), model.training
        assert isinstance(config, HANetConfig)
        found = (config.interval, config.window, config.hidden, config.pre_norm, training.batch)
        assert (*found, training.loss_weight) == expected, name
        assert config.layers == 5 and training.learning_rate == 0.001 and training.warmup_epochs == 5
        assert params.tables[f"published-{name}"].experiments == [name]
        assert name not in params.run.experiments
    pooled = params.datasets["released-jhmdb-simplebaseline"]
    assert isinstance(pooled, Released)
    assert pooled.ingest.leak is not None and "training clips" in pooled.ingest.leak


def test_a_data_set_says_what_its_poses_may_come_from(refused: Refused, params: dict[str, Any]) -> None:
    params["datasets"]["files"] = {
        "kind": "released",
        "download": {"folder": "files", "dataset": "jhmdb", "estimator": "simplepose"},
        "ingest": {"val": ["a"]},
    }
    assert refused("experiments.kinect.dataset", "files") == (
        "experiments.kinect.estimate.kind: expected released for data set files, got recorded"
    )
    params["experiments"]["kinect"] |= {"dataset": "files", "estimate": {"kind": "released"}}
    assert refused("datasets.files.ingest.val", {"share": 1.5, "seed": 1}) == (
        "datasets.files.ingest.val.share: expected a number below 1, got 1.5"
    )
    assert refused("datasets.files.ingest.val", "S8") == (
        'datasets.files.ingest.val: expected a mapping or a list, got "S8"'
    )


@pytest.mark.parametrize("count", [101, 300])
def test_names_that_are_too_long_for_a_file(tmp_path: Path, count: int) -> None:
    """The file system takes 255 bytes: longer names failed in a stage, after hours perhaps."""
    long = "a" * count
    params = json.loads(json.dumps(tiny.PARAMS))
    params["ablations"][long] = next(iter(params["ablations"].values()))
    params["run"]["models"] = [long]
    (tmp_path / "params.yaml").write_text(tiny.as_yaml(params))
    with pytest.raises(ParamsError) as caught:
        load(tmp_path / "params.yaml")
    message = f"expected a name of at most 100 characters, got {count}: '{'a' * 20}' …; shorten it"
    lines = str(caught.value).split("\n  ")
    assert f"ablations.{long}: {message}" in lines and f"run.models.0: {message}" in lines
