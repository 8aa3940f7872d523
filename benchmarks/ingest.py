"""Peak memory and speed of ingesting a data set: reader, cameras, caches and leakage guard, as in the stage.

Run from the repository: ``python -m benchmarks.ingest``; writes benchmarks/results/ingest.md. Needs 2 GB of
disk in the folder for temporary files, for as long as it runs.
"""

from __future__ import annotations

import argparse
import json
import pickle
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.report import Page, Table, peak_mb, run
from hanet.datasets.aist.content import aist_content
from hanet.datasets.aist.options import AistIngest
from hanet.datasets.aist.views import CAMERAS
from hanet.datasets.common.ingest import write

DANCE = 2_000
"""Frames of a dance, each seen by nine cameras."""
COUNTS, RUNS = (14, 28, 56, 112), 3
"""Dances: a quarter of a million camera frames to two million; and runs of each."""


def camera(index: int) -> dict[str, Any]:
    """Return a camera 5 m from the origin at an angle of 40° · index, upright with y down (centimetres)."""
    return {
        "name": CAMERAS[index],
        "size": [1920, 1080],
        "matrix": [[1300.0, 0, 960], [0, 1300, 540], [0, 0, 1]],
        "distortions": [-0.1, 0.02, 0.001, -0.002, 0.003],
        "rotation": [0.0, np.deg2rad(40 * index - 160), 0.0],
        "translation": [10.0, 20.0, 500.0],
    }


def make(folder: Path, dances: int) -> None:
    """AIST++'s files of random walks: joints and SMPL of every dance, cameras, splits (dancers apart)."""
    for name in ("keypoints3d", "motions", "cameras", "splits"):
        (folder / name).mkdir(parents=True)
    names = [
        f"gBR_sBM_cAll_d{10 + min(number, 2)}_mBR{number % 10}_ch{number // 10:02}"
        for number in range(dances)
    ]
    rng = np.random.default_rng(0)
    for name in names:
        walk = rng.normal(0, 50, (1, 17, 3)) + np.cumsum(rng.normal(0, 0.5, (DANCE, 17, 3)), axis=0)
        content = {"keypoints3d": walk, "keypoints3d_optim": walk}
        (folder / "keypoints3d" / f"{name}.pkl").write_bytes(pickle.dumps(content, protocol=4))
        turned = np.cumsum(rng.normal(0, 0.01, (DANCE, 72)), axis=0)
        motion = {"smpl_poses": turned, "smpl_trans": np.zeros((DANCE, 3)), "smpl_scaling": np.array([93.0])}
        (folder / "motions" / f"{name}.pkl").write_bytes(pickle.dumps(motion, protocol=4))
    (folder / "cameras" / "setting1.json").write_text(json.dumps([camera(i) for i in range(9)]))
    (folder / "cameras" / "mapping.txt").write_text("".join(f"{name} setting1\n" for name in names))
    for split, part in (("test", names[:1]), ("val", names[1:2]), ("train", names[2:])):
        (folder / "splits" / f"pose_{split}.txt").write_text("\n".join(part))
    (folder / "ignore_list.txt").write_text("")


def ingest(raw: Path, out: Path) -> dict[str, float]:
    """What the stage does once files are there."""
    before, begin = peak_mb(), time.perf_counter()
    out.mkdir()
    report = write(aist_content(raw, AistIngest()), raw, out, "aist")
    seconds = time.perf_counter() - begin
    frames = sum(row["frames"] for row in report["splits"].values())
    return {"frames": frames, "seconds": seconds, "before": before, "peak": peak_mb()}


def row(dances: int) -> list[float]:
    """One row of the table, measured in a process of its own."""
    with TemporaryDirectory() as folder:
        raw, out = Path(folder) / "raw", Path(folder) / "poses"
        make(raw, dances)
        command = [sys.executable, "-m", "benchmarks.ingest", "--folders", str(raw), str(out)]
        got = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        size = sum(path.stat().st_size for path in out.iterdir())
    rate, above = got["frames"] / got["seconds"], got["peak"] - got["before"]
    return [got["frames"] / 1e6, rate, got["peak"], above, size / 1e6]


def measure() -> Page:
    """All sizes; of each the median of `RUNS` runs, in turns."""
    turns = np.array([[row(count) for count in COUNTS] for _ in range(RUNS)])
    rows = np.median(turns, axis=0).tolist()
    growth = (rows[-1][3] - rows[0][3]) / (rows[-1][0] - rows[0][0])
    columns = {
        "million camera frames": ".2f",
        "frames/s": ",.0f",
        "peak, MB": ",.0f",
        "above imports, MB": ",.0f",
        "written, MB": ",.0f",
    }
    return Page(
        "ingest",
        "Ingesting a data set",
        f"AIST++'s files with synthetic dances of {DANCE:,} frames: pickles read by the restricted "
        "unpickler, nine cameras, caches of joints, keypoints and SMPL, and the leakage guard over all "
        "splits, which keeps a hash of every frame. Each line is the median of "
        f"{RUNS} runs in fresh processes. *Peak* is "
        "`ru_maxrss`; *above imports* is the peak minus the memory used before the run began.",
        [Table(columns, rows)],
        limits=[
            f"Ingesting: memory above imports grows by {growth:,.0f} MB per million camera frames, the "
            "hashes of the leakage guard; the rate stays between "
            f"{min(row[1] for row in rows):,.0f} and {max(row[1] for row in rows):,.0f} frames/s."
        ],
    )


def main() -> None:
    """Ingest once in this process, or measure all sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folders", nargs=2, metavar=("RAW", "OUT"), help="ingest once, print JSON")
    folders = parser.parse_args().folders
    if folders is None:
        run(measure)
    else:
        print(json.dumps(ingest(*map(Path, folders))))


if __name__ == "__main__":
    main()
