"""Training on one's own pairs: what is trained on, what validates, and a model for files of any format."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hanet.methods.by_model import ByModel
from hanet.methods.exported import ExportedMethod
from hanet.methods.learned import LearnedMethod
from hanet.methods.own_pairs import Take, rows_of, split
from hanet.methods.own_training import compare, errors_of, train_on
from hanet.methods.trained import TrainedNetwork
from hanet.models import checkpoints
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17, Skeleton

DOG = Skeleton("dog", ("hip", "nose", "l_paw", "r_paw"), (-1, 0, 0, 0), (0,))
BODY = np.array([[0.0, 0, 0], [0.4, 0.1, 0.2], [0.1, 0.2, -0.3], [0.1, -0.2, -0.3]])
BIAS = np.array([[0.0, 0, 0], [0.05, 0, 0], [0, 0.04, 0], [0, 0, -0.06]])


def take(name: str, seed: int, frames: int = 90) -> Take:
    """A dog that walks about, seen with a bias for each joint and noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(frames)[:, None, None] / 30
    body = BODY + rng.normal(scale=0.02, size=(1, 4, 3))
    path = np.array([1.0, 0.3, 0.0]) * t
    truth = body + path + 0.1 * np.sin(2 * t + rng.uniform(0, 6, size=(1, 4, 3)))
    seen = truth + BIAS + rng.normal(scale=0.004, size=truth.shape)

    def track(values: np.ndarray) -> PoseSequence:
        return PoseSequence.joints(name, values, DOG, fps=30.0, frame_of_reference="world")

    return Take(name, [track(seen)], [track(truth)])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that learned the bias."""
    folder = tmp_path_factory.mktemp("own") / "model"
    takes = [take(f"dog-{i}", i) for i in range(4)]
    rows = train_on(takes, [take("dog-8", 8)], folder, network="mlp", epochs=30, seed=1)
    before, general, ours = rows
    assert [row.name for row in rows] == ["input", "general refiner", "this model"]
    assert ours.error < 0.6 * min(before.error, general.error)
    assert general.acceleration < 0.5 * before.acceleration and ours.acceleration < 0.5 * before.acceleration
    assert ours.unharmed == 1.0
    return folder


def test_another_dog_is_corrected_where_it_walks(trained: Path, tmp_path: Path) -> None:
    """At its place in the world, with gaps, and with a joint that the model does not know."""
    other = take("dog-9", 9)
    [seen], [truth] = other.detected, other.gt
    more = replace(
        DOG, name="dog with a tail", joints=("tail", *DOG.joints), parents=(1, -1, 1, 1, 1), root=(1,)
    )
    values = np.concatenate([seen.values[:, :1] + 0.2, seen.values], axis=1)
    values[20:24, 2] = np.nan
    values[40:80, 4] = np.nan
    track = PoseSequence.joints("dog-9", values, more, fps=30.0, frame_of_reference="world")
    network = TrainedNetwork.open(trained, stride=1)
    assert isinstance(network.method, ExportedMethod)
    method = ByModel(path=str(trained), network=network)
    done = method.smooth(track)
    refined = done.sequence.values
    assert np.isnan(refined[40:80, 4]).all() and done.missing.sum() == 40
    assert np.isfinite(refined[20:24, 2]).all() and done.filled.sum() == 4
    known = np.isfinite(refined[:, 1:]).all(axis=2)
    off = np.linalg.norm(refined[:, 1:] - truth.values, axis=2)[known].mean()
    assert off < 0.6 * np.linalg.norm(seen.values - truth.values, axis=2)[known].mean()
    assert np.abs(refined[:, 0] - values[:, 0]).mean() < 0.01
    # PyTorch gives the same.
    by_torch = TrainedNetwork.open(trained, kind=network.kind, stride=1)
    assert isinstance(by_torch.method, LearnedMethod)
    assert by_torch.skeleton == network.skeleton == DOG
    again = ByModel(path="dog", network=by_torch).smooth(track).sequence.values
    others = [joint for joint in range(refined.shape[1]) if joint != 4]
    np.testing.assert_allclose(again[:, others], refined[:, others], atol=1e-4)
    # Beside a gap of a second, rounding can change the penalty that the general refiner chooses for a joint.
    np.testing.assert_allclose(again[:, 4], refined[:, 4], atol=1e-3)


def test_errors_by_hand() -> None:
    values = np.zeros((4, 4, 3))
    truth = PoseSequence.joints("a", values, DOG, fps=30.0, frame_of_reference="world")
    moved = values.copy()
    moved[:, 1, 0] = [0.0, 0.003, 0.0, 0.003]  # 3 mm in two of four frames of one of four joints
    moved[:, :, 1] += 7.0  # the root too: no error
    error, acceleration = errors_of(Take("a", [truth.with_values(moved)], [truth]), None)
    assert error == pytest.approx(3 * 2 / 16)
    assert acceleration == pytest.approx(6 / 4)
    half = np.ones((4, 4), dtype=bool)
    half[:2] = False
    error, _ = errors_of(Take("a", [truth.with_values(moved)], [replace(truth, labelled=half)]), None)
    assert error == pytest.approx(3 / 8)


def test_rows_have_no_gaps_and_unknown_truth_does_not_count() -> None:
    one = take("a", 1, frames=6)
    [seen], [truth] = one.detected, one.gt
    seen.values[2, 1] = np.nan
    seen.values[:, 3] = np.nan
    truth.values[4, 2] = np.nan
    rows = rows_of([one])
    assert rows.detected.shape == (6, 12) and rows.detected.isfinite().all()
    assert not rows.gt.unflatten(1, (4, 3))[4, 2].isfinite().any() and rows.gt.isfinite().sum() == 6 * 12 - 3
    middle = (seen.values[1, 1] + seen.values[3, 1]) / 2 - seen.values[2, 0]
    np.testing.assert_allclose(rows.detected.unflatten(1, (4, 3))[2, 1].numpy(), middle, atol=1e-6)


def test_what_validates() -> None:
    takes = [take(f"dog-{i}", i, frames=3) for i in range(10)]
    left, held = split(takes, [])
    assert [t.name for t in held] == ["dog-8", "dog-9"] and len(left) == 8
    assert [t.name for t in split(takes, ["*-[12]"])[1]] == ["dog-1", "dog-2"]
    for given, patterns, message in (
        (takes[:1], [], "expected at least two pairs of files"),
        (takes, ["cat*"], "--val cat* takes 0 of 10 files; name some of dog-0"),
        (takes, ["dog*"], "--val dog* takes 10 of 10 files"),
    ):
        with pytest.raises(ValueError) as caught:
            split(given, patterns)
        assert message in str(caught.value)


def test_pairs_of_two_kinds_are_refused() -> None:
    other = take("b", 2)
    slow = Take("b", [replace(other.detected[0], fps=25.0)], [replace(other.gt[0], fps=25.0)])
    with pytest.raises(ValueError, match=r"b: fps is 25\.0, that of a is 30\.0; train on poses of one kind"):
        rows_of([take("a", 1), slow])


def test_poses_that_the_model_does_not_know(trained: Path) -> None:
    method = ByModel(path="dogs", network=TrainedNetwork.open(trained))
    flat = PoseSequence.keypoints("walk", np.ones((9, 17, 2)), COCO17, fps=30.0, image_size=(640, 480))
    with pytest.raises(ValueError, match="dogs was trained on 3d poses in m, got 2d poses in px"):
        method.smooth(flat)
    people = PoseSequence.joints("walk", np.ones((9, 17, 3)), COCO17, fps=30.0, frame_of_reference="world")
    with pytest.raises(ValueError, match="trained on joints that these poses lack: hip, l_paw, r_paw"):
        method.smooth(people)


@pytest.mark.parametrize("damage", [{"names": ["hip"]}, {"names": 3, "parents": [], "root": []}, "x"])
def test_a_description_that_is_damaged(trained: Path, tmp_path: Path, damage: object) -> None:
    metadata = checkpoints.read_metadata(trained) | {"joints": damage}
    checkpoints.save(checkpoints.load(trained), tmp_path / "model", metadata=metadata)
    with pytest.raises(ValueError, match="its joints are damaged"):
        TrainedNetwork.open(tmp_path / "model")


def test_a_model_that_harms_is_shown_to_harm(trained: Path) -> None:
    """Poses that are true already: the learned correction makes them worse."""
    other = take("dog-9", 9)
    _, general, ours = compare([Take("true", other.gt, other.gt)], trained)
    assert general.unharmed == 1.0 and ours.unharmed == 0.0 and ours.error > 10.0
