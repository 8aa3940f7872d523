"""A DVC project of shell commands, in git: first → left, right, train → compare → publish."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

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
  compare:
    matrix: {experiment: [tiny]}
    cmd: sh compare.sh ${item.experiment}
    params: [run]
    deps: [left.txt, right.txt, compare.sh]
    outs:
      - last.txt
      - "data/reports/${item.experiment}/tables": {cache: false}
    metrics:
      - "data/reports/${item.experiment}/metrics.json": {cache: false}
  publish:
    matrix: {experiment: [tiny]}
    cmd: sh publish.sh ${item.experiment}
    deps: ["data/reports/${item.experiment}/metrics.json", publish.sh]
    outs: ["data/published/${item.experiment}.json"]
"""
PARAMS = """\
# Kept comment.
run: {ablations: []}
ablations: {small: {}, large: {}, wide: {}, deep: {}}
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
# One method, and one for an ablation that params.yaml names.
COMPARE = """\
cat left.txt right.txt > last.txt
ablation=$(sed -n 's/^run: {ablations: \\[\\(.*\\)\\]}$/\\1/p' params.yaml)
mkdir -p data/reports/$1/tables
printf '| method | mm |\n|---|---|\n| left | 1 |\n' > data/reports/$1/tables/comparison.md
printf '{"left": {"mm": 1.0}, "%s": {"mm": 2.0}}' "${ablation:-none}" > data/reports/$1/metrics.json
"""
# A receipt as stages.publish writes it: of every method a run.
PUBLISH = """\
mkdir -p data/published
sed 's/"\\([a-z]*\\)": {"mm": [0-9.]*}/"\\1-1": {"run_id": "of-\\1", "experiment_id": "7"}/g' \\
    data/reports/$1/metrics.json > runs.tmp
printf '{"tracking_ui": "http://127.0.0.1:5000", "runs": %s}' "$(cat runs.tmp)" > data/published/$1.json
rm runs.tmp
"""


def shell(tree: Path, *command: str) -> str:
    """What a command prints."""
    return subprocess.run(command, cwd=tree, check=True, capture_output=True, text=True).stdout


def write_project(tree: Path) -> Path:
    """Write the project, committed, nothing run: a copy of the first one that this process made."""
    return _copied(_project, tree)


def write_begun_project(tree: Path, storage: Path) -> Path:
    """Write the project with a folder as its committed default remote; its first stage has run."""
    _copied(_begun_project, tree)
    config = tree / ".dvc" / "config"
    config.write_text(config.read_text().replace(NOWHERE, str(storage)))
    shell(tree, "git", "commit", "--quiet", "--message", "A remote", ".dvc/config")
    return tree


NOWHERE = "/nowhere"
"""The remote's address until a copy gets its own."""
_MADE: dict[Callable[[Path], None], TemporaryDirectory[str]] = {}


def _copied(make: Callable[[Path], None], tree: Path) -> Path:
    """Copy what `make` writes into a folder, which is made once: DVC's commands take a second each."""
    if make not in _MADE:
        folder = TemporaryDirectory(prefix="graph-of-shell-")
        make(Path(folder.name) / "project")
        _MADE[make] = folder
    return shutil.copytree(Path(_MADE[make].name) / "project", tree, symlinks=True)


def _begun_project(tree: Path) -> None:
    _copied(_project, tree)
    shell(tree, sys.executable, "-m", "dvc", "remote", "add", "--default", "storage", NOWHERE)
    shell(tree, sys.executable, "-m", "dvc", "repro", "--quiet", "--single-item", "first")


def _project(tree: Path) -> None:
    tree.mkdir()
    shell(tree, "git", "init", "--quiet", "--initial-branch", "main")
    shell(tree, "git", "config", "user.email", "nobody@example.org")
    shell(tree, "git", "config", "user.name", "Nobody")
    shell(tree, sys.executable, "-m", "dvc", "init", "--quiet")
    shell(tree, sys.executable, "-m", "dvc", "config", "core.check_update", "false")
    (tree / "dvc.yaml").write_text(DVC_YAML)
    (tree / "params.yaml").write_text(PARAMS)
    for name, text in (("train", TRAIN), ("compare", COMPARE), ("publish", PUBLISH)):
        (tree / f"{name}.sh").write_text(text)
    # /pipeline and /prefect.yaml: where a test serves the project.
    (tree / ".gitignore").write_text("/scratch\n/mlflow.db\n/.prefect\n/pipeline\n/prefect.yaml\n")
    shell(tree, "git", "add", ".")
    shell(tree, "git", "commit", "--quiet", "--message", "A project of shell commands")
