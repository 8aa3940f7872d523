"""Aligned Kinect and Vicon pairs become sequences; what is malformed is refused by file and field."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hanet.datasets.common.leakage import check_leakage
from hanet.datasets.uiprmd.collect import FILES, PairsError, collect
from hanet.datasets.uiprmd.pairs import read_pairs, split_of, subject_of
from hanet.metrics import accel, mpjpe
from hanet.poses.sequence import check_pair
from hanet.poses.skeletons import LIMBS12

SPLITS = {"train": [1, 2, 3, 4, 5, 6], "val": [7, 8], "test": [9, 10]}
SHAPE = (2, 4, 12, 3)


def write(folder: Path, **episodes: np.ndarray) -> Path:
    """Ten files as prepared: one episode of four frames each, or in m01.npz the given ones."""
    rng = np.random.default_rng(7)
    for name in FILES:
        own = {f"{name[:3]}_s01_e01": rng.normal(1000, 300, SHAPE).astype(np.float32)}
        np.savez_compressed(folder / name, **(episodes if name == "m01.npz" and episodes else own))
    return folder


def test_values_are_metres_from_the_mean_joint(tmp_path):
    pair = np.zeros(SHAPE, dtype=np.float32)
    pair[0, 1, 3] = [1200, 0, -600]  # detected, frame 1, right shoulder
    pair[1, :, 8] = [0, 24, 0]  # ground truth, left ankle
    detected, gt = next(read_pairs(write(tmp_path, m01_s02_e03=pair)))
    check_pair(gt, detected)
    assert (gt.name, gt.skeleton, gt.representation, gt.unit, gt.fps, gt.frame_of_reference, len(gt)) == (
        "m01_s02_e03", LIMBS12, "3d", "m", 30.0, "world_root_relative", 4,
    )  # fmt: skip
    assert gt.values.dtype == detected.values.dtype == np.float32
    others = [j for j in range(12) if j != LIMBS12.index("r_shoulder")]
    np.testing.assert_allclose(detected.values[1, LIMBS12.index("r_shoulder")], [1.1, 0, -0.55], atol=1e-6)
    np.testing.assert_allclose(detected.values[1, others], np.tile([-0.1, 0, 0.05], (11, 1)), atol=1e-6)
    assert not detected.values[[0, 2, 3]].any()
    np.testing.assert_allclose(gt.values[:, LIMBS12.index("l_ankle")], [[0, 0.022, 0]] * 4, atol=1e-6)


def test_every_episode_in_the_order_of_names(tmp_path):
    rng = np.random.default_rng(1)
    names = ["m01_s10_e01", "m01_s02_e02", "m01_s02_e01"]
    write(tmp_path, **{n: rng.normal(size=(2, 3 + i, 12, 3)) for i, n in enumerate(names)})
    read = [(gt.name, len(detected), len(gt)) for detected, gt in read_pairs(tmp_path)]
    assert read[:3] == [("m01_s02_e01", 5, 5), ("m01_s02_e02", 4, 4), ("m01_s10_e01", 3, 3)]
    assert [name for name, _, _ in read[3:]] == [f"m{m:02}_s01_e01" for m in range(2, 11)]


def test_a_missing_folder_or_file_says_where_the_data_are(tmp_path):
    with pytest.raises(PairsError, match=r"nowhere: no such folder; .*m01.npz … m10.npz.*idaho.edu/ui-prmd"):
        next(read_pairs(tmp_path / "nowhere"))
    with pytest.raises(PairsError, match=r"no m01.npz, m02.npz.*, m10.npz; .*idaho.edu/ui-prmd"):
        next(read_pairs(tmp_path))
    (write(tmp_path) / "m07.npz").unlink()
    with pytest.raises(PairsError, match=r"no m07.npz; add what is missing"):
        next(read_pairs(tmp_path))


@pytest.mark.parametrize("keep", [0.5, 0.0])
def test_a_truncated_file(tmp_path, keep):
    path = write(tmp_path) / "m02.npz"
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(PairsError, match=r"m02.npz.*cannot be read.*idaho.edu/ui-prmd"):
        list(read_pairs(tmp_path))


def test_a_pickle_is_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "run"),)

    np.savez(write(tmp_path) / "m01.npz", m01_s01_e01=np.array([Evil()], dtype=object))
    with pytest.raises(PairsError, match=r"m01.npz, field 'm01_s01_e01': refused"):
        next(read_pairs(tmp_path))
    assert not (tmp_path / "run").exists()


def _with(index: tuple[int, ...], value: float) -> np.ndarray:
    pair = np.ones(SHAPE, dtype=np.float32)
    pair[index] = value
    return pair


@pytest.mark.parametrize(
    ("key", "array", "message"),
    [
        ("m01_s01_e01", np.ones((2, 4, 13, 3)), r"shape \(2, 4, 13, 3\), expected \(2, T, 12, 3\): detected"),
        ("m01_s01_e01", np.ones((1, 4, 12, 3)), r"shape \(1, 4, 12, 3\)"),
        ("m01_s01_e01", np.ones((2, 4, 36)), r"shape \(2, 4, 36\)"),
        ("m01_s01_e01", np.ones((2, 0, 12, 3)), r"shape \(2, 0, 12, 3\)"),
        ("m01_s01_e01", np.ones(SHAPE, dtype=int), r"expected an array of floats, got int64"),
        ("m01_s01_e01", np.array([None]), r"expected an array of floats, got objects"),
        (
            "m01_s01_e01",
            _with((1, 2, 4), np.nan),
            r"ground truth frame 2, joint r_elbow: not finite \(3 such values\)",
        ),
        ("m01_s01_e01", _with((0, 3, 0, 2), np.inf), r"detected frame 3, joint l_shoulder: not finite \(1 "),
        ("m02_s01_e01", np.ones(SHAPE), r"expected keys like m01_s01_e01"),
        ("m01_s11_e01", np.ones(SHAPE), r"expected keys like m01_s01_e01"),
        ("walk", np.ones(SHAPE), r"expected keys like m01_s01_e01"),
    ],
)
def test_a_malformed_episode(tmp_path, key, array, message):
    write(tmp_path, **{key: array})
    with pytest.raises(PairsError, match=rf"m01\.npz, field '{key}': {message}"):
        next(read_pairs(tmp_path))


def test_a_file_without_arrays(tmp_path):
    np.savez(write(tmp_path) / "m01.npz")
    with pytest.raises(PairsError, match=r"m01.npz: holds no array"):
        next(read_pairs(tmp_path))


def test_splits_by_subject():
    assert [subject_of(f"m03_s{s:02}_e10") for s in range(1, 11)] == list(range(1, 11))
    assert [split_of(f"m10_s{s:02}_e01", SPLITS) for s in (1, 6, 7, 8, 9, 10)] == [
        "train", "train", "val", "val", "test", "test",
    ]  # fmt: skip
    for name in ("m01_s00_e01", "m11_s01_e01", "m01_s01", "m01_s01_e01/cam0"):
        with pytest.raises(PairsError, match=f"{name!r} names no episode: expected .* like m01_s09_e01"):
            subject_of(name)
    with pytest.raises(PairsError, match=r"subject 9 is in the splits train and test; leave it in one"):
        split_of("m01_s01_e01", {"train": [1, 9], "test": [9, 10]})
    with pytest.raises(
        PairsError, match=re.escape("subject 3 (m01_s03_e01) is in none of the splits (train: 1, 2; test: 9)")
    ):
        split_of("m01_s03_e01", {"train": [1, 2], "test": [9]})


def _sums(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES}


def test_collect_copies_and_records(tmp_path):
    (tmp_path / "given").mkdir()
    source, raw = write(tmp_path / "given"), tmp_path / "data" / "raw"
    (source / "notes.txt").write_text("not a part of the data")
    sums = collect(source, raw, expected=_sums(source))
    assert sums == _sums(source) == _sums(raw)
    assert sorted(p.name for p in raw.iterdir()) == ["SHA256SUMS", *FILES]
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=raw, check=True)
    assert [gt.name for _, gt in read_pairs(raw)] == [gt.name for _, gt in read_pairs(source)]
    with pytest.raises(PairsError, match=r"raw is not empty: delete it first"):
        collect(source, raw)


def _drop_file(source: Path, _: dict[str, str]) -> None:
    (source / "m10.npz").unlink()


def _other_sum(_: Path, sums: dict[str, str]) -> None:
    sums["m10.npz"] = "0" * 64


def _drop_sum(_: Path, sums: dict[str, str]) -> None:
    del sums["m10.npz"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_drop_file, r"no m10.npz"),
        (_other_sum, r"m10.npz has SHA-256 [0-9a-f]{64}, expected 0{64}; get the file again"),
        (_drop_sum, r"expected SHA-256 for m01.npz.*m10.npz, got them for m01.npz.*m09.npz$"),
    ],
)
def test_collect_leaves_nothing_of_what_it_refuses(
    tmp_path: Path, spoil: Callable[[Path, dict[str, str]], None], message: str
):
    (tmp_path / "given").mkdir()
    source, raw = write(tmp_path / "given"), tmp_path / "data" / "raw"
    sums = _sums(source)
    spoil(source, sums)
    with pytest.raises(PairsError, match=message):
        collect(source, raw, expected=sums)
    assert [p.name for p in tmp_path.rglob("*") if p.suffix == ".npz" and p.parent != source] == []
    assert not raw.exists()


def test_the_real_pairs():
    """All of UI-PRMD's usable episodes, and how far off the Kinect is before anything is refined."""
    folder = os.environ.get("HANET_UIPRMD_PAIRS")
    if not folder:
        pytest.skip(
            "set HANET_UIPRMD_PAIRS to the folder of the aligned UI-PRMD pairs to check the real ones"
        )
    pairs = list(read_pairs(Path(folder)))
    assert (len(pairs), sum(len(gt) for _, gt in pairs)) == (990, 70_296)
    splits = {split: [gt for _, gt in pairs if split_of(gt.name, SPLITS) == split] for split in SPLITS}
    assert {s: (len(part), sum(map(len, part))) for s, part in splits.items()} == {
        "train": (590, 41_950), "val": (200, 14_470), "test": (200, 13_876),
    }  # fmt: skip
    assert check_leakage(splits, group=lambda name: str(subject_of(name))) == []
    test = [pair for pair in pairs if subject_of(pair[0].name) in SPLITS["test"]]
    frames = np.array([len(gt) for _, gt in test])
    root = LIMBS12.root
    errors = [mpjpe(detected.values, gt.values, root=root) for detected, gt in test]
    jitter = [accel(detected.values, gt.values, root=root) for detected, gt in test]
    assert np.average(errors, weights=frames) == pytest.approx(78.686, abs=1e-3)
    assert np.average(jitter, weights=frames - 2) == pytest.approx(8.878, abs=1e-3)
