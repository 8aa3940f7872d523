"""``import hanet``: quick, light, and the same results as the commands."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import hanet
from hanet.poses.skeletons import H36M17
from tests.support import keypoint_writers as writers
from tests.support.paths import ROOT


def poses(frames: int = 120, noise: float = 0.02) -> tuple[np.ndarray, np.ndarray]:
    """(T, 2, 17, 3) two moving people in metres, and as detected."""
    rng = np.random.default_rng(0)
    t = np.arange(frames)[:, None, None, None] / 60
    body = rng.normal(0, 0.3, (1, 2, 17, 3))
    truth = body + 0.2 * np.sin(2 * np.pi * 0.8 * t + rng.uniform(0, 6, (1, 2, 17, 3)))
    return truth, truth + rng.normal(0, noise, truth.shape)


def test_arrays_keep_shape_type_and_gaps():
    truth, seen = poses()
    seen[20:26, 0, 3] = np.nan
    seen[50:90, 1, 5] = np.nan
    seen[:, 1, 7] = np.nan
    refined = hanet.refine(seen, fps=60, joints=H36M17.joints)
    assert refined.shape == seen.shape and refined.dtype == np.float64
    missing = np.zeros(seen.shape[:3], dtype=bool)
    missing[50:90, 1, 5] = missing[:, 1, 7] = True
    np.testing.assert_array_equal(np.isnan(refined).any(axis=3), missing)
    assert np.nanmean(np.abs(refined - truth)) < 0.7 * np.nanmean(np.abs(seen - truth))
    np.testing.assert_allclose(hanet.refine(seen[:, 0], fps=60.0), refined[:, 0], atol=1e-9)
    one = hanet.refine(seen[:, 0].astype(np.float32), fps=60.0)
    assert one.dtype == np.float32 and one.shape == (120, 17, 3)
    np.testing.assert_allclose(one, refined[:, 0], atol=1e-3)  # single precision tunes a little differently


def test_intervals_hold_most_errors_and_the_poses_stay(tmp_path):
    truth, seen = poses()
    seen[50:90, 1, 5] = np.nan
    refined, radii = hanet.refine(seen, fps=60, return_intervals=True)
    np.testing.assert_array_equal(refined, hanet.refine(seen, fps=60))
    assert radii.shape == seen.shape[:3]
    np.testing.assert_array_equal(np.isnan(radii), np.isnan(refined).any(axis=3))
    inside = np.linalg.norm(refined - truth, axis=3) <= radii
    assert inside[np.isfinite(radii)].mean() > 0.8 and np.nanmedian(radii) < 0.1
    one = hanet.refine(seen[:, 0], fps=60, return_intervals=True)[1]
    np.testing.assert_allclose(one, radii[:, 0])
    flat = np.concatenate([300 + 100 * truth[..., :2], np.ones((*truth.shape[:3], 1))], axis=3)
    path = writers.write_coco(tmp_path / "walk.json", flat)
    tracks, each = hanet.refine(hanet.load(path, fps=60), return_intervals=True)
    assert [radius.shape for radius in each] == [track.values.shape[:2] for track in tracks]
    with pytest.raises(ValueError, match="the general refiner's"):
        hanet.refine(seen, fps=60, method="median", return_intervals=True)


def test_scores_decide_what_is_missing():
    _, seen = poses()
    scores = np.ones(seen.shape[:3])
    seen[30, 0, 2], scores[30, 0, 2] = 50.0, 0.1
    refined = hanet.refine(seen, fps=60, scores=scores, min_score=0.5)
    assert np.abs(refined[30, 0, 2] - seen[29, 0, 2]).max() < 0.2


def test_score_tells_better_from_worse():
    truth, seen = poses()
    before = hanet.score(truth, seen, fps=60, joints=H36M17.joints)
    after = hanet.score(truth, hanet.refine(seen, fps=60), fps=60, joints=H36M17.joints)
    assert after["mpjpe_mm"] < 0.8 * before["mpjpe_mm"] and before["found"] == 1.0
    assert hanet.score(truth, truth, fps=60)["mpjpe_mm"] == 0
    seen[:30, 0, 3] = np.nan
    assert hanet.score(truth, seen, fps=60)["found"] == pytest.approx(1 - 30 / (120 * 2 * 17))


def test_a_file_goes_round(tmp_path):
    rng = np.random.default_rng(1)
    found = np.zeros((40, 1, 17, 3))
    found[..., :2] = 200 + 50 * rng.normal(size=(1, 1, 17, 2)) + rng.normal(size=(40, 1, 17, 2))
    found[..., 2] = 0.5
    path = writers.write_coco(tmp_path / "walk.json", found)
    file = hanet.load(path, fps=30)
    assert hanet.save(tmp_path / "out.json", file, hanet.refine(file)) == ()
    again = hanet.load(tmp_path / "out.json", fps=30)
    np.testing.assert_allclose(again.tracks[0].values, hanet.refine(file)[0].values, atol=1e-4)
    assert hanet.score(file, again)["pck_020"] > 0.9
    with pytest.raises(ValueError, match="does not say its frame rate"):
        hanet.refine(hanet.load(path))


@pytest.mark.parametrize(
    ("array", "options", "message"),
    [
        (np.zeros((5, 17)), {"fps": 30}, r"expected real numbers of shape \(T, J, D\) or \(T, P, J, D\)"),
        (np.zeros((5, 17, 4)), {"fps": 30}, "with D = 2 or 3, got float64 of shape"),
        (np.zeros((5, 17, 2)), {}, "fps must be a positive number of frames per second, got None"),
        (np.zeros((5, 17, 2)), {"fps": 0}, "fps must be a positive number"),
        (
            np.zeros((5, 17, 2)),
            {"fps": 30, "joints": ["a"]},
            "expected 17 names, one per joint",
        ),
        (np.zeros((5, 17, 2)), {"fps": 30, "method": "x"}, "unknown method 'x'"),
        (np.zeros((5, 17, 2)), {"fps": 30, "min_score": 0.5}, r"min_score needs scores of shape \(5, 17\)"),
        (np.zeros((0, 17, 2)), {"fps": 30}, "no frames"),
    ],
)
def test_wrong_arguments_are_named(array, options, message):
    with pytest.raises(ValueError, match=message):
        hanet.refine(array, **options)


@pytest.mark.parametrize("fps", [True, "60", [60], 60j, np.inf, 10**400])
def test_a_rate_is_a_positive_number(fps, tmp_path, unchecked):
    for use in (lambda: hanet.refine(np.zeros((5, 17, 2)), fps=fps), lambda: hanet.load(tmp_path, fps=fps)):
        with pytest.raises(ValueError, match="fps must be a positive number of frames per second, got "):
            use()


@pytest.mark.parametrize("kind", [bool, complex, str, object])
def test_other_than_real_numbers_are_not_scored(kind):
    truth, seen = poses()
    for pair in ((truth.astype(kind), seen), (truth, seen.astype(kind))):
        with pytest.raises(ValueError, match="expected real numbers of shape"):
            hanet.score(*pair, fps=60)


def test_masked_and_wild_joints_are_missing_and_nothing_is_no_score():
    truth, seen = poses()
    mask = np.zeros(seen.shape, dtype=bool)
    mask[20:26, 0, 3] = True
    refined = hanet.refine(np.ma.masked_array(np.where(mask, 99.0, seen), mask), fps=60)
    np.testing.assert_array_equal(refined, hanet.refine(np.where(mask, np.nan, seen), fps=60))
    found = 1 - 6 / (120 * 2 * 17)
    assert hanet.score(truth, np.where(mask, 1e30, seen), fps=60)["found"] == pytest.approx(found)
    with pytest.raises(ValueError, match="nothing to score"):
        hanet.score(truth * np.nan, seen, fps=60)


def test_import_is_quick_and_needs_no_torch():
    program = (
        "import time; t = time.process_time(); import hanet; took = time.process_time() - t\n"
        "import sys; before = {'numpy', 'scipy', 'torch', 'pandas'} & set(sys.modules)\n"
        "import numpy as np; hanet.refine(np.random.rand(50, 17, 2), fps=30)\n"
        "print(took < 0.1, before, {'torch', 'pandas', 'matplotlib', 'pyarrow'} & set(sys.modules))\n"
        "print(*sorted(dir(hanet)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert result.stdout.startswith("True set() set()\n"), result
    with pytest.raises(AttributeError, match="no attribute 'refin'"):
        hanet.refin  # noqa: B018
