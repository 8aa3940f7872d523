"""``hanet view`` on files of several formats, each beside its refined version."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17
from tests.cli.test_refine import cache, invoke
from tests.formats.test_tables_and_arrays import trc
from tests.support import keypoint_writers as writers
from tests.support.walking import detected, filmed, walker

TRUTH = filmed([walker(100)])
FLAT = detected(TRUTH, noise=2.0)
SOLID = walker(40)


def table(path: Path) -> Path:
    header = ",".join(f"{joint}_{axis}" for joint in COCO17.joints for axis in "xyz")
    np.savetxt(path, SOLID.reshape(40, -1), delimiter=",", header=header, comments="")
    return path


def saved(path: Path) -> Path:
    np.savez(path, poses=SOLID, fps=30.0, joints=np.array(COCO17.joints))
    return path


def poses(path: Path) -> Path:
    track = PoseSequence.joints(
        "walk", SOLID.astype(np.float32), COCO17, fps=30.0, frame_of_reference="world"
    )
    return cache(path, track)


FORMATS: dict[str, Callable[[Path], Path]] = {
    "coco.json": lambda path: writers.write_coco(path, FLAT),
    "alphapose.json": lambda path: writers.write_alphapose(path, FLAT),
    "mmpose.json": lambda path: writers.write_mmpose(path, FLAT),
    "walk.trc": lambda path: trc(path, SOLID[:, [11, 12, 13, 0]]),
    "walk.csv": table,
    "walk.npz": saved,
    "walk.parquet": poses,
}


def shown(page: Path) -> dict[str, Any]:
    [data] = re.findall(r'type="application/json" id="data">(.*?)</script>', page.read_text(), re.DOTALL)
    return json.loads(data)


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_of_any_format(name: str, tmp_path: Path):
    path = FORMATS[name](tmp_path / name)
    rate = () if path.suffix in (".trc", ".npz", ".parquet") else ("--fps", 30)
    refined = tmp_path / f"refined{path.suffix}"
    assert invoke("refine", path, "--out", refined, "--method", "median:window=0.1", *rate)[0] == 0
    code, text, error = invoke("view", path, refined, "--html", tmp_path / "page.html", *rate)
    assert (code, error) == (0, ""), error
    assert text == f"wrote {tmp_path / 'page.html'}\n"
    content = shown(tmp_path / "page.html")
    assert content["title"] == f"{path.name} → {refined.name}" and content["fps"] == (
        60.0 if path.suffix == ".trc" else 30.0
    )
    [track] = content["tracks"]
    assert track["refined"] is not None and track["raw"] != track["refined"]
    assert content["dims"] == (2 if path.suffix == ".json" else 3)
    assert (content["up"] == [0.0, 1.0, 0.0]) == (content["dims"] == 3)


def test_one_file_alone_and_what_is_refused(tmp_path: Path):
    path = FORMATS["coco.json"](tmp_path / "coco.json")
    page = tmp_path / "page.html"
    assert invoke("view", path, "--html", page)[0] == 0
    content = shown(page)
    assert not content["refined"] and content["fps"] is None and content["tracks"][0]["refined"] is None
    assert "exists; give --force" in invoke("view", path, "--html", page)[2]
    assert invoke("view", path, "--html", page, "--force")[0] == 0
    assert "ends in .html" in invoke("view", path, "--html", tmp_path / "page.png")[2]
    solid = FORMATS["walk.npz"](tmp_path / "walk.npz")
    code, _, error = invoke("view", path, solid, "--html", page, "--force", "--fps", 30)
    assert code == 2 and "has 3d poses" in error and error.count("\n") == 1
    (tmp_path / "empty.json").write_text("[]")
    code, _, error = invoke("view", tmp_path / "empty.json", "--format", "coco", "--html", page, "--force")
    assert code == 1 and "nobody in any frame" in error
    assert shown(page) == content
