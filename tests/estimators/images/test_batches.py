"""Estimators over tracks: which crops a network sees, where its poses go, batches, gaps, clip edges."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from hanet.estimators.common.frames import Frame
from hanet.estimators.images.adapters import BodyEstimator, DCPoseEstimator, Poses, SimpleBaselineEstimator
from hanet.estimators.images.batches import PersonTrack, prefetched, run
from hanet.estimators.images.crops import Crop, normalised, padded_crop, square_crop
from hanet.estimators.images.dcpose import DCPose
from hanet.estimators.images.pare import PARE
from hanet.estimators.images.simplebaseline import PoseResNet
from hanet.estimators.images.spin import HMR
from hanet.poses.skeletons import COCO17, POSETRACK17, SMPL24
from tests.support import recipe

BOX = np.array([10.0, 5.0, 40.0, 45.0])


class Brightness:
    """Says of every joint how bright the previous, current and next frame are; x and y are the first two."""

    skeleton = COCO17
    representation, unit, frame_of_reference = "2d", "px", "image"
    network = torch.nn.Identity()

    def __init__(self) -> None:
        self.batches: list[int] = []

    def prepare(self, previous, current, following, box):
        levels = [float(image[0, 0, 0]) for image in (previous, current, following)]
        return torch.tensor(levels)[:, None, None], Crop((0.0, 0.0), (1.0, 1.0), (1, 1))

    def poses(self, x: torch.Tensor, crops: Sequence[Crop]):
        self.batches.append(len(x))
        seen = x[:, :, 0, 0].numpy()
        return Poses(np.repeat(seen[:, None, :2], 17, axis=1), np.repeat(seen[:, 2:], 17, axis=1))


def track(levels: Sequence[int | None], name="clip", **fields) -> PersonTrack:
    frames = [
        Frame(None, f"frame {i} is damaged") if v is None else Frame(np.full((50, 60, 3), v, dtype=np.uint8))
        for i, v in enumerate(levels)
    ]
    given = {"boxes": np.tile(BOX, (len(levels), 1)), "fps": 25.0} | fields
    return PersonTrack(name=name, frames=iter(frames), **given)


def seen(result) -> list[tuple[float, float, float]]:
    """Levels of the previous, current and next frame, for every row."""
    poses = result.poses
    return [(*poses.values[t, 0].tolist(), poses.scores[t, 0].item()) for t in range(len(poses))]


def test_neighbours_repeat_at_the_edges():
    [result] = run(Brightness(), [track([10, 20, 30], track=2, start=7)])
    assert seen(result) == [(10, 10, 20), (10, 20, 30), (20, 30, 30)]
    poses = result.poses
    assert poses.key == ("clip", 2) and poses.frames.tolist() == [7, 8, 9]
    assert poses.image_size == (60, 50) and poses.fps == 25 and poses.labelled.all()
    np.testing.assert_array_equal(poses.boxes, np.tile(BOX, (3, 1)))
    assert result.unread == {}


def test_a_damaged_frame_is_recorded_and_its_neighbours_do_without():
    [result] = run(Brightness(), [track([10, None, 30, 40])])
    got = seen(result)
    assert got[0] == (10, 10, 10) and got[2:] == [(30, 30, 40), (30, 40, 40)]
    assert np.isnan(result.poses.values[1]).all() and result.poses.scores[1].max() == 0
    assert result.poses.labelled[:, 0].tolist() == [True, False, True, True]
    assert result.unread == {1: "frame 1 is damaged"}


def test_frames_without_a_person_are_neighbours_still():
    boxes = np.tile(BOX, (3, 1))
    boxes[1] = np.nan
    [result] = run(Brightness(), [track([10, 20, 30], boxes=boxes)])
    assert seen(result)[0] == (10, 10, 20) and seen(result)[2] == (20, 30, 30)
    assert result.poses.labelled[:, 0].tolist() == [True, False, True] and result.unread == {}


@pytest.mark.parametrize("batch", [1, 2, 3, 4, 100])
def test_batches_cross_tracks_and_change_nothing(batch):
    levels = {"a": [1, 2, 3], "b": [None, None], "c": [], "d": [4], "e": [5, 6, 7, 8]}
    estimator = Brightness()
    results = list(run(estimator, (track(v, name=k) for k, v in levels.items()), batch=batch))
    assert [r.poses.name for r in results] == list(levels)
    current = [[row[1] for row in seen(r)] if r.poses.scores is not None else None for r in results]
    assert current == [[1, 2, 3], None, None, [4], [5, 6, 7, 8]]
    assert sum(estimator.batches) == 8 and set(estimator.batches[:-1]) <= {batch}


def test_a_finished_track_comes_before_the_next_is_read():
    read = []

    def tracks():
        for name in "ab":
            read.append(name)
            yield track([1, 2], name=name)

    first = next(run(Brightness(), tracks(), batch=2))
    assert first.poses.name == "a" and read == ["a"]


def test_frames_beyond_the_track_are_neighbours():
    [result] = run(Brightness(), [track([5, 10, 20, 30], boxes=np.tile(BOX, (2, 1)), lead=True, tail=True)])
    assert seen(result) == [(5, 10, 20), (10, 20, 30)]
    [result] = run(Brightness(), [track([None, 10, 20], boxes=np.tile(BOX, (2, 1)), lead=True, tail=True)])
    assert seen(result) == [(10, 10, 20), (10, 20, 20)] and result.unread == {}


@pytest.mark.parametrize("ahead", [1, 3, 50])
def test_reading_ahead_changes_nothing(ahead):
    levels = {"a": [1, 2, 3], "b": [None, None], "c": [], "d": [4], "e": [5, 6, 7, 8]}
    plain, early = (
        list(run(Brightness(), (track(v, name=k) for k, v in levels.items()), batch=3, ahead=n))
        for n in (0, ahead)
    )
    for a, b in zip(plain, early, strict=True):
        np.testing.assert_array_equal(a.poses.values, b.poses.values)
        assert a.unread == b.unread and a.poses.name == b.poses.name


def test_items_are_made_while_earlier_ones_are_used():
    made, used = threading.Event(), []

    def items():
        yield 1
        made.set()
        yield 2

    for item in prefetched(items(), 1):
        used.append(item)
        assert made.wait(10), "the second is made before it is asked for"
    assert used == [1, 2]


def test_an_error_in_reading_comes_where_the_item_would():
    def items():
        yield 1
        raise ValueError("no more")

    got = prefetched(items(), 4)
    assert next(got) == 1
    with pytest.raises(ValueError, match="no more"):
        next(got)


def test_leaving_early_ends_the_reading():
    closed = threading.Event()

    def items():
        try:
            yield from range(10**9)
        finally:
            closed.set()

    got = prefetched(items(), 2)
    assert next(got) == 0
    got.close()
    assert closed.wait(10)
    assert not [thread for thread in threading.enumerate() if thread.name == "prefetch"]


def test_frames_and_boxes_must_agree():
    for count, message in ((2, "for each of 2 boxes, got more"), (4, "for each of 4 boxes, got 3")):
        with pytest.raises(ValueError, match=f"clip: expected a frame {message}"):
            list(run(Brightness(), [track([1, 2, 3], boxes=np.tile(BOX, (count, 1)))]))
    with pytest.raises(ValueError, match="expected a box x1, y1, x2, y2"):
        list(run(BodyEstimator(network=HMR()), [track([1], boxes=np.array([[5.0, 5.0, 5.0, 9.0]]))]))


# --- the networks


def filled(network):
    """With weights out of names, in evaluation mode."""
    shapes = {k: v.shape for k, v in network.state_dict().items()}
    weights = recipe.weights({"shapes": shapes, "gains": {}})
    network.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()})
    return network.eval()


@pytest.fixture
def images(rng):
    return [rng.integers(0, 200, (50, 60, 3)).astype(np.uint8) for _ in range(3)]


def drawn(images) -> PersonTrack:
    return replace(track([0] * len(images)), frames=[Frame(image) for image in images])


def test_simplebaseline(images):
    """Moving the box and the image by whole pixels moves the keypoints with them."""
    estimator = SimpleBaselineEstimator(network=filled(PoseResNet(17)), skeleton=COCO17, pixels=(64, 96))
    [result] = run(estimator, [drawn(images)])
    assert result.poses.values.shape == (3, 17, 2) and result.poses.skeleton == COCO17
    framed = [np.pad(image, ((20, 20), (20, 20), (0, 0))) for image in images]
    [moved] = run(estimator, [replace(drawn(framed), boxes=np.tile(BOX + 20, (3, 1)))])
    np.testing.assert_allclose(moved.poses.values, result.poses.values + 20, atol=1e-3)
    [without] = run(replace(estimator, flip=False), [drawn(images)])
    assert not np.allclose(without.poses.scores, result.poses.scores)


def test_simplebaseline_sees_blue_first(images):
    estimator = SimpleBaselineEstimator(network=PoseResNet(17), skeleton=COCO17, pixels=(64, 96))
    x, crop = estimator.prepare(images[0], images[1], images[2], BOX)
    assert crop == padded_crop(BOX, (64, 96))
    assert torch.equal(x, normalised(crop.cut(images[1])[None], "bgr")[0])


def test_dcpose_stacks_current_previous_next(images):
    estimator = DCPoseEstimator(network=filled(DCPose()), pixels=(64, 96))
    x, crop = estimator.prepare(*images, BOX)
    for part, image in zip(x.split(3), (images[1], images[0], images[2]), strict=True):
        assert torch.equal(part, normalised(crop.cut(image)[None], "rgb")[0])
    [result] = run(estimator, [drawn(images)])
    assert result.poses.skeleton == POSETRACK17 and np.isfinite(result.poses.values).all()


@pytest.mark.parametrize("network", [HMR, PARE])
def test_body_estimators_give_rotations(images, network):
    estimator = BodyEstimator(network=filled(network()))
    [result] = run(estimator, [drawn(images[:1])])
    poses = result.poses
    assert poses.skeleton == SMPL24 and poses.values.shape == (1, 24, 6) and poses.scores is None
    columns = poses.values.reshape(24, 3, 2)
    np.testing.assert_allclose(columns.mT @ columns, np.tile(np.eye(2), (24, 1, 1)), atol=1e-5)


def test_spin_and_pare_cut_differently(images):
    spin, pare = BodyEstimator(network=HMR(), padding=1.2), BodyEstimator(network=PARE())
    x, crop = spin.prepare(images[0], images[0], images[0], BOX)
    assert crop == square_crop(BOX, padding=1.2)
    kept, _ = replace(spin, resize="range_preserving").prepare(images[0], images[0], images[0], BOX)
    assert not torch.equal(x, kept)
    x, crop = pare.prepare(images[0], images[0], images[0], BOX)
    assert torch.equal(x, normalised(crop.cut(images[0])[None], "rgb")[0])


@pytest.mark.parametrize("kind", [SimpleBaselineEstimator, BodyEstimator])
def test_half_precision_is_near(images, kind):
    """bfloat16 here, which a processor has; GPUs get float16."""
    if kind is SimpleBaselineEstimator:
        network = filled(PoseResNet(17))
        estimator = SimpleBaselineEstimator(network=network, skeleton=COCO17, pixels=(64, 96), flip=False)
    else:
        estimator = BodyEstimator(network=filled(HMR()))
    [whole], [half] = (list(run(estimator, [drawn(images[:1])], half=h)) for h in (False, True))
    whole, half = whole.poses, half.poses
    assert half.values.dtype == whole.values.dtype == np.float32
    if kind is SimpleBaselineEstimator:
        assert not np.array_equal(half.scores, whole.scores)
        np.testing.assert_allclose(half.scores, whole.scores, rtol=0.1)
    else:
        assert not np.array_equal(half.values, whole.values)
        np.testing.assert_allclose(half.values, whole.values, atol=0.1)
