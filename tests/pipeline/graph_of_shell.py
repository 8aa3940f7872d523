"""A DVC project of shell commands, in git: first → left, right, train → last."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

DVC_YAML = """\
stages:
  first:
    cmd: echo first > first.txt
    outs: [first.txt]
  left:
    cmd: echo left begins; sleep ${left.sleep}; echo ${left.text} > left.txt
    params: [left]
    deps: [first.txt]
    outs: [left.txt]
  right:
    cmd: echo right says ${right.text}; test ${right.text} != wrong && echo ${right.text} > right.txt
    params: [right]
    deps: [first.txt]
    outs: [right.txt]
  train:
    matrix: {model: [a], seed: [1]}
    cmd: sh train.sh ${item.model} ${train.epochs} ${train.sleep}
    params: [train]
    deps: [first.txt, train.sh]
    outs: ["model-${item.model}"]
  last:
    cmd: cat left.txt right.txt > last.txt; mkdir -p data/reports/tiny/tables;
      (echo '| method | mm |'; echo '|---|---|'; echo '| left | 1 |') > data/reports/tiny/tables/comparison.md
    deps: [left.txt, right.txt]
    outs:
      - last.txt
      - data/reports/tiny/tables: {cache: false}
"""
PARAMS = """\
# Kept comment.
left: {sleep: 0, text: left}
right: {text: right}
train: {epochs: 4, sleep: 0}
"""
# A training that goes on after the epochs that scratch/ remembers; its first line tells a test that it runs.
TRAIN = """\
mkdir -p scratch model-$1
done=$(cat scratch/$1 2>/dev/null || echo 0)
echo "  resuming after epoch $done"
for epoch in $(seq $((done + 1)) $2); do
    sleep $3
    echo "  epoch $epoch: loss 1.0"
    echo half > model-$1/weights
    echo $epoch > scratch/$1
done
echo whole > model-$1/weights
rm scratch/$1
"""


def shell(tree: Path, *command: str) -> str:
    """What a command prints."""
    return subprocess.run(command, cwd=tree, check=True, capture_output=True, text=True).stdout


def write_project(tree: Path) -> Path:
    """The project, committed, nothing run."""
    tree.mkdir(parents=True)
    shell(tree, "git", "init", "--quiet", "--initial-branch", "main")
    shell(tree, "git", "config", "user.email", "nobody@example.org")
    shell(tree, "git", "config", "user.name", "Nobody")
    shell(tree, sys.executable, "-m", "dvc", "init", "--quiet")
    (tree / "dvc.yaml").write_text(DVC_YAML)
    (tree / "params.yaml").write_text(PARAMS)
    (tree / "train.sh").write_text(TRAIN)
    (tree / ".gitignore").write_text("/scratch\n/mlflow.db\n/.prefect\n")
    shell(tree, "git", "add", ".")
    shell(tree, "git", "commit", "--quiet", "--message", "A project of shell commands")
    return tree
