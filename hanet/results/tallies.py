"""The file of tallies: what every mean, interval and paired comparison of an experiment is computed from.

A row group of the Parquet file holds one scored cache, with a row per sequence: its name, track and person,
and for each metric a list of totals and one of weights, a number per column (see
`hanet.metrics.accumulate.Tally`). It is written and read one row group at a time.

Axes: R seeds, S sequences, K columns of a metric (joints, or one).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float

from hanet.files.parquet import open_parquet, parquet_writer, verify_pages
from hanet.metrics import Scores
from hanet.metrics.clusters import Clusters

TOTAL, WEIGHT = "total ", "weight "


class TallyWriter:
    """Writes the scores of one cache after the other."""

    def __init__(self, path: Path, files: ExitStack) -> None:
        self._path, self._files = path, files
        self._writer: pq.ParquetWriter | None = None

    def write(self, method: str, seed: int | None, scores: Scores) -> None:
        """Append the scores of a method, and of a seed where it is trained; all have the same metrics."""
        table = _table(method, seed, scores)
        if self._writer is None:
            writing = parquet_writer(self._path, table.schema, compression="zstd")
            self._writer = self._files.enter_context(writing)
        self._writer.write_table(table, row_group_size=max(1, len(table)))


@contextmanager
def tally_writer(path: Path) -> Iterator[TallyWriter]:
    """A writer; the file appears at `path` when the block succeeds."""
    with ExitStack() as files:
        yield TallyWriter(path, files)


def _table(method: str, seed: int | None, scores: Scores) -> pa.Table:
    tracks = scores.tracks
    columns: dict[str, pa.Array] = {
        "method": pa.array([method] * len(tracks), pa.string()),
        "seed": pa.array([seed] * len(tracks), pa.int64()),
        "sequence": pa.array(tracks.names, pa.string()),
        "track": pa.array(tracks.numbers, pa.int64()),
        "person": pa.array(tracks.people, pa.string()),
    }
    for metric, entry in scores.tallies.items():
        for prefix, values in zip((TOTAL, WEIGHT), entry, strict=True):
            flat = pa.array(values.reshape(-1), pa.float64())
            columns[prefix + metric] = pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
    return pa.table(columns)


class Tallies:
    """Tallies of an experiment's methods, read from their file when asked for."""

    def __init__(self, path: Path) -> None:
        """Open a file of `tally_writer`.

        Raises:
            FileNotFoundError: no such file.
            ValueError: a damaged file.
        """
        self._path = path
        with self._reading():
            verify_pages(path)
            self._file = open_parquet(path)
            self._groups: dict[str, list[int]] = defaultdict(list)
            for group in range(self._file.num_row_groups):
                method = self._file.read_row_group(group, columns=["method"])["method"][0].as_py()
                self._groups[method].append(group)

    def of(self, method: str, metric: str) -> tuple[Float[np.ndarray, "R S K"], Float[np.ndarray, "S K"]]:
        """Totals by seed, and weights, which are the same for all seeds; sequences in order of evaluation."""
        groups = self._groups[method]
        totals = np.stack([self._values(group, TOTAL + metric) for group in groups])
        return totals, self._values(groups[0], WEIGHT + metric)

    def _values(self, group: int, column: str) -> Float[np.ndarray, "S K"]:
        with self._reading():
            values = self._file.read_row_group(group, columns=[column])[column].combine_chunks()
        return values.flatten().to_numpy(zero_copy_only=False).reshape(len(values), -1)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise FileNotFoundError(f"{self._path}: no such file; run dvc repro") from None
        except (pa.ArrowException, OSError, LookupError, ValueError) as error:
            raise ValueError(f"{self._path}: damaged tallies ({error}); run dvc repro") from error

    @cached_property
    def clusters(self) -> Clusters:
        """The people, or else the clips, of the sequences."""
        with self._reading():
            table = self._file.read_row_group(0, columns=["sequence", "person"])
        return Clusters.of_sequences(table["sequence"].to_pylist(), table["person"].to_pylist())
