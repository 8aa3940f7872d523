"""Calibration: what bias it learns, what it leaves alone, its files and its command."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from typer.testing import CliRunner

import hanet
from hanet.cli.app import app
from hanet.cli.calibrate import described
from hanet.methods.calibrate import calibrate
from hanet.methods.calibrated import Calibrated
from hanet.methods.calibration_files import load_calibration, save_calibration
from hanet.methods.intervals import covered, packaged
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17, LIMBS12
from tests.support.mutations import flip_bit


def body(rng: np.random.Generator, T: int = 600) -> np.ndarray:
    """Moving joints of a body in metres, with bones of constant length."""
    joints = np.zeros((T, 17, 3))
    for parent, child in H36M17.bones:
        turn = gaussian_filter1d(rng.normal(size=(T, 3)), 15.0, axis=0) * 3 + rng.normal(size=3)
        joints[:, child] = joints[:, parent] + 0.4 * turn / np.linalg.norm(turn, axis=1, keepdims=True)
    return joints


def track(values: np.ndarray, **fields: object) -> PoseSequence:
    made = PoseSequence.joints("a", values, H36M17, fps=30.0, frame_of_reference="camera")
    return replace(made, **fields)


def error(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a - b, axis=2).mean())


def test_a_constant_offset_is_learned_and_no_more(rng: np.random.Generator) -> None:
    gt, offset = body(rng), 0.05 * rng.normal(size=(17, 3))
    detected = gt + offset + 0.01 * rng.normal(size=gt.shape)
    made = calibrate([track(detected)], [track(gt)])
    np.testing.assert_allclose(made.offset, -offset, atol=0.005)
    new = body(rng)
    assert error(made.correct(track(new + offset)), new) < 0.15 * error(new + offset, new)


def test_a_bias_that_follows_the_pose_is_learned(rng: np.random.Generator) -> None:
    gt, new = body(rng, 1800), body(rng)
    bias = [np.concatenate([0.3 * (x[:, 3:4] - x[:, 2:3])] * 17, axis=1) + 0.05 for x in (gt, new)]
    made = calibrate([track(gt + bias[0])], [track(gt)])
    assert made.strength < np.inf
    constant = replace(made, weight=0 * made.weight)
    after, offset = (error(one.correct(track(new + bias[1])), new) for one in (made, constant))
    assert after < 0.8 * offset
    assert made.errors[f"{made.strength:g}"] < made.errors["inf"] < made.errors["input"]


def test_of_one_piece_the_constant_offset_is_learned(rng: np.random.Generator) -> None:
    gt = body(rng, 90)
    made = calibrate([track(gt + 0.1)], [track(gt)])
    assert np.isinf(made.strength) and not made.weight.any()
    assert set(made.errors) == {"input"} and made.errors["input"] == pytest.approx(0.1 * 3**0.5, rel=0.01)
    assert (
        "17 joints; a constant offset, from a mean error of 173 mm. The recording is too short"
        in described(made)
    )


def test_missing_joints_and_frames_without_truth_do_not_count(rng: np.random.Generator) -> None:
    gt = body(rng)
    detected = gt + 0.1
    detected[:300, 4] = np.nan
    detected[:, 6] = np.nan
    labelled = np.ones((600, 17), dtype=bool)
    wrong = gt.copy()
    wrong[400:, 7], labelled[400:, 7] = 9.0, False
    made = calibrate([track(detected)], [track(wrong, labelled=labelled)])
    seen = np.delete(np.arange(17), 6)
    np.testing.assert_allclose(made.offset[seen], -0.1, atol=1e-3)
    assert np.isfinite(made.weight).all() and not made.offset[6].any()
    corrected = made.correct(track(detected))
    np.testing.assert_array_equal(np.isnan(corrected), np.isnan(detected))


def test_in_images_the_bias_scales_with_the_body(rng: np.random.Generator) -> None:
    gt = 200 * body(rng)[..., :2]
    offset = 8 * rng.normal(size=(17, 2))

    def flat(values: np.ndarray) -> PoseSequence:
        return PoseSequence.keypoints("a", values, H36M17, fps=30.0)

    made = calibrate([flat(gt + offset)], [flat(gt)])
    np.testing.assert_allclose(made.correct(flat(3 * (gt + offset))), 3 * gt, atol=6.0)
    with pytest.raises(ValueError, match="2D poses in px"):
        made.correct(track(body(rng)))


def test_other_joints_are_refused_and_more_are_left_alone(rng: np.random.Generator) -> None:
    gt = body(rng)
    part = PoseSequence.joints("a", gt[:, 1:13], LIMBS12, fps=30.0, frame_of_reference="camera")
    made = calibrate([part.with_values(part.values + 0.1)], [part])
    index = [H36M17.index(joint) for joint in LIMBS12.joints]
    values = gt.copy()
    corrected = made.correct(track(values))
    others = np.setdiff1d(np.arange(17), index)
    np.testing.assert_array_equal(corrected[:, others], values[:, others])
    assert np.abs(corrected[:, index] - values[:, index]).min() > 0.05
    with pytest.raises(ValueError, match="without l_shoulder"):
        made.correct(PoseSequence.joints("a", gt[:, :1], _one(), fps=30.0, frame_of_reference="camera"))
    with pytest.raises(ValueError, match="nothing to calibrate"):
        calibrate([track(np.full_like(gt, np.nan))], [track(gt)])


def _one():
    from hanet.poses.skeletons import Skeleton

    return Skeleton("one", ("pelvis",), (-1,), (0,))


def test_files_hold_all_of_it_and_damage_is_told(tmp_path: Path, rng: np.random.Generator) -> None:
    gt = body(rng)
    made = calibrate([track(gt + 0.1)], [track(gt)])
    save_calibration(tmp_path / "model", made)
    again = load_calibration(tmp_path / "model")
    np.testing.assert_array_equal(again.correct(track(gt)), made.correct(track(gt)))
    assert (again.joints, again.strength, again.errors) == (made.joints, made.strength, made.errors)
    tensors = tmp_path / "model" / "calibration.safetensors"
    content = tensors.read_bytes()
    for damaged in (content[:40], b"", b"\xff" * 100):
        tensors.write_bytes(damaged)
        with pytest.raises(ValueError, match="not a whole calibration"):
            load_calibration(tmp_path / "model")
    tensors.write_bytes(content)
    description = tmp_path / "model" / "calibration.json"
    written = description.read_text()
    description.write_text(written.replace('"dimensions": 3', '"dimensions": 2'))
    with pytest.raises(ValueError, match="SHA-256 of its numbers and description is not the one noted"):
        load_calibration(tmp_path / "model")
    described = json.loads(written)
    del described["sha256"]  # as before 0.3
    description.write_text(json.dumps(described | {"dimensions": 2}))
    with pytest.raises(ValueError, match="does not fit"):
        load_calibration(tmp_path / "model")


def test_every_flipped_bit_is_noticed(tmp_path: Path, rng: np.random.Generator) -> None:
    gt = body(rng)
    save_calibration(tmp_path / "model", calibrate([track(gt + 0.1)], [track(gt)]))
    path = tmp_path / "model" / "calibration.safetensors"
    content = path.read_bytes()
    for bit in rng.integers(0, 8 * len(content), 100):
        path.write_bytes(flip_bit(content, int(bit)))
        with pytest.raises(ValueError, match="SHA-256 of its numbers"):
            load_calibration(tmp_path / "model")


def test_the_command_and_its_use(tmp_path: Path, rng: np.random.Generator) -> None:
    gt, offset = body(rng), np.array([0.2, 0.0, 0.0])
    names = np.array(H36M17.joints)
    for name, values in (("gt", gt), ("seen", gt + offset), ("new", gt[::-1] + offset)):
        np.savez(tmp_path / f"{name}.npz", poses=values, joints=names)
    runner = CliRunner(env={"COLUMNS": "200"})
    paths = {name: str(tmp_path / f"{name}.npz") for name in ("gt", "seen", "new")}
    model = str(tmp_path / "model")
    arguments = ["--detected", paths["seen"], "--gt", paths["gt"], "--fps", "30"]
    result = runner.invoke(app, ["calibrate", *arguments, "--out", model])
    assert result.exit_code == 0 and "constant offset" in result.stdout, result.output
    assert json.loads((tmp_path / "model" / "calibration.json").read_text())["dimensions"] == 3
    refined = hanet.refine(gt[::-1] + offset, fps=30, joints=H36M17.joints, method=model)
    assert error(refined, gt[::-1]) < 0.1 * 0.2
    out = str(tmp_path / "out.npz")
    result = runner.invoke(app, ["refine", paths["new"], "--out", out, "--fps", "30", "--method", model])
    assert result.exit_code == 0 and f"then calibration {model}" in result.stdout, result.output
    assert runner.invoke(app, ["calibrate", *arguments, "--out", model]).exit_code == 2


def test_it_is_a_method_for_tracks(tmp_path: Path, rng: np.random.Generator) -> None:
    gt = body(rng)
    save_calibration(tmp_path / "model", calibrate([track(gt + 0.1)], [track(gt)]))
    method = Calibrated.of(tmp_path / "model", 0.25)
    seen = gt + 0.1
    seen[100:103, 4] = seen[200:300, 5] = np.nan
    refined = method.refine(track(seen)).values
    np.testing.assert_array_equal(np.isnan(refined).all(axis=(0, 2)), False)
    assert np.isnan(refined[200:300, 5]).all() and np.isfinite(refined[100:103, 4]).all()


def drifting(rng: np.random.Generator, gt: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Detections that are off all the time, and by 30 mm slowly, whatever the pose."""
    wander = gaussian_filter1d(rng.normal(size=gt.shape), 40.0, axis=0)
    return gt + offset + 0.03 * wander / wander.std() + 0.005 * rng.normal(size=gt.shape)


def test_radii_hold_nine_of_ten_errors_after_calibration(tmp_path: Path, rng: np.random.Generator) -> None:
    offset = 0.1 * rng.normal(size=(17, 3))
    gt, new = body(rng, 1800), body(rng, 900)
    made = calibrate([track(drifting(rng, gt, offset))], [track(gt)])
    seen = drifting(rng, new, offset)
    plain, before = hanet.refine(seen, fps=30, joints=H36M17.joints, return_intervals=True)
    save_calibration(tmp_path / "model", made)
    refined, radii = hanet.refine(
        seen, fps=30, joints=H36M17.joints, method=str(tmp_path / "model"), return_intervals=True
    )
    held = [covered(np.linalg.norm(a - new, axis=2), b) for a, b in ((plain, before), (refined, radii))]
    assert held[0] < 0.1 and 0.8 < held[1] < 0.99
    assert np.median(radii) < 0.2  # not by being useless: the estimator is off by 173 mm
    # They follow from what the refiner did, not from how far the calibration moved the pose.
    model = replace(packaged(), bias=made.bias)
    np.testing.assert_allclose(radii, model.radii(seen, plain, 30.0), rtol=1e-6)
    assert load_calibration(tmp_path / "model").bias == made.bias


def test_a_calibration_that_knows_nothing_of_its_errors_gives_no_radii(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    gt = body(rng, 90)
    made = calibrate([track(gt + 0.1)], [track(gt)])  # one piece: nothing could be left out
    assert np.isnan(made.bias)
    save_calibration(tmp_path / "model", made)
    assert np.isnan(load_calibration(tmp_path / "model").bias)
    with pytest.raises(ValueError, match="model: the calibration does not know how far off its poses may be"):
        hanet.refine(gt, fps=30, joints=H36M17.joints, method=str(tmp_path / "model"), return_intervals=True)
    np.savez(tmp_path / "new.npz", poses=gt, joints=np.array(H36M17.joints))
    arguments = ["refine", str(tmp_path / "new.npz"), "--out", str(tmp_path / "out.npz"), "--fps", "30"]
    arguments += ["--method", str(tmp_path / "model"), "--intervals", str(tmp_path / "radii.csv")]
    result = CliRunner(env={"COLUMNS": "300"}).invoke(app, arguments)
    assert result.exit_code == 2 and "from a minute of poses" in result.output
    assert not (tmp_path / "out.npz").exists() and not (tmp_path / "radii.csv").exists()


def test_radii_in_images_scale_with_the_body(rng: np.random.Generator) -> None:
    gt = 200 * body(rng)[..., :2]
    noisy = gt + gaussian_filter1d(30 * rng.normal(size=gt.shape), 20.0, axis=0)

    def flat(values: np.ndarray) -> PoseSequence:
        return PoseSequence.keypoints("a", values, H36M17, fps=30.0)

    one = calibrate([flat(noisy)], [flat(gt)])
    large = calibrate([flat(3 * noisy)], [flat(3 * gt)])
    assert one.bias > 0 and large.bias == pytest.approx(one.bias, rel=1e-3)


def test_a_note_of_a_bias_that_cannot_be_is_refused(tmp_path: Path, rng: np.random.Generator) -> None:
    gt = body(rng, 300)
    save_calibration(tmp_path / "model", calibrate([track(gt + 0.1)], [track(gt)]))
    description = tmp_path / "model" / "calibration.json"
    content = json.loads(description.read_text())
    del content["sha256"]
    description.write_text(json.dumps(content | {"bias": -1.0}))
    with pytest.raises(ValueError, match="bias must be a finite number from 0, got -1"):
        load_calibration(tmp_path / "model")
