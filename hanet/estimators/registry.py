"""The kinds of estimates: their options in params.yaml, and the functions that make their pairs.

A kind's code is imported when it is used, so that a change to one estimator makes only that estimator's
stages stale.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from hanet.estimators.drawn.options import DrawnEstimate
from hanet.estimators.fcn.options import FCNEstimate
from hanet.estimators.given.options import RecordedEstimate, ReleasedEstimate
from hanet.estimators.images.options import ImagesEstimate
from hanet.estimators.keypoints.options import KeypointsEstimate
from hanet.estimators.mediapipe.options import MediaPipeEstimate
from hanet.estimators.regressor.options import RegressorEstimate

if TYPE_CHECKING:
    from hanet.estimators.common.weight_files import WeightStore

AnyEstimate = (
    FCNEstimate
    | DrawnEstimate
    | RecordedEstimate
    | ReleasedEstimate
    | RegressorEstimate
    | KeypointsEstimate
    | ImagesEstimate
    | MediaPipeEstimate
)
Estimate = Annotated[AnyEstimate, Field(discriminator="kind")]


def write_pairs(
    poses: Path,
    folder: Path,
    options: AnyEstimate,
    *,
    carried: str | None,
    scratch: Path,
    weights: WeightStore,
) -> None:
    """Write ``detected-<split>`` of every split into `folder`, by the kind of estimate.

    Args:
        poses: the data set's ground-truth caches.
        folder: folder for the pairs.
        options: options of the estimate.
        carried: the estimator whose poses are part of the data set (released pose files).
        scratch: folder of unfinished work, from which a killed run resumes.
        weights: finds and fetches files of weights.

    Raises:
        ValueError, OSError: as raised by the kind's own code.
    """
    match options:
        case FCNEstimate():
            from hanet.estimators.fcn import pairs as fcn

            fcn.with_fcn(poses, folder, options, weights)
        case DrawnEstimate():
            from hanet.estimators.drawn import pairs as drawn_pairs

            drawn_pairs.drawn(poses, folder, options)
        case KeypointsEstimate():
            from hanet.estimators.keypoints import pairs as keypoints

            keypoints.keypoints(poses, folder, options)
        case RegressorEstimate():
            from hanet.estimators.regressor import pairs as regressor

            regressor.pairs(poses, folder, options)
        case ImagesEstimate():
            from hanet.estimators.images import job as images

            images.estimate(poses, folder, options, scratch=scratch, weights=weights)
        case MediaPipeEstimate():
            from hanet.estimators.mediapipe import pairs as mediapipe

            mediapipe.estimate(poses, folder, options, scratch=scratch)
        case ReleasedEstimate():
            from hanet.estimators.given import pairs as given

            if carried is None:
                raise ValueError("kind: released is for data sets of released pose files")
            given.released(poses, folder, carried, options)
        case RecordedEstimate():
            from hanet.estimators.given import pairs as given

            given.recorded(poses, folder)
