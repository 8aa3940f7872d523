"""Refine with a radius per joint and frame (`hanet.methods.intervals`), and write the radii as a table.

Axes: T frames, J joints, D coordinates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hanet.files.atomic import whole_file
from hanet.methods import intervals
from hanet.methods.around import Around
from hanet.methods.changes import Noted
from hanet.methods.smoothing import GapAware, General, Smoothed
from hanet.poses.sequence import PoseSequence

ENDINGS = (".parquet", ".csv")


@dataclass(frozen=True)
class WithIntervals(Around):
    """The general refiner with radii.

    Attributes:
        max_gap: seconds, as the method's.
        method: the general refiner.
    """

    @classmethod
    def of(cls, method: GapAware) -> WithIntervals:
        """The method with radii.

        Raises:
            ValueError: another method than the general refiner: radii were measured on its results alone.
        """
        plain = method.method if isinstance(method, Noted) else method
        if not isinstance(plain, General):
            raise ValueError(
                f"intervals are the general refiner's, with all frames; got {method.name}: leave out "
                "--method, --model and --lag, or the intervals"
            )
        return cls(method.max_gap, method)

    def smooth(self, sequence: PoseSequence) -> Smoothed:
        """As the method's `smooth`, with radii.

        Raises:
            ValueError: rotations, which have no place.
        """
        if sequence.unit not in ("m", "px"):
            raise ValueError(f"{sequence.name}: intervals are for places of joints, got rotations")
        result = self.inner.smooth(sequence)
        detected, refined = (poses.values.astype(np.float64) for poses in (sequence, result.sequence))
        return replace(result, radii=intervals.packaged().radii(detected, refined, sequence.fps))


def write_radii(path: Path, results: Sequence[tuple[Path, Smoothed]]) -> None:
    """Write a row per file, track, frame and joint with a radius, whole or not at all.

    Args:
        path: ``.parquet`` or ``.csv``.
        results: input files with their tracks, one pair per track, refined by `WithIntervals`.
    """
    import pyarrow as pa
    from pyarrow import csv, parquet

    table = pa.concat_tables([_rows(source, result) for source, result in results])
    with whole_file(path) as made:
        if path.suffix == ".csv":
            csv.write_csv(table, made)
        else:
            parquet.write_table(table, made)


def _rows(source: Path, result: Smoothed) -> Any:
    import pyarrow as pa

    sequence, radii = result.sequence, result.radii
    assert radii is not None
    frame, joint = np.nonzero(np.isfinite(radii))
    count, names = len(frame), np.array(sequence.skeleton.joints)
    return pa.table(
        {
            "file": pa.array([str(source)] * count, pa.string()),
            "name": pa.array([sequence.name] * count, pa.string()),
            "track": pa.array(np.full(count, sequence.track), pa.int64()),
            "frame": pa.array(frame + sequence.start, pa.int64()),
            "joint": pa.array(names[joint], pa.string()),
            "radius": pa.array(radii[frame, joint], pa.float64()),
            "unit": pa.array([sequence.unit] * count, pa.string()),
        }
    )
