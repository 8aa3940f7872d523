"""Angles of knee, hip and elbow in an experiment's refined poses, with bias and limits of agreement.

``python -m stages.angles opencap --to docs/results/real`` writes ``angles.md`` and ``angles.csv`` into
``docs/results/real/opencap``, for the rows that are run; `hanet.metrics.angles` defines the angles.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from hanet.cache.files import PoseCache
from hanet.files.atomic import write_text
from hanet.metrics.angles import ANGLES, agreement, joint_angles
from hanet.poses.sequence import PoseSequence
from hanet.progress import console
from hanet.results.scores import Entry
from stages import workspace
from stages.evaluate import refined
from stages.params.load import load

NOTE = (
    "Differences to the ground truth in degrees, per frame, left and right together: bias (mean), then "
    "limits of agreement (bias ∓ 1.96 standard deviations; Bland and Altman 1986). Knee: hip, knee, ankle. "
    "Hip: shoulder, hip, knee. Elbow: shoulder, elbow, wrist. {sequences} sequences, {frames} frames; frames "
    "are not independent, so the limits describe these recordings and no others."
)
COLUMNS = ("method", "seed", "angle", "bias", "low", "high", "count")


def main(arguments: Sequence[str] | None = None) -> None:
    """Write both tables of each experiment."""
    parser = argparse.ArgumentParser(prog="python -m stages.angles", description=__doc__)
    parser.add_argument("experiments", nargs="+", help="names in params.yaml that were run")
    parser.add_argument("--to", type=Path, required=True, help="folder below docs/results")
    asked = parser.parse_args(arguments)
    with workspace.user_errors():
        for name in asked.experiments:
            table, sequences, frames = angles(name)
            folder = asked.to / name
            write_text(folder / "angles.csv", table.to_csv(index=False, float_format="%.3f"))
            note = NOTE.format(sequences=sequences, frames=frames)
            write_text(folder / "angles.md", f"# {name}: joint angles\n\n{note}\n\n{markdown(table)}\n")
            console.print(f"{folder}: angles.md and angles.csv", markup=False)


def angles(experiment: str) -> tuple[pd.DataFrame, int, int]:
    """One row per method, seed and angle; then the number of sequences and of frames.

    Raises:
        ValueError: keypoints, refined poses that are missing, or a skeleton without these joints.
    """
    truth = PoseCache.open(workspace.truth_path(experiment, "test"))
    if truth.metadata.representation != "3d":
        raise ValueError(f"{experiment}: expected 3D joints, got {truth.metadata.representation}")
    known = list(truth.sequences())
    rows = [row for entry in refined(experiment, load()) for row in _rows(entry, known)]
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"seed": "Int64"})
    return table, len(known), truth.num_frames


def _rows(entry: Entry, truth: Sequence[PoseSequence]) -> Iterator[tuple[object, ...]]:
    poses = list(PoseCache.open(entry.path).sequences())
    for name in ANGLES:
        found = agreement(
            joint_angles(pose.values, pose.skeleton, name) - joint_angles(gt.values, gt.skeleton, name)
            for pose, gt in zip(poses, truth, strict=True)
        )
        yield entry.method, entry.seed, name, found.bias, found.low, found.high, found.count


def markdown(table: pd.DataFrame) -> str:
    """One line per method and seed, a column for each angle."""
    lines = [f"| method | {' | '.join(ANGLES)} |", f"|---|{'---|' * len(ANGLES)}"]
    rows = table.to_dict("records")
    for first in range(0, len(rows), len(ANGLES)):
        of = rows[first : first + len(ANGLES)]
        cells = [f"{row['bias']:+.1f} [{row['low']:+.1f}, {row['high']:+.1f}]" for row in of]
        seed = "" if pd.isna(of[0]["seed"]) else f", seed {of[0]['seed']}"
        lines.append(f"| {of[0]['method']}{seed} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
