"""Domains from files: small ones written here, and the real ones where they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hanet.datasets.domains.read import read_domains
from hanet.datasets.domains.splits import SPLITS, held_out
from hanet.poses.pair import Pair
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import LIMBS12

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"


def same(gt: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return gt + 0.01 * rng.normal(size=gt.shape)


def test_a_folder_without_any_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="uiprmd"):
        list(read_domains(tmp_path, same))


def test_rendered_projects_the_truth(tmp_path: Path, rng: np.random.Generator) -> None:
    gt = rng.normal(size=(2, 60, 13, 3)) + np.array([0, 0, 5.0])
    detected = gt.copy()
    detected[1, :, 4] = np.nan  # a joint that was never found: the clip cannot be scored
    (tmp_path / "rendered").mkdir()
    image = gt[..., :2] / gt[..., 2:] * 600 + [256, 200]
    np.savez(
        tmp_path / "rendered" / "a.npz", det2d=image, det3d=detected, gt3d=gt, focal=np.full(2, 600.0),
        size=np.array([512, 400]), name=np.array(["walk", "run"]),
    )  # fmt: skip
    pairs = list(read_domains(tmp_path, same))
    assert [p.detected.name for p in pairs] == ["walk/0", "walk/0"]
    for p in pairs:
        np.testing.assert_allclose(p.gt, p.detected.values, atol=1e-9)


def test_opencap_turns_the_truth_and_interpolates_it(tmp_path: Path, rng: np.random.Generator) -> None:
    names = [f"{b}_{s}" for s in "lr" for b in ("humerus", "ulna", "hand", "femur", "tibia", "talus")]
    few = [f"{s}{b}" for s in "lr" for b in ("sho", "elb", "wri", "hip", "knee", "ank")]
    start, way = rng.normal(size=(2, 1, 12, 3))
    mocap = start + np.linspace(0, 1, 101)[:, None, None] * way
    turn = Rotation.random(rng=rng).as_matrix()
    at_60 = np.stack([mocap[0] + f / 60 * (mocap[-1] - mocap[0]) for f in range(61)])
    (tmp_path / "opencap").mkdir()
    np.savez(
        tmp_path / "opencap" / "pairs.npz", joint_names=np.array(names), mediapipe_joints=np.array(few),
        **{
            "walk/mocap": mocap, "walk/time": np.arange(101) / 100,
            "walk/wham": mocap @ turn, "walk/mono": mocap,
            "walk/mediapipe_D3": 1000 * at_60 @ turn,
        },
    )  # fmt: skip
    pairs = {p.domain: p for p in read_domains(tmp_path, same)}
    assert {name: p.detected.fps for name, p in pairs.items()} == {
        "OpenCap, WHAM": 100.0, "OpenCap, OpenCap Monocular": 100.0, "OpenCap, MediaPipe 3D": 60.0
    }  # fmt: skip
    for p in pairs.values():
        gt, found = (x - x[:, list(p.root)].mean(axis=1, keepdims=True) for x in (p.gt, p.detected.values))
        np.testing.assert_allclose(gt, found, atol=1e-6)


@pytest.mark.skipif(not (SHARED / "rendered").is_dir(), reason=f"no real detections at {SHARED}")
def test_real_domains_are_read(rng: np.random.Generator) -> None:
    count: dict[str, int] = {}
    for pair in read_domains(SHARED, same):
        count[pair.domain] = count.get(pair.domain, 0) + 1
        assert pair.gt.shape == pair.detected.values.shape
    assert count["UI-PRMD, Kinect v2"] == 990
    assert count["AIST++, 2D detector"] == 36
    assert len(count) == 8


def test_no_person_is_both_learned_from_and_tested(rng: np.random.Generator) -> None:
    sequence = PoseSequence.joints("a", np.zeros((2, 12, 3)), LIMBS12, fps=30.0, frame_of_reference="camera")
    people = {
        "UI-PRMD, Kinect v2": [f"s{i:02}" for i in range(1, 11)],
        "AIST++, 2D detector": ["d02", "d03", "d04", "d06"],
        "Rendered, MediaPipe 2D": [
            "cmu_actions/train/x",
            "cmu_actions/test/x",
            "cmu_subjects_1-7/5",
            "bandai1/x",
        ],
        "Elsewhere": ["x"],
    }
    pairs = [
        Pair(domain, one, sequence, np.zeros((2, 12, 3))) for domain, all_ in people.items() for one in all_
    ]
    parts = [
        [pair.person for pair in SPLITS["uiprmd"].part(pairs, part)] for part in ("learn", "choose", "test")
    ]
    assert [len(part) for part in parts] == [6, 2, 2]
    for split in SPLITS.values():
        found = [{pair.person for pair in split.part(pairs, part)} for part in ("learn", "choose", "test")]
        assert all(found) and not (found[0] & found[1] or found[0] & found[2] or found[1] & found[2])
    assert {pair.person for pair in held_out(pairs)} == {"s09", "s10", "d06", "bandai1/x", "x"}
