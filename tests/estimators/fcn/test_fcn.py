"""FCN: the published network's numbers, and training and estimation around it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from hanet.estimators.fcn.lifting import HUMAN36M, Lifting
from hanet.estimators.fcn.network import (
    FCN,
    FCNTraining,
    Standardisation,
    estimate,
    load,
    mirrored,
    save,
    train_fcn,
)
from hanet.poses.cameras import look_at
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17, H36M17, LSP14
from tests.support import recipe

TRAINING = FCNTraining(steps=40, batch=32, learning_rate=1e-3, dropout=0.0)


# --- the network


@pytest.fixture(scope="module")
def released():
    manifest, outputs = recipe.read("estimators", "fcn_martinez_torch")
    weights = recipe.weights(manifest)
    assert recipe.sha256(weights) == manifest["weights_sha256"]
    network = FCN().eval()
    assert {k: list(v.shape) for k, v in network.state_dict().items()} == manifest["shapes"]
    network.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()})
    return network, torch.from_numpy(recipe.model_input(manifest, "keypoints")), outputs


def assert_close(ours: torch.Tensor, theirs: np.ndarray) -> None:
    assert np.abs(ours.numpy() - theirs).max() / theirs.std() <= 5e-5


@torch.no_grad()
def test_the_network_computes_what_the_published_one_does(released):
    network, x, outputs = released
    assert_close(torch.relu(network.batch_norm1(network.w1(x)))[:, ::16], outputs["after_input_layer"])
    assert_close(network(x), outputs["out"])


@torch.no_grad()
def test_a_frames_result_does_not_depend_on_the_batch(released):
    network, x, _ = released
    np.testing.assert_allclose(network(x[1:2]), network(x)[1:2], atol=1e-5)


# --- sequences


def keypoints(values: np.ndarray, name="walk", **fields) -> PoseSequence:
    return PoseSequence(name, values, H36M17, "2d", 50.0, "px", "image", **fields)


def joints(values: np.ndarray, name="walk", **fields) -> PoseSequence:
    return PoseSequence(name, values, H36M17, "3d", 50.0, "m", "camera_root_relative", **fields)


def linear_pairs(count=2, T=100) -> list[tuple[PoseSequence, PoseSequence]]:
    """Keypoints that are joints seen from very far away, in pixels; depth is a mixture of them."""
    rng = np.random.default_rng(0)
    pairs = []
    for i in range(count):
        # Few causes, so that few weights learn them.
        points = rng.normal(size=(T, 4)) @ np.random.default_rng(1).normal(size=(4, 51)) * 0.1
        points = points.reshape(T, 17, 3)
        points -= points[:, :1]
        seen = 500 + 200 * points[..., :2] + 50 * points[:, 1:2, :2]
        pairs.append((keypoints(seen, f"s{i}"), joints(points, f"s{i}")))
    return pairs


def test_a_linear_problem_is_learned():
    pairs, losses = linear_pairs(), []
    network, scale = train_fcn(
        pairs, TRAINING, seed=3, on_step=lambda step, loss: losses.append((step, loss))
    )
    assert [step for step, _ in losses] == list(range(TRAINING.steps))
    assert losses[-1][1] < 0.1 * losses[0][1]
    assert not network.training
    seen, truth = pairs[0]
    distance = np.linalg.norm(estimate(network, scale, seen).values - truth.values, axis=-1).mean()
    assert distance < 0.4 * np.linalg.norm(truth.values - truth.values.mean(axis=0), axis=-1).mean()


def weights(seed: int, **options) -> list[torch.Tensor]:
    network, _ = train_fcn(linear_pairs(), replace(TRAINING, steps=2, **options), seed=seed)
    return [tensor for tensor in network.state_dict().values() if tensor.is_floating_point()]


def test_a_seed_gives_the_same_weights_and_leaves_the_callers_randomness_alone():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first = weights(3, dropout=0.5)
    assert torch.equal(torch.rand(3), expected)
    assert all(map(torch.equal, first, weights(3, dropout=0.5)))
    assert not any(map(torch.equal, first, weights(4, dropout=0.5)))
    assert not any(map(torch.equal, first, weights(3, dropout=0.0)))


def test_the_learning_rate_falls_to_zero(monkeypatch):
    rates: list[float] = []

    class Spy(torch.optim.Adam):
        def step(self, *_, **__):
            rates.append(self.param_groups[0]["lr"])
            return super().step()

    monkeypatch.setattr(torch.optim, "Adam", Spy)
    train_fcn(linear_pairs(), replace(TRAINING, steps=4, learning_rate=0.1), seed=0)
    assert rates == pytest.approx([0.05 * (1 + np.cos(np.pi * i / 4)) for i in range(4)])


# --- mirror


def test_a_mirrored_pair_by_hand(rng):
    """In a picture 640 wide, x becomes 640 - x; left and right change names."""
    seen = keypoints(rng.uniform(0, 640, size=(4, 17, 2)).astype(np.float32), image_size=(640, 480), start=5)
    truth = joints(rng.normal(size=(4, 17, 3)).astype(np.float32), start=5)
    flipped, turned = mirrored(seen, truth)
    left, right, nose = (H36M17.index(name) for name in ("l_knee", "r_knee", "nose"))
    np.testing.assert_allclose(flipped.values[:, left, 0], 640 - seen.values[:, right, 0], rtol=1e-5)
    np.testing.assert_array_equal(flipped.values[:, left, 1], seen.values[:, right, 1])
    np.testing.assert_allclose(flipped.values[:, nose, 0], 640 - seen.values[:, nose, 0], rtol=1e-5)
    np.testing.assert_array_equal(turned.values[:, right], truth.values[:, left] * [-1, 1, 1])
    assert (flipped.key, flipped.start, turned.key, turned.start) == (seen.key, 5, truth.key, 5)
    for once, twice in zip((seen, truth), mirrored(flipped, turned), strict=True):
        np.testing.assert_allclose(twice.values, once.values, atol=1e-4)


def test_a_mirrored_pair_is_one_camera_s_view_of_a_mirrored_person(rng):
    eye = look_at(np.zeros(3), azimuth=1.0, elevation=0.2, distance=4.0, focal=1000.0, image_size=(800, 600))
    camera = eye.to_camera(rng.uniform(-1, 1, size=(3, 17, 3)))
    seen = keypoints(eye.project(camera), image_size=(800, 600))
    flipped, turned = mirrored(seen, joints(camera))
    np.testing.assert_allclose(flipped.values, eye.project(turned.values), atol=1e-9)


def test_training_with_a_mirror_sees_both_sides():
    pairs = [(replace(seen, image_size=(1000, 1000)), truth) for seen, truth in linear_pairs(1)]
    _, plain = train_fcn(pairs, replace(TRAINING, steps=1), seed=0)
    _, both = train_fcn(pairs, replace(TRAINING, steps=1, mirror=True), seed=0)
    assert plain.input_mean[0] != 500
    assert both.input_mean[0] == pytest.approx(500, abs=1e-2)  # the pelvis, on average in the middle
    with pytest.raises(
        ValueError, match="s0: mirroring turns keypoints about the image's middle; give image_s"
    ):
        train_fcn(linear_pairs(1), replace(TRAINING, mirror=True), seed=0)


# --- files


def test_a_saved_network_comes_back(tmp_path):
    network, scale = train_fcn(linear_pairs(), replace(TRAINING, steps=1), seed=0)
    path = tmp_path / "below" / "fcn.safetensors"
    digest = save(network, scale, path)
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [p.name for p in path.parent.iterdir()] == ["fcn.safetensors"]
    loaded, again, bodies = load(path)
    assert not loaded.training and bodies == {}
    seen = linear_pairs()[0][0]
    np.testing.assert_array_equal(estimate(loaded, again, seen).values, estimate(network, scale, seen).values)
    assert save(loaded, again, tmp_path / "again.safetensors") == digest


def test_files_that_are_no_network_are_refused(tmp_path):
    path = tmp_path / "fcn.safetensors"
    path.write_bytes(b"not a network")
    with pytest.raises(
        ValueError, match=r"fcn\.safetensors: not a whole safetensors file .* run the estimate stage"
    ):
        load(path)
    path.write_bytes(safetensors.torch.save({"network.w1.weight": torch.zeros(2, 2), "mine": torch.zeros(1)}))
    with pytest.raises(
        ValueError, match=r"not a saved FCN; keys that differ: mine, network\.batch_norm1\.bias"
    ):
        load(path)
    broken = safetensors.torch.load(small_file(tmp_path))
    broken["network.w1.bias"] = torch.zeros(9)
    path.write_bytes(safetensors.torch.save(broken))
    with pytest.raises(
        ValueError, match=r"fcn\.safetensors: not a saved FCN; keys that differ: network\.batch_norm1\.bias, "
    ):
        load(path)


def small_file(folder: Path) -> bytes:
    """A small network's file."""
    path = folder / "small.safetensors"
    save(FCN(width=8), Standardisation(*[torch.zeros(n) for n in (32, 32, 48, 48)]), path)
    return path.read_bytes()


def test_half_precision_is_exact_once_rounded(tmp_path):
    """A network that training has rounded comes back from a file of half the size as it was."""
    options = replace(TRAINING, steps=2, width=64)
    network, scale = train_fcn(linear_pairs(), replace(options, half=True), seed=0)
    exact, _ = train_fcn(linear_pairs(), options, seed=0)
    for ours, theirs in zip(network.parameters(), exact.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=2**-11, atol=1e-7)
    assert not torch.equal(network.w1.weight, exact.w1.weight)
    bodies = {"subject 2": np.arange(8) / 16, "subject 10": np.ones(8)}
    half, whole = tmp_path / "half.safetensors", tmp_path / "whole.safetensors"
    save(network, scale, half, bodies=bodies, half=True)
    save(network, scale, whole)
    assert half.stat().st_size < 0.6 * whole.stat().st_size
    loaded, again, found = load(half)
    seen = linear_pairs()[0][0]
    np.testing.assert_array_equal(estimate(loaded, again, seen).values, estimate(network, scale, seen).values)
    assert list(found) == ["subject 10", "subject 2"]
    np.testing.assert_array_equal(found["subject 2"], bodies["subject 2"])


def test_estimates_are_computed_in_double_precision(released):
    """In single precision these poses are wrong in the seventh digit."""
    network, _, _ = released
    scale = Standardisation(torch.zeros(32), torch.full((32,), 500.0), torch.zeros(48), torch.ones(48))
    seen = linear_pairs()[0][0]
    x = (HUMAN36M.inputs(seen).double() / 500.0).numpy()

    def array(tensor):
        return tensor.detach().double().numpy()

    def linear(layer, x):
        return x @ array(layer.weight).T + array(layer.bias)

    def norm(layer, x):
        scaled = (x - array(layer.running_mean)) / np.sqrt(array(layer.running_var) + layer.eps)
        return np.maximum(array(layer.weight) * scaled + array(layer.bias), 0)

    y = norm(network.batch_norm1, linear(network.w1, x))
    for stage in network.linear_stages:
        z = norm(stage.batch_norm1, linear(stage.w1, y))
        y = y + norm(stage.batch_norm2, linear(stage.w2, z))
    expected = linear(network.w2, y).reshape(len(seen), 16, 3)
    got = estimate(network, scale, seen).values
    np.testing.assert_allclose(got[:, list(HUMAN36M.joints)], expected, rtol=2e-7, atol=1e-7)


# --- estimates


def test_standardisation_by_hand():
    x, y = torch.tensor([[1.0, 10], [3, 10.5]]), torch.tensor([[0.0], [4]])
    scale = Standardisation.of(x, y)
    np.testing.assert_allclose(scale.input_mean, [2, 10.25])
    np.testing.assert_allclose(scale.input_std, [np.sqrt(2), np.sqrt(0.125)])
    np.testing.assert_allclose(scale.output_mean, [2])
    np.testing.assert_allclose(scale.output_std, [np.sqrt(8)])


class Const(FCN):
    """Says 1 for the joint that follows the root, 2 for the next, …"""

    def forward(self, x):
        return torch.arange(1, 17).repeat_interleave(3).expand(len(x), -1) + 0 * x.sum()


def test_estimates_are_metres_at_their_joints(rng):
    scale = Standardisation(torch.zeros(32), torch.ones(32), torch.full((48,), 0.5), torch.full((48,), 0.1))
    seen = keypoints(
        rng.uniform(0, 1000, size=(5, 17, 2)),
        track=2,
        start=9,
        scores=rng.uniform(size=(5, 17)),
        image_size=(9, 8),
    )
    network = Const(width=4, stages=1).train()
    got = estimate(network, scale, seen)
    assert not network.training
    assert (got.representation, got.unit, got.frame_of_reference) == ("3d", "m", "camera_root_relative")
    assert (got.key, got.start, got.fps, got.image_size) == (seen.key, 9, 50.0, (9, 8))
    assert got.scores is seen.scores
    np.testing.assert_allclose(
        got.values,
        np.tile(0.5 + 0.1 * np.arange(17)[:, None], (5, 1, 3)) * (np.arange(17) > 0)[:, None],
        atol=1e-6,
    )


# --- refusals


def test_too_little_to_train_on_is_refused():
    with pytest.raises(ValueError, match="at least one pair"):
        train_fcn([], TRAINING, seed=0)
    with pytest.raises(ValueError, match="FCN has 31 training frames, fewer than one batch of 32"):
        train_fcn(linear_pairs(1, T=31), TRAINING, seed=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"name": "run"},
            r"keypoints of \('s0', 0\), frames 0 \+ 40, are paired with joints of \('run', 0\)",
        ),
        ({"track": 1}, r"joints of \('s0', 1\)"),
        ({"start": 2}, r"frames 2 \+ 40"),
        ({"values": np.ones((41, 17, 3))}, r"frames 0 \+ 41"),
    ],
)
def test_pairs_of_other_frames_are_refused(change, message):
    ((seen, truth),) = linear_pairs(1, T=40)
    with pytest.raises(ValueError, match=message):
        train_fcn([(seen, replace(truth, **change))], TRAINING, seed=0)


@pytest.mark.parametrize("which", [0, 1])
def test_a_coordinate_without_spread_is_refused(which):
    pair = linear_pairs(1, T=40)[0]
    pair[which].values[:, 4, 0] = 3.0
    with pytest.raises(ValueError, match="training poses have a coordinate that never changes"):
        train_fcn([pair], TRAINING, seed=0)


@pytest.mark.parametrize("which", [0, 1])
def test_frames_that_are_not_known_teach_nothing(which):
    ((seen, truth),) = linear_pairs(1, T=50)
    expected, scale = train_fcn([(cut(seen, 10), cut(truth, 10))], replace(TRAINING, steps=3), seed=0)
    (seen, truth)[which].values[:10, 4, 0] = np.nan
    network, same = train_fcn([(seen, truth)], replace(TRAINING, steps=3), seed=0)
    assert torch.equal(scale.input_mean, same.input_mean)
    assert torch.equal(network.w2.weight, expected.w2.weight)
    (seen, truth)[which].values[:20, 4, 0] = np.nan
    with pytest.raises(
        ValueError, match="30 training frames, fewer than one batch of 32; 20 more lack a key"
    ):
        train_fcn([(seen, truth)], TRAINING, seed=0)


def cut(poses: PoseSequence, first: int) -> PoseSequence:
    return replace(poses, values=poses.values[first:], start=first)


# --- other skeletons


def limbs(T=60) -> tuple[PoseSequence, PoseSequence]:
    """On LSP-14, without thorax and head: what AIST++ knows. Its hips' mean is the origin."""
    ((seen, truth),) = linear_pairs(1, T)
    named = np.tile(np.isin(LSP14.joints, ["thorax", "head_top"], invert=True), (T, 1))
    points = truth.values[:, :14] - truth.values[:, [2, 3]].mean(axis=1, keepdims=True)
    scores = np.full((T, 14), 0.5, np.float32)
    other = {"skeleton": LSP14, "labelled": named}
    return (
        replace(seen, values=seen.values[:, :14], image_size=(1000, 800), scores=scores, **other),
        replace(truth, values=points, **other),
    )


def test_a_skeleton_whose_root_is_a_mean():
    pair = limbs()
    pair[0].values[:, -1] = pair[1].values[:, -1] = np.nan  # the head was never found
    lifting = Lifting.of([pair])
    network, scale = train_fcn([pair], TRAINING, seed=0, lifting=lifting)
    assert (network.w1.in_features, network.w2.out_features) == (2 * 12, 3 * 12)
    found = estimate(network, scale, pair[0])
    np.testing.assert_allclose(found.values[:, [2, 3]].mean(axis=1), 0, atol=1e-7)
    error = np.linalg.norm(found.values - pair[1].values, axis=-1)[:, :12].mean()
    assert error < 0.5 * np.linalg.norm(pair[1].values[:, :12], axis=-1).mean()
    assert not found.values[:, 12:].any()
    assert found.labelled is not None and found.labelled.all(axis=0).tolist() == [True] * 12 + [False] * 2
    assert found.scores is not None and found.scores[0].tolist() == [0.5] * 12 + [0.0] * 2


def test_a_frame_without_a_keypoint_is_filled_in_time():
    seen, truth = limbs()
    network, scale = train_fcn(
        [(seen, truth)], replace(TRAINING, steps=1), seed=0, lifting=Lifting.of([(seen, truth)])
    )
    expected = estimate(network, scale, seen)
    seen.values[7, 5] = np.nan
    found = estimate(network, scale, seen)
    np.testing.assert_allclose(found.values[7], expected.values[[6, 8]].mean(axis=0), atol=1e-5)
    rest = np.arange(60) != 7
    np.testing.assert_allclose(found.values[rest], expected.values[rest], atol=1e-6)
    assert found.labelled is not None and not found.labelled[7].any() and found.labelled[rest, :12].all()
    assert found.scores is not None and not found.scores[7].any()
    seen.values[:, 5] = np.nan
    with pytest.raises(ValueError, match="s0, track 0: no frame has a pose"):
        estimate(network, scale, seen)


def test_a_mirror_swaps_what_is_labelled_too():
    seen, truth = limbs()
    left, right = LSP14.index("l_wrist"), LSP14.index("r_wrist")
    assert truth.labelled is not None
    truth.labelled[:, left] = False
    flipped, turned = mirrored(seen, truth)
    np.testing.assert_allclose(flipped.values[:, left, 0], 1000 - seen.values[:, right, 0], rtol=1e-6)
    np.testing.assert_array_equal(turned.values[:, right], truth.values[:, left] * [-1, 1, 1])
    assert turned.labelled is not None
    assert not turned.labelled[:, right].any() and turned.labelled[:, left].all()
    np.testing.assert_allclose(turned.values[:, [2, 3]].mean(axis=1), 0, atol=1e-7)


def test_a_file_says_which_joints_it_is_of(tmp_path):
    pair = limbs()
    network, scale = train_fcn([pair], replace(TRAINING, steps=1), seed=0, lifting=Lifting.of([pair]))
    path = tmp_path / "fcn.safetensors"
    digest = save(network, scale, path)
    loaded, again, _ = load(path)
    assert loaded.lifting == network.lifting and loaded.lifting.skeleton == LSP14
    found = estimate(network, scale, pair[0])
    np.testing.assert_array_equal(estimate(loaded, again, pair[0]).values, found.values)
    assert save(loaded, again, tmp_path / "again.safetensors") == digest
    coco = PoseSequence("dance", np.zeros((3, 17, 2)), COCO17, "2d", 60.0, "px", "image")
    with pytest.raises(ValueError, match="dance: FCN takes 2D keypoints on lsp14, got 2d on coco17"):
        estimate(loaded, again, coco)
    with pytest.raises(ValueError, match="s0: FCN takes 2D keypoints on h36m17, got 2d on lsp14"):
        train_fcn([pair], TRAINING, seed=0)


def test_a_file_that_says_other_joints_than_it_has_is_refused(tmp_path):
    path = tmp_path / "fcn.safetensors"
    with safetensors.safe_open(saved(tmp_path), framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    path.write_bytes(safetensors.torch.save(tensors, {"lifting": Lifting.of([limbs()]).to_json()}))
    with pytest.raises(
        ValueError, match=r"not a saved FCN; keys that differ: network\.w1\.weight, network\.w2"
    ):
        load(path)
    path.write_bytes(safetensors.torch.save(tensors, {"lifting": '{"skeleton": "h36m18"}'}))
    with pytest.raises(ValueError, match=r"fcn\.safetensors: not a saved FCN: .*unknown skeleton 'h36m18'"):
        load(path)


def saved(folder):
    """A network of Human3.6M: its file has no need to say so."""
    path = folder / "human36m.safetensors"
    save(FCN(), Standardisation(*[torch.zeros(n) for n in (32, 32, 48, 48)]), path)
    with safetensors.safe_open(path, framework="pt") as file:
        assert file.metadata() is None
    return path
