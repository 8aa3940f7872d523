"""Tallies are kept as arrays, and written and read one scored cache at a time."""

from __future__ import annotations

import numpy as np
import pytest

from hanet.metrics.accumulate import Accumulator, Scores, SequenceScores, Tally
from hanet.results.tallies import Tallies, tally_writer


def scores(seed: int, *, sequences: int = 5, people: bool = True) -> Scores:
    rng = np.random.default_rng(seed)
    accumulator = Accumulator(protocol="full", joints=("a", "b", "c"))
    for i in range(sequences):
        tallies = {
            "mpjpe_mm": Tally(rng.normal(size=3), np.array([4.0, 0.0, i])),
            "bone_length_cv": Tally(rng.normal(size=1), np.ones(1)),
        }
        person = f"p{i % 2}" if people else None
        accumulator.add(SequenceScores(f"clip{i}", i, 4, tallies, person))
    return accumulator.scores(resamples=10)


def test_tallies_are_read_as_written(tmp_path):
    written = {("input", None): scores(0), ("net", 1): scores(1), ("net", 2): scores(2)}
    with tally_writer(tmp_path / "t.parquet") as writer:
        for (method, seed), one in written.items():
            writer.write(method, seed, one)
    tallies = Tallies(tmp_path / "t.parquet")
    for metric in ("mpjpe_mm", "bone_length_cv"):
        totals, weights = tallies.of("net", metric)
        expected = [written["net", seed].tallies[metric] for seed in (1, 2)]
        np.testing.assert_array_equal(totals, [entry.total for entry in expected])
        np.testing.assert_array_equal(weights, expected[0].weight)
        np.testing.assert_array_equal(
            tallies.of("input", metric)[0][0], written["input", None].tallies[metric].total
        )
    assert tallies.clusters.of.tolist() == [0, 1, 0, 1, 0]
    assert tallies.clusters.people == 2


def test_unknown_people_leave_clips(tmp_path):
    with tally_writer(tmp_path / "t.parquet") as writer:
        writer.write("input", None, scores(0, people=False))
    assert Tallies(tmp_path / "t.parquet").clusters.people is None


def test_damaged_tallies_are_refused(tmp_path):
    path = tmp_path / "t.parquet"
    with tally_writer(path) as writer:
        writer.write("input", None, scores(0))
    data = bytearray(path.read_bytes())
    data[data.index(b"hanet seal") // 2] ^= 4
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"t.parquet: damaged tallies .* SHA-256 of its pages"):
        Tallies(path)


def test_rows_and_frames_are_those_of_the_arrays():
    found = scores(3)
    table = found.to_frame()
    for i, row in enumerate(found.rows):
        assert (row.sequence, row.track, row.frames, row.person) == (f"clip{i}", i, 4, f"p{i % 2}")
        for metric, entry in row.tallies.items():
            assert table[metric][i] == entry.mean


def test_a_sequence_with_other_metrics_is_refused():
    accumulator = Accumulator(protocol="full", joints=("a",))
    one = Tally(np.ones(1), np.ones(1))
    accumulator.add(SequenceScores("a", 0, 1, {"mpjpe_mm": one}))
    with pytest.raises(
        ValueError, match="b: expected scores of mpjpe_mm, as of the sequences before, got pck"
    ):
        accumulator.add(SequenceScores("b", 0, 1, {"pck": one}))


def test_tallies_of_many_sequences_take_little_memory():
    """Per sequence and column 16 bytes, where objects per sequence took hundreds."""
    import tracemalloc

    columns, sequences = 17, 3000
    row = SequenceScores("clip", 0, 4, {"mpjpe_mm": Tally(np.ones(columns), np.ones(columns))})
    accumulator = Accumulator(protocol="full", joints=tuple("abcdefghijklmnopq"))
    tracemalloc.start()
    for _ in range(sequences):
        accumulator.add(row)
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept < sequences * (1.3 * 16 * columns + 64)
