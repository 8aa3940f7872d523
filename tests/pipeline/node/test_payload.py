"""What passes between two clones: work one way, results the other, by a git remote and a DVC remote."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.node import payload
from pipeline.repository.command import dvc
from pipeline.repository.git import git
from tests.support.graph_of_shell import shell, write_begun_project

STAGE = "train@a-1"


@pytest.fixture
def head(tmp_path: Path) -> Path:
    """A clone whose first stage ran, with changes that are not committed."""
    tree = write_begun_project(tmp_path / "head", tmp_path / "data")
    shell(tree, "git", "init", "--quiet", "--bare", str(tmp_path / "code.git"))
    shell(tree, "git", "remote", "add", "origin", str(tmp_path / "code.git"))
    shell(tree, "git", "push", "--quiet", "origin", "main")
    dvc_yaml = (tree / "dvc.yaml").read_text()
    changed = dvc_yaml.replace(
        '    outs: ["model-${item.model}"]',
        '    outs: ["model-${item.model}"]\n    metrics: ["curve-${item.model}": {cache: false}]',
    ).replace("${train.sleep}\n", "${train.sleep}; echo 3 > curve-${item.model}\n")
    assert changed != dvc_yaml
    (tree / "dvc.yaml").write_text(changed)
    return tree


@pytest.fixture
def node(head: Path, tmp_path: Path) -> Path:
    shell(tmp_path, "git", "clone", "--quiet", "--branch", "main", str(tmp_path / "code.git"), "node")
    return tmp_path / "node"


def objects(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def test_a_stages_files(head: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)  # the current folder is another's
    files = payload.files_of(head, STAGE)
    assert files.cached_deps == ["first.txt"]
    assert set(files.plain_deps) == {"train.sh", "params.yaml"}
    assert files.plain_outs == ["curve-a"]


def test_packing_changes_nothing_and_is_repeatable(head: Path) -> None:
    (head / "train.sh").write_text((head / "train.sh").read_text() + "true\n")
    (head / "stray").write_text("not of this stage")
    before = shell(head, "git", "status", "--porcelain"), shell(head, "git", "log", "--format=%H", "--all")
    commit = payload.pack(head, "work", ["train.sh"])
    assert payload.pack(head, "work", ["train.sh"]) == commit
    assert payload.pack(head, "other work", ["train.sh"]) != commit
    after = shell(head, "git", "status", "--porcelain"), shell(head, "git", "log", "--format=%H", "--all")
    assert before == after
    assert git(head, "rev-parse", f"{commit}^") == git(head, "rev-parse", "HEAD")
    assert git(head, "show", f"{commit}:train.sh").endswith("true")
    names = git(head, "ls-tree", "--name-only", commit).split()
    assert "dvc.lock" in names and "stray" not in names and "first.txt" not in names


def test_there_and_back(head: Path, node: Path, tmp_path: Path) -> None:
    dvc(head, "push", *payload.files_of(head, STAGE).cached_deps)
    work = payload.pack(head, "work", [])
    git(head, "push", "origin", f"{work}:{payload.work_ref(work)}")

    git(node, "fetch", "origin", payload.work_ref(work))
    git(node, "checkout", "--detach", work)
    dvc(node, "pull", *payload.files_of(node, STAGE).cached_deps)
    dvc(node, "repro", "--single-item", STAGE)
    dvc(node, "push", STAGE)
    result = payload.pack(node, "result", payload.files_of(node, STAGE).plain_outs)
    git(node, "push", "origin", f"{result}:{payload.result_ref(work)}")
    assert not (node / "left.txt").exists()

    dvc(head, "repro", "--single-item", "left")  # the head does other things meanwhile
    git(head, "fetch", "origin", payload.result_ref(work))
    payload.unpack(head, result, STAGE)
    dvc(head, "pull", STAGE)
    assert (head / "model-a/weights").read_text() == "whole\n"
    assert (head / "curve-a").read_text() == "3\n"
    assert dvc(head, "status", STAGE, "left").strip() == "Data and pipelines are up to date."
    assert "didn't change, skipping" in dvc(head, "repro", "--single-item", STAGE)
    # The remote has what the stage reads and makes, and nothing else.
    assert objects(tmp_path / "data") <= objects(head / ".dvc/cache/files")
    assert len(objects(tmp_path / "data")) == 3  # first.txt, weights, the folder model-a


def test_a_result_of_other_code_does_not_fit(head: Path) -> None:
    dvc(head, "repro", "--single-item", STAGE)
    result = payload.pack(head, "result", ["curve-a"])
    (head / "train.sh").write_text((head / "train.sh").read_text() + "true\n")
    payload.unpack(head, result, STAGE)
    assert "train.sh" in dvc(head, "status", STAGE)


def test_a_result_without_the_stage(head: Path) -> None:
    commit = payload.pack(head, "result", [])
    with pytest.raises(payload.PayloadError, match=r"has no stage 'train@a-1'"):
        payload.unpack(head, commit, STAGE)


def test_the_lock_waits_for_dvc(head: Path) -> None:
    """A DVC command waits while the lock is held, and sees what was written."""
    with payload.locked_repo(head):
        waiting = subprocess.Popen(
            [sys.executable, "-m", "dvc", "--wait-for-lock", "status", "--json", "first"],
            cwd=head, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(6)
    assert waiting.communicate(timeout=60)[0].strip() == "{}"
