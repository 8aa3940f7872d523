#!/usr/bin/env python3
"""Build the wheel, install it alone in an empty environment, refine files of three formats and show one.

    python3 .ci/wheel.py                    # with this Python, or PYTHON=/path/to/python3.13

Prints what the light installation weighs and how long the first refined file took. Under a minute.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
ABSENT = ("torch", "pandas", "pyarrow", "dvc", "mlflow", "prefect", "smplx", "matplotlib")
SOURCE = ("hanet", "stages", "pipeline", "pyproject.toml", "README.md", "LICENSE")
FRAMES = 90
BODY = {
    "nose": (0, -60), "left_eye": (3, -63), "right_eye": (-3, -63),
    "left_ear": (7, -62), "right_ear": (-7, -62), "left_shoulder": (18, -48), "right_shoulder": (-18, -48),
    "left_elbow": (30, -20), "right_elbow": (-30, -20),
    "left_wrist": (35, 5), "right_wrist": (-35, 5), "left_hip": (13, 0), "right_hip": (-13, 0),
    "left_knee": (14, 45), "right_knee": (-14, 45), "left_ankle": (14, 90), "right_ankle": (-14, 90),
}  # fmt: skip
"""COCO's 17 keypoints of a person who stands, in pixels from the hips."""
INSIDE = """
import sys, sysconfig
from importlib.metadata import distributions
import numpy as np
import hanet

rng = np.random.default_rng(0)
poses = np.zeros((90, 17, 3)) + rng.normal(size=(17, 3)) + rng.normal(scale=0.02, size=(90, 17, 3))
poses[20:24, 3] = np.nan
refined = hanet.refine(poses, fps=30)
assert refined.shape == poses.shape and np.isfinite(refined).all()
assert np.abs(np.diff(refined, axis=0)).mean() < 0.5 * np.nanmean(np.abs(np.diff(poses, axis=0)))
from hanet.app.server import serving

with serving() as app:
    assert b"Drop a pose file here" in app.page
assert sysconfig.get_path("purelib") in hanet.__file__, hanet.__file__
sizes = {
    dist.name: sum(
        path.stat().st_size
        for file in dist.files or ()
        if (path := file.locate()).suffix != ".pyc" and path.is_file()
    )
    for dist in distributions() if dist.name not in ("pip", "setuptools")
}
packages = sorted(f"{name.lower()}={size}" for name, size in sizes.items())
print(sys.version.split()[0], sum(sizes.values()), *packages)
"""


def main() -> None:
    """Do it all in a temporary folder."""
    started = time.monotonic()
    with TemporaryDirectory(prefix="hanet-wheel-") as name:
        folder = Path(name)
        python = install(folder)
        files = write_poses(folder)
        took = []
        for path in files:
            before = time.monotonic()
            out = folder / f"refined{path.suffix}"
            said = hanet(python, "refine", str(path), "--out", str(out), *rate(path))
            took.append(time.monotonic() - before)
            assert out.is_file() and "wrote" in said, said
            assert f"{FRAMES} frames" in said, said
            assert f"frames 0 to {FRAMES - 1}" in hanet(python, "info", str(out), *rate(path))
        page = folder / "page.html"
        hanet(python, "view", str(files[2]), str(folder / "refined.trc"), "--html", str(page))
        assert "walk.trc → refined.trc" in page.read_text(encoding="utf-8")
        hanet(python, "convert", str(files[1]), "--fps", "30", "--out", str(folder / "walk.npz"))
        hanet(python, "convert", str(files[2]), "--out", str(folder / "walk.c3d"))
        pair = ("--detected", str(folder / "refined.trc"), "--gt", str(files[2]))
        hanet(python, "calibrate", *pair, "--out", str(folder / "model"))
        assert (folder / "model").is_dir() and (folder / "walk.c3d").is_file()
        assert "general" in hanet(python, "models")
        assert smoother(files[0], folder / "refined.json"), "the refined COCO file is not smoother"
        version, total, *sizes = run(python, "-c", INSIDE).split()
    names = {size.partition("=")[0] for size in sizes}
    assert not names & set(ABSENT), f"a light installation must not bring {names & set(ABSENT)}"
    largest = sorted((-int(size.partition("=")[2]), size.partition("=")[0]) for size in sizes)[:5]
    shares = ", ".join(f"{name} {-size / 1e6:.0f}" for size, name in largest)
    print(
        f"Python {version}: {int(total) / 1e6:.0f} MB in {len(sizes)} packages without .pyc files ({shares})"
    )
    print("refined from the shell in", ", ".join(f"{seconds:.2f} s" for seconds in took))
    print(f"the check took {time.monotonic() - started:.0f} s")


def install(folder: Path) -> Path:
    """An environment with the wheel; returns its Python."""
    quiet = ("-m", "pip", "--quiet", "--disable-pip-version-check")
    run(Path(os.environ.get("PYTHON", sys.executable)), "-m", "venv", str(folder / "env"))
    python = folder / "env" / "bin" / "python"
    source = folder / "source"  # a build leaves files beside what it reads
    source.mkdir()
    for name in SOURCE:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, source / name)
    hashed = ("install", "--require-hashes", "--requirement")
    run(python, *quiet, *hashed, str(ROOT / "constraints-build.txt"))
    built = ("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(source))
    run(python, *quiet, *built)
    [wheel] = folder.glob("hanet-*.whl")
    # The wheel by its own hash; what it depends on by the hashes of constraints.txt.
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    needed = folder / "wheel.txt"
    needed.write_text(f"{wheel.as_uri()} --hash=sha256:{digest}\n")
    run(python, *quiet, *hashed, str(needed), "--constraint", str(ROOT / "constraints.txt"))
    return python


def write_poses(folder: Path) -> list[Path]:
    """The same shaking person as COCO's results, as CSV and as TRC."""
    shaken = [
        [
            (x + 3 * math.sin(7.3 * f * (j + 1)), y + 3 * math.cos(5.1 * f * (j + 2)))
            for j, (x, y) in enumerate(BODY.values())
        ]
        for f in range(FRAMES)
    ]
    coco = [
        {
            "image_id": f,
            "category_id": 1,
            "score": 0.9,
            "keypoints": [number for x, y in pose for number in (x + 400, y + 300, 0.9)],
        }
        for f, pose in enumerate(shaken)
    ]
    header = ",".join(f"{joint}_{axis}" for joint in BODY for axis in "xy")
    rows = [",".join(f"{number + 400:.3f}" for place in pose for number in place) for pose in shaken]
    markers = "\t".join(f"{joint}\t\t" for joint in BODY)
    axes = "\t".join(f"X{j}\tY{j}\tZ{j}" for j in range(1, len(BODY) + 1))
    lines = [
        "PathFileType\t4\t(X/Y/Z)\twalk.trc",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"30\t30\t{FRAMES}\t{len(BODY)}\tm\t30\t0\t{FRAMES}",
        f"Frame#\tTime\t{markers}",
        f"\t\t{axes}",
        *(
            f"{f}\t{f / 30:.4f}\t" + "\t".join(f"{x / 100:.5f}\t{-y / 100:.5f}\t0.00100" for x, y in pose)
            for f, pose in enumerate(shaken)
        ),
    ]
    contents = {
        "walk.json": json.dumps(coco),
        "walk.csv": "\n".join([header, *rows, ""]),
        "walk.trc": "\n".join([*lines, ""]),
    }
    for name, text in contents.items():
        (folder / name).write_text(text)
    return [folder / name for name in contents]


def rate(path: Path) -> tuple[str, ...]:
    """The option that a file needs which does not say its rate."""
    return () if path.suffix == ".trc" else ("--fps", "30")


def smoother(before: Path, after: Path) -> bool:
    """Whether the nose of COCO's results moves less from frame to frame than half as far."""
    moved = []
    for path in (before, after):
        places = [entry["keypoints"][:2] for entry in json.loads(path.read_text())]
        moved.append(sum(math.dist(a, b) for a, b in pairwise(places)))
    return moved[1] < 0.5 * moved[0]


def hanet(python: Path, *words: str) -> str:
    """What the command prints."""
    return run(python.with_name("hanet"), *words)


def run(program: Path, *words: str) -> str:
    """What a program prints, outside of the repository and without its path."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([program, *words], cwd="/", env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{program.name} {' '.join(words)[:200]}\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
