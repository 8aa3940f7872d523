"""What passes between a head and a node, two clones that share a git remote and a DVC remote alone.

Work and small results are git commits below `refs/node`, which no branch and no clone by default holds; data
are in the DVC remote. `pack` makes such a commit of a tree as it is, `take` puts a stage's results into one.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from hanet.files.atomic import whole_file
from pipeline.repository.work_trees import git

REMOTE = "origin"
"""The git remote of head and node."""
LOCK = "dvc.lock"

_AUTHOR = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "pipeline"), ("EMAIL", "pipeline@localhost"))
}


class ParcelError(RuntimeError):
    """What was sent is not what a stage needs; the message says what is missing."""


@dataclass(frozen=True)
class Files:
    """A stage's files, relative to the tree."""

    cached_deps: list[str]
    """What it reads that DVC's cache has."""
    plain_deps: list[str]
    """What else it reads: code, parameters, small outputs of other stages."""
    plain_outs: list[str]
    """What it writes that DVC's cache has not (`cache: false`)."""


def work_ref(commit: str) -> str:
    """Where a head leaves work."""
    return f"refs/node/{commit}/work"


def result_ref(commit: str) -> str:
    """Where a node leaves the result of that work."""
    return f"refs/node/{commit}/result"


@contextmanager
def held(tree: Path) -> Iterator[Any]:
    """DVC's own lock on a tree, so that no other DVC command writes dvc.lock meanwhile; yields the `Repo`."""
    from dvc.repo import Repo, lock_repo

    with Repo(str(tree), _wait_for_lock=True) as repo, lock_repo(repo):
        yield repo


def files_of(tree: Path, stage: str) -> Files:
    """A stage's files, as its tree's dvc.yaml and params.yaml describe them.

    Raises
    ------
    dvc.exceptions.DvcException
        Where there is no such stage.
    """
    with held(tree) as repo:
        # With its path: by its name alone it would be looked for in the current folder.
        [described] = repo.stage.collect(f"{tree / 'dvc.yaml'}:{stage}")
        cached = [Path(out.fs_path) for out in repo.index.outs if out.use_cache and out.is_in_repo]
        deps = [Path(dep.fs_path) for dep in described.deps]
        outs = [Path(out.fs_path) for out in described.outs if not out.use_cache]

    def in_cache(path: Path) -> bool:
        return any(path == out or path in out.parents or out in path.parents for out in cached)

    def relative(paths: Sequence[Path]) -> list[str]:
        return [os.path.relpath(path, tree) for path in paths]

    return Files(
        cached_deps=relative([path for path in deps if in_cache(path)]),
        plain_deps=relative([path for path in deps if not in_cache(path)]),
        plain_outs=relative(outs),
    )


def pack(tree: Path, message: str, paths: Sequence[str]) -> str:
    """A commit of a tree's tracked files as they are, dvc.lock and `paths` among them; nothing else changes.

    The same files lead to the same commit: it is dated as its parent.
    """
    with held(tree), tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "index"
        known = Path(tree, git(tree, "rev-parse", "--git-path", "index"))
        if known.exists():
            shutil.copyfile(known, index)
        date = git(tree, "show", "--no-patch", "--format=%cI", "HEAD")
        env = {
            **os.environ, **_AUTHOR,
            "GIT_INDEX_FILE": str(index), "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date,
        }  # fmt: skip
        git(tree, "add", "--update", "--", ".", env=env)
        there = [path for path in (LOCK, *paths) if (tree / path).exists()]
        git(tree, "add", "--force", "--", *there, env=env)
        content = git(tree, "write-tree", env=env)
        return git(tree, "commit-tree", content, "-p", "HEAD", "-m", message, env=env)


def locked_entry(tree: Path, commit: str, stage: str) -> Any:
    """A stage's entry of a commit's dvc.lock.

    Raises
    ------
    ParcelError
        Where it has none.
    """
    entries = YAML().load(git(tree, "show", f"{commit}:{LOCK}"))["stages"]
    if stage not in entries:
        raise ParcelError(f"{commit}:{LOCK} has no stage {stage!r}; the node did not run it")
    return entries[stage]


def take(tree: Path, commit: str, stage: str) -> None:
    """Put a result's entry of dvc.lock and its small outputs into a tree; `dvc pull` brings the others."""
    entry = locked_entry(tree, commit, stage)
    plain = files_of(tree, stage).plain_outs
    with held(tree):
        if plain:
            git(tree, "restore", f"--source={commit}", "--worktree", "--", *plain)
        path = tree / LOCK
        yaml = YAML()
        yaml.default_flow_style = False
        content: Any = yaml.load(path) if path.exists() else {"schema": "2.0"}
        content.setdefault("stages", {})[stage] = entry
        with whole_file(path) as temporary:
            yaml.dump(content, temporary)
