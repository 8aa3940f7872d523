"""The pose cache: what is written comes back, a file is whole or absent, a refusal names its cause."""

import hashlib
import json
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hanet.data.cache import (
    GROUND_TRUTH,
    CacheError,
    CacheMetadata,
    CacheWriter,
    PoseCache,
    check_aligned,
)
from hanet.data.schema import METADATA_KEY
from hanet.poses import PoseSequence
from hanet.skeletons import H36M17, H36M17_LEFT_FIRST, JHMDB15, Skeleton

META = CacheMetadata(
    dataset="made_up",
    split="test",
    estimator="walker",
    skeleton=JHMDB15,
    representation="2d",
    unit="px",
    fps=25.0,
    frame_of_reference="image",
    provenance={"source": "sha256:00", "parameters": {"threshold": 0.5, "flip": [True, None]}},
)
J = len(JHMDB15)


def make(name="a", *, frames=4, start=0, track=0, seed=0, **fields) -> PoseSequence:
    """A sequence that fits META, with random poses."""
    values = np.random.default_rng(seed).normal(size=(frames, J, 2)).astype(np.float32)
    known = {
        "name": name,
        "values": values,
        "skeleton": JHMDB15,
        "representation": "2d",
        "fps": 25.0,
        "unit": "px",
        "frame_of_reference": "image",
        "track": track,
        "start": start,
    }
    return PoseSequence(**(known | fields))


def write(path: Path, sequences, metadata=META, **options) -> PoseCache:
    with CacheWriter(path, metadata, **options) as writer:
        for sequence in sequences:
            writer.write(sequence)
    return PoseCache.open(path)


def assert_same(a: PoseSequence, b: PoseSequence) -> None:
    """Equal in every field, NaN equal to NaN, None to None."""
    for field in (
        "key",
        "start",
        "skeleton",
        "representation",
        "fps",
        "unit",
        "frame_of_reference",
        "image_size",
    ):
        assert getattr(a, field) == getattr(b, field), field
    for field in ("values", "scores", "labelled", "boxes"):
        np.testing.assert_array_equal(getattr(a, field), getattr(b, field), err_msg=field)


@st.composite
def sequences(draw) -> list[PoseSequence]:
    """Up to six sequences: names, tracks, gaps, missing poses, optional fields, in any order.

    Optional arrays say something (a finite number, a False): what says nothing comes back as None.
    """
    made = []
    next_frame: dict[tuple[str, int], int] = {}
    for index in range(draw(st.integers(0, 6))):
        name, track = draw(st.sampled_from(["a", "b", "ü/ 1"])), draw(st.integers(0, 1))
        frames, gap = draw(st.integers(1, 9)), draw(st.integers(1, 3))
        start = next_frame.get((name, track), -1) + gap
        next_frame[name, track] = start + frames
        sequence = make(name, frames=frames, start=start, track=track, seed=index)
        r = np.random.default_rng(draw(st.integers(0, 99)))
        sequence.values[r.random(sequence.values.shape) < 0.2] = np.nan
        scores, labelled, boxes, size = draw(st.tuples(*[st.booleans()] * 4))
        optional: dict = {}
        if scores:
            optional["scores"] = r.random((frames, J), dtype=np.float32)
            optional["scores"][1:, 0] = np.nan
        if labelled:
            optional["labelled"] = r.random((frames, J)) < 0.5
            optional["labelled"][0, 0] = False
        if boxes:
            optional["boxes"] = r.random((frames, 4), dtype=np.float32)
        if size:
            optional["image_size"] = (draw(st.integers(1, 4000)), draw(st.integers(1, 4000)))
        made.append(replace(sequence, **optional))
    return made


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
    assert table.num_segments == 0 and len(table.windows(5, stride=1, tail=True)) == 0


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


@pytest.mark.parametrize(
    ("sequence", "message"),
    [
        (make(fps=30.0), "a: fps must be 25.0 as the cache's metadata says, got 30.0"),
        (make(unit="m"), "unit must be px .* got m"),
        (make(frame_of_reference="camera"), "frame_of_reference must be image .* got camera"),
        (make(representation="3d", values=np.zeros((1, J, 3))), "representation must be 2d .* got 3d"),
        (make(skeleton=H36M17, values=np.zeros((1, 17, 2))), "skeleton must be .*jhmdb15.* got .*h36m17"),
        (make("b", frames=0), "b, track 0: expected at least one frame, got an empty sequence"),
        (make(start=-1), r"frames must lie in 0\.\.2147483647, got -1\.\.2"),
        (make(start=2**31 - 3), r"frames must lie in 0\.\.2147483647, got 2147483645\.\.2147483648"),
        (make(start=12), r"a, track 0: frames 12\.\.15 repeat frames of 10\.\.13"),
        (make(start=8), r"frames 8\.\.11 repeat frames of 10\.\.13"),
        (make(start=11, frames=1), r"frames 11\.\.11 repeat frames of 10\.\.13"),
        (make(start=5, frames=20), r"frames 5\.\.24 repeat frames of 10\.\.13"),
        (
            make(start=14, image_size=(6, 4)),
            r"frame 14 follows on frames of image_size None, .* got \(6, 4\)",
        ),
    ],
)
def test_writer_refuses(tmp_path, sequence, message):
    path = tmp_path / "c.parquet"
    with pytest.raises(ValueError, match=message), CacheWriter(path, META) as writer:
        writer.write(make(start=10))
        writer.write(sequence)
    assert list(tmp_path.iterdir()) == []


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
        from hanet.data.cache import CacheMetadata, CacheWriter
        from hanet.poses import PoseSequence
        from hanet.skeletons import JHMDB15
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


def rewrite(path: Path, *, columns=None, **changes) -> None:
    """Write the file at `path` anew with other metadata values (None drops one) or other columns."""
    table = pq.read_table(path)
    metadata = json.loads(table.schema.metadata[METADATA_KEY]) | changes
    metadata = {key: value for key, value in metadata.items() if value is not None}
    table = table.replace_schema_metadata({METADATA_KEY: json.dumps(metadata)})
    pq.write_table(columns(table) if columns else table, path)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema_version": 2}, "expected schema version 1, got 2; write it again"),
        ({"schema_version": None}, "expected schema version 1, got None"),
        ({"skeleton": "octopus"}, "unknown skeleton 'octopus'; known: body25, coco17, h36m16, h36m17"),
        ({"joints": ["neck"]}, "expected skeleton jhmdb15 with joints neck, belly, .* got joints neck"),
        ({"fps": None}, "expected metadata fields .*'fps'"),
        ({"fps": -1.0}, "fps must be positive, got -1"),
        ({"unit": "inch"}, "unit must be one of px, m, rot6d, got 'inch'"),
        ({"representation": "3d", "unit": "m"}, r"expected column .*pose.*\[45\].* got .*pose.*\[30\]"),
        ({"columns": lambda t: t.drop_columns(["box"])}, "expected column .*box.* got no such column"),
        (
            {"columns": lambda t: t.set_column(1, "track", t["track"].cast(pa.int64()))},
            "expected column .*track: int32 not null.* got .*track: int64",
        ),
    ],
)
def test_open_refuses_another_schema(tmp_path, changes, message):
    path = write(tmp_path / "c.parquet", [make()]).path
    rewrite(path, **changes)
    with pytest.raises(CacheError, match=rf"c\.parquet: {message}"):
        PoseCache.open(path)


def test_rewriting_without_changes_is_accepted(tmp_path):
    """So the refusals above come from the change, not from the rewriting."""
    path = write(tmp_path / "c.parquet", [make()]).path
    table = pq.read_table(path)
    pq.write_table(table, path)
    assert_same(*PoseCache.open(path).sequences(), make())


def test_open_refuses_what_is_no_cache(tmp_path):
    path = tmp_path / "c.parquet"
    with pytest.raises(
        CacheError, match=r"c\.parquet: expected a pose cache, got no such file; run the stage"
    ):
        PoseCache.open(path)
    path.write_bytes(b"not a Parquet file at all")
    with pytest.raises(CacheError, match=r"c\.parquet: expected a whole Parquet file"):
        PoseCache.open(path)
    pq.write_table(pa.table({"x": [1]}), path)
    with pytest.raises(CacheError, match=r"c\.parquet: .* without its metadata"):
        PoseCache.open(path)
    write(path, [make()])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CacheError, match=r"c\.parquet: expected a whole Parquet file"):
        PoseCache.open(path)


def test_damaged_data_is_named_when_read(tmp_path):
    path = write(tmp_path / "c.parquet", [make(frames=50)]).path
    data = bytearray(path.read_bytes())
    data[4:2000] = bytes(1996)
    path.write_bytes(data)
    cache = PoseCache.open(path)
    with pytest.raises(CacheError, match=r"c\.parquet: row group 0 is damaged"):
        cache.read()


def test_open_refuses_another_skeleton_or_representation(tmp_path):
    path = write(tmp_path / "c.parquet", [make()]).path
    assert PoseCache.open(path, skeleton=JHMDB15, representation="2d").metadata == META
    with pytest.raises(CacheError, match=r"expected poses on h36m17 \(pelvis, .* got jhmdb15 \(neck, belly"):
        PoseCache.open(path, skeleton=H36M17)
    same_name = Skeleton("jhmdb15", JHMDB15.joints[::-1], (-1,) * J, (0,))
    with pytest.raises(CacheError, match=r"expected poses on jhmdb15 \(l_ankle, .* got jhmdb15 \(neck"):
        PoseCache.open(path, skeleton=same_name)
    with pytest.raises(CacheError, match="expected 3d poses, got 2d"):
        PoseCache.open(path, representation="3d")


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"representation": "4d"}, "representation must be one of 2d, 3d, smpl, got '4d'"),
        ({"unit": "inch"}, "unit must be one of px, m, rot6d, got 'inch'"),
        ({"frame_of_reference": "moon"}, "frame_of_reference must be one of .*parent, got 'moon'"),
        ({"fps": 0.0}, "fps must be positive, got 0.0"),
        ({"skeleton": Skeleton("jhmdb15", ("a",), (-1,), (0,))}, "known jhmdb15, got another .* joints a"),
        ({"skeleton": Skeleton("octopus", ("a",), (-1,), (0,))}, "unknown skeleton 'octopus'"),
        ({"provenance": {"loss": float("nan")}}, "provenance must hold finite JSON values"),
        ({"provenance": {"path": Path()}}, "provenance must hold finite JSON values"),
        ({"provenance": {"size": (1, 2)}}, "provenance must come back from JSON as it was"),
    ],
)
def test_metadata_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        replace(META, **change)


def test_metadata_json_must_be_an_object():
    with pytest.raises(ValueError, match="expected schema version 1, got None"):
        CacheMetadata.from_json("[1]")


def naive_windows(made, window, stride, tail):
    """Windows frame by frame, straight from the protocol's words: (poses, True where not repeated)."""
    gathered = []
    for sequence in made:
        T = len(sequence)
        starts = [s for s in range(0, T, stride) if s + window <= T] or [0]
        if tail and window < T and starts[-1] + window < T:
            starts.append(T - window)
        for s in starts:
            rows = [min(s + t, T - 1) for t in range(window)]
            poses = np.stack([sequence.values[r].reshape(-1) for r in rows])
            gathered.append((poses, [s + t < T for t in range(window)]))
    return gathered


@settings(max_examples=40, deadline=None)
@given(made=sequences(), window=st.integers(1, 7), stride=st.integers(1, 4), tail=st.booleans())
def test_gathered_windows_equal_those_made_one_by_one(tmp_path_factory, made, window, stride, tail):
    """Sequences are separated by a gap, another track or another name: no window crosses any of them."""
    table = write(tmp_path_factory.mktemp("cache") / "c.parquet", made, row_group=6).read()
    windows = table.windows(window, stride=stride, tail=tail)
    expected = naive_windows(made, window, stride, tail)
    assert len(windows) == len(expected)
    everything = torch.arange(len(windows))
    (poses,) = windows.gather(everything, torch.from_numpy(table.values))
    inside = windows.inside(everything)
    for i, (values, real) in enumerate(expected):
        np.testing.assert_array_equal(poses[i].numpy(), values)
        assert inside[i].tolist() == real


def test_two_aligned_tables_share_an_index(tmp_path):
    gt = [make("a", frames=6, seed=1), make("b", frames=5, seed=2)]
    detected = [replace(s, values=s.values + 100) for s in gt]
    a = write(tmp_path / "gt.parquet", gt, replace(META, estimator=GROUND_TRUTH)).read()
    b = write(tmp_path / "detected.parquet", detected, row_group=4).read()
    check_aligned(a, b)
    windows = a.windows(3, stride=2, tail=True)
    x, y, frame = windows.gather(
        torch.tensor([4, 0]), *(torch.from_numpy(array) for array in (a.values, b.values, a.frame))
    )
    assert x.shape == y.shape == (2, 3, 2 * J)
    assert frame.tolist() == [[2, 3, 4], [0, 1, 2]]  # a: 0 2 3, b: 0 2
    torch.testing.assert_close(y, x + 100)


@pytest.mark.parametrize(
    ("other", "row", "first", "second"),
    [
        ([make("a"), make("b", track=1)], 4, "'b', track 0, frame 0", "sequence 'b', track 1, frame 0"),
        ([make("b"), make("a")], 0, "'a', track 0, frame 0", "sequence 'b', track 0, frame 0"),
        ([make("a"), make("c")], 4, "'b', track 0, frame 0", "sequence 'c', track 0, frame 0"),
        ([make("a", start=2), make("b")], 0, "'a', track 0, frame 0", "sequence 'a', track 0, frame 2"),
        ([make("a")], 4, "'b', track 0, frame 0", "only 4 rows"),
        ([make("a"), make("b", frames=5)], 8, "only 8 rows", "sequence 'b', track 0, frame 4"),
        ([], 0, "'a', track 0, frame 0", "only 0 rows"),
    ],
)
def test_tables_that_are_not_aligned(tmp_path, other, row, first, second):
    a = write(tmp_path / "a.parquet", [make("a"), make("b")], replace(META, estimator=GROUND_TRUTH)).read()
    b = write(tmp_path / "b.parquet", other).read()
    with pytest.raises(ValueError, match=f"not aligned at row {row}: gt has .*{first}; walker has {second};"):
        check_aligned(a, b)


def test_segment_out_of_range(tmp_path):
    table = write(tmp_path / "c.parquet", [make()]).read()
    with pytest.raises(IndexError, match="segment 1 of a table with 1 segments"):
        table.sequence(1)


def test_another_order_of_joints_is_another_skeleton(tmp_path):
    """Both have 17 joints: only the metadata can tell them apart."""
    meta = replace(META, skeleton=H36M17_LEFT_FIRST)
    path = write(
        tmp_path / "c.parquet", [make(skeleton=H36M17_LEFT_FIRST, values=np.zeros((2, 17, 2)))], meta
    ).path
    with pytest.raises(CacheError, match=r"expected poses on h36m17 .* got h36m17_left_first"):
        PoseCache.open(path, skeleton=H36M17)
