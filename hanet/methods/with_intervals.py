"""Refine with a radius per joint and frame (`hanet.methods.intervals`), and write the radii as a table.

Radii follow from what the general refiner did, also where a calibration comes after it.

Axes: T frames, J joints, D coordinates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from hanet.files.atomic import whole_file
from hanet.methods import intervals
from hanet.methods.around import Around
from hanet.methods.calibrated import Calibrated
from hanet.methods.changes import Noted
from hanet.methods.intervals import Intervals
from hanet.methods.smoothing import GapAware, General, Smoothed
from hanet.poses.sequence import PoseSequence

ENDINGS = (".parquet", ".csv")


@dataclass(frozen=True)
class WithIntervals(Around):
    """The general refiner, or a calibrated one, with radii.

    Attributes:
        max_gap: seconds, as the method's.
        method: the refiner.
        model: of the radii.
    """

    model: Intervals = field(default_factory=intervals.packaged)

    @classmethod
    def of(cls, method: GapAware) -> WithIntervals:
        """The method with radii.

        Raises:
            ValueError: another method than the general refiner and calibrations: radii were measured on their
                results alone. Or a calibration that does not know how far off it is.
        """
        plain = method.method if isinstance(method, Noted) else method
        if isinstance(plain, Calibrated) and plain.calibration is not None:
            try:
                return cls(method.max_gap, method, plain.calibration.intervals)
            except ValueError as error:
                raise ValueError(f"{plain.folder}: {error}") from error
        if not isinstance(plain, General):
            raise ValueError(
                "intervals are the general refiner's and calibrations', with all frames; got "
                f"{method.name}: leave out --method, --model and --lag, or the intervals"
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
        plain = _uncalibrated(self.inner)
        before = result if plain is self.inner else plain.smooth(sequence)
        detected, refined = (poses.values.astype(np.float64) for poses in (sequence, before.sequence))
        return replace(result, radii=self.model.radii(detected, refined, sequence.fps))


def _uncalibrated(method: GapAware) -> GapAware:
    """The method up to a calibration; itself where there is none."""
    if isinstance(method, Noted):
        plain = _uncalibrated(method.inner)
        return method if plain is method.inner else replace(method, method=plain)
    return General(method.max_gap) if isinstance(method, Calibrated) else method


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
