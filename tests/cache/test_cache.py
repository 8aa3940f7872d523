"""The pose cache: what is written comes back, a file is whole or absent."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hanet.cache.files import CacheWriter, PoseCache
from tests.support.cache_files import META, J, assert_same, make, sequences, write


@settings(max_examples=40, deadline=None)
@given(made=sequences(), row_group=st.integers(1, 20), mapped=st.booleans())
def test_what_is_written_comes_back(tmp_path_factory, made, row_group, mapped):
    folder = tmp_path_factory.mktemp("cache")
    cache = write(folder / "c.parquet", made, row_group=row_group)
    assert cache.metadata == META
    assert cache.num_frames == sum(map(len, made))

    table = cache.read(mmap_dir=folder if mapped else None)
    for back in (list(cache.sequences()), list(table.sequences())):
        assert len(back) == len(made)
        for sequence, came in zip(made, back, strict=True):
            assert_same(sequence, came)
    assert [p.name for p in folder.iterdir()] == ["c.parquet"]


def test_sequence_over_many_row_groups_is_joined(tmp_path):
    long, short = make("long", frames=23), make("short", frames=3)
    cache = write(tmp_path / "c.parquet", [short, long, make("end")], row_group=4)
    assert pq.ParquetFile(cache.path).num_row_groups == 8  # 3 + 23 + 4 frames
    came = list(cache.sequences())
    assert [s.name for s in came] == ["short", "long", "end"]
    assert_same(came[1], long)
    assert cache.read().offsets.tolist() == [0, 3, 26, 30]


def test_codes_agree_across_row_groups(tmp_path):
    """Each row group has its own dictionary; the same name must keep its code."""
    made = [make("b"), make("a"), make("c"), make("b", start=9), make("a", track=1)]
    table = write(tmp_path / "c.parquet", made, row_group=4).read()
    assert table.names == ("b", "a", "c")
    assert table.sequence_code.tolist() == [0] * 4 + [1] * 4 + [2] * 4 + [0] * 4 + [1] * 4


def test_shards_of_a_track_join(tmp_path):
    whole = make(frames=9, scores=np.arange(9 * J, dtype=np.float32).reshape(9, J))
    parts = [
        replace(whole, values=whole.values[a:b], scores=whole.scores[a:b], start=a)
        for a, b in ((0, 2), (2, 9))
    ]
    cut = write(tmp_path / "cut.parquet", parts, row_group=5)
    assert_same(*cut.sequences(), whole)
    assert cut.content_hash() == write(tmp_path / "whole.parquet", [whole], row_group=5).content_hash()


def test_scores_of_some_sequences_only(tmp_path):
    """In a table the rows without scores hold NaN, the rows without labels hold True."""
    scored = make("a", scores=np.ones((4, J), np.float32), labelled=np.zeros((4, J), bool))
    table = write(tmp_path / "c.parquet", [scored, make("b", image_size=(640, 480))]).read()
    assert (table.scores[:4] == 1).all() and np.isnan(table.scores[4:]).all()
    assert not table.labelled[:4].any() and table.labelled[4:].all()
    assert table.boxes is None
    assert table.image_size.tolist() == [[0, 0]] * 4 + [[640, 480]] * 4


def test_arrays_that_say_nothing_come_back_as_none(tmp_path):
    nothing = make(
        scores=np.full((4, J), np.nan, np.float32),
        labelled=np.ones((4, J), bool),
        boxes=np.full((4, 4), np.nan, np.float32),
    )
    (came,) = write(tmp_path / "c.parquet", [nothing]).sequences()
    assert (came.scores, came.labelled, came.boxes) == (None, None, None)


def test_only_the_columns_asked_for_are_read(tmp_path):
    full = make(scores=np.ones((4, J), np.float32), boxes=np.ones((4, 4), np.float32), image_size=(8, 6))
    cache = write(tmp_path / "c.parquet", [full])
    assert set(cache.read(columns=("boxes",)).arrays()) == {
        "values",
        "sequence_code",
        "track",
        "frame",
        "boxes",
    }
    with pytest.raises(
        ValueError, match="columns must be among scores, labelled, boxes, image_size, got box"
    ):
        cache.read(columns=("box",))


def test_double_precision_is_rounded_to_single(tmp_path):
    double = make(values=np.full((2, J, 2), 1 / 3))
    (came,) = write(tmp_path / "c.parquet", [double]).sequences()
    assert came.values.dtype == np.float32
    assert (came.values == np.float32(1 / 3)).all()


def test_writer_copies_what_it_is_given(tmp_path):
    buffer = make()
    kept = buffer.values.copy()
    with CacheWriter(tmp_path / "c.parquet", META) as writer:
        writer.write(buffer)
        buffer.values[:] = 0
    (came,) = PoseCache.open(tmp_path / "c.parquet").sequences()
    np.testing.assert_array_equal(came.values, kept)


def test_empty_cache(tmp_path):
    cache = write(tmp_path / "c.parquet", [])
    assert cache.num_frames == 0
    assert list(cache.sequences()) == []
    table = cache.read(mmap_dir=tmp_path)
    assert table.values.shape == (0, 2 * J)
    assert table.num_segments == 0 and table.offsets.tolist() == [0]


def test_mapped_arrays_are_private_to_the_table(tmp_path):
    cache = write(tmp_path / "c.parquet", [make(frames=5)])
    before = cache.content_hash()
    table = cache.read(mmap_dir=tmp_path)
    assert isinstance(table.values, np.memmap)
    torch.from_numpy(table.values).zero_()
    assert cache.content_hash() == before
    assert (cache.read(mmap_dir=tmp_path).values != 0).all()


def test_same_input_gives_the_same_bytes(tmp_path):
    made = [make("a", frames=11, image_size=(4, 3)), make("b", frames=7, labelled=np.zeros((7, J), bool))]
    hashes = {write(tmp_path / f"{i}.parquet", made, row_group=5).content_hash() for i in range(2)}
    assert len(hashes) == 1
    assert write(tmp_path / "c.parquet", made[:1]).content_hash() not in hashes


def test_content_hash_is_the_sha256_of_the_file(tmp_path):
    cache = write(tmp_path / "c.parquet", [make()])
    assert cache.content_hash() == hashlib.sha256(cache.path.read_bytes()).hexdigest()


def test_failed_rewrite_keeps_the_older_file(tmp_path):
    cache = write(tmp_path / "c.parquet", [make()])
    before = cache.content_hash()
    with pytest.raises(RuntimeError, match="camera lost"), CacheWriter(cache.path, META) as writer:
        writer.write(make("b"))
        raise RuntimeError("camera lost")
    assert cache.content_hash() == before


@pytest.mark.parametrize("end", ["os._exit(1)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_killed_writer_leaves_no_cache(tmp_path, end):
    """What it leaves, a later writer neither reads nor needs to remove."""
    path = tmp_path / "c.parquet"
    script = f"""
        import os, signal, sys
        import numpy as np
        from hanet.cache.files import CacheMetadata, CacheWriter
        from hanet.poses.sequence import PoseSequence
        from hanet.poses.skeletons import JHMDB15
        common = dict(skeleton=JHMDB15, representation="2d", unit="px", fps=25.0, frame_of_reference="image")
        metadata = CacheMetadata(dataset="d", split="s", estimator="e", **common)
        with CacheWriter(sys.argv[1], metadata, row_group=99) as writer:
            writer.write(PoseSequence("a", np.random.rand(9999, 15, 2), **common))
            {end}
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(path)], cwd=Path.cwd())
    assert killed.returncode in (1, -signal.SIGKILL)
    assert not path.exists()
    stale = list(tmp_path.iterdir())
    assert len(stale) == 1 and stale[0].stat().st_size > 0

    (came,) = write(path, [make()]).sequences()
    assert_same(came, make())
    assert set(tmp_path.iterdir()) == {path, *stale}
