"""The graph depends on meaning: what each kind of change makes stale, and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from dvc.repo import Repo
from pydantic_core import to_jsonable_python
from ruamel.yaml import YAML

from hanet.datasets.registry import AnyDataset
from hanet.estimators.registry import AnyEstimate
from hanet.models.registry import NETWORKS
from stages import resolve, workspace
from stages.graph.instances import KINDS, instances
from stages.params.load import Params, load
from tests.support import tiny
from tests.support.paths import ROOT

GRAPH: dict[str, dict[str, Any]] = {
    name: stage.get("do", stage) for name, stage in YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"].items()
}
MODULES = {"ablate": "train", "refine-ablated": "refine"}
"""Stages that run another stage's module."""
Files = dict[str, dict[str, Any]]
"""Resolved files by their path."""


@cache
def everything() -> Params:
    """The repository's parameters, with every data set and every experiment that trains run."""
    params = load(ROOT / "params.yaml")
    experiments = [name for name in params.experiments if params.experiment(name).models]
    run = params.run.model_copy(
        update={
            "datasets": list(params.datasets),
            "experiments": experiments,
            "estimates": {name: params.experiment(name).dataset for name in experiments},
            "models": ["hanet-paper", "deciwatch", "smoothnet"],
            "ablations": ["oml-off"],
            "seeds": [1],
        }
    )
    return params.model_copy(update={"run": run})


def resolved(root: Path, params: Params | None = None) -> Files:
    return {"/".join(one.path): content for one, content in resolve.resolved(params or everything(), root)}


@cache
def here() -> Files:
    return resolved(ROOT)


def of(stage: str, wanted: Callable[[str], bool] = lambda name: True) -> set[str]:
    """All of a stage's files, of the data sets or experiments that are wanted."""
    parts = {name: name.split("/") for name in here()}
    return {name for name, part in parts.items() if part[0] == stage and wanted(part[1])}


def dataset(kind: str) -> Callable[[str], bool]:
    return lambda name: everything().dataset(name).kind == kind


def estimate(kind: str) -> Callable[[str], bool]:
    return lambda name: everything().experiment(name).estimate.kind == kind


def edit(path: Path, old: str, new: str) -> None:
    """Replace what is once in a file."""
    text = path.read_text()
    assert text.count(old) == 1, f"{path} has {text.count(old)} times {old!r}"
    path.write_text(text.replace(old, new))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The repository's code, to change."""
    for name in ("hanet", "stages"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_a_changed_line_concerns_the_stages_that_run_it(copy: Path) -> None:
    """Many edits at once: a module's hash tells whom its own edit concerns."""
    trained = of("train") | of("refine") | of("publish")
    by_deciwatch = {name for name in trained if name.endswith("/deciwatch")} | of("publish")
    by_fcn = of("estimate", estimate("fcn"))
    detectors = by_fcn | of("estimate", estimate("drawn"))
    archive = of("download", lambda name: name.startswith("aist"))
    aist = of("ingest", lambda name: name.startswith("aist")) | of("download", dataset("aist_keypoints"))
    edits = {
        # the address of a source
        "hanet.datasets.aist.source": ("/20210308/", "/20300101/", archive),
        "hanet.datasets.mocap.source": ("https://mocap", "https://other", of("download", dataset("cmu"))),
        # a default of an option, which is also seen resolved
        "hanet.estimators.fcn.options": ("= Field(default=0, ge=0)", "= Field(default=3, ge=0)", detectors),
        # a line of a loss, of all networks and of one
        "hanet.models.losses": ("loss_weight * _per_channel", "2 * loss_weight * _per_channel", trained),
        "hanet.models.deciwatch": ("", "", by_deciwatch),
        # a reader of one data set, or of two
        "hanet.datasets.aist.views": ("", "", aist),
        "hanet.datasets.mocap.cmu": ("", "", of("ingest", dataset("cmu"))),
        "hanet.datasets.posetrack.year2017": ("", "", of("ingest", dataset("posetrack17"))),
        "hanet.datasets.posetrack.videos": ("", "", of("ingest", lambda name: name.startswith("posetrack"))),
        # an estimator, a metric, a figure, a page
        "hanet.estimators.fcn.lifting": ("", "", by_fcn),
        "hanet.metrics.posetrack": ("", "", of("evaluate")),
        "hanet.figures.charts.curves": ("", "", of("figures")),
        "stages.tracking.model": ("", "", of("publish")),
        "stages.report": ("", "", {"report"}),
        # no science
        "stages.params.load": ("", "", set()),
        "stages.tracking.client": ("", "", set()),
        "hanet.progress": ("", "", set()),
    }  # fmt: skip
    for module, (old, new, _) in edits.items():
        file = copy.joinpath(*module.split(".")).with_suffix(".py")
        if old:
            edit(file, old, new)
        else:
            file.write_text(f"{file.read_text()}\nchanged = True\n")
    edit(copy / "stages" / "templates" / "style.css", "* { box-sizing", "*{ box-sizing")
    after = resolved(copy)
    found: dict[str, set[str]] = {module: set() for module in edits}
    for name, content in after.items():
        for module, hashed in content["code"].items():
            if here()[name]["code"][module] != hashed:
                found.setdefault(module, set()).add(name)
    expected = {module: stages for module, (_, _, stages) in edits.items()}
    assert found == expected | {"stages/templates/style.css": {"report"}}
    assert all(expected[module] for module in list(edits)[:14])  # nothing is concerned by accident of naming


def test_words_concern_nothing(copy: Path) -> None:
    """A comment in every file, and another docstring in every module that has one."""
    for path in copy.rglob("*.py"):
        text = path.read_text()
        path.write_text(f"# A comment.\n{text.replace(chr(34) * 3, chr(34) * 3 + 'Other words. ', 1)}")
    assert resolved(copy) == here()


def test_a_changed_default_is_seen_resolved_and_told(
    copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a user who changes the code and runs the stage."""
    (copy / "params.yaml").write_text(tiny.as_yaml(tiny.PARAMS))
    monkeypatch.chdir(copy)
    monkeypatch.setattr(workspace, "die_with_parent", lambda: None)
    resolve.main()
    assert "  16 files, 0 of them as before" in capsys.readouterr().out
    before = resolve.read(workspace.RESOLVED)
    edit(
        copy / "hanet" / "training" / "options.py", "weight_decay: float = 0.01", "weight_decay: float = 0.02"
    )
    done = subprocess.run(
        [sys.executable, "-m", "stages.resolve"],
        env=os.environ | {"PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=True,
    )
    after = resolve.read(workspace.RESOLVED)
    models = ("hanet-paper", "second", "bare")
    changed = {name for name in after if after[name] != before[name]}
    # Stages refine and filter know the linear map, whose `Augmentation` is in the module with the default.
    importing = {"filter/tiny", *(f"refine/tiny/{model}" for model in models)}
    assert changed == {*(f"train/tiny/{model}" for model in models), *importing, "report"}
    assert all(before[name]["params"] == after[name]["params"] for name in importing)
    for model in models:
        found = [files[f"train/tiny/{model}"]["params"]["training"] for files in (before, after)]
        assert [training["weight_decay"] for training in found] == [0.01, 0.02]
        assert found[0] | {"weight_decay": 0.02} == found[1]
    assert before["report"]["code"] == after["report"]["code"]
    assert "  train/tiny/bare: training.weight_decay was 0.01, is 0.02, hanet.training.options" in done.stdout
    assert "  16 files, 8 of them as before" in done.stdout


def test_what_moves_in_params_yaml_without_effect_changes_nothing(copy: Path) -> None:
    """A default written out, keys in another order, an experiment that is not run."""
    path = copy / "params.yaml"
    path.write_text(tiny.as_yaml(tiny.PARAMS))
    before = resolved(ROOT, load(path))
    params = json.loads(json.dumps(tiny.PARAMS))
    training = params["experiments"]["tiny"]["models"]["second"]["training"]
    params["experiments"]["tiny"]["models"]["second"]["training"] = {
        "weight_decay": 0.01,
        **dict(reversed(training.items())),
    }
    del params["experiments"]["kinect"]
    path.write_text(f"# A comment.\n{tiny.as_yaml(params)}")
    assert resolved(ROOT, load(path)) == before


def test_every_option_is_in_some_file() -> None:
    """Of an experiment: what it says is in what its stages depend on."""
    params = everything()
    for name in ("clips-fcn", "aist-spin-frames"):
        described = params.experiment(name)
        told = json.dumps([content["params"] for file, content in here().items() if file != "report"])
        for section in (described.estimate, described.filters, params.evaluate, params.figures):
            assert json.dumps(to_jsonable_python(section)) in told
    for name in params.run.datasets:
        described = params.dataset(name)
        for stage in ("download", "ingest"):
            assert here()[f"{stage}/{name}"]["params"][stage] == to_jsonable_python(getattr(described, stage))


def test_the_code_of_options_is_code_of_the_stage() -> None:
    """Parameters arrive resolved, but methods of their classes run."""
    for one in instances(everything()):
        described = here()["/".join(one.path)]["code"]
        if one.path[0] in ("ingest", "download"):
            options = everything().dataset(one.path[1])
            assert type(options).__module__ in described
        elif one.path[0] == "estimate":
            assert type(everything().experiment(one.path[1]).estimate).__module__ in described
        elif one.path[0] == "train":
            model = everything().model(one.path[1], one.path[2])
            assert {type(model.training).__module__, type(model.config(1)).__module__} <= described.keys()


def test_kinds_have_names_of_their_own_and_registries_exist() -> None:
    assert len(KINDS) == len(get_args(AnyDataset)) + len(get_args(AnyEstimate)) + len(NETWORKS)
    for module in (*resolve.REGISTRIES, *resolve.NO_SCIENCE):
        path = ROOT.joinpath(*module.split("."))
        assert path.is_dir() or path.with_suffix(".py").is_file(), module


# --- names


@pytest.mark.parametrize("name", ["", ".hidden", "../up", "a/b", "a b", "x;y", "é", "a\n"])
def test_a_name_that_is_no_plain_file_name_is_refused(name: str) -> None:
    run = everything().run.model_copy(update={"datasets": [name], "experiments": []})
    params = everything().model_copy(update={"run": run, "datasets": {name: everything().dataset("clips")}})
    with pytest.raises(
        ValueError, match=r"expected a name of letters, digits, dots, - and _ .*, got .*; rename"
    ):
        resolved(ROOT, params)


def test_trainings_of_one_name_are_refused() -> None:
    run = everything().run.model_copy(
        update={"experiments": ["a", "a-b"], "models": ["b-c", "c"], "ablations": [], "seeds": [1, 2]}
    )
    params = everything().model_copy(update={"run": run})
    with pytest.raises(ValueError, match="a b-c 1 and a-b c 1 are trainings of one name, a-b-c-1; rename"):
        resolved(ROOT, params)


# --- dvc.yaml


def test_dvc_yaml_is_readable_in_one_sitting() -> None:
    assert len((ROOT / "dvc.yaml").read_text().splitlines()) < 250


@pytest.mark.parametrize("stage", GRAPH)
def test_a_stage_depends_on_its_own_file_and_on_data(stage: str) -> None:
    described = GRAPH[stage]
    module = MODULES.get(stage, stage)
    assert "params" not in described and (ROOT / "stages" / f"{module}.py").is_file()
    if stage == "resolve":
        assert described["deps"] == ["hanet", "stages", "params.yaml"]
        assert described["cmd"] == "python -m stages.resolve"
        return
    own, *others = described["deps"]
    assert own.startswith(f"data/resolved/{module}") and own.endswith(".json")
    assert all(dep.startswith("data/") and not dep.startswith("data/resolved") for dep in others)
    several = "matrix" in described or "${" in own
    assert described["cmd"] == f"python -m stages.{module}" + (' "$DVC_STAGE"' if several else "")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """An empty folder with git and DVC."""
    run(tmp_path, "git", "init", "--quiet")
    with Repo.init(str(tmp_path)):
        return tmp_path


def run(folder: Path, *command: str, **environment: str) -> str:
    """Standard output of a command that ends well."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("DVC_")}
    env |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}",
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(folder / ".site"),
        **environment,
    }
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def ran(folder: Path, **environment: str) -> list[str]:
    lines = run(folder, "dvc", "repro", **environment).splitlines()
    return [line.split("'")[1] for line in lines if line.startswith("Running stage")]


def test_stages_find_their_files(repository: Path) -> None:
    """What DVC makes of dvc.yaml are the files that stage resolve writes."""
    for name in ("dvc.yaml", "params.yaml", ".dvcignore"):
        shutil.copyfile(ROOT / name, repository / name)
    params = load(ROOT / "params.yaml")
    with Repo(str(repository)) as repo:
        deps = {dep.def_path for stage in repo.index.stages for dep in stage.deps}
    files = {f"data/resolved/{'/'.join(one.path)}.json" for one in instances(params)}
    assert {dep for dep in deps if dep.startswith("data/resolved/")} == files


RESOLVE = """
import json, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from stages.graph.code import Source

source = Source(Path(), packages=("ours",), kinds=frozenset(), registries=(), without=())
Path("data/resolved").mkdir(parents=True, exist_ok=True)
for name in ("one", "two"):
    Path(f"data/resolved/{{name}}.json").write_text(json.dumps(source.code([f"ours.{{name}}"], frozenset())))
"""
SMALL = {
    "stages": {
        "resolve": {
            "cmd": "python resolve.py",
            "deps": ["ours"],
            "outs": [{"data/resolved": {"cache": False, "persist": True}}],
        },
        "work": {
            "matrix": {"name": ["one", "two"]},
            "cmd": 'python -m ours.work "$DVC_STAGE"',
            "deps": ["data/resolved/${item.name}.json"],
            "outs": ["data/${item.name}"],
        },
    }
}


def test_dvc_reruns_nothing_but_resolve_for_a_comment(repository: Path) -> None:
    """The graph's form on two modules, of which one imports the other."""
    ours = repository / "ours"
    for name, text in {
        "__init__.py": "",
        "one.py": "SIZE = 1\n",
        "two.py": "from ours.one import SIZE\nSIZES = (SIZE, 2)\n",
        "work.py": "import sys\nfrom pathlib import Path\n"
        "Path('data', sys.argv[1].partition('@')[2]).write_text(sys.argv[1])\n",
    }.items():
        (ours / name).parent.mkdir(exist_ok=True)
        (ours / name).write_text(text)
    (repository / "resolve.py").write_text(RESOLVE.format(root=str(ROOT)))
    (repository / "dvc.yaml").write_text(yaml.safe_dump(SMALL))
    shutil.copyfile(ROOT / ".dvcignore", repository / ".dvcignore")
    assert ran(repository) == ["resolve", "work@one", "work@two"]
    assert (repository / "data" / "two").read_text() == "work@two"
    (ours / "__pycache__").mkdir(exist_ok=True)
    (ours / "__pycache__" / "one.pyc").write_bytes(b"compiled")
    assert run(repository, "dvc", "status").startswith("Data and pipelines are up to date")
    (ours / "one.py").write_text("# How large.\nSIZE = 1\n")
    assert ran(repository) == ["resolve"]
    (ours / "two.py").write_text("from ours.one import SIZE\nSIZES = (SIZE, 3)\n")
    assert ran(repository) == ["resolve", "work@two"]


HOSTILE = 'it\'s "$(touch pwned)"; touch pwned #`touch pwned`\n touch pwned\n'
STAND_IN = """
import json
import sys
from pathlib import Path

name = sys.argv[3] if len(sys.argv) > 3 else sys.argv[2].removeprefix("stages.")
with Path("log").open("a") as log:
    print(json.dumps(sys.argv[1:]), file=log)
for out in json.loads(Path("outs.json").read_text())[name]:
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    Path(out).write_text(name)
"""


def test_no_name_reaches_a_shell(repository: Path) -> None:
    """DVC expands names before anything checks them: the whole graph with the worst of names."""
    names = {"datasets": [HOSTILE], "estimates": {HOSTILE: HOSTILE}, "experiments": [HOSTILE]}
    trained = {"models": [HOSTILE], "ablations": [f"{HOSTILE}a"], "seeds": [HOSTILE]}
    (repository / "params.yaml").write_text(yaml.safe_dump({"run": names | trained}))
    shutil.copyfile(ROOT / "dvc.yaml", repository / "dvc.yaml")
    (repository / ".gitignore").write_text("/data/*\n")
    for folder in ("hanet", "stages", "bin"):
        (repository / folder).mkdir()
    program = repository / "bin" / "python"
    program.write_text(f"#!{sys.executable}{STAND_IN}")
    program.chmod(0o755)
    with Repo(str(repository)) as repo:
        stages = {stage.name: stage for stage in repo.index.stages}
        outs = {name: [out.def_path for out in stage.outs] for name, stage in stages.items()}
        deps = [dep.def_path for stage in stages.values() for dep in stage.deps]
    outs["resolve"] = [dep for dep in deps if dep.startswith("data/resolved/")]
    (repository / "outs.json").write_text(json.dumps(outs))
    path = os.pathsep.join((str(program.parent), os.environ["PATH"]))
    run(repository, sys.executable, "-m", "dvc", "repro", PATH=path)
    called = [json.loads(line) for line in (repository / "log").read_text().splitlines()]
    assert len(called) == len(stages) == len(GRAPH)
    several = {name for name in stages if HOSTILE in name}
    assert len(several) == len(stages) - 3 and {one[2] for one in called if len(one) == 3} == several
    assert {tuple(one) for one in called if len(one) != 3} == {
        ("-m", f"stages.{name}") for name in ("resolve", "summarise", "report")
    }
    assert not list(repository.rglob("pwned"))
