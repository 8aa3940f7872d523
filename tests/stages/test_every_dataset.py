"""Every data set through the pipeline: its publisher's files in small, caches, windows, a training, scores.

And what is wrong with a file ends a stage with the file's name and leaves nothing behind.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hanet.cache.files import CacheMetadata, CacheWriter, PoseCache
from hanet.download.remote import Retries
from hanet.files.atomic import write_text
from stages import download, estimate, evaluate, filter, ingest, refine, train, workspace
from tests.support import dataset_files, tiny
from tests.support.dataset_files import CMU, SHARED_DANCERS, archive

pytestmark = pytest.mark.slow

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Kind:
    """A data set as params.yaml describes it.

    Attributes:
        files: writes its files and gives its section `download`.
        ingest: its section `ingest`.
        archive: below the test's folder, the archive that is spoilt.
        estimate: an estimate that it takes; None for one that is made up here, noise on the truth.
        score: the metric that decides.
    """

    files: Callable[[Path], dict[str, Any]]
    ingest: dict[str, Any]
    archive: str
    estimate: dict[str, Any] | None = None
    score: str = "mpjpe_mm"


FCN = tiny.PARAMS["experiments"]["tiny"]["estimate"] | {
    "training": {"steps": 2, "batch": 4, "learning_rate": 0.001}
}
KINDS = {
    "sub_jhmdb": Kind(
        dataset_files.jhmdb,
        {"protocol": "three_split", "split": 1, "seed": 1},
        "mirror/joint_positions.zip",
        score="pck_010",
    ),
    "posetrack17": Kind(
        lambda folder: dataset_files.posetrack(folder, "2017"),
        {"val_share": 0.3, "seed": 3},
        "mine/posetrack_2017_annotations.zip",
        score="map",
    ),
    "posetrack18": Kind(
        lambda folder: dataset_files.posetrack(folder, "2018"),
        {"val_share": 0.3, "seed": 3},
        "mine/posetrack18_v0.45_public_labels.tar.gz",
        score="map",
    ),
    "human36m": Kind(
        dataset_files.human36m,
        {"validation": ["S8"]},
        "mine/Poses_D3_Positions_S5.tgz",
        FCN | {"train_on": "target", "out_of_fold": 2},
    ),
    "pw3d": Kind(
        lambda folder: {"folder": str(dataset_files.pw3d(folder).parent)}, {}, "mine/sequenceFiles.zip"
    ),
    "aist": Kind(
        lambda folder: dataset_files.aist(folder, ignored=()),
        {"cameras": ["c01", "c05"], "declared": [SHARED_DANCERS]},
        "mirror/fullset.zip",
        FCN | {"train_on": "target", "out_of_fold": 2},
    ),
    "cmu": Kind(dataset_files.cmu, CMU, "mirror/allasfamc.zip", FCN),
    "uiprmd_raw": Kind(
        dataset_files.uiprmd,
        {"splits": {"train": [1, 2], "val": [7], "test": [9]}},
        "mine/Segmented Movements.zip",
        {"kind": "recorded"},
    ),
}


@pytest.fixture
def described(
    project: Path, params: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Kind]:
    """Writes the files of a kind of data set, and parameters with it as the data set `it`."""
    for name in ("HUMAN36M", "3DPW", "POSETRACK2017", "POSETRACK2018", "UIPRMD"):
        monkeypatch.delenv(f"HANET_{name}_FOLDER", raising=False)
    monkeypatch.setattr(Retries, "seconds", lambda *_: 0.0)  # publishers are asked after a spoilt mirror

    def write(name: str) -> Kind:
        kind = KINDS[name]
        params["datasets"]["it"] = {"kind": name, "download": kind.files(tmp_path), "ingest": kind.ingest}
        made_up = {"kind": "keypoints", "format": "mmpose", "files": ["none"]}
        if name == "pw3d":  # takes no keypoints
            made_up = {"kind": "pare", "weights": "none", "body": "none", "images": "none/{name}"}
        params["experiments"]["tiny"] |= {
            "dataset": "it", "estimate": kind.estimate or made_up, "filters": {"input": {}},
        }  # fmt: skip
        params["experiments"]["tiny"]["models"]["hanet-paper"]["training"]["epochs"] = 1
        params["run"] = {
            "datasets": ["it"], "estimates": {"tiny": "it"}, "experiments": ["tiny"],
            "models": ["hanet-paper"], "ablations": [], "seeds": [1],
        }  # fmt: skip
        write_text(Path("params.yaml"), tiny.as_yaml(params))
        return kind

    return write


def noise(split: str) -> None:
    """What an estimator would give: the truth, its joints off; all that is unknown is found somewhere."""
    truth = PoseCache.open(workspace.POSES / "it" / f"gt-{split}.parquet")
    sequences = list(truth.sequences())
    rng = np.random.default_rng(len(split))
    size = {"px": 5.0, "m": 0.02}[truth.metadata.unit]
    for kind, path in (
        ("gt", workspace.truth_path("tiny", split)),
        ("noise", workspace.detected_path("tiny", split)),
    ):
        described = CacheMetadata.of(sequences[0], dataset="it", split=split, estimator=kind)
        with CacheWriter(path, described) as writer:
            for one in sequences:
                off = np.nan_to_num(one.values) + rng.normal(scale=size, size=one.values.shape)
                found = replace(
                    one,
                    values=off.astype(np.float32),
                    scores=np.full(off.shape[:2], 0.9, dtype=np.float32),
                    labelled=None,
                )
                writer.write(one if kind == "gt" else found)


@pytest.mark.parametrize("name", KINDS)
def test_from_raw_files_to_scores(
    described: Callable[[str], Kind], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "LiveRun", lambda *_: None)  # MLflow is another test's
    kind = described(name)
    download.main("it")
    ingest.main("it")
    if kind.estimate is None:
        for split in SPLITS:
            noise(split)
    else:
        estimate.main("tiny")
    train.main("tiny", "hanet-paper", "1")
    refine.main("tiny", "hanet-paper", "1")
    filter.main("tiny")
    evaluate.main("tiny")
    scores = json.loads((workspace.REPORTS / "tiny" / "scores.json").read_text())
    assert set(scores) >= {"input", "hanet-paper"}
    for row in scores.values():
        assert np.isfinite(row[kind.score]["mean"]) and row["frames"] > 0
    assert scores["input"][kind.score] != scores["hanet-paper"][kind.score]
    history = (workspace.REPORTS / "tiny" / "training" / "hanet-paper-1.csv").read_text().splitlines()
    assert len(history) == 2  # an epoch


# --- files that are not what they should be


def members(path: Path) -> dict[str, bytes]:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as zipped:
            return {name: zipped.read(name) for name in zipped.namelist()}
    with tarfile.open(path) as tar:
        return {m.name: file.read() for m in tar if (file := tar.extractfile(m)) is not None}


def pack(path: Path, content: dict[str, bytes]) -> None:
    folder = path.with_name("spoilt")
    for name, data in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    archive(path, folder)


def truncated(path: Path) -> str:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path.name


def web_page(path: Path) -> str:
    path.write_bytes(b"<!doctype html><html><title>Please log in</title></html>")
    return path.name


def swapped(path: Path) -> str:
    """Another data set's archive under the name."""
    pack(path, {"README.md": b"something else", "data/0.csv": b"1,2,3\n"})
    return path.name


def hostile(path: Path) -> str:
    """A member that would be written outside."""
    content = members(path)
    name, data = next(iter(content.items()))
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "a") as zipped:
            zipped.writestr(f"../../{name}", data)
    else:
        made = path.with_name("plain.tar")
        with tarfile.open(made, "w") as tar:
            for member in (*content, f"../../{name}"):
                info = tarfile.TarInfo(member)
                info.size = len(content.get(member, data))
                tar.addfile(info, io.BytesIO(content.get(member, data)))
        path.write_bytes(gzip.compress(made.read_bytes()))
        made.unlink()
    return path.name


def half_a_file(path: Path) -> str:
    """Every file of the largest kind cut in half: the archive is whole, what is in it is not."""
    content = members(path)
    largest = max(content, key=lambda name: len(content[name]))
    suffix = Path(largest).suffix
    pack(
        path,
        {
            name: data[: len(data) // 2] if Path(name).suffix == suffix else data
            for name, data in content.items()
        },
    )
    return suffix


def emptied(path: Path) -> str:
    """The same with nothing in them."""
    content = members(path)
    suffix = Path(max(content, key=lambda name: len(content[name]))).suffix
    pack(path, {name: b"" if Path(name).suffix == suffix else data for name, data in content.items()})
    return suffix


@pytest.mark.parametrize("spoil", [truncated, web_page, swapped, hostile, half_a_file, emptied])
@pytest.mark.parametrize("name", KINDS)
def test_a_spoilt_file_is_named_and_nothing_is_left(
    described: Callable[[str], Kind],
    name: str,
    spoil: Callable[[Path], str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kind = described(name)
    named = spoil(tmp_path / kind.archive)
    with pytest.raises(SystemExit) as caught:
        download.main("it")
        ingest.main("it")
    message = " ".join(capsys.readouterr().err.split())
    assert caught.value.code == 2 and message.startswith("Error: ")
    assert named in message
    assert any(word in message for word in ("get ", "download", "again", "unpack", "check", "remove"))
    assert not (workspace.POSES / "it").exists() or not list((workspace.POSES / "it").iterdir())
    assert not list(workspace.DATA.rglob("*.tmp")) and not (tmp_path.parent / "made").exists()
    if spoil in (truncated, web_page, swapped, hostile):
        assert not (workspace.RAW / "it").exists()
