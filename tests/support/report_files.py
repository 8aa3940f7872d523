"""What other stages write for the report: true scores of the default experiment, made-up rows beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stages import report
from tests.support import tiny
from tests.support.html_tree import Node, parse

EXPERIMENT = "clips-fcn"
METRICS = ("mpjpe_mm", "pa_mpjpe_mm", "accel_mm_per_frame2", "accel_m_per_s2", "mpjpe_fast5_mm")
SCORES: dict[str, tuple[float, list[tuple[float, float, float]]]] = {
    "input": (1.0, [
        (91.6227, 87.7366, 95.1407), (65.0701, 62.4363, 67.7091), (40.5441, 38.8217, 42.6972),
        (145.9588, 139.7581, 153.7098), (89.2586, 84.0761, 93.6752),
    ]),
    "hanet": (1.0, [
        (50.6598, 47.9579, 53.2252), (37.3472, 35.4536, 39.4775), (1.3879, 1.3168, 1.471),
        (4.9966, 4.7404, 5.2956), (50.8383, 45.0676, 56.3256),
    ]),
    "hanet-paper": (0.6, [
        (58.3403, 55.7513, 60.8856), (43.5734, 41.8572, 45.5051), (5.7684, 5.5681, 5.9765),
        (20.7664, 20.0451, 21.5156), (60.1872, 56.209, 64.295),
    ]),
    "constant_offset": (1.0, [
        (81.5099, 77.7444, 84.6583), (58.1976, 56.1034, 60.2183), (40.5441, 38.8217, 42.6972),
        (145.9588, 139.7581, 153.7098), (78.2641, 74.6534, 82.0257),
    ]),
    "gaussian": (1.0, [
        (88.5154, 84.8564, 91.853), (61.8817, 59.5154, 64.2652), (0.5984, 0.5872, 0.6135),
        (2.1544, 2.1139, 2.2087), (86.7012, 82.0346, 91.0038),
    ]),
    "savitzky_golay": (1.0, [
        (88.6062, 84.9307, 91.9687), (62.0324, 59.6466, 64.4427), (1.5494, 1.4914, 1.6228),
        (5.5779, 5.3691, 5.8421), (86.8444, 82.0828, 91.3086),
    ]),
    "one_euro": (1.0, [
        (90.3172, 86.4371, 93.8528), (63.7933, 61.2312, 66.3811), (13.5898, 13.0178, 14.3155),
        (48.9234, 46.8639, 51.536), (88.116, 83.3874, 92.0387),
    ]),
    "linear_interpolation": (0.2, [
        (90.5737, 86.8404, 93.912), (64.0537, 61.5918, 66.5658), (2.5145, 2.4037, 2.6491),
        (9.0521, 8.6534, 9.5369), (87.3703, 82.7134, 91.8886),
    ]),
}  # fmt: skip
"""By method: share of frames read; mean, low and high of each of `METRICS`, protocol full, seed 4321."""
GROUND_TRUTH = "83764aaeef20ff8ff9a19c0b5355e68e7872d9dec1ecc502a12330be288e4520"
PROVENANCE = {
    "experiment": EXPERIMENT,
    "dataset": "clips",
    "estimator": "fcn",
    "protocol": "full",
    "bootstrap": {"resamples": 2000, "seed": 4321},
    "fps": 60.0,
    "skeleton": "h36m17",
    "data_sha256": {
        "ground_truth": GROUND_TRUTH,
        "detected": "7bb47b5bfeba2dc19b2c34ec33fb732f43b6b8f3311a3e58af2103bd0249e5f0",
    },
}
SPLITS = {
    "source": {"clips": ["humanoid3d_walk", "acclaim_demo"], "frames": 81408, "sequences": 384},
    "train": {"clips": ["climb_0", "climb_2", "climb_4"], "frames": 32472, "sequences": 24},
    "val": {"clips": ["climb_1"], "frames": 9696, "sequences": 8},
    "test": {"clips": ["climb_3"], "frames": 9608, "sequences": 8},
}
UI = "http://127.0.0.1:5000"

LABELS = ("MPJPE", "PA-MPJPE", "Accel", "Accel", "MPJPE, fastest 5%")
UNITS = ("mm", "mm", "mm/frame²", "m/s²", "mm")
COLUMNS = [
    {"key": key, "label": label, "unit": unit, "digits": 2, "lower_is_better": True}
    for key, label, unit in zip(METRICS, LABELS, UNITS, strict=True)
]


def row(method: str, label: str, *, seeds: list[int], **more: Any) -> dict[str, Any]:
    """A row of true scores."""
    observed, values = SCORES[method]
    cells = {
        key: dict(zip(("mean", "low", "high"), cell, strict=True))
        for key, cell in zip(METRICS, values, strict=True)
    }
    return {
        "method": method, "label": label, "status": "run", "seeds": seeds, "observed": observed,
        "frames": 9608, "sequences": 8, "cells": cells, "against": None, "published": {},
    } | more  # fmt: skip


def methods() -> dict[str, Any]:
    """The comparison of methods: nothing published beside it."""
    return {
        "name": "methods", "title": "Methods", "note": None, "experiment": EXPERIMENT, "protocol": "full",
        "columns": COLUMNS, "compared": "mpjpe_mm", "published": None,
        "reference": {"method": "input", "label": "input"}, "over": "4 people, 12 clips, 1 seed",
        "rows": [row(m, m, seeds=[4321] if m.startswith("hanet") else []) for m in SCORES],
    }  # fmt: skip


def kinematics() -> dict[str, Any]:
    """An ablation: rows that were not run, several seeds, differences, published figures."""
    wide = {"mean": 59.14, "sd": 0.4, "low": 56.5, "high": 61.7}
    narrow = {"mean": 5.91, "sd": 0.0812, "low": 5.7, "high": 6.13}
    acceleration = row("hanet-paper", "flow + velocity + acceleration", seeds=[1, 2, 3]) | {
        "method": "acceleration",
        "cells": {"mpjpe_mm": wide, "accel_mm_per_frame2": narrow},
        "against": {
            "difference": 0.12, "low": -0.4, "high": 0.7, "p": 0.6484, "p_alone": 0.3242,
        },
        "published": {"mpjpe_mm": 75.7, "accel_mm_per_frame2": 8.1},
    }  # fmt: skip
    velocity = acceleration | {
        "method": "velocity", "label": "flow + velocity", "seeds": [1], "against": None,
        "cells": {"mpjpe_mm": {"mean": 59.02}},
        "published": {"mpjpe_mm": 76.4, "accel_mm_per_frame2": 8.3},
    }  # fmt: skip
    difference = {
        "difference": -0.8, "low": -1.2, "high": -0.3, "p": 0.0078, "p_alone": 0.0039,
    }  # fmt: skip
    missing = [
        {"method": name, "label": label, "status": "missing",
         "published": {"mpjpe_mm": mpjpe, "accel_mm_per_frame2": accel}}
        for name, label, mpjpe, accel in (("none", "none", 77.2, 8.6), ("flow", "flow", 76.9, 8.5))
    ]  # fmt: skip
    return {
        "name": "kinematics", "title": "Kinematic features", "note": "Features of keypoints, one by one.",
        "experiment": EXPERIMENT, "protocol": "full", "columns": COLUMNS, "compared": "mpjpe_mm",
        "reference": {"method": "velocity", "label": "flow + velocity"},
        "over": "4 people, 12 clips, 3 seeds",
        "published": {"on": "3DPW, PARE (T=51)", "source": "supplement, Table 1"},
        "rows": [
            *missing, velocity, acceleration,
            row("hanet-paper", "+WB (the full method)", seeds=[4321], against=difference,
                published={"mpjpe_mm": 74.6, "accel_mm_per_frame2": 8.0}),
        ],
    }  # fmt: skip


def receipt() -> dict[str, Any]:
    """What publishing leaves: runs of the methods, and a table's run with its children."""
    names = [f"{m}-4321" if m.startswith("hanet") else m for m in SCORES]
    runs = {n: {"lock_hash": "0" * 64, "run_id": f"run-{n}", "experiment_id": "7"} for n in names}
    children = {f"acceleration-{s}": f"child-{s}" for s in (1, 2, 3)} | {"hanet-paper-4321": "child-paper"}
    table = {"run_id": "table-run", "experiment_id": "8", "children": children}
    return {
        "tracking_ui": UI,
        "runs": runs,
        "tables": {"kinematics": table},
    }


def params() -> dict[str, Any]:
    """Parameters of the experiment."""
    content = json.loads(json.dumps(tiny.PARAMS))
    described = content["experiments"]["tiny"]
    described["models"] = {"hanet": tiny.MODEL, "hanet-paper": tiny.MODEL, "flow": tiny.MODEL}
    content["experiments"] = {EXPERIMENT: described}
    content["ablations"] = {}
    content["tables"] = {}
    content["run"] |= {
        "estimates": {EXPERIMENT: "clips"},
        "experiments": [EXPERIMENT],
        "models": ["hanet", "hanet-paper"],
        "ablations": [],
        "seeds": [4321],
    }
    return json.loads(json.dumps(content))  # no two sections one object


def write_json(path: Path, content: Any) -> None:
    """A file and its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def write(folder: Path) -> None:
    """All that the report reads, below a project's folder."""
    data = folder / "data"
    report = data / "reports" / EXPERIMENT
    (folder / "params.yaml").write_text(tiny.as_yaml(params()))
    write_json(report / "provenance.json", PROVENANCE)
    write_json(report / "tables" / "methods.json", methods())
    write_json(report / "tables" / "kinematics.json", kinematics())
    write_json(data / "published" / f"{EXPERIMENT}.json", receipt())
    leakage = "No leak between the splits found."
    write_json(data / "poses" / "clips" / "report.json", {"splits": SPLITS, "leakage": leakage})
    training = report / "training"
    training.mkdir()
    errors = {"hanet-4321": [1149.0334, 70.9845, 51.25, 52.5], "hanet-paper-4321": [187.6, 83.9, 66.4728]}
    for name, values in errors.items():
        lines = [f"{epoch},0.5,{value},mm" for epoch, value in enumerate(values, start=1)]
        (training / f"{name}.csv").write_text("\n".join(["epoch,loss,validation_error,unit", *lines]) + "\n")


def write_figures(folder: Path, entries: list[dict[str, str]], content: dict[str, bytes]) -> None:
    """Figures of the experiment and their manifest."""
    figures = folder / "data" / "figures" / EXPERIMENT
    write_json(figures / "manifest.json", entries)
    for name, data in content.items():
        (figures / name).write_bytes(data)


# --- the page, read


def page() -> Node:
    """The page that the stage writes."""
    report.main()
    return parse(report.PAGE.read_text())


def failure(capsys: pytest.CaptureFixture[str]) -> str:
    """What the stage says when it fails."""
    with pytest.raises(SystemExit) as caught:
        report.main()
    assert caught.value.code == 2 and not report.PAGE.exists()
    return capsys.readouterr().err


def change(path: Path, **values: Any) -> None:
    """Change a JSON file's top keys."""
    write_json(path, json.loads(path.read_text()) | values)


def rows(document: Node, table: str) -> dict[str, dict[str, Node]]:
    """A table's cells by method and column, rows in order."""
    body = document.one("table", id=f"clips-fcn/table/{table}/rows").one("tbody")
    return {
        row.one("th").attrs["data-value"]: {
            cell.attrs["data-column"]: cell for cell in row.walk() if "data-column" in cell.attrs
        }
        for row in body.all("tr")
    }


def links(node: Node) -> list[tuple[str, str]]:
    """Text and target of all links in an element."""
    return [(link.text, link.attrs["href"]) for link in node.all("a")]


def where(run: str, experiment: str = "8") -> str:
    """The page of a run; experiment 8 is that of the table kinematics."""
    return f"{UI}/#/experiments/{experiment}/runs/{run}"
