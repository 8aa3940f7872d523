"""The general refiner with the weights that come with the package."""

from __future__ import annotations

import subprocess
import sys
from typing import Literal

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from hanet.methods import general
from hanet.methods.general import GeneralRefiner, refine_general
from hanet.methods.self_tuned import SelfTuned
from hanet.methods.trust_region import gate, nearest
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17


def motion(rng: np.random.Generator, T: int = 240, J: int = 17, D: int = 3) -> np.ndarray:
    """Smooth motion in metres of a body about two metres tall."""
    rest = rng.normal(size=(1, J, D))
    return rest + 0.6 * gaussian_filter1d(rng.normal(size=(T, J, D)), 12.0, axis=0)


def acceleration(poses: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(poses, 2, axis=0), axis=2).mean())


@pytest.mark.parametrize("D", [2, 3, 6])
@pytest.mark.parametrize("fps", [30.0, 120.0])
def test_jitter_is_removed(D: int, fps: float, rng: np.random.Generator) -> None:
    gt = motion(rng, D=D)
    noisy = gt + 0.02 * rng.normal(size=gt.shape)
    refined = refine_general(noisy, fps)
    assert np.linalg.norm(refined - gt, axis=2).mean() < 0.6 * np.linalg.norm(noisy - gt, axis=2).mean()
    assert acceleration(refined - gt) < 0.1 * acceleration(noisy - gt)


@pytest.mark.parametrize("T", [3, 4, 5, 30, 240])
def test_noise_free_poses_come_back_as_they_were(T: int, rng: np.random.Generator) -> None:
    gt = motion(rng, T=max(T, 60))[:T]
    assert np.abs(refine_general(gt, 30.0) - gt).max() < 1e-3  # of a body of two metres


def test_outliers_are_removed(rng: np.random.Generator) -> None:
    gt = motion(rng)
    noisy = gt + 0.005 * rng.normal(size=gt.shape)
    noisy[100:102, 4] += 0.8
    before, after = (
        np.linalg.norm(p - gt, axis=2)[98:104, 4].max() for p in (noisy, refine_general(noisy, 30.0))
    )
    assert after < 0.4 * before


def test_commutes_with_rotation_shift_scale_and_order(rng: np.random.Generator) -> None:
    noisy = motion(rng) + 0.02 * rng.normal(size=(240, 17, 3))
    turn, order = Rotation.random(rng=rng).as_matrix(), rng.permutation(17)
    refined = refine_general(noisy, 30.0)
    moved = refine_general(1000 * noisy @ turn + 50.0, 30.0)
    np.testing.assert_allclose(moved, 1000 * refined @ turn + 50.0, atol=0.5)
    np.testing.assert_allclose(refine_general(noisy[:, order], 30.0), refined[:, order], atol=1e-4)
    np.testing.assert_allclose(refine_general(noisy[::-1], 30.0), refined[::-1], atol=1e-3)


def test_gaps_are_filled_ends_and_unseen_joints_stay_missing(rng: np.random.Generator) -> None:
    gt = motion(rng)
    noisy = gt + 0.005 * rng.normal(size=gt.shape)
    noisy[50:60, 3] = np.nan
    noisy[:7, 4] = noisy[-5:, 4] = np.nan
    noisy[:, 5] = np.nan
    noisy[80, 6, 1] = np.nan  # a joint with one number missing is missing
    refined = refine_general(noisy, 30.0)
    missing = np.isnan(refined).any(axis=2)
    expected = np.zeros((240, 17), dtype=bool)
    expected[:7, 4] = expected[-5:, 4] = expected[:, 5] = True
    np.testing.assert_array_equal(missing, expected)
    assert np.linalg.norm(refined[50:60, 3] - gt[50:60, 3], axis=1).max() < 0.3
    others = np.delete(np.arange(17), [3, 4, 5, 6])
    whole = gt[:, others] - refined[:, others]
    assert np.linalg.norm(whole, axis=2).mean() < 0.006 * np.sqrt(3)


def test_confidence_0_is_a_missing_joint(rng: np.random.Generator) -> None:
    noisy = motion(rng)
    scores = np.ones((240, 17))
    noisy[100:104, 2] = 0.0  # what some detectors write
    scores[100:104, 2] = 0.0
    marked = noisy.copy()
    marked[100:104, 2] = np.nan
    np.testing.assert_array_equal(refine_general(noisy, 30.0, scores), refine_general(marked, 30.0))


def test_trust_0_is_the_self_tuned_smoother(rng: np.random.Generator) -> None:
    noisy = motion(rng) + 0.02 * rng.normal(size=(240, 17, 3))
    sequence = PoseSequence.joints("a", noisy, H36M17, fps=30.0, frame_of_reference="world")
    expected = SelfTuned().refine(sequence).values
    np.testing.assert_allclose(refine_general(noisy, 30.0, trust=0.0), expected, atol=1e-9)
    assert np.abs(refine_general(noisy, 30.0) - expected).max() > 1e-4


def test_long_tracks_do_not_depend_on_where_pieces_end(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    noisy = motion(rng, T=1300, J=3) + 0.02 * rng.normal(size=(1300, 3, 3))
    whole = refine_general(noisy, 30.0)
    monkeypatch.setattr("hanet.methods.general.PIECE", 600)
    pieces = refine_general(noisy, 30.0)
    np.testing.assert_allclose(pieces, whole, atol=5e-3)


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_callers_array_stays_as_it_is(rng: np.random.Generator, order: Literal["C", "F"]) -> None:
    """Also of a layout that is the solver's own."""
    noisy = np.array(motion(rng, T=60, J=3) + 0.02 * rng.normal(size=(60, 3, 3)), order=order)
    before = noisy.copy()
    refined = refine_general(noisy, 30.0)
    np.testing.assert_array_equal(noisy, before)
    np.testing.assert_array_equal(refined, refine_general(np.ascontiguousarray(before), 30.0))


def test_is_a_method_that_keeps_types(rng: np.random.Generator) -> None:
    sequence = PoseSequence.keypoints("a", (500 * motion(rng, D=2)).astype(np.float32), H36M17, fps=25.0)
    refined = GeneralRefiner().refine(sequence)
    assert refined.values.dtype == np.float32
    assert refined.scores is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fps": 0.0}, "fps"),
        ({"values": np.full((5, 2, 3), np.inf)}, "infinite"),
        ({"scores": np.ones((4, 2))}, "scores"),
        ({"adjacency": [(0, 2)]}, "adjacency"),
        ({"trust": -1.0}, "trust"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_refusals_name_the_argument(change: dict[str, object], message: str) -> None:
    given = {"values": np.zeros((5, 2, 3)), "fps": 30.0} | change
    with pytest.raises(ValueError, match=message):
        refine_general(**given)  # pyright: ignore[reportArgumentType]


def test_needs_no_torch() -> None:
    code = (
        "import sys, numpy as np\n"
        "from hanet.methods.general import refine_general\n"
        "assert np.isfinite(refine_general(np.random.default_rng(0).normal(size=(40, 3, 2)), 30.0)).all()\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def rigid(rng: np.random.Generator, frames: int = 240) -> np.ndarray:
    """Fast joints of five bodies' bones: pairs at constant distances."""
    start = 2.0 * gaussian_filter1d(rng.normal(size=(frames, 5, 3)), 6.0, axis=0) + rng.normal(size=(5, 3))
    turn = gaussian_filter1d(rng.normal(size=(frames, 5, 3)), 10.0, axis=0)
    return np.concatenate([start, start + 0.2 * turn / np.linalg.norm(turn, axis=2, keepdims=True)], axis=1)


def test_bones_allow_more_where_errors_last_and_nothing_where_there_are_none(
    rng: np.random.Generator,
) -> None:
    gt = rigid(rng)
    lasting = gaussian_filter1d(rng.normal(size=gt.shape), 3.0, axis=0)
    noisy = gt + 0.03 * lasting / lasting.std()
    tracks, away = noisy.transpose(1, 0, 2), (gt - noisy).transpose(1, 0, 2)
    known = np.ones(tracks.shape[:2], dtype=bool)
    plain, more = (
        gate(tracks, away, known, 30.0, 0.5, 1.0, partners).mean() for partners in (None, nearest(tracks))
    )
    assert plain < 0.1 and 0.4 < more <= 1.0
    # The bones keep their lengths, however fast they are: nothing more may be moved.
    clean, moved = gt.transpose(1, 0, 2), 0.03 * rng.normal(size=tracks.shape)
    plain, more = (gate(clean, moved, known, 30.0, 0.5, 1.0, each) for each in (None, nearest(clean)))
    np.testing.assert_allclose(more, plain, atol=1e-9)
    # Nor where a joint was not detected and stands on a line meanwhile.
    away, gaps = clean.copy(), known.copy()
    away[2, 60:160] += 1.0
    gaps[2, 60:160] = False
    allowed = gate(away, moved, gaps, 30.0, 0.0, 1.0, nearest(clean))
    assert allowed[2, 90:130].max() < 1e-9


def test_bones_need_three_dimensions_and_two_joints(rng: np.random.Generator) -> None:
    noisy = rigid(rng) + 0.03 * rng.normal(size=(240, 10, 3))
    for seen in (noisy[..., :2], noisy[:, :1]):
        np.testing.assert_array_equal(refine_general(seen, 30.0, bones=1.0), refine_general(seen, 30.0))
    assert np.abs(refine_general(noisy, 30.0, bones=1.0) - refine_general(noisy, 30.0)).max() > 1e-4


def test_with_bones_it_commutes_and_has_no_seams(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    noisy = rigid(rng, 600) + 0.03 * rng.normal(size=(600, 10, 3))
    refined = refine_general(noisy, 30.0, bones=1.0)
    turned = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    order = rng.permutation(10)
    np.testing.assert_allclose(
        refine_general(1000 * noisy[:, order] @ turned + 5, 30.0, bones=1.0),
        1000 * refined[:, order] @ turned + 5, atol=0.05,
    )  # fmt: skip
    monkeypatch.setattr(general, "PIECE", 200)
    np.testing.assert_allclose(refine_general(noisy, 30.0, bones=1.0), refined, atol=1e-5)


def test_bones_out_of_range_are_refused(rng: np.random.Generator) -> None:
    for bones in (-1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="bones must be at least 0"):
            refine_general(np.zeros((8, 2, 3)), 30.0, bones=bones)
