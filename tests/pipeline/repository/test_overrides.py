"""Parameters changed for one run, and the names that they may contain."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hanet.options import NAME
from pipeline.repository import overrides
from pipeline.repository.names import REVISION, STAGE

PARAMS = {
    "run": {
        "datasets": ["x"],
        "estimates": {"one": "x"},
        "experiments": ["one"],
        "models": ["hanet-paper"],
        "ablations": ["off"],
        "seeds": [1],
    },
    "models": {"hanet-paper": {"training": {"epochs": 20}}, "hanet": {"training": {"epochs": 50}}},
    "experiments": {
        "one": {"dataset": "x", "models": {"hanet-paper": {}}},
        "two": {"dataset": "y", "models": {"hanet": {"training": {"epochs": 45}}, "hanet-paper": {}}},
    },
    "ablations": {
        "off": {"training": {"oml": "off"}},
        "short": {"training": {"epochs": 3}},
        "bare": {"model": {}},
    },
}


def test_overrides_keep_comments_and_read_yaml(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("# why\na: {b: 1, c: off} # note\n")
    overrides.apply(tmp_path, ["a.b=[1, 2.5]", "+a.d=x", "a.c=true"])
    assert overrides.read(tmp_path) == {"a": {"b": [1, 2.5], "c": True, "d": "x"}}
    assert "# why" in (tmp_path / "params.yaml").read_text()
    assert "# note" in (tmp_path / "params.yaml").read_text()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("a.x=1", "a has no key 'x'; it has b"),
        ("z=1", "params.yaml has no key 'z'"),
        ("a.b.c=1", "a.b is 1, which has no keys"),
        ("+a.b.c=1", "a.b is 1, which has no keys"),
        ("a.b", "expected key.of.params=value"),
        ("a..b=1", "expected key.of.params=value"),
        ("a;id.b=1", "expected key.of.params=value"),
        ("a.b=[1", "the value does not fit"),
    ],
)
def test_overrides_that_do_not_fit(override: str, message: str) -> None:
    with pytest.raises(overrides.OverrideError, match=message.replace(".", r"\.")):
        overrides.change({"a": {"b": 1}}, [override])


def test_experiments_and_seeds_become_overrides() -> None:
    assert overrides.of_run(PARAMS) == overrides.of_run(PARAMS, seeds=[1]) == []
    assert overrides.of_run(PARAMS, experiments=["one"], seeds=[1]) == ["run.ablations=[]"]
    assert overrides.of_run(PARAMS, experiments=["two"], seeds=[1, 2]) == [
        "run.datasets=[y]",
        "run.estimates={two: y}",
        "run.experiments=[two]",
        "run.models=[hanet, hanet-paper]",
        "run.ablations=[]",
        "run.seeds=[1, 2]",
    ]
    assert overrides.of_run(PARAMS, experiments=["two", "one"], seeds=[2]) == [
        "run.datasets=[y, x]",
        "run.estimates={two: y, one: x}",
        "run.experiments=[two, one]",
        "run.ablations=[]",
        "run.seeds=[2]",
    ]
    with pytest.raises(overrides.OverrideError, match="no experiment is called 'three'; there are one, two"):
        overrides.of_run(PARAMS, experiments=["three"])


@pytest.mark.parametrize(
    ("stage", "epochs"),
    [
        ("train@one-hanet-paper-4321", 20),
        ("train@two-hanet-1", 45),
        ("train@two-hanet-paper-1", 20),
        ("ablate@one-off-1", 20),
        ("ablate@one-short-1", 3),
        ("ablate@one-bare-1", 20),
        ("refine@one-other-1", None),
        ("first", None),
    ],
)
def test_epochs_of_a_stage(stage: str, epochs: int | None) -> None:
    assert overrides.epochs(PARAMS, stage) == epochs


@pytest.mark.parametrize(
    ("override", "place"),
    [
        ('run.datasets=["x; id > X #"]', "run.datasets.0: 'x; id > X #'"),
        ("run.models=[hanet, ../../evil]", "run.models.1: '../../evil'"),
        (f"run.models=[{'a' * 101}]", f"run.models.0: '{'a' * 20}' … (101 characters, at most 100)"),
        ("run.estimates={a b: c}", "run.estimates (key): 'a b'"),
        ("run.estimates={a: $(id)}", "run.estimates.a: '$(id)'"),
        ("run.seeds=['1 2']", "run.seeds.0: '1 2'"),
        ("+run.ablations=['-rf']", "run.ablations.0: '-rf'"),
        ("run={datasets: ['`id`']}", "run.datasets.0: '`id`'"),
        ('run.models=["hanet\\n"]', r"run.models.0: 'hanet\n'"),
    ],
)
def test_what_is_not_a_name_is_refused_before_it_is_written(
    tmp_path: Path, override: str, place: str
) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("run: {datasets: [x], models: [m], estimates: {a: b}, seeds: [1], ablations: []}\n")
    before = path.read_bytes()
    with pytest.raises(overrides.OverrideError, match=re.escape(place)):
        overrides.apply(tmp_path, ["run.seeds=[2]", override])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_names_and_numbers_are_written(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("run: {models: [m], estimates: {}, seeds: []}\n")
    asked = ["run.models=[hanet-paper, V1.5_b]", "run.estimates={clips-fcn: clips}", "run.seeds=[4321, 7]"]
    overrides.apply(tmp_path, asked)
    assert overrides.read(tmp_path)["run"] == {
        "models": ["hanet-paper", "V1.5_b"],
        "estimates": {"clips-fcn": "clips"},
        "seeds": [4321, 7],
    }


@pytest.mark.parametrize(
    ("pattern", "valid", "invalid"),
    [
        (
            NAME,
            ("a", "clips-fcn", "3dpw", "a.b_c"),
            ("", ".a", "-a", "_a", "a b", "a/b", "a;b", "é", "a@b", "a\n"),
        ),
        (STAGE, ("train", "train@a-b-1"), ("train@", "--force", "train@a b", "a@b@c", "dvc.yaml:train")),
        (
            REVISION,
            ("main", "v1.0", "HEAD~2", "origin/x", "HEAD^", "a@{1}"),
            ("--output=x", "-x", "a b", "a:b"),
        ),
    ],
)
def test_patterns(pattern: str, valid: tuple[str, ...], invalid: tuple[str, ...]) -> None:
    assert [text for text in valid if not re.fullmatch(pattern, text)] == []
    assert [text for text in invalid if re.fullmatch(pattern, text)] == []


def test_parameters_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("a: [1")
    with pytest.raises(
        overrides.OverrideError, match=r"^params\.yaml does not fit: line 2, column 1: not YAML"
    ):
        overrides.read(tmp_path)
    wrong = {"models": {"a": {"extends": "b"}}}
    with pytest.raises(overrides.OverrideError, match=r"^models\.a\.extends: expected the name of another"):
        overrides.of_run(wrong, seeds=[1])
    assert overrides.epochs(wrong, "train@one-a-1") is None
