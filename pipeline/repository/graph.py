"""The stage graph, as `dvc dag --dot` prints it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from pipeline.repository.command import dvc

Graph = dict[str, set[str]]
"""For each stage the stages that it depends on."""

_LINE = re.compile(r'^"(?P<above>(?:[^"\\]|\\.)+)"(?:\s*->\s*"(?P<below>(?:[^"\\]|\\.)+)")?;$')


class GraphError(ValueError):
    """DVC's output is not a graph, or a target is not in the graph."""


def parse_dot(text: str) -> Graph:
    """Parse the output of `dvc dag --dot`.

    Raises:
        GraphError: a line is neither a stage nor an edge.
    """
    lines = [line.strip() for line in text.strip().splitlines()]
    if len(lines) < 2 or not lines[0].startswith("strict digraph") or lines[-1] != "}":
        raise GraphError(f"expected `strict digraph {{ … }}` from `dvc dag --dot`, got {text[:80]!r}")
    graph: Graph = {}
    for line in filter(None, lines[1:-1]):
        match = _LINE.match(line)
        if match is None:
            raise GraphError(
                f'expected `"stage";` or `"stage" -> "stage";` from `dvc dag --dot`, got {line!r}'
            )
        above, below = match["above"], match["below"]
        graph.setdefault(above, set())
        if below is not None:
            graph.setdefault(below, set()).add(above)
    return graph


def select(graph: Graph, targets: Sequence[str]) -> Graph:
    """Return the targets and everything that they depend on; the whole graph if there are no targets.

    A target is a stage (`train@clips-fcn-hanet-4321`) or the part before `@`, which several stages share.

    Raises:
        GraphError: a target matches no stage.
    """
    if not targets:
        return graph
    wanted: list[str] = []
    for target in targets:
        found = [name for name in graph if name == target or name.startswith(f"{target}@")]
        if not found:
            groups = sorted({name.partition("@")[0] for name in graph})
            near = get_close_matches(target, [*graph, *groups]) or groups
            raise GraphError(f"no stage is called {target!r}; closest: {', '.join(near)}")
        wanted += found
    selected: Graph = {}
    while wanted:
        name = wanted.pop()
        if name not in selected:
            selected[name] = graph[name]
            wanted += graph[name]
    return {name: graph[name] for name in graph if name in selected}


def read_graph(tree: Path, targets: Sequence[str] = (), env: Mapping[str, str] | None = None) -> Graph:
    """Return the graph of a work tree's dvc.yaml, reduced to `targets` and what they depend on.

    Raises:
        DVCError: dvc.yaml or params.yaml is invalid.
        GraphError: a target matches no stage.
    """
    return select(parse_dot(dvc(tree, "dag", "--dot", env=env)), targets)
