"""Figures, videos and training curves of the report page: in the page as ``data:`` URIs, or beside it."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copyfile
from urllib.parse import quote

import numpy as np
import pandas as pd

from hanet.results.records import Drawn, read_list

# SVGs are shown by <img> too, not inlined in the markup. There they run no script and fetch nothing, and
# their ids, which matplotlib repeats in every figure, do not clash.
MEDIA = {"svg": "image/svg+xml", "png": "image/png", "gif": "image/gif", "mp4": "video/mp4"}
BETTER = {"gif": "mp4", "png": "svg"}
"""If two files of one name have these kinds, the page contains only the second."""


@dataclass(frozen=True)
class Figure:
    """A figure to show.

    Attributes:
        kind: one of `MEDIA`.
        title: its name, also the alternative text.
        caption: what it shows.
        path: its file.
        uri: where the page finds it: the file's content, or a name beside the page.
    """

    kind: str
    title: str
    caption: str
    path: Path
    uri: str = ""

    @property
    def embedded_size(self) -> int:
        """Bytes that the file takes in the page."""
        return 4 * -(-self.path.stat().st_size // 3)

    def embedded(self) -> Figure:
        """The figure with its content in the page."""
        content = b64encode(self.path.read_bytes()).decode()
        return replace(self, uri=f"data:{MEDIA[self.kind]};base64,{content}")

    def beside(self, folder: Path, page: Path) -> Figure:
        """The figure copied to a folder below the page's, and found there."""
        folder.mkdir(parents=True, exist_ok=True)
        copyfile(self.path, folder / self.path.name)
        return replace(self, uri=quote((page / self.path.name).as_posix()))


def figures(folder: Path) -> list[Figure]:
    """Read the figures in a folder's manifest, in its order, without those that `BETTER` replaces.

    Raises:
        ValueError: a figure of unknown kind, outside the folder, or without a file.
    """
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        return []
    entries = read_list(manifest, Drawn)
    listed = {(Path(entry.file).stem, entry.kind) for entry in entries}
    found = []
    for entry in entries:
        file, kind = entry.file, entry.kind
        if kind not in MEDIA:
            raise ValueError(f"{manifest}: {file} is of kind {kind!r}; the report shows {', '.join(MEDIA)}")
        path = folder / file
        if not path.resolve().is_relative_to(folder.resolve()):
            raise ValueError(f"{manifest}: {file} is outside {folder}; figures must be in that folder")
        if not path.is_file():
            raise ValueError(f"{manifest} lists {file}, which is missing; run dvc repro")
        if (path.stem, BETTER.get(kind)) in listed:
            continue
        found.append(Figure(kind, entry.title, entry.caption, path))
    return found


WIDTH, HEIGHT = 240, 64


@dataclass(frozen=True)
class Curve:
    """Validation error of a training by epoch.

    Attributes:
        name: name of the training.
        points: polyline in a box of `WIDTH` × `HEIGHT`; the vertical axis is logarithmic.
        best: position of the lowest error in that box.
        epoch: epoch of the lowest error.
        lowest, last: errors.
        unit: unit of the errors.
        epochs: number of epochs.
    """

    name: str
    points: str
    best: tuple[float, float]
    epoch: int
    lowest: float
    last: float
    unit: str
    epochs: int


def curve(path: Path) -> Curve:
    """Read the curve from a training's CSV file.

    Raises:
        ValueError: a column is missing, or an error is not positive.
    """
    table = pd.read_csv(path)
    if missing := {"epoch", "validation_error", "unit"} - set(table):
        raise ValueError(f"{path} has no column {' and no '.join(sorted(missing))}; run dvc repro")
    errors = table["validation_error"].to_numpy(dtype=np.float64)
    if len(errors) == 0 or not np.all(errors > 0):
        raise ValueError(f"{path}: expected a positive validation_error in every epoch; run dvc repro")
    # Errors of the first epochs are ten times larger: on a linear axis the rest would be a flat line.
    heights = np.log(errors / errors.min())
    top = heights.max() or 1.0
    step = (WIDTH - 8) / max(len(errors) - 1, 1)
    places = [
        (round(4 + step * k, 1), round(HEIGHT - 5 - (HEIGHT - 10) * h / top, 1))
        for k, h in enumerate(heights)
    ]
    best = int(errors.argmin())
    return Curve(
        name=path.stem,
        points=" ".join(f"{x:g},{y:g}" for x, y in places),
        best=places[best],
        epoch=int(table["epoch"].iloc[best]),
        lowest=float(errors[best]),
        last=float(errors[-1]),
        unit=str(table["unit"].iloc[best]),
        epochs=len(errors),
    )
