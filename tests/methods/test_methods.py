"""What every refinement method must do. A new method joins by a `Case` in `CASES`."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import pytest
import torch

from hanet.methods.base import Method
from hanet.methods.filtered import Unfiltered
from hanet.methods.filters import Gaussian, Input, LinearInterpolation, OneEuro, SavitzkyGolay
from hanet.methods.general import GeneralRefiner
from hanet.methods.known_filters import FILTERS
from hanet.methods.learned import LearnedMethod
from hanet.methods.offset import ConstantOffset, PoseKind
from hanet.methods.ridge import FrameRidge
from hanet.methods.self_tuned import SelfTuned
from hanet.models.deciwatch import DeciWatch, DeciWatchConfig
from hanet.models.frame_options import MLPConfig, TCNConfig
from hanet.models.hanet import HANet, HANetConfig
from hanet.models.mlp import FrameMLP
from hanet.models.smoothnet import SmoothNet, SmoothNetConfig
from hanet.models.tcn import TCN
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17, JHMDB15, SMPL24

KINDS = {
    "2d": PoseSequence("", np.zeros((0, 15, 2), np.float32), JHMDB15, "2d", 25.0, "px", "image"),
    "3d": PoseSequence("", np.zeros((0, 17, 3), np.float32), H36M17, "3d", 50.0, "m", "camera_root_relative"),
    "smpl": PoseSequence("", np.zeros((0, 24, 6), np.float32), SMPL24, "smpl", 30.0, "rot6d", "parent"),
}


@dataclass(frozen=True)
class Case:
    """A method and what holds for it beyond the contract."""

    method: Method
    kinds: tuple[str, ...] = ("2d", "3d", "smpl")
    equivariant: bool = True  # adding one vector to all frames adds it to the result
    keeps_constants: bool = True
    fills: bool = True  # NaN frames come back finite
    lines: bool = True  # a gap gives what the straight line over it would have given
    refuses_nan: bool = False  # NaN frames are an error
    smooths: bool = True  # white noise comes back with less acceleration
    by_channel: bool = True  # a joint has no influence on another


KIND = PoseKind(H36M17, "3d", "m", "camera_root_relative")
OFFSET = ConstantOffset(np.full((17, 3), 0.5), KIND)
RIDGE = FrameRidge(np.random.default_rng(0).normal(scale=0.01, size=(51, 51)), np.full(51, 0.5), KIND)


def random_hanet() -> LearnedMethod:
    torch.manual_seed(0)
    config = HANetConfig(channels=51, interval=5, window=11, hidden=8, layers=2)
    return LearnedMethod(HANet(config), stride=5)


def random_deciwatch() -> LearnedMethod:
    torch.manual_seed(0)
    config = DeciWatchConfig(channels=51, interval=5, window=11, hidden=8, encoder_layers=2, decoder_layers=2)
    return LearnedMethod(DeciWatch(config), stride=10, name="deciwatch")


def random_smoothnet() -> LearnedMethod:
    torch.manual_seed(0)
    model = SmoothNet(SmoothNetConfig(window=8, hidden=16, residual_hidden=8))
    return LearnedMethod(model, stride=1, name="smoothnet")


def random_mlp() -> LearnedMethod:
    torch.manual_seed(0)
    return LearnedMethod(FrameMLP(MLPConfig(channels=51, window=5, hidden=16)), stride=5, name="mlp")


def random_tcn() -> LearnedMethod:
    torch.manual_seed(0)
    return LearnedMethod(TCN(TCNConfig(channels=51, window=9, hidden=16, blocks=2)), stride=4, name="tcn")


# An untrained network: nothing holds but the contract.
UNTRAINED = {
    "equivariant": False,
    "keeps_constants": False,
    "fills": False,
    "lines": False,
    "refuses_nan": True,
    "smooths": False,
    "by_channel": False,
}

CASES = {
    "input": Case(Input(), fills=False, lines=False, smooths=False),
    "linear_interpolation": Case(LinearInterpolation(interval=5)),
    "savitzky_golay": Case(SavitzkyGolay(window=9, order=2)),
    "gaussian": Case(Gaussian(sigma=2.0)),
    "one_euro": Case(OneEuro(min_cutoff=1.0, beta=0.05)),
    "self_tuned": Case(SelfTuned()),
    "general": Case(GeneralRefiner(), lines=False, by_channel=False),
    "constant_offset": Case(
        OFFSET, kinds=("3d",), keeps_constants=False, fills=False, lines=False, smooths=False
    ),
    "frame_ridge": Case(
        RIDGE, kinds=("3d",), equivariant=False, keeps_constants=False, smooths=False, by_channel=False
    ),
    "unfiltered": Case(Unfiltered(), fills=False, lines=False, smooths=False),
    "mlp": Case(random_mlp(), kinds=("3d",), **UNTRAINED),
    "tcn": Case(random_tcn(), kinds=("3d",), **UNTRAINED),
    "hanet": Case(random_hanet(), kinds=("3d",), **UNTRAINED),
    "deciwatch": Case(random_deciwatch(), kinds=("3d",), **UNTRAINED),
    "smoothnet": Case(random_smoothnet(), **UNTRAINED),
}


def cases(condition: str | None = None) -> pytest.MarkDecorator:
    """Every case (of which `condition` holds) on every kind of poses it takes."""
    chosen = {name: case for name, case in CASES.items() if condition is None or getattr(case, condition)}
    return pytest.mark.parametrize(
        ("method", "kind"),
        [pytest.param(c.method, kind, id=f"{name}-{kind}") for name, c in chosen.items() for kind in c.kinds],
    )


def track(kind: str, T: int, rng: np.random.Generator) -> PoseSequence:
    """A track with every optional field set."""
    blank = KINDS[kind]
    J, D = blank.values.shape[1:]
    return replace(
        blank,
        name="walk",
        values=rng.normal(size=(T, J, D)).astype(np.float32),
        track=3,
        start=17,
        scores=rng.uniform(size=(T, J)).astype(np.float32),
        labelled=rng.uniform(size=(T, J)) < 0.5,
        boxes=rng.uniform(size=(T, 4)).astype(np.float32),
        image_size=(320, 240),
    )


def test_every_filter_has_a_case() -> None:
    assert set(FILTERS) <= set(CASES)


@cases()
def test_fulfils_the_contract(method: Method, kind: str) -> None:
    assert isinstance(method, Method)
    assert CASES[method.name].method is method
    assert 0 < method.observed <= 1


@cases()
@pytest.mark.parametrize("T", [1, 2, 3, 4, 40])
def test_same_frames_same_metadata_finite(method: Method, kind: str, T: int, rng) -> None:
    sequence = track(kind, T, rng)
    before = sequence.values.copy()
    refined = method.refine(sequence)
    assert len(refined) == T
    for field in fields(PoseSequence):
        if field.name not in ("values", "scores"):
            assert getattr(refined, field.name) is getattr(sequence, field.name), field.name
    assert refined.values.dtype == np.float32
    assert np.isfinite(refined.values).all()
    np.testing.assert_array_equal(sequence.values, before)  # the input is left alone


@cases()
def test_twice_gives_the_same(method: Method, kind: str, rng) -> None:
    sequence = track(kind, 30, rng)
    np.testing.assert_array_equal(method.refine(sequence).values, method.refine(sequence).values)


@cases()
def test_an_empty_track_is_refused(method: Method, kind: str, rng) -> None:
    with pytest.raises(ValueError, match="walk, track 3: there are no frames to refine"):
        method.refine(track(kind, 0, rng))


@pytest.mark.parametrize(
    ("method", "kind"),
    [(case.method, kind) for case in CASES.values() for kind in KINDS if kind not in case.kinds],
)
def test_other_kinds_of_poses_are_refused(method: Method, kind: str, rng) -> None:
    with pytest.raises(ValueError, match=rf"walk: .* got ({KINDS[kind].skeleton.name}|{kind})"):
        method.refine(track(kind, 10, rng))


@cases("equivariant")
@pytest.mark.parametrize("T", [2, 40])
def test_translation_equivariance(method: Method, kind: str, T: int, rng) -> None:
    sequence = track(kind, T, rng)
    shift = rng.normal(size=sequence.values.shape[2]).astype(np.float32)
    moved = method.refine(replace(sequence, values=sequence.values + shift))
    np.testing.assert_allclose(moved.values, method.refine(sequence).values + shift, atol=2e-6)


@cases("keeps_constants")
@pytest.mark.parametrize("T", [1, 2, 3, 40])
def test_a_pose_held_still_stays(method: Method, kind: str, T: int, rng) -> None:
    sequence = track(kind, T, rng)
    still = replace(sequence, values=np.repeat(sequence.values[:1], T, axis=0))
    np.testing.assert_allclose(method.refine(still).values, still.values, rtol=1e-6, atol=1e-7)


@cases("smooths")
def test_noise_is_smoothed(method: Method, kind: str, rng) -> None:
    sequence = track(kind, 200, rng)
    jitter = np.abs(np.diff(sequence.values, 2, axis=0)).mean()
    assert np.abs(np.diff(method.refine(sequence).values, 2, axis=0)).mean() < 0.5 * jitter


@cases()
def test_frames_without_detection(method: Method, kind: str, rng) -> None:
    """NaN frames at both ends, inside, and one joint that is never there."""
    sequence = track(kind, 40, rng)
    sequence.values[[0, 1, 17, 18, 20, 39]] = np.nan
    sequence.values[:, 4] = np.nan
    if CASES[method.name].refuses_nan:
        with pytest.raises(ValueError, match="walk: frame 17 has NaN; fill missing poses before"):
            method.refine(sequence)
        return
    refined = method.refine(sequence).values
    others = np.arange(refined.shape[1]) != 4
    assert np.isnan(refined[:, 4]).all()
    if CASES[method.name].fills:
        assert np.isfinite(refined[:, others]).all()
    else:
        np.testing.assert_array_equal(np.isnan(refined), np.isnan(sequence.values))


@cases("by_channel")
def test_a_missing_joint_does_not_touch_the_others(method: Method, kind: str, rng) -> None:
    sequence = track(kind, 40, rng)
    whole = method.refine(sequence).values
    sequence.values[:, 4] = np.nan
    rest = np.arange(whole.shape[1]) != 4
    np.testing.assert_allclose(method.refine(sequence).values[:, rest], whole[:, rest], atol=1e-6)


@cases("lines")
def test_a_gap_is_filled_before_filtering(method: Method, kind: str, rng) -> None:
    """A gap gives what the straight line over it would have given, though frame 15 is a watched one."""
    sequence = track(kind, 40, rng)
    line = sequence.values.copy()
    weight = np.linspace(0, 1, 11)[:, None, None]
    line[10:21] = (1 - weight) * line[10] + weight * line[20]
    gap = line.copy()
    gap[11:20] = np.nan
    expected = method.refine(replace(sequence, values=line)).values
    np.testing.assert_allclose(method.refine(replace(sequence, values=gap)).values, expected, atol=1e-6)


@cases()
def test_float64_poses_stay_float64(method: Method, kind: str, rng) -> None:
    sequence = track(kind, 10, rng)
    assert (
        method.refine(replace(sequence, values=sequence.values.astype(np.float64))).values.dtype == np.float64
    )
