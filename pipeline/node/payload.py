"""What a head and a node exchange through a git remote and a DVC remote.

Code and small results are git commits below `refs/node`, outside all branches; a clone does not fetch them by
default. Data are in the DVC remote. `pack` makes such a commit from a tree, `unpack` copies a stage's results
from one into a tree.
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
from pipeline.repository.git import git

REMOTE = "origin"
"""The git remote that head and node share."""
LOCK = "dvc.lock"

_AUTHOR = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "pipeline"), ("EMAIL", "pipeline@localhost"))
}


class PayloadError(RuntimeError):
    """A commit from the other machine lacks what the stage needs."""


@dataclass(frozen=True)
class StageFiles:
    """A stage's files, relative to the tree.

    Attributes:
        cached_deps: Dependencies that are in DVC's cache.
        plain_deps: All other dependencies: code, parameters, small outputs of other stages.
        plain_outs: Outputs with `cache: false`.
    """

    cached_deps: list[str]
    plain_deps: list[str]
    plain_outs: list[str]


def work_ref(commit: str) -> str:
    """Return the ref under which a head pushes work."""
    return f"refs/node/{commit}/work"


def result_ref(commit: str) -> str:
    """Return the ref under which a node pushes the result of that work."""
    return f"refs/node/{commit}/result"


@contextmanager
def locked_repo(tree: Path) -> Iterator[Any]:
    """Hold DVC's lock on a tree, so that no other DVC command writes dvc.lock; yield DVC's `Repo`."""
    from dvc.repo import Repo, lock_repo

    with Repo(str(tree), _wait_for_lock=True) as repo, lock_repo(repo):
        yield repo


def files_of(tree: Path, stage: str) -> StageFiles:
    """Return a stage's files, as dvc.yaml and params.yaml of the tree describe them.

    Raises:
        dvc.exceptions.DvcException: there is no such stage.
    """
    with locked_repo(tree) as repo:
        # A bare stage name would be resolved relative to the current folder.
        [described] = repo.stage.collect(f"{tree / 'dvc.yaml'}:{stage}")
        cached = [Path(out.fs_path) for out in repo.index.outs if out.use_cache and out.is_in_repo]
        deps = [Path(dep.fs_path) for dep in described.deps]
        outs = [Path(out.fs_path) for out in described.outs if not out.use_cache]

    def in_cache(path: Path) -> bool:
        return any(path == out or path in out.parents or out in path.parents for out in cached)

    def relative(paths: Sequence[Path]) -> list[str]:
        return [os.path.relpath(path, tree) for path in paths]

    return StageFiles(
        cached_deps=relative([path for path in deps if in_cache(path)]),
        plain_deps=relative([path for path in deps if not in_cache(path)]),
        plain_outs=relative(outs),
    )


def pack(tree: Path, message: str, paths: Sequence[str]) -> str:
    """Commit a tree's tracked files as they are, with dvc.lock and `paths`; return the commit.

    Index and branches do not change. The commit has its parent's date, so equal files give the same commit.
    """
    with locked_repo(tree), tempfile.TemporaryDirectory() as folder:
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
        existing = [path for path in (LOCK, *paths) if (tree / path).exists()]
        git(tree, "add", "--force", "--", *existing, env=env)
        content = git(tree, "write-tree", env=env)
        return git(tree, "commit-tree", content, "-p", "HEAD", "-m", message, env=env)


def lock_entry(tree: Path, commit: str, stage: str) -> Any:
    """Return a stage's entry in a commit's dvc.lock.

    Raises:
        PayloadError: there is none.
    """
    entries = YAML().load(git(tree, "show", f"{commit}:{LOCK}"))["stages"]
    if stage not in entries:
        raise PayloadError(f"{commit}:{LOCK} has no stage {stage!r}; the node did not run it")
    return entries[stage]


def unpack(tree: Path, commit: str, stage: str) -> None:
    """Copy a result's dvc.lock entry and its `cache: false` outputs into a tree; `dvc pull` gets the others.

    Raises:
        PayloadError: the result does not have the stage.
    """
    entry = lock_entry(tree, commit, stage)
    plain = files_of(tree, stage).plain_outs
    with locked_repo(tree):
        if plain:
            git(tree, "restore", f"--source={commit}", "--worktree", "--", *plain)
        path = tree / LOCK
        yaml = YAML()
        yaml.default_flow_style = False
        content: Any = yaml.load(path) if path.exists() else {"schema": "2.0"}
        content.setdefault("stages", {})[stage] = entry
        with whole_file(path) as temporary, temporary.open("w") as file:
            yaml.dump(content, file)
