"""docs/gallery.md: what each experiment's input, refined poses and truth look like, its numbers, its errors.

    python -m docs.tools.gallery                     # the page, from committed files alone
    python -m docs.tools.gallery --data data NAME …  # before it, pictures and errors of experiments

Numbers come from the tables in docs/results, errors from docs/results/errors. Pictures and errors are made
only from pairs whose hashes are those of the committed tables.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

import numpy as np
from matplotlib.figure import Figure

from hanet.cache.files import PoseCache
from hanet.datasets.uiprmd.pairs import read_pairs
from hanet.estimators.measured.fit import fit
from hanet.estimators.measured.model import ErrorTable, load
from hanet.estimators.measured.model import save as save_errors
from hanet.estimators.measured.spectrum import Spectrum, spectra
from hanet.figures.charts.errors import errors as errors_of
from hanet.figures.charts.errors import worst_span
from hanet.figures.choose import median_key, spread_rows
from hanet.figures.settings import FigureSettings
from hanet.figures.shown import Shown, mean
from hanet.figures.skeletons.stills import skeletons, views
from hanet.figures.style import save, styled
from hanet.files.json_text import read_json
from hanet.methods.general import GeneralRefiner
from hanet.options import SPLITS
from hanet.poses.sequence import PoseSequence
from stages.errors import markdown

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "gallery.md"
IMAGES = ROOT / "docs" / "images" / "gallery"
RESULTS = ROOT / "docs" / "results"
ERRORS = RESULTS / "errors"
LARGEST = 150_000
"""Bytes of a picture at most."""
STILLS = 3
"""Frames of a picture."""
NAMES = {
    "mpjpe_mm.mean": "MPJPE mm",
    "pa_mpjpe_mm.mean": "PA-MPJPE mm",
    "mpvpe_mm.mean": "MPVPE mm",
    "pck_005.mean": "PCK@.05",
    "pck_010.mean": "PCK@.1",
    "pck_020.mean": "PCK@.2",
    "accel_mm_per_frame2.mean": "Accel mm/frame²",
    "accel_px_per_frame2.mean": "Accel px/frame²",
}
"""Columns of the committed tables that the page shows where they are."""


@dataclass(frozen=True)
class Experiment:
    """A section of the page.

    Attributes:
        name: of the experiment.
        what: the first sentence: what is real, rendered or simulated.
        table: of docs/results, without its ending.
        source: whose data the pictures show, and their licence.
        picture: one of docs/images that shows the experiment; None for one that this program draws.
        seen: what that picture shows.
    """

    name: str
    what: str
    table: str
    source: str
    picture: str | None = None
    seen: str = ""


AIST = "AIST++ annotations, Google LLC, CC BY 4.0; the poses were drawn."
OPENCAP = "Samples of opencap-visualizer, Apache-2.0; the poses were drawn."
CLIPS = "Motion of the embedded clips ([data sets](datasets.md))."
EXPERIMENTS = (
    Experiment("aist-keypoints", "Real dancers, seen by a real 2D detector; the truth is triangulated from "
        "the same detections.", "real/aist-keypoints/untrained", AIST),
    Experiment("uiprmd-kinect", "Real people, seen by a real Kinect v2, against real markers.",
        "three-seeds/uiprmd-kinect/comparison", "UI-PRMD, public domain (PDDL 1.0).",
        "uiprmd-kinect-curves.svg", "Errors over the test episode whose input error is the median."),
    Experiment("opencap", "Real people on video, seen by MediaPipe, against real markers.",
        "real/opencap/untrained", OPENCAP),
    Experiment("opencap-wham", "Real people on video, seen by WHAM, against real markers.",
        "real/opencap-wham/untrained", OPENCAP),
    Experiment("opencap-mono", "Real people on video, seen by OpenCap Monocular, against real markers.",
        "real/opencap-mono/untrained", OPENCAP),
    Experiment("rendered-blazepose", "Rendered people with real motion, seen by a real estimator, BlazePose.",
        "rendered-blazepose/comparison", "MakeHuman's body, CC0, with motion of the embedded clips.",
        "rendered-people.jpg", "Frames that BlazePose reads, one per camera."),
    Experiment("clips-fcn", "Simulated detections of real motion, lifted by a real network.",
        "default/clips-fcn/comparison", CLIPS),
    Experiment("clips-smpl", "Simulated errors of a regressor on real motion, on a synthetic body.",
        "three-seeds/clips-smpl/meshes", CLIPS, "clips-smpl-mesh.png",
        "The four frames of largest input error of the median test sequence; colours are vertex errors, the "
        "truth is grey."),
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw what is asked for, then write the page."""
    parser = argparse.ArgumentParser(prog="python -m docs.tools.gallery", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with the experiments' pairs")
    parser.add_argument("--uiprmd", type=Path, help="folder of UI-PRMD's pinned pairs: their errors")
    parser.add_argument("experiments", nargs="*")
    asked = parser.parse_args(arguments)
    for one in EXPERIMENTS:
        if asked.data is not None and one.name in asked.experiments:
            draw(one, asked.data)
        if asked.uiprmd is not None and one.name == "uiprmd-kinect":
            draw_errors(one, list(read_pairs(asked.uiprmd)))
    PAGE.write_text(page())
    print(PAGE)


# --- pictures and errors, from an experiment's data


def draw(one: Experiment, data: Path) -> None:
    """Write an experiment's pictures, and its errors where its estimator is real.

    Raises:
        ValueError: pairs that the committed table does not stand on, or a picture that is too large.
    """
    pairs = data / "pairs" / one.name
    ERRORS.mkdir(parents=True, exist_ok=True)
    committed = read_json((RESULTS / one.table).parent / "provenance.json", dict, remedy="commit it")
    given = PoseCache.open(pairs / "detected-test.parquet")
    if given.content_hash() != committed["data_sha256"]["detected"]:
        raise ValueError(f"{pairs}: other detections than those of docs/results/{one.table}")
    settings = FigureSettings()
    shown = _shown(pairs)
    note = {"where": shown.where(), "wrong": shown.wrong(settings), "frames": _frames(shown)}
    IMAGES.mkdir(parents=True, exist_ok=True)
    _save(_stills(shown, settings), IMAGES / f"{one.name}.png")
    (IMAGES / f"{one.name}.json").write_text(json.dumps(note, indent=1, ensure_ascii=False) + "\n")
    if one.what.startswith(("Real", "Rendered")):
        draw_errors(one, list(_pairs(pairs)))


def draw_errors(one: Experiment, found: Sequence[tuple[PoseSequence, PoseSequence]]) -> None:
    """Write the errors of (detected, truth) tracks, and their picture."""
    measured = spectra(found)
    about = {"experiment": one.name, "spectrum": {part: s.numbers() for part, s in measured.items()}}
    save_errors(fit(found, about), ERRORS / f"{one.name}.json")
    unit = "m" if found[0][0].representation == "3d" else "size"
    _save(_spectra(measured, unit), IMAGES / f"{one.name}-errors.png")


def _shown(pairs: Path) -> Shown:
    """The test sequence of median input error, as detected and by the general refiner."""
    truth, found = (
        {(*one.key, one.start): one for one in PoseCache.open(pairs / f"{side}-test.parquet").sequences()}
        for side in ("gt", "detected")
    )
    key = median_key({key: mean(errors_of(truth[key], found[key]).frames) for key in truth})
    gt, detected = truth[key], found[key]
    methods = {"input": detected, "general": GeneralRefiner().refine(detected)}
    span = worst_span(errors_of(gt, detected).frames, fps=gt.fps)
    return Shown(gt, methods, span, f"the one of {len(truth)} whose input error is the median", None)


def _frames(shown: Shown) -> list[int]:
    return [shown.gt.start + row for row in spread_rows(shown.span, STILLS)]


def _stills(shown: Shown, settings: FigureSettings) -> Figure:
    rows = spread_rows(shown.span, STILLS)
    if shown.gt.representation == "3d":
        return views(shown.gt, shown.methods, rows, wrong_mm=settings.wrong_mm)
    return skeletons(shown.gt, shown.methods, rows, wrong_alpha=settings.wrong_alpha)


def _pairs(folder: Path) -> Iterator[tuple[PoseSequence, PoseSequence]]:
    """All splits' tracks: nothing is trained on them here."""
    for split in SPLITS:
        if (path := folder / f"detected-{split}.parquet").is_file():
            truth = PoseCache.open(folder / f"gt-{split}.parquet").sequences()
            yield from zip(PoseCache.open(path).sequences(), truth, strict=True)


@styled
def _spectra(found: dict[str, Spectrum], unit: str) -> Figure:
    """Power by frequency, and correlation by lag, of every joint."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    power, correlation = figure.subplots(1, 2)
    factor = 1e6 if unit == "m" else 1e4
    for part, one in found.items():
        power.loglog(one.hertz[1:], factor * one.power[1:], label=part, linewidth=1.2)
        correlation.plot(one.lags, one.correlation, linewidth=1.2)
    power.set_xlabel("frequency (Hz)")
    power.set_ylabel("power (mm²/Hz)" if unit == "m" else "power (% of the person's size)²/Hz")
    correlation.axhline(np.exp(-1), color="grey", linewidth=0.8, linestyle=":")
    correlation.set_xlabel("lag (s)")
    correlation.set_ylabel("correlation (dotted: 1/e)")
    figure.legend(loc="outside upper center", ncols=min(6, len(found)), fontsize=8)
    return figure


def _save(figure: Figure, path: Path) -> None:
    """A PNG of the most dots per inch, up to 140, that stays below `LARGEST`."""
    for dpi in (140, 110, 90, 70):
        save(figure, path, dpi=dpi)
        if path.stat().st_size <= LARGEST:
            return
    raise ValueError(f"{path}: more than {LARGEST} bytes even at 70 dots per inch")


# --- the page, from committed files


HEAD = """# Gallery

Written by `python -m docs.tools.gallery` from the tables in `docs/results`. Pictures that this program
draws show the test sequence whose input error is the median, in frames spread over its worst span. Errors
are those of all splits: bias, jitter, drift, bursts, misses and swaps are fitted as
[estimators](estimators.md#fcn) says; the power of the errors by frequency and their correlation in time are
measured around each track's mean, swaps and bursts included.
"""


def page() -> str:
    """The text of docs/gallery.md."""
    return "\n".join([HEAD, *(section(one) for one in EXPERIMENTS)])


def section(one: Experiment) -> str:
    """An experiment's part of the page."""
    parts = [f"## {one.name}", one.what]
    drawn = IMAGES / f"{one.name}.png"
    if one.picture is not None:
        parts += [f"![{one.name}](images/{one.picture})", _filled(f"*{one.seen} {one.source}*")]
    elif drawn.is_file():
        note = read_json(drawn.with_suffix(".json"), dict, remedy="draw it again")
        frames = ", ".join(map(str, note["frames"]))
        parts.append(f"![{one.name}: input and refined over the truth](images/gallery/{drawn.name})")
        parts.append(
            _filled(
                f"*Input and general refiner over the truth (grey), frames {frames} of {note['where']}. "
                f"{note['wrong']} {one.source}*"
            )
        )
    parts += [numbers(RESULTS / f"{one.table}.csv"), f"*All columns: `docs/results/{one.table}.md`.*"]
    stored = ERRORS / f"{one.name}.json"
    if stored.is_file():
        parts += errors(one.name, load(str(stored)))
    return "\n\n".join(parts) + "\n"


def _filled(text: str) -> str:
    return fill(text, 118, break_long_words=False, break_on_hyphens=False)


def numbers(path: Path) -> str:
    """The rows of a committed table that were run, with the columns of `NAMES`."""
    with path.open() as file:
        rows = [row for row in csv.DictReader(file) if row["status"] == "run"]
    shown = [name for name in NAMES if name in rows[0]]
    lines = [f"| row | {' | '.join(NAMES[name] for name in shown)} |", f"|---|{'---:|' * len(shown)}"]
    for row in rows:
        cells = [f"{float(row[name]):.2f}" if row[name] else "" for name in shown]
        lines.append(f"| {row['label']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def errors(name: str, table: ErrorTable) -> list[str]:
    """What the estimator's errors look like."""
    about = table.provenance
    people = f", {about['people']} people" if about.get("people") else ""
    unit = "percent of the person's size" if table.unit == "size" else "millimetres, relative to the root"
    return [
        _filled(
            f"**Errors of the input** ({about['tracks']} tracks, {about['frames']:,} frames{people}): "
            f"standard deviations per axis in {unit}, rates per second, shares of the power."
        ),
        markdown(table),
        f"![Power and correlation of the errors](images/gallery/{name}-errors.png)",
    ]


if __name__ == "__main__":
    main()
