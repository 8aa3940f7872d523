"""Fit a table of a detector's errors from its poses with their ground truth, in files of any format.

``python -m stages.errors --pair DETECTED TRUTH --note 'detections=…' --to errors.json``, with `--pair` once
per pair of files, such as the pose caches of ``data/pairs/<experiment>``. An experiment whose estimate is
``fcn`` draws them with ``detector: errors.json``; `hanet.estimators.measured.fit` says how they are fitted.
The command also prints them, how fast errors change (`hanet.estimators.measured.spectrum`) and, of
keypoints, the scores of the detections and of drawn ones.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from hanet import formats
from hanet.estimators.measured.fit import fit, known_values, person_size
from hanet.estimators.measured.model import ErrorTable, save
from hanet.estimators.measured.simulate import detect
from hanet.estimators.measured.spectrum import spectra
from hanet.files.hashing import file_hash
from hanet.formats.base import ReadOptions
from hanet.metrics import evaluate
from hanet.metrics.common import common
from hanet.poses.sequence import PoseSequence
from hanet.progress import console
from stages import workspace

COLUMNS = (
    *("bias", "jitter", "drift", "drift_time"),
    *("burst_rate", "burst_time", "burst_size"),
    *("miss_rate", "miss_time"),
)
SPECTRUM = {
    "below_2_hz": "power below 2 Hz",
    "above_5_hz": "power above 5 Hz",
    "correlation_time": "correlation time s",
}
"""Of `hanet.estimators.measured.spectrum`."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit, write and print a table."""
    parser = argparse.ArgumentParser(prog="python -m stages.errors", description=__doc__)
    parser.add_argument(
        "--pair", nargs=2, type=Path, action="append", required=True, metavar=("DETECTED", "TRUTH")
    )
    parser.add_argument("--fps", type=float, help="frames per second, where the files have none")
    parser.add_argument(
        "--lost",
        type=float,
        metavar="SIZE",
        help="leave out tracks without any detection, and those whose median error is beyond this share of "
        "the person's size (3D: metres): the detector followed something else",
    )
    parser.add_argument("--note", action="append", default=[], metavar="KEY=TEXT", help="for the provenance")
    parser.add_argument("--to", type=Path, required=True, help="the table to write, .json")
    asked = parser.parse_args(arguments)
    with workspace.user_errors():
        notes = dict(note.partition("=")[::2] for note in asked.note)
        hashes = [
            {side: file_hash(path) for side, path in zip(SIDES, pair, strict=True)} for pair in asked.pair
        ]
        lost: list[str] = []
        pairs = list(_pairs(asked.pair, asked.fps, asked.lost, lost))
        left_out = {} if asked.lost is None else {"left_out": {"beyond": asked.lost, "tracks": lost}}
        table = fit(pairs, {**notes, **left_out, "sha256": hashes})
        measured = {joint: one.numbers() for joint, one in spectra(pairs).items()}
        table = table.model_copy(update={"provenance": table.provenance | {"spectrum": measured}})
        if table.unit == "size":
            found = {"detected": [one for one, _ in pairs]}
            found["drawn"] = [detect(truth, table, seed=SEED) for _, truth in pairs]
            scored = {name: _scores(poses, [truth for _, truth in pairs]) for name, poses in found.items()}
            table = table.model_copy(update={"provenance": table.provenance | {"scores": scored}})
        save(table, asked.to)
    console.print(markdown(table), markup=False)
    for name, scores in table.provenance.get("scores", {}).items():
        console.print(f"{name}: {', '.join(f'{key} {value:.4g}' for key, value in scores.items())}")
    console.print(f"{asked.to}: {table.provenance['tracks']} tracks, {table.provenance['frames']} frames")


def _scores(poses: Sequence[PoseSequence], truth: Sequence[PoseSequence]) -> dict[str, float]:
    """PCK as a fraction, and Accel: how like the detections are those that the table draws."""
    means = evaluate(truth, poses, resamples=1).means
    return {key: means[key] for key in ("pck_005", "pck_010", "pck_020", "accel_px_per_frame2")}


SIDES = ("detected", "truth")
SEED = 1
"""Of the detections that are drawn to be compared."""


def _pairs(
    files: Sequence[tuple[Path, Path]], fps: float | None, far: float | None, lost: list[str]
) -> Iterator[tuple[PoseSequence, PoseSequence]]:
    """Tracks of all pairs of files, joints and frames that both have.

    Args:
        files: detections and truth.
        fps: frames per second, where the files have none.
        far: of ``--lost``; None leaves nothing out.
        lost: gets the names of tracks that are left out.
    """
    options = ReadOptions(fps=fps)
    for path, truth in files:
        known, found = (formats.read(one, options).tracks for one in (truth, path))
        if far is not None:
            there = {one.key for one in found}
            lost += [one.name for one in known if one.key not in there]
            known = [one for one in known if one.key in there]
        pair = common(known, found, gt_path=truth, path=path)
        for detected, gt in zip(pair.detected, pair.gt, strict=True):
            if far is not None and _median_error(detected, gt) > far:
                lost.append(gt.name)
            else:
                yield detected, gt


def _median_error(detected: PoseSequence, gt: PoseSequence) -> float:
    """In sizes of the person, or metres."""
    off = known_values(detected, scores=True) - known_values(gt, scores=False)
    size = person_size(gt) if gt.representation == "2d" else 1.0
    return float(np.nanmedian(np.linalg.norm(off, axis=2))) / size


def markdown(table: ErrorTable) -> str:
    """The table's numbers; sizes in percent of the person's size, or in millimetres."""
    factor, unit = (100.0, "%") if table.unit == "size" else (1000.0, "mm")
    sizes = ("bias", "jitter", "drift", "burst_size")
    head = [f"{name.replace('_', ' ')} {unit if name in sizes else _unit(name)}" for name in COLUMNS]
    measured = table.provenance.get("spectrum", {})
    extra = " | ".join(SPECTRUM.values()) + " | " if measured else ""
    lines = [
        f"| joint | {' | '.join(head)} | {extra}swap rate 1/s | swap time s |",
        f"|---|{'---:|' * (len(head) + 2 + (len(SPECTRUM) if measured else 0))}",
    ]
    for joint, errors in table.joints.items():
        cells = [f"{(factor if name in sizes else 1.0) * getattr(errors, name):.3g}" for name in COLUMNS]
        if measured:
            numbers = measured.get(joint, {})
            cells += [f"{numbers[name]:.3g}" if name in numbers else "" for name in SPECTRUM]
        swap = table.swaps.get(joint)
        cells += ["", ""] if swap is None else [f"{swap.rate:.3g}", f"{swap.time:.3g}"]
        lines.append(f"| {joint} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _unit(name: str) -> str:
    return "1/s" if name.endswith("rate") else "s"


if __name__ == "__main__":
    main()
