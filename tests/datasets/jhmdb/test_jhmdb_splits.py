"""The official splits, what is held out of them, and how much the published pool leaks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanet.datasets.common.leakage import LeakageError, check_leakage
from hanet.datasets.jhmdb.splits import Clip, JhmdbError, hold_out, pooled, read_split, three_split
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import JHMDB15
from tests.support.jhmdb_files import ACTIONS, clip, write_splits


def test_a_split_as_its_files_state_it(tmp_path):
    write_splits(tmp_path)
    (tmp_path / "readme.txt").write_text("no split")
    split = read_split(tmp_path, 2)
    assert split["test"] == tuple(clip(a, v, c) for a in ACTIONS for v in (1, 4) for c in (0, 1))
    assert split["train"] == tuple(clip(a, v, c) for a in ACTIONS for v in (0, 2, 3, 5) for c in (0, 1))


def test_the_source_of_a_clip():
    assert Clip("brush_hair", "April_09_brush_hair_u_nm_np1_ba_goo_0").source == "April_09"
    assert Clip("walk", "strange").source == "strange"


def test_validation_is_held_out_of_training_by_video(tmp_path):
    write_splits(tmp_path)
    official = read_split(tmp_path, 1)
    split = three_split(tmp_path, 1, val_share=0.25)
    assert split["test"] == official["test"]
    assert sorted(split["train"] + split["val"]) == sorted(official["train"])
    assert [sum(c.action == a for c in split["val"]) for a in ACTIONS] == [2, 2]  # a quarter of 8 each
    assert not {c.source for c in split["train"] if c.action == "walk"} & {
        c.source for c in split["val"] if c.action == "walk"
    }
    assert three_split(tmp_path, 1, val_share=0.25) == split
    assert any(three_split(tmp_path, 1, val_share=0.25, seed=seed) != split for seed in range(5))
    assert three_split(tmp_path, 1, val_share=0.0)["val"] == ()
    with pytest.raises(ValueError, match=r"at least 0 and below 1, got 1.0"):
        three_split(tmp_path, 1, val_share=1.0)


VIDEOS = st.dictionaries(st.integers(0, 9), st.integers(1, 5), min_size=1, max_size=8)


@settings(max_examples=60)
@given(VIDEOS, VIDEOS, st.just(0.0) | st.floats(0, 0.6), st.integers(0, 99))
def test_what_is_held_out(walk, run, share, seed):
    clips = {
        action: [clip(action, v, c) for v, cuts in videos.items() for c in range(cuts)]
        for action, videos in (("walk", walk), ("run", run))
    }
    held = hold_out((*clips["walk"], *clips["run"]), share=share, seed=seed)
    for mine in clips.values():
        sources = {c.source for c in mine}
        taken = [c for c in mine if c in held]
        if len(sources) == 1 or share == 0:
            assert not taken
            continue
        smallest = min(sum(c.source == s for c in mine) for s in sources)
        assert 1 <= len(taken) <= max(round(share * len(mine)), smallest)
        assert not {c.source for c in taken} & {c.source for c in mine if c not in held}
        # Another action, or the order of clips, changes nothing.
        assert hold_out(tuple(mine[::-1]), share=share, seed=seed) == frozenset(taken)


def test_the_published_pool_by_hand(tmp_path):
    write_splits(tmp_path)
    pool = pooled(tmp_path)
    # 24 clips three times over; each is tested on once and trained on twice.
    assert {name: len(clips) for name, clips in pool.splits.items()} == {"train": 48, "val": 0, "test": 24}
    assert pool.seen_share == 1
    assert pool.text == (
        "Sub-JHMDB's three official splits pooled, as published: 48 training and 24 test entries; "
        "100.0% of the test entries are clips that training has seen"
    )
    assert pool.splits["train"].count(clip("walk", 3)) == 2
    assert [d.splits for d in pool.declarations] == [("train", "test")]
    # A clip that every split tests on is never trained on.
    for k in (1, 2, 3):
        path = tmp_path / f"walk_test_split{k}.txt"
        name = clip("walk", 5).name
        path.write_text(path.read_text().replace(f"{name}.avi 1", f"{name}.avi 2"))
    assert pooled(tmp_path).seen_share == pytest.approx(23 / 26)


def test_a_pool_with_validation_keeps_whole_clips_out(tmp_path):
    pool = pooled(write_splits(tmp_path), val_share=0.2)
    assert len(pool.splits["train"]) + len(pool.splits["val"]) == 48
    assert pool.splits["val"] and not set(pool.splits["train"]) & set(pool.splits["val"])
    assert pool.seen_share == 1 - len(set(pool.splits["val"])) / 24
    assert [d.splits for d in pool.declarations] == [("train", "test"), ("val", "test")]


def _poses(clips: tuple[Clip, ...]) -> list[PoseSequence]:
    # A clip's own poses, wherever it is listed.
    return [
        PoseSequence(
            c.name,
            np.random.default_rng(list(c.name.encode())).uniform(0, 200, (4, 15, 2)),
            JHMDB15, "2d", 25.0, "px", "image", track=i,
        )
        for i, c in enumerate(clips)
    ]  # fmt: skip


def test_the_guard_passes_three_split_and_the_pool_only_as_declared(tmp_path):
    write_splits(tmp_path)
    honest = {name: _poses(clips) for name, clips in three_split(tmp_path, 3, val_share=0.2).items()}
    assert check_leakage(honest, group=lambda name: name.split("_f_cm_")[0]) == []
    pool = pooled(tmp_path, val_share=0.2)
    splits = {name: _poses(clips) for name, clips in pool.splits.items()}
    with pytest.raises(LeakageError, match=r"train → test, clip: "):
        check_leakage(splits)
    leaks = check_leakage(splits, declared=pool.declarations)
    assert {leak.kind for leak in leaks} == {"clip", "sequence", "frame"}
    assert all(leak.reason == pool.text for leak in leaks)
    (shared,) = [leak for leak in leaks if leak.kind == "clip" and leak.splits == ("train", "test")]
    assert shared.share == pytest.approx(pool.seen_share)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("walk_0.avi 3", r"walk_test_split1.txt:2: expected a clip and its part.*got 'walk_0.avi 3'; unpack"),
        ("walk_0.avi", r"got 'walk_0.avi'"),
        ("walk_0 1", r"got 'walk_0 1'"),
        ("../walk_0.avi 1", r"got '../walk_0.avi 1'"),
        ("a_walk_0.avi 2", r"walk_test_split1.txt:2: clip a_walk_0 comes twice"),
    ],
)
def test_a_malformed_split(tmp_path, line, message):
    (tmp_path / "walk_test_split1.txt").write_text(f"a_walk_0.avi 1\n{line}\n\n")
    with pytest.raises(JhmdbError, match=message):
        read_split(tmp_path, 1)


def test_a_split_that_is_not_there(tmp_path):
    with pytest.raises(JhmdbError, match=r"no files <action>_test_split1.txt; unpack sub_splits.zip"):
        read_split(tmp_path / "nowhere", 1)
    with pytest.raises(JhmdbError, match=r"splits 1, 2 and 3, got 4"):
        read_split(tmp_path, 4)
    (tmp_path / "walk_test_split1.txt").write_text("a_walk_0.avi 1\n")
    with pytest.raises(JhmdbError, match=r"split 1 has no test clips"):
        read_split(tmp_path, 1)
