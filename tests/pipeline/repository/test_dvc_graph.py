"""The graph read from DVC's words, and parameters changed for a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.repository import overrides
from pipeline.repository.graph import GraphError, parse_dot, read_graph, select
from tests.support.graph_of_shell import write_project

DOT = 'strict digraph {\n"a";\n"b@x-1";\n"c";\n"a" -> "b@x-1";\n"b@x-1" -> "c";\n}\n'
GRAPH = {"a": set(), "b@x-1": {"a"}, "b@y-1": {"a"}, "c": {"b@x-1"}, "d": set()}
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


def test_dot_is_read() -> None:
    assert parse_dot(DOT) == {"a": set(), "b@x-1": {"a"}, "c": {"b@x-1"}}


@pytest.mark.parametrize(
    "text", ["", "digraph {}", "strict digraph {\na -> b;\n}", 'strict digraph {\n"a";\n']
)
def test_what_is_no_graph_is_refused(text: str) -> None:
    with pytest.raises(GraphError, match="expected"):
        parse_dot(text)


def test_targets_bring_what_they_need() -> None:
    assert select(GRAPH, []) == GRAPH
    assert list(select(GRAPH, ["c"])) == ["a", "b@x-1", "c"]
    assert list(select(GRAPH, ["b"])) == ["a", "b@x-1", "b@y-1"]
    assert list(select(GRAPH, ["d", "a"])) == ["a", "d"]


def test_unknown_target_names_near_ones() -> None:
    with pytest.raises(GraphError, match=r"no stage is called 'b@x-2'.*b@x-1"):
        select(GRAPH, ["b@x-2"])


def test_dvc_tells_the_graph(tmp_path: Path) -> None:
    tree = write_project(tmp_path / "project")
    assert read_graph(tree) == {
        "first": set(),
        "left": {"first"},
        "right": {"first"},
        "train@a-1": {"first"},
        "compare@tiny": {"left", "right"},
        "publish@tiny": {"compare@tiny"},
    }
    with pytest.raises(GraphError, match="dvc dag --dot failed"):
        (tree / "dvc.yaml").write_text("stages: 1")
        read_graph(tree)


def test_overrides_keep_comments_and_read_yaml(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("# why\na: {b: 1, c: off} # note\n")
    overrides.apply(tmp_path, ["a.b=[1, 2.5]", "+a.d=x", "a.c=true"])
    assert overrides.read(tmp_path) == {"a": {"b": [1, 2.5], "c": True, "d": "x"}}
    assert "# why" in (tmp_path / "params.yaml").read_text()
    assert "# note" in (tmp_path / "params.yaml").read_text()


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
