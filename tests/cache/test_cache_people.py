"""Who a track is: kept in a cache's metadata, optional, one person per track."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hanet.cache.columns import PEOPLE_KEY
from hanet.cache.files import CacheError, CacheWriter, PoseCache
from hanet.smpl.side_table import copy_cache
from tests.support.cache_files import META, make


def write(path, sequences, row_group=3):
    with CacheWriter(path, META, row_group=row_group) as writer:
        for sequence in sequences:
            writer.write(sequence)
    return PoseCache.open(path)


def test_people_come_back_in_every_way_of_reading(tmp_path):
    known = [
        make("a", person="ann"),
        make("a", track=1, person="ben"),
        make("b", frames=7, person="ann"),
        make("b", start=9, person="ann"),
        make("c"),
    ]
    cache = write(tmp_path / "c.parquet", known)
    assert cache.people == {("a", 0): "ann", ("a", 1): "ben", ("b", 0): "ann"}
    for got in (cache.sequences(), cache.read().sequences()):
        assert [(s.key, s.person) for s in got] == [(s.key, s.person) for s in known]
    copy_cache(cache.path, tmp_path / "copy.parquet")
    assert PoseCache.open(tmp_path / "copy.parquet").people == cache.people


def test_a_cache_of_nobody_in_particular_has_no_such_entry(tmp_path):
    """Its bytes are those of a file that was written before people were recorded."""
    cache = write(tmp_path / "c.parquet", [make("a")])
    assert PEOPLE_KEY not in pq.read_metadata(cache.path).metadata
    assert cache.people == {} and next(iter(cache.sequences())).person is None


def test_a_track_of_two_people_is_refused(tmp_path):
    with pytest.raises(ValueError, match="a, track 0: a track is one person's, got ann and ben"):
        write(tmp_path / "c.parquet", [make("a", person="ann"), make("a", start=9, person="ben")])
    assert list(tmp_path.iterdir()) == []


def test_an_entry_of_another_kind_is_named(tmp_path):
    path = write(tmp_path / "c.parquet", [make("a", person="ann")]).path
    table = pq.read_table(path)
    for text in (b"{", b'[["a", 0]]', b'{"a": "ann"}', b"7"):
        metadata = {**table.schema.metadata, PEOPLE_KEY: text}
        pq.write_table(pa.Table.from_arrays(table.columns, schema=table.schema.with_metadata(metadata)), path)
        with pytest.raises(
            CacheError, match=r"c\.parquet: expected the people of tracks as .* write it again"
        ):
            PoseCache.open(path)
