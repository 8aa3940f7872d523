"""Caches that are not written, and files that are not read: a refusal names its cause."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hanet.cache.columns import METADATA_KEY
from hanet.cache.files import CacheError, CacheMetadata, CacheWriter, PoseCache
from hanet.poses.skeletons import H36M17, H36M17_LEFT_FIRST, JHMDB15, Skeleton
from tests.support.cache_files import META, J, assert_same, make, write


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


def rewrite(path: Path, *, columns=None, **changes) -> None:
    """Rewrite the file at `path` with other metadata values (None drops one) or other columns."""
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
    with pytest.raises(CacheError, match=r"c\.parquet: the file is damaged: SHA-256 of its pages differs"):
        cache.read()


def test_no_flipped_bit_changes_poses(tmp_path):
    made = [make(frames=40, scores=np.full((40, J), 0.5, np.float32)), make("b", frames=30, start=3)]
    cache = write(tmp_path / "c.parquet", made)
    good = cache.path.read_bytes()
    noticed = 0
    for bit in random.Random(4321).sample(range(8 * len(good)), 200):
        data = bytearray(good)
        data[bit // 8] ^= 1 << bit % 8
        cache.path.write_bytes(data)
        try:
            damaged = PoseCache.open(cache.path)
            for sequence, expected in zip(damaged.sequences(), made, strict=True):
                assert_same(sequence, expected)
            assert damaged.metadata == META
        except CacheError as error:
            assert str(error).startswith(f"{cache.path}: ")
            noticed += 1
    assert noticed >= 197


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
    with pytest.raises(ValueError, match="expected a JSON object, got a JSON array"):
        CacheMetadata.from_json("[1]")


def test_another_order_of_joints_is_another_skeleton(tmp_path):
    """Both have 17 joints: only the metadata can tell them apart."""
    meta = replace(META, skeleton=H36M17_LEFT_FIRST)
    path = write(
        tmp_path / "c.parquet", [make(skeleton=H36M17_LEFT_FIRST, values=np.zeros((2, 17, 2)))], meta
    ).path
    with pytest.raises(CacheError, match=r"expected poses on h36m17 .* got h36m17_left_first"):
        PoseCache.open(path, skeleton=H36M17)
