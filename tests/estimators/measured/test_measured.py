"""Tables of measured errors: fitted to simulated ones, they hold what was put in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hanet.estimators.measured import model
from hanet.estimators.measured.fit import fit
from hanet.estimators.measured.model import ErrorTable, JointErrors, SwapErrors, load, save
from hanet.estimators.measured.simulate import detect, frame_kinds
from hanet.poses.frame_kinds import FRAME_KINDS
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17, H36M17, LIMBS12

CALM = JointErrors(
    bias=0.004, jitter=0.002, drift=0.006, drift_time=0.2, burst_rate=0.0, burst_time=0.0, burst_size=0.0,
    miss_rate=0.0, miss_time=0.0,
)  # fmt: skip
WILD = CALM.model_copy(update={"burst_rate": 0.3, "burst_time": 0.2, "burst_size": 0.3})
GONE = CALM.model_copy(update={"miss_rate": 0.2, "miss_time": 0.5})
TABLE = ErrorTable(
    unit="size",
    joints={"shoulder": CALM, "hip": CALM, "elbow": CALM, "wrist": WILD, "knee": GONE, "ankle": CALM},
    swaps={"ankle": SwapErrors(rate=0.1, time=0.4)},
    provenance={},
)


def walk(number: int, frames: int = 1800, skeleton: object = LIMBS12) -> PoseSequence:
    """Joints far apart that hardly move, in a box of 200 pixels, 60 a second."""
    rng = np.random.default_rng(number)
    joints = len(skeleton)  # type: ignore[arg-type]
    place = 100 + 60 * np.stack([np.arange(joints) % 4, np.arange(joints) // 4], axis=1)
    t = np.arange(frames)[:, None, None] / 60
    values = place + 5 * np.sin(t + rng.uniform(0, 6, (joints, 2)))
    boxes = np.tile([50.0, 50.0, 150.0, 250.0], (frames, 1)).astype(np.float32)
    return PoseSequence.keypoints(
        f"walk_{number}", values.astype(np.float32), skeleton, fps=60.0, boxes=boxes  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.fixture(scope="module")
def fitted() -> ErrorTable:
    truths = [walk(number) for number in range(16)]
    return fit(((detect(truth, TABLE, seed=5), truth) for truth in truths), {"detections": "simulated"})


def test_noise_is_recovered(fitted: ErrorTable) -> None:
    for name in ("shoulder", "hip", "elbow"):
        found = fitted.joints[name]
        assert found.jitter == pytest.approx(CALM.jitter, rel=0.15)
        assert found.drift == pytest.approx(CALM.drift, rel=0.1)
        assert found.drift_time == pytest.approx(CALM.drift_time, rel=0.2)
        assert found.bias == pytest.approx(CALM.bias, rel=0.25)
        assert found.burst_rate < 0.01 and found.miss_rate == 0


def test_events_are_recovered(fitted: ErrorTable) -> None:
    wrist, knee, swap = fitted.joints["wrist"], fitted.joints["knee"], fitted.swaps["ankle"]
    # A burst is drawn to land near its joint now and then, where nobody sees it.
    assert wrist.burst_rate == pytest.approx(WILD.burst_rate, rel=0.2)
    assert wrist.burst_time == pytest.approx(WILD.burst_time, rel=0.2)
    assert wrist.burst_size == pytest.approx(WILD.burst_size, rel=0.15)
    assert (knee.miss_rate, knee.miss_time) == pytest.approx((GONE.miss_rate, GONE.miss_time), rel=0.2)
    assert (swap.rate, swap.time) == pytest.approx((0.1, 0.4), rel=0.25)
    assert fitted.swaps["hip"].rate == 0
    assert fitted.provenance == {"detections": "simulated", "tracks": 16, "frames": 28800, "people": None}


def test_joints_in_metres() -> None:
    """In 3D sizes are metres, and a swap of hips 0.2 m apart is seen."""
    rng = np.random.default_rng(0)
    values = rng.normal(0, 0.3, (1, 12, 3)).repeat(600, axis=0).astype(np.float32)
    truth = PoseSequence.joints("a", values, LIMBS12, fps=30.0, frame_of_reference="world_root_relative")
    found = values + rng.normal(0, 0.01, values.shape)
    left, right = LIMBS12.index("l_knee"), LIMBS12.index("r_knee")
    found[100:130, [left, right]] = found[100:130, [right, left]]
    table = fit([(replace(truth, values=found.astype(np.float32)), truth)], {})
    assert table.unit == "m"
    assert table.joints["wrist"].jitter == pytest.approx(0.01, rel=0.1)
    assert table.joints["wrist"].drift < 0.004
    assert (table.swaps["knee"].rate, table.swaps["knee"].time) == pytest.approx((1 / 19, 1.0))
    with pytest.raises(ValueError, match=r"one of 3D joints \(unit m\)"):
        detect(walk(0), table, seed=1)


def test_the_same_seed_gives_the_same_detections() -> None:
    truth = walk(0, frames=300)
    first, again = (detect(truth, TABLE, seed=5) for _ in range(2))
    np.testing.assert_array_equal(first.values, again.values)
    assert not np.array_equal(first.values, detect(truth, TABLE, seed=6).values)
    assert np.isfinite(first.values).all() and first.scores is not None
    kinds = frame_kinds(truth, TABLE, seed=5)
    swapped = np.abs(first.values[:, LIMBS12.index("l_ankle")] - truth.values[:, LIMBS12.index("r_ankle")])
    np.testing.assert_array_equal(kinds == FRAME_KINDS.index("swap"), swapped.max(axis=1) < 20)


def test_joints_that_are_not_measured_take_the_nearest() -> None:
    assert TABLE.of_joint("pelvis") == TABLE.joints["hip"]
    assert TABLE.of_joint("l_ear") == TABLE.joints["shoulder"]
    for skeleton in (H36M17, COCO17):
        assert np.isfinite(detect(walk(0, 30, skeleton), TABLE, seed=1).values).all()
    with pytest.raises(ValueError, match="no joint 'thumb'"):
        TABLE.of_joint("l_thumb")


def test_tables_are_written_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.json"
    save(TABLE, path)
    assert load(str(path)) == TABLE
    monkeypatch.setattr(model, "TABLES", tmp_path)
    assert load("mine") == TABLE
    with pytest.raises(ValueError, match="no measured errors are called 'yours'; the package has mine"):
        load("yours")
    with pytest.raises(FileNotFoundError, match=r"stages\.errors"):
        load(str(tmp_path / "yours.json"))
    path.write_text(path.read_text().replace('"jitter": 0.002', '"jitter": -1'))
    with pytest.raises(ValueError, match=r"mine\.json: joints\.ankle\.jitter: expected"):
        load(str(path))


def test_nothing_to_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="got none"):
        fit([], {})
    truth = walk(0, 10)
    with pytest.raises(ValueError, match="give `boxes`"):
        fit([(truth, replace(truth, boxes=None))], {})
