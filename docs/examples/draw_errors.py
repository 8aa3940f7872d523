"""Draw the error of two methods over a track, with the spans in which the detector fails."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from docs.examples.motion import detect, walk
from hanet.figures.charts.curves import curves
from hanet.methods.filters import Gaussian

truth = walk(frames=240)
seen = detect(truth)
figure = curves(truth, {"input": seen, "gaussian": Gaussian(sigma=2.0).refine(seen)})
with TemporaryDirectory() as folder:
    path = Path(folder) / "curves.svg"
    figure.savefig(path)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")
    assert path.read_text().rstrip().endswith("</svg>")
