"""People labelled in a video: boxes, head boxes, regions to ignore."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pydantic.dataclasses import dataclass as validated

from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import Skeleton, conversion

Box = tuple[float, float, float, float]


Polygon = tuple[tuple[float, float], ...]


@validated(frozen=True)
class PoseTrackVideo:
    """What is known of a video besides its poses.

    Attributes:
        name: the name of its annotation file, which its sequences have too.
        images: path of each listed frame's image as the file states it, by frame number.
        labelled: the labelled frames, ascending; some may show nobody.
        heads: for every person annotated in a frame, by (track, frame): the head box x1, y1, x2, y2 in
            pixels, None where the file has none. A person may be there with a head box and no keypoint.
        ignore: by frame, regions that count neither as truth nor as prediction: corners x, y of polygons.
    """

    name: str
    images: dict[int, str]
    labelled: tuple[int, ...]
    heads: dict[tuple[int, int], Box | None]
    ignore: dict[int, tuple[Polygon, ...]]

    @property
    def tracks(self) -> tuple[int, ...]:
        """Numbers of the tracks, ascending."""
        return tuple(sorted({track for track, _ in self.heads}))


def by_name(sequence: PoseSequence, skeleton: Skeleton) -> PoseSequence:
    """The sequence on another skeleton, joint by joint of the same name; others are NaN and not `labelled`.

    Raises:
        ValueError: no joint of `skeleton` is in the sequence's.
    """
    if sequence.skeleton == skeleton:
        return sequence
    index, mask = conversion(sequence.skeleton, skeleton)
    if not mask.any():
        raise ValueError(
            f"{sequence.name}: {sequence.skeleton.name} has none of the joints of {skeleton.name}; give "
            "poses of another skeleton"
        )
    labelled = np.ones(sequence.values.shape[:2], bool) if sequence.labelled is None else sequence.labelled
    scores = None if sequence.scores is None else np.where(mask, sequence.scores[:, index], np.nan)
    return replace(
        sequence,
        values=np.where(mask[:, None], sequence.values[:, index], np.nan).astype(sequence.values.dtype),
        skeleton=skeleton,
        scores=scores,
        labelled=labelled[:, index] & mask,
    )
