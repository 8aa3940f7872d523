"""The stage graph, read from DVC."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.repository.command import DVCError
from pipeline.repository.graph import GraphError, parse_dot, read_graph, select
from tests.support.graph_of_shell import write_project

DOT = 'strict digraph {\n"a";\n"b@x-1";\n"c";\n"a" -> "b@x-1";\n"b@x-1" -> "c";\n}\n'
GRAPH = {"a": set(), "b@x-1": {"a"}, "b@y-1": {"a"}, "c": {"b@x-1"}, "d": set()}


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
    with pytest.raises(DVCError, match="dvc dag --dot failed"):
        (tree / "dvc.yaml").write_text("stages: 1")
        read_graph(tree)
