"""UI-PRMD's raw recordings: forward kinematics by hand, and files that are malformed."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from hanet.datasets.uiprmd.collect import PairsError
from hanet.datasets.uiprmd.recordings import (
    episode_names,
    episodes,
    kinect_joints,
    read_episode,
    to_30_hz,
    vicon_limbs,
)
from tests.support.uiprmd_files import write_episode, write_table

# The 39 markers as the release's documentation numbers them, from 0.
LSHO, LELB, LWRA, LWRB, LASI, LPSI, LKNE, LANK = 9, 11, 13, 14, 23, 25, 28, 30
RSHO, RELB, RWRA, RWRB, RASI, RPSI, RKNE, RANK = 16, 18, 20, 21, 24, 26, 34, 36


def chain(joint: int) -> list[int]:
    """Joints from the root to one, written out by hand."""
    return {
        5: [0, 1, 2, 3, 4, 5],
        9: [0, 1, 2, 6, 7, 8, 9],
        13: [0, 1, 2, 10, 11, 12, 13],
        17: [0, 14, 15, 16, 17],
        21: [0, 18, 19, 20, 21],
    }[joint]


def test_without_rotation_offsets_add_up_along_the_chain():
    offsets = 10.0 ** -np.arange(22)[None, :, None] * np.ones((1, 22, 3))
    joints = kinect_joints(offsets, np.zeros((1, 22, 3)))
    for end in (5, 9, 13, 17, 21):
        expected = sum(10.0**-j for j in chain(end))
        np.testing.assert_allclose(joints[0, end], expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("angles", "offset", "expected"),
    [
        ((90, 0, 0), (0, 1, 0), (0, 0, 1)),  # about x: y to z
        ((0, 90, 0), (0, 0, 1), (1, 0, 0)),  # about y: z to x
        ((0, 0, 90), (1, 0, 0), (0, 1, 0)),  # about z: x to y
        ((90, 0, 90), (0, 1, 0), (0, 0, 1)),  # x first (y to z), then z; z first would give -x
        ((90, 90, 0), (0, 0, 1), (1, 0, 0)),  # y first (z to x), then x; x first would give -y
        ((0, 90, 90), (0, 0, 1), (0, 1, 0)),  # y first (z to x), then z (x to y)
    ],
)
def test_a_rotation_is_rz_rx_ry_and_turns_what_is_below(angles, offset, expected):
    turns, offsets = np.zeros((1, 22, 3)), np.zeros((1, 22, 3))
    turns[0, 7] = angles  # the left shoulder
    offsets[0, 7], offsets[0, 8] = (5, 0, 0), offset
    joints = kinect_joints(offsets, turns)
    np.testing.assert_allclose(joints[0, 7], (5, 0, 0), atol=1e-12)  # not by its own rotation
    np.testing.assert_allclose(joints[0, 8] - joints[0, 7], expected, atol=1e-12)


def test_rotations_multiply_down_the_chain():
    turns, offsets = np.zeros((1, 22, 3)), np.zeros((1, 22, 3))
    turns[0, 0], turns[0, 14] = (90, 0, 0), (0, 0, 90)
    offsets[0, 15] = (1, 0, 0)  # z turns it to y in the thigh's frame, x that to z in the world
    np.testing.assert_allclose(kinect_joints(offsets, turns)[0, 15], (0, 0, 1), atol=1e-12)


def test_markers_become_joints():
    markers = np.zeros((1, 39, 3))
    markers[0, :, 0] = np.arange(39)
    expected = [
        LSHO, LELB, (LWRA + LWRB) / 2, RSHO, RELB, (RWRA + RWRB) / 2,
        (LASI + LPSI) / 2, LKNE, LANK, (RASI + RPSI) / 2, RKNE, RANK,
    ]  # fmt: skip
    assert vicon_limbs(markers)[0, :, 0].tolist() == expected


@pytest.mark.parametrize(("frames", "count"), [(2, 1), (10, 3), (11, 3), (12, 4), (191, 57), (222, 67)])
def test_a_line_stays_a_line_at_30_hz(frames, count):
    values = np.arange(frames, dtype=float)[:, None, None] * np.ones((1, 12, 3))
    at_30 = to_30_hz(values)
    np.testing.assert_allclose(at_30[:, 4, 1], np.arange(count) * 10 / 3, atol=1e-9)


def test_an_episode_in_millimetres(tmp_path):
    write_episode(tmp_path)
    positions = np.zeros((4, 22, 3))
    positions[:, 0], positions[:, 18] = (1, 2, 3), (10, 0, 0)
    write_table(tmp_path, "Kinect", "positions", "m01_s01_e01", positions)
    write_table(tmp_path, "Kinect", "angles", "m01_s01_e01", np.zeros((4, 22, 3)))
    episode = read_episode(tmp_path, "m01_s01_e01")
    assert (episode.name, episode.kinect.shape, episode.vicon.shape) == (
        "m01_s01_e01",
        (4, 12, 3),
        (3, 12, 3),
    )
    np.testing.assert_allclose(episode.kinect[2, 9], (110, 20, 30))  # the right hip
    np.testing.assert_allclose(episode.kinect[2, 6], (10, 20, 30))  # the left one


def test_gzipped_files_are_the_same(tmp_path):
    write_episode(tmp_path)
    plain = read_episode(tmp_path, "m01_s01_e01")
    for path in tmp_path.rglob("*.txt"):
        with gzip.open(f"{path}.gz", "wb") as stream:
            stream.write(path.read_bytes())
        path.unlink()
    assert episode_names(tmp_path) == ["m01_s01_e01"]
    np.testing.assert_array_equal(read_episode(tmp_path, "m01_s01_e01").kinect, plain.kinect)


def test_episodes_by_subject_pass_over_what_is_not_whole(tmp_path):
    for name in ("m01_s02_e01", "m01_s01_e02", "m01_s01_e01", "m02_s03_e01"):
        write_episode(tmp_path, name)
    (tmp_path / "Segmented Movements/Kinect/Angles/m01_s01_e01_angles.txt").unlink()
    assert episode_names(tmp_path) == ["m01_s01_e01", "m01_s01_e02", "m01_s02_e01", "m02_s03_e01"]
    assert [e.name for e in episodes(tmp_path, [1, 3])] == ["m01_s01_e02", "m02_s03_e01"]


def test_nothing_there(tmp_path):
    with pytest.raises(PairsError, match=r"Segmented Movements: no file Kinect/Positions.*idaho.edu/ui-prmd"):
        episode_names(tmp_path)
    write_episode(tmp_path, "m01_s11_e01")
    with pytest.raises(PairsError, match="'m01_s11_e01' names no episode"):
        episode_names(tmp_path)


@pytest.mark.parametrize(
    ("system", "kind"), [("Kinect", "positions"), ("Kinect", "angles"), ("Vicon", "positions")]
)
def test_a_malformed_file_is_named(tmp_path, system, kind):
    name, width = "m01_s01_e01", 117 if system == "Vicon" else 66
    write_episode(tmp_path)
    path = write_table(tmp_path, system, kind, name, np.ones((4, width - 1)))
    where = rf"{system}/{kind.capitalize()}/{name}_{kind}\.txt: "
    with pytest.raises(
        PairsError, match=where + rf"4 frames of {width - 1} numbers, expected two or more of {width}"
    ):
        read_episode(tmp_path, name)
    write_table(tmp_path, system, kind, name, np.ones((1, width)))
    with pytest.raises(PairsError, match=where + "1 frames of"):
        read_episode(tmp_path, name)
    write_table(tmp_path, system, kind, name, np.where(np.arange(width) == 3, np.nan, np.ones((4, 1))))
    with pytest.raises(PairsError, match=where + "4 values are not finite"):
        read_episode(tmp_path, name)
    path.write_text("1,2,x\n")
    with pytest.raises(PairsError, match=where + "not a table of numbers .*get the file again"):
        read_episode(tmp_path, name)
    path.unlink()
    with pytest.raises(
        FileNotFoundError, match=where + rf"no such file; the episode lacks its {system} {kind}"
    ):
        read_episode(tmp_path, name)


def test_a_cut_off_gzip_is_named(tmp_path):
    write_episode(tmp_path)
    path = next(tmp_path.rglob("Vicon/Positions/*.txt"))
    packed = gzip.compress(path.read_bytes())
    path.with_name(path.name + ".gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(PairsError, match=r"m01_s01_e01_positions\.txt\.gz: not a table of numbers"):
        read_episode(tmp_path, "m01_s01_e01")


def test_kinect_files_of_two_lengths(tmp_path):
    write_episode(tmp_path)
    write_table(tmp_path, "Kinect", "angles", "m01_s01_e01", np.zeros((5, 66)))
    with pytest.raises(PairsError, match="m01_s01_e01: 4 frames of Kinect positions, but 5 of angles"):
        read_episode(tmp_path, "m01_s01_e01")


@pytest.mark.skipif(
    "HANET_SHARED_DATA" not in os.environ, reason="HANET_SHARED_DATA names no folder of real data"
)
def test_the_release():
    raw = Path(os.environ["HANET_SHARED_DATA"]) / "uiprmd" / "raw"
    assert len(episode_names(raw)) == 20
    for episode in episodes(raw, [2]):
        height = np.ptp(episode.vicon[..., 2], axis=1)
        assert ((height > 1000) & (height < 2000)).all()  # ankles to shoulders or lifted wrists, mm
        thigh = np.linalg.norm(episode.kinect[:, 6] - episode.kinect[:, 7], axis=-1)
        assert ((thigh > 300) & (thigh < 500)).all()
