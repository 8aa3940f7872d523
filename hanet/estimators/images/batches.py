"""Run an estimator over people's tracks: crops in batches, poses returned as sequences.

Batches span tracks, so many short tracks use a device as well as one long track. A separate thread reads and
crops frames while the network computes.

Axes: B crops, T frames, J joints, D numbers per joint.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hanet.estimators.common.frames import Frame
from hanet.estimators.images.adapters import Estimator, Picture
from hanet.estimators.images.crops import Crop
from hanet.poses.sequence import DIMS, PoseSequence

Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class PersonTrack:
    """One person's boxes in consecutive frames.

    Attributes:
        name: of the sequence.
        frames: all of its frames from the track's first on, read once, in order.
        boxes: x1, y1, x2, y2 in pixels for each frame; NaN where the person is not visible.
        fps: frames per second.
        track: the person's number.
        start: number of the first frame.
        lead: `frames` begin one frame before the first box, for estimators that use neighbours.
        tail: they may extend one frame beyond the last.
    """

    name: str
    frames: Iterable[Frame]
    boxes: Float[np.ndarray, "T 4"]
    fps: float
    track: int = 0
    start: int = 0
    lead: bool = False
    tail: bool = False


@dataclass(frozen=True)
class Estimated:
    """Poses of one track, NaN and score 0 where missing; and, by row, why a frame could not be read.

    `betas` (T, 10) are set by body estimators, NaN where there is no pose; None for others.
    """

    poses: PoseSequence
    unread: dict[int, str]
    betas: Float[np.ndarray, "T 10"] | None = None


@dataclass
class _Open:
    """A track being estimated."""

    track: PersonTrack
    values: Float[np.ndarray, "T J D"]
    scores: Float[np.ndarray, "T J"]
    betas: Float[np.ndarray, "T 10"]
    scored: bool = False
    shaped: bool = False
    waiting: int = 0
    unread: dict[int, str] = field(default_factory=dict)
    image_size: tuple[int, int] | None = None

    @classmethod
    def of(cls, track: PersonTrack, joints: int, dims: int) -> _Open:
        T = len(track.boxes)
        return cls(
            track,
            np.full((T, joints, dims), np.nan, dtype=np.float32),
            np.zeros((T, joints), dtype=np.float32),
            np.full((T, 10), np.nan, dtype=np.float32),
        )

    def finish(self, estimator: Estimator) -> Estimated:
        found = np.asarray(np.isfinite(self.values).all(axis=2))
        sequence = PoseSequence(
            self.track.name,
            self.values,
            estimator.skeleton,
            estimator.representation,
            self.track.fps,
            estimator.unit,
            estimator.frame_of_reference,
            track=self.track.track,
            start=self.track.start,
            scores=self.scores if self.scored else None,
            labelled=found,
            boxes=self.track.boxes,
            image_size=self.image_size,
        )
        return Estimated(sequence, self.unread, self.betas if self.shaped else None)


_Crop = tuple[_Open, int, Tensor, Crop]


def run(
    estimator: Estimator,
    tracks: Iterable[PersonTrack],
    *,
    batch: int = 32,
    device: str = "cpu",
    half: bool = False,
    ahead: int = 0,
) -> Iterator[Estimated]:
    """Estimate the poses of every track, in order; the network must already be on `device`.

    A missing neighbour, beyond a clip's end or unreadable, is replaced by the current frame. The contents of
    batches depend only on the tracks and `batch`.

    Args:
        estimator: the network and its crops.
        tracks: processed in order.
        batch: crops per batch.
        device: PyTorch's device name.
        half: convolutions and matrix products in half precision (float16 on a GPU, bfloat16 on a CPU).
        ahead: crops that a separate thread prepares in advance; 0 prepares them between batches.

    Raises:
        ValueError: a track without exactly one box per frame, or an empty box.
    """
    under_way: deque[_Open] = deque()
    ready: list[_Crop] = []
    made = _crops(estimator, tracks)
    for item in prefetched(made, ahead) if ahead else made:
        if isinstance(item, _Open):
            under_way.append(item)
        else:
            ready.append(item)
            item[0].waiting += 1
        if len(ready) == batch:
            _estimate(estimator, ready, device, half)
            ready = []
        while under_way and not under_way[0].waiting:
            yield under_way.popleft().finish(estimator)
    if ready:
        _estimate(estimator, ready, device, half)
    for owner in under_way:
        yield owner.finish(estimator)


def prefetched(items: Iterable[Item], ahead: int) -> Iterator[Item]:
    """Yield items computed by another thread, at most `ahead` in advance.

    An error in computing an item is raised in its place. Closing the generator early ends the thread.
    """
    waiting: queue.Queue[tuple[Item | None, BaseException | None]] = queue.Queue(ahead)
    stop = threading.Event()

    def put(item: Item | None, error: BaseException | None) -> None:
        while not stop.is_set():
            try:
                return waiting.put((item, error), timeout=0.1)
            except queue.Full:
                continue

    def make() -> None:
        try:
            for item in items:
                put(item, None)
                if stop.is_set():
                    return
            put(None, StopIteration())
        except BaseException as error:
            put(None, error)

    thread = threading.Thread(target=make, name="prefetch", daemon=True)
    thread.start()
    try:
        while True:
            item, error = waiting.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]
    finally:
        stop.set()
        thread.join()


def _crops(estimator: Estimator, tracks: Iterable[PersonTrack]) -> Iterator[_Crop | _Open]:
    """The crops of each track, followed by the track."""
    for track in tracks:
        owner = _Open.of(track, len(estimator.skeleton), DIMS[estimator.representation])
        for row, images in _with_neighbours(owner):
            yield owner, row, *estimator.prepare(*images, track.boxes[row])
        yield owner


@torch.no_grad()
def _estimate(estimator: Estimator, ready: Sequence[_Crop], device: str, half: bool) -> None:
    """Estimate one batch and store its poses in their tracks."""
    owners, rows, inputs, crops = zip(*ready, strict=True)
    with torch.autocast(torch.device(device).type, enabled=half):
        found = estimator.poses(torch.stack(inputs).to(device), crops)
    for i, (owner, row) in enumerate(zip(owners, rows, strict=True)):
        owner.values[row] = found.values[i]
        if found.scores is not None:
            owner.scores[row], owner.scored = found.scores[i], True
        if found.betas is not None:
            owner.betas[row], owner.shaped = found.betas[i], True
        owner.waiting -= 1


def _with_neighbours(owner: _Open) -> Iterator[tuple[int, tuple[Picture, Picture, Picture]]]:
    """Rows with a frame and a box, with previous, current and next image; records unreadable frames."""
    track, boxes = owner.track, owner.track.boxes
    nothing, count = Frame(None), len(owner.track.boxes)
    frames = iter(track.frames)
    earlier = next(frames, nothing) if track.lead else nothing
    current = next(frames, None)
    for row in range(count):
        if current is None:
            raise ValueError(f"{track.name}: expected a frame for each of {count} boxes, got {row}")
        later = next(frames, None)
        if current.image is None:
            owner.unread[row] = current.reason
        else:
            owner.image_size = (current.image.shape[1], current.image.shape[0])
            if np.isfinite(boxes[row]).all():
                before, after = (
                    f.image if f is not None and f.image is not None else current.image
                    for f in (earlier, later)
                )
                yield row, (before, current.image, after)
        earlier, current = current, later
    rest = chain([] if current is None else [current], frames)
    if len(list(zip(rest, range(2), strict=False))) > track.tail:
        raise ValueError(f"{track.name}: expected a frame for each of {count} boxes, got more")
