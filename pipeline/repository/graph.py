"""The graph as DVC tells it, by a supported command: `dvc dag --dot`."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

DVC = (sys.executable, "-m", "dvc")
Graph = dict[str, set[str]]
"""Each stage and the stages whose outputs it reads."""

_LINE = re.compile(r'^"(?P<above>(?:[^"\\]|\\.)+)"(?:\s*->\s*"(?P<below>(?:[^"\\]|\\.)+)")?;$')


class GraphError(ValueError):
    """What DVC said is not a graph, or a target is not in it."""


def dvc(tree: Path, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """What a DVC command prints in a work tree.

    Raises
    ------
    GraphError
        With DVC's message, where it fails.
    """
    done = subprocess.run([*DVC, *arguments], cwd=tree, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise GraphError(f"dvc {' '.join(arguments)} failed in {tree}: {done.stderr.strip()[-2000:]}")
    return done.stdout


def parse_dot(text: str) -> Graph:
    """The graph that `dvc dag --dot` describes.

    Raises
    ------
    GraphError
        At a line that is neither a stage nor an edge.
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
    """Targets and all that they need; everything where no target is named.

    A target is a stage (`train@clips-fcn-hanet-4321`) or what comes before the `@` of several (`train`).

    Raises
    ------
    GraphError
        For a target that is no stage.
    """
    if not targets:
        return graph
    wanted: list[str] = []
    for target in targets:
        found = [name for name in graph if name == target or name.startswith(f"{target}@")]
        if not found:
            names = sorted({*graph, *(name.partition("@")[0] for name in graph)})
            near = get_close_matches(target, names) or sorted({name.partition("@")[0] for name in graph})
            raise GraphError(f"no stage is called {target!r}; near it or at hand: {', '.join(near)}")
        wanted += found
    selected: Graph = {}
    while wanted:
        name = wanted.pop()
        if name not in selected:
            selected[name] = graph[name]
            wanted += graph[name]
    return {name: graph[name] for name in graph if name in selected}


def read_graph(tree: Path, targets: Sequence[str] = (), env: Mapping[str, str] | None = None) -> Graph:
    """The graph of a work tree's dvc.yaml, cut to what `targets` need."""
    return select(parse_dot(dvc(tree, "dag", "--dot", env=env)), targets)
