"""An estimator over the frames of people's tracks: crops in batches, poses out as sequences.

Batches cross the borders of tracks, so that many short ones keep a device as busy as one long one.

Axes: B crops, T frames, J joints, D numbers a joint.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from hanet.estimators.crops import (
    Crop,
    Resize,
    decode,
    normalised,
    padded_crop,
    spin_cut,
    square_crop,
    with_flipped,
)
from hanet.estimators.dcpose import DCPose
from hanet.estimators.frames import Frame
from hanet.estimators.pare import PARE
from hanet.estimators.simplebaseline import PoseResNet
from hanet.estimators.spin import HMR
from hanet.poses import DIMS, FrameOfReference, PoseSequence, Representation, Unit
from hanet.skeletons import POSETRACK17, SMPL24, Skeleton

Picture = UInt8[np.ndarray, "rows columns 3"]
Poses = tuple[Float[np.ndarray, "B J D"], Float[np.ndarray, "B J"] | None]
"""Poses of a batch and, where the network has a say on it, scores."""


@runtime_checkable
class Estimator(Protocol):
    """A network with what it needs before and after it."""

    @property
    def skeleton(self) -> Skeleton:
        """Joints of the poses."""
        ...

    @property
    def representation(self) -> Representation:
        """What the poses are."""
        ...

    @property
    def unit(self) -> Unit:
        """Their unit."""
        ...

    @property
    def frame_of_reference(self) -> FrameOfReference:
        """What they are relative to."""
        ...

    def prepare(
        self, previous: Picture, current: Picture, following: Picture, box: Float[np.ndarray, " 4"]
    ) -> tuple[Float[Tensor, "C H W"], Crop]:
        """The network's input for the person in the current frame, and where it was cut."""
        ...

    def poses(self, x: Float[Tensor, "B C H W"], crops: Sequence[Crop]) -> Poses:
        """Poses and, where the network has a say on it, scores."""
        ...


@dataclass(frozen=True, kw_only=True)
class _Keypoints:
    representation: Representation = "2d"
    unit: Unit = "px"
    frame_of_reference: FrameOfReference = "image"


def _in_image(
    heatmaps: Float[Tensor, "B J h w"], crops: Sequence[Crop]
) -> tuple[Float[np.ndarray, "B J 2"], Float[np.ndarray, "B J"]]:
    maps = heatmaps.cpu().numpy()
    keypoints, scores = decode(maps)
    placed = [c.to_image(k, width=maps.shape[-1]) for c, k in zip(crops, keypoints, strict=True)]
    return np.stack(placed), scores


@dataclass(frozen=True, kw_only=True)
class SimpleBaselineEstimator(_Keypoints):
    """SimpleBaseline with crops of `pixels` (width, height), and with the flip test or without."""

    network: PoseResNet
    skeleton: Skeleton
    pixels: tuple[int, int]
    flip: bool = True

    def prepare(
        self, previous: Picture, current: Picture, following: Picture, box: Float[np.ndarray, " 4"]
    ) -> tuple[Float[Tensor, "C H W"], Crop]:
        """One crop; blue normalised as red. Neighbours are not looked at."""
        crop = padded_crop(box, self.pixels)
        return normalised(crop.cut(current)[None], "bgr")[0], crop

    def poses(self, x: Float[Tensor, "B 3 H W"], crops: Sequence[Crop]) -> Poses:
        """Keypoints in image pixels, and the heights of the heat maps."""
        maps = self.network(x)
        if self.flip:
            maps = with_flipped(maps, self.network(x.flip(-1)), self.skeleton.mirror)
        return _in_image(maps, crops)


@dataclass(frozen=True, kw_only=True)
class DCPoseEstimator(_Keypoints):
    """DCPose on a frame and its direct neighbours, all cropped with the frame's box."""

    network: DCPose
    skeleton: Skeleton = POSETRACK17
    pixels: tuple[int, int] = (288, 384)

    def prepare(
        self, previous: Picture, current: Picture, following: Picture, box: Float[np.ndarray, " 4"]
    ) -> tuple[Float[Tensor, "C H W"], Crop]:
        """Three crops stacked: current, previous, next."""
        crop = padded_crop(box, self.pixels)
        cut = np.stack([crop.cut(image) for image in (current, previous, following)])
        return normalised(cut, "rgb").flatten(0, 1), crop

    def poses(self, x: Float[Tensor, "B 9 H W"], crops: Sequence[Crop]) -> Poses:
        """Keypoints in image pixels, and the heights of the heat maps."""
        margin = torch.ones(len(x), 2, dtype=torch.long, device=x.device)
        return _in_image(self.network(x, margin), crops)


@dataclass(frozen=True, kw_only=True)
class BodyEstimator:
    """SPIN or PARE: SMPL rotations.

    Attributes:
        network: either; PARE's crop is interpolated, SPIN's resized in the way that `resize` names.
        padding: of the boxes; 1.2 for a detector's.
        resize: for SPIN only.
    """

    network: HMR | PARE
    padding: float = 1.0
    resize: Resize = "legacy"
    skeleton: Skeleton = SMPL24
    representation: Representation = "smpl"
    unit: Unit = "rot6d"
    frame_of_reference: FrameOfReference = "parent"

    def prepare(
        self, previous: Picture, current: Picture, following: Picture, box: Float[np.ndarray, " 4"]
    ) -> tuple[Float[Tensor, "C H W"], Crop]:
        """One crop. Neighbours are not looked at."""
        crop = square_crop(box, padding=self.padding)
        cut = spin_cut(crop, current, self.resize) if isinstance(self.network, HMR) else crop.cut(current)
        return normalised(cut[None], "rgb")[0], crop

    def poses(self, x: Float[Tensor, "B 3 H W"], crops: Sequence[Crop]) -> Poses:
        """The first two columns of each rotation, interleaved; no scores."""
        rotations = self.network(x).rotations
        return rotations[..., :2].flatten(-2).cpu().numpy(), None


@dataclass(frozen=True, kw_only=True)
class PersonTrack:
    """Where one person is in consecutive frames.

    Attributes:
        name: of the sequence.
        frames: all of its frames from the track's first on, read once, in order.
        boxes: x1, y1, x2, y2 in pixels for each frame; NaN where the person is not seen.
        fps: frames per second.
        track: the person's number.
        start: number of the first frame.
    """

    name: str
    frames: Iterable[Frame]
    boxes: Float[np.ndarray, "T 4"]
    fps: float
    track: int = 0
    start: int = 0


@dataclass(frozen=True)
class Estimated:
    """Poses of one track, NaN and score 0 where there is none; and, by row, why a frame could not be read."""

    poses: PoseSequence
    unread: dict[int, str]


@dataclass
class _Open:
    """A track under way."""

    track: PersonTrack
    values: Float[np.ndarray, "T J D"]
    scores: Float[np.ndarray, "T J"]
    scored: bool = False
    waiting: int = 0
    unread: dict[int, str] = field(default_factory=dict)
    image_size: tuple[int, int] | None = None

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
        return Estimated(sequence, self.unread)


_Item = tuple[_Open, int, Tensor, Crop]


def run(
    estimator: Estimator, tracks: Iterable[PersonTrack], *, batch: int = 32, device: str = "cpu"
) -> Iterator[Estimated]:
    """Poses of every track, in the order of the tracks; the estimator's network is on `device` already.

    A neighbour that is not there, beyond a clip's end or unread, is replaced by the current frame.

    Raises:
        ValueError: a track with other than one box a frame, or an empty box.
    """
    shape = (len(estimator.skeleton), DIMS[estimator.representation])
    under_way: deque[_Open] = deque()
    ready: list[_Item] = []
    for track in tracks:
        values = np.full((len(track.boxes), *shape), np.nan, dtype=np.float32)
        owner = _Open(track, values, np.zeros(values.shape[:2], dtype=np.float32))
        under_way.append(owner)
        for row, images in _with_neighbours(owner):
            ready.append((owner, row, *estimator.prepare(*images, track.boxes[row])))
            owner.waiting += 1
            if len(ready) == batch:
                _estimate(estimator, ready, device)
                ready = []
        while under_way and not under_way[0].waiting:
            yield under_way.popleft().finish(estimator)
    if ready:
        _estimate(estimator, ready, device)
    for owner in under_way:
        yield owner.finish(estimator)


@torch.no_grad()
def _estimate(estimator: Estimator, ready: Sequence[_Item], device: str) -> None:
    """One batch, its poses put where they belong."""
    owners, rows, inputs, crops = zip(*ready, strict=True)
    values, scores = estimator.poses(torch.stack(inputs).to(device), crops)
    for i, (owner, row) in enumerate(zip(owners, rows, strict=True)):
        owner.values[row] = values[i]
        if scores is not None:
            owner.scores[row], owner.scored = scores[i], True
        owner.waiting -= 1


def _with_neighbours(owner: _Open) -> Iterator[tuple[int, tuple[Picture, Picture, Picture]]]:
    """Rows that have a frame and a box, with the previous, current and next image; notes unread frames."""
    boxes, name = owner.track.boxes, owner.track.name
    nothing, count = Frame(None), 0
    earlier = nothing
    for row, (current, later) in enumerate(pairwise(chain(owner.track.frames, [nothing]))):
        count = row + 1
        if count > len(boxes):
            raise ValueError(f"{name}: expected a frame for each of {len(boxes)} boxes, got more")
        if current.image is None:
            owner.unread[row] = current.reason
        else:
            owner.image_size = (current.image.shape[1], current.image.shape[0])
            if np.isfinite(boxes[row]).all():
                before, after = (f.image if f.image is not None else current.image for f in (earlier, later))
                yield row, (before, current.image, after)
        earlier = current
    if count != len(boxes):
        raise ValueError(f"{name}: expected a frame for each of {len(boxes)} boxes, got {count}")
