"""Alignment of UI-PRMD's recordings: known lags and turns are found, the ready pairs come out bit for bit."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hanet.datasets.uiprmd.alignment import MIN_OVERLAP, align, pair, shared_rotation, write_pairs
from hanet.datasets.uiprmd.collect import PairsError
from hanet.datasets.uiprmd.recordings import Episode, episode_names, episodes, read_episode
from hanet.files.unpickle import read_npz
from tests.support.uiprmd_files import write_table

SHARED = os.environ.get("HANET_SHARED_DATA")
real = pytest.mark.skipif(SHARED is None, reason="HANET_SHARED_DATA names no folder of real data")


def motion(frames: int, seed: int = 0) -> np.ndarray:
    """Twelve joints, each on its own smooth path, millimetres."""
    rng = np.random.default_rng(seed)
    t = np.arange(-60, frames)[:, None, None] / 30
    rate, phase = rng.uniform(0.5, 2, (2, 12, 3))
    return (rng.normal(0, 400, (12, 3)) + 150 * np.sin(2 * np.pi * rate * t + 6 * phase))[60:]


def recorded(lag: int, turn: Rotation, shift: np.ndarray, *, frames: int = 80, seed: int = 0) -> Episode:
    """An episode that `turn` and `shift` lay onto each other exactly, with the Kinect `lag` frames ahead."""
    true = motion(frames + 50, seed)
    kinect, vicon = true[max(-lag, 0) :][:frames], true[max(lag, 0) :][:frames]
    return Episode("m01_s01_e01", turn.inv().apply((kinect - shift).reshape(-1, 3)).reshape(-1, 12, 3), vicon)


@settings(max_examples=15)
@given(
    lag=st.integers(-45, 45),
    vector=st.tuples(*[st.floats(-3, 3)] * 3),
    shift=st.tuples(*[st.floats(-4000, 4000)] * 3),
)
def test_a_known_lag_and_turn_are_found(lag, vector, shift):
    turn = Rotation.from_rotvec(vector)
    episode = recorded(lag, turn, np.array(shift))
    found = align(episode)
    assert (found.lag, found.error) == (lag, pytest.approx(0, abs=1e-6))
    np.testing.assert_allclose(found.rotation, turn.as_matrix(), atol=1e-9)
    np.testing.assert_allclose(found.translation, shift, atol=1e-6)
    detected, gt = pair(episode, found)
    assert detected.dtype == np.float32
    assert len(gt) == 80 - abs(lag)
    np.testing.assert_allclose(detected, gt, atol=1e-2)
    np.testing.assert_array_equal(gt, episode.vicon[max(-lag, 0) :][: len(gt)].astype(np.float32))


def test_a_fit_is_a_rotation_and_never_a_mirror():
    episode = recorded(3, Rotation.identity(), np.zeros(3))
    mirrored = Episode("m01_s01_e01", episode.kinect * [-1, 1, 1], episode.vicon)
    found = align(mirrored)
    assert np.linalg.det(found.rotation) == pytest.approx(1)
    assert found.error > 10


def test_a_lag_of_little_overlap_does_not_win():
    """Twenty frames are the least; a perfect match over fewer is chance."""
    kinect, vicon = motion(60, seed=1), motion(60, seed=2)
    kinect[-19:] = vicon[:19]  # at a lag of 41
    found = align(Episode("m01_s01_e01", kinect, vicon))
    assert found.lag != 41
    assert found.error > 1
    kinect[-20:] = vicon[:20]  # at a lag of 40
    found = align(Episode("m01_s01_e01", kinect, vicon))
    assert (found.lag, found.error) == (40, pytest.approx(0, abs=1e-9))


@pytest.mark.parametrize("frames", [MIN_OVERLAP - 1, MIN_OVERLAP])
def test_too_short(frames):
    episode = Episode("m02_s03_e04", motion(frames), motion(60))
    if frames == MIN_OVERLAP:
        assert len(pair(episode, align(episode))[0]) == MIN_OVERLAP
    else:
        with pytest.raises(
            PairsError, match="m02_s03_e04: 19 Kinect and 60 Vicon frames at 30 Hz overlap in fewer"
        ):
            align(episode)


def test_one_rotation_for_all_leaves_the_place_and_the_lag_to_each():
    turn = Rotation.from_rotvec((0.3, -1, 0.4))
    several = [recorded(lag, turn, np.array([lag, 900.0, 5]), seed=lag) for lag in (0, 4, 9)]
    rotation = shared_rotation(several)
    np.testing.assert_allclose(rotation, turn.as_matrix(), atol=1e-9)
    other = recorded(-6, Rotation.from_rotvec((0.3, -1, 0.6)), np.array([1, 2, 3.0]), seed=9)
    free, held = align(other), align(other, rotation=rotation)
    assert (free.lag, held.lag) == (-6, -6)
    assert free.error < 1e-6 < held.error
    detected, gt = pair(other, held)
    np.testing.assert_allclose(detected.mean(axis=(0, 1)), gt.mean(axis=(0, 1)), atol=1e-3)
    with pytest.raises(ValueError, match="no episodes to fit a rotation on"):
        shared_rotation([])


# --- files


def write_recorded(raw: Path, name: str, lag: int, *, frames: int = 60) -> np.ndarray:
    """The three files of an episode without error: the Kinect in centimetres with its y and z exchanged."""
    fine = motion(400)
    at_30 = fine[::1]
    turn = Rotation.from_euler("x", 90, degrees=True)
    limbs = turn.inv().apply(at_30[max(-lag, 0) :][:frames].reshape(-1, 3)).reshape(-1, 12, 3) / 10
    place = np.zeros((frames, 22, 3))
    place[:, [7, 8, 9, 11, 12, 13, 14, 15, 16, 18, 19, 20]] = limbs
    parents = [None, 0, 1, 2, 3, 4, 2, 6, 7, 8, 2, 10, 11, 12, 0, 14, 15, 16, 0, 18, 19, 20]
    offsets = np.stack(
        [place[:, j] - (0 if p is None else place[:, p]) for j, p in enumerate(parents)], axis=1
    )
    write_table(raw, "Kinect", "positions", name, offsets)
    write_table(raw, "Kinect", "angles", name, np.zeros((frames, 22, 3)))
    # 100 Hz by interpolation: what is read at 30 Hz again differs a little from the original
    vicon = at_30[max(lag, 0) :][:frames]
    t = np.arange(int((frames - 1) / 0.3) + 1) * 0.3
    dense = np.stack(
        [np.interp(t, np.arange(frames), column) for column in vicon.reshape(frames, -1).T], axis=1
    )
    markers = np.zeros((len(dense), 39, 3))
    for joint, chosen in enumerate(
        [[9], [11], [13, 14], [16], [18], [20, 21], [23, 25], [28], [30], [24, 26], [34], [36]]
    ):
        markers[:, chosen] = dense.reshape(-1, 12, 1, 3)[:, joint]
    write_table(raw, "Vicon", "positions", name, markers)
    return vicon


def test_a_release_becomes_the_files_that_are_read(tmp_path):
    raw, folder = tmp_path / "raw", tmp_path / "pairs"
    vicon = write_recorded(raw, "m01_s01_e01", 5)
    write_recorded(raw, "m01_s02_e01", -3)
    write_recorded(raw, "m03_s01_e01", 0)
    write_recorded(raw, "m03_s03_e01", 0)
    write_recorded(raw, "m03_s03_e02", 0, frames=15)
    next(raw.rglob("m03_s03_e01_angles.txt")).unlink()
    left_out = write_pairs(raw, folder)
    assert sorted(left_out) == ["m03_s03_e01", "m03_s03_e02"]
    assert "lacks its Kinect angles" in left_out["m03_s03_e01"]
    assert "15 Kinect and 14 Vicon frames" in left_out["m03_s03_e02"]
    next(raw.rglob("m03_s01_e01_angles.txt")).write_text("1,2\n")
    assert "1 frames of 2 numbers" in write_pairs(raw, tmp_path / "again")["m03_s01_e01"]
    assert sorted(p.name for p in folder.iterdir()) == ["m01.npz", "m03.npz"]
    first = read_npz(folder / "m01.npz")
    assert sorted(first) == ["m01_s01_e01", "m01_s02_e01"]
    detected, gt = first["m01_s01_e01"]
    assert len(gt) == 55
    np.testing.assert_allclose(gt, vicon[:55], atol=30)
    assert np.linalg.norm(detected - gt, axis=-1).mean() < 5


def test_nothing_of_use(tmp_path):
    write_recorded(tmp_path, "m01_s01_e01", 0, frames=10)
    with pytest.raises(
        PairsError, match="none of 1 episodes is of use; the first: m01_s01_e01: 10 Kinect and"
    ):
        write_pairs(tmp_path, tmp_path / "pairs")


def test_an_interrupted_file_leaves_nothing(tmp_path, monkeypatch):
    raw, folder = tmp_path / "raw", tmp_path / "pairs"
    write_recorded(raw, "m01_s01_e01", 0)

    def fail(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(OSError, match="disk full"):
        write_pairs(raw, folder)
    assert not list(folder.iterdir())


@real
def test_the_ready_pairs_come_out_bit_for_bit(tmp_path):
    shared = Path(str(SHARED)) / "uiprmd"
    assert write_pairs(shared / "raw", tmp_path) == {}
    compared = 0
    for path in sorted(tmp_path.iterdir()):
        ready = read_npz(shared / path.name)
        for name, made in read_npz(path).items():
            np.testing.assert_array_equal(made, ready[name], err_msg=name)
            compared += 1
    assert compared == len(episode_names(shared / "raw")) == 20


@real
def test_a_rotation_of_training_subjects_costs_two_millimetres_at_most():
    raw = Path(str(SHARED)) / "uiprmd" / "raw"
    rotation = shared_rotation(episodes(raw, range(1, 7)))
    for name in ("m01_s09_e01", "m07_s09_e01", "m01_s10_e01", "m07_s10_e01"):
        episode = read_episode(raw, name)
        free, held = align(episode), align(episode, rotation=rotation)
        assert free.lag == held.lag
        assert 0 < held.error - free.error < 2
