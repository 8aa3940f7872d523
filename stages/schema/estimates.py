"""Sections of estimators: where an experiment's poses come from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from hanet.estimators.detections import DetectorErrors
from hanet.estimators.fcn import FCNTraining
from hanet.estimators.footage import Footage
from hanet.estimators.pairing import MAX_DISTANCE
from hanet.estimators.regressor import RegressorErrors
from stages.schema.section import Names, Section, Seed

SYNTHETIC = "synthetic"
"""The body that comes with this package, see `hanet.synthetic_body`."""


class BodyFile(Section):
    """The body that SMPL's rotations pose: `synthetic`, or the path of the user's licensed file.

    `joints` are those that are scored; lsp14 are regressed from the vertices by `h36m_regressor`, a file of
    its own, which the synthetic body has with it.
    """

    model: str
    h36m_regressor: str | None = None
    joints: Literal["smpl24", "lsp14"] = "smpl24"

    @model_validator(mode="after")
    def _regressor(self) -> BodyFile:
        if self.model == SYNTHETIC and self.h36m_regressor is not None:
            raise ValueError("the synthetic body has its own regressor; leave h36m_regressor out")
        if self.model != SYNTHETIC and self.joints == "lsp14" and self.h36m_regressor is None:
            raise ValueError("joints: lsp14 needs h36m_regressor, the path of J_regressor_h36m.npy")
        return self


class FCNEstimate(Section):
    """FCN behind a detector that errs.

    It is trained on the data set's source clips, which it never refines (`train_on: source`), or on the
    target's own training clips; then `out_of_fold` networks predict those, each without their clip. Or it is
    not trained: `weights` and `statistics` are files of the authors' port (`hanet.estimators.fcn_official`),
    and the clips of `train_on` give the statistics of keypoints.
    """

    kind: Literal["fcn"]
    seed: Seed
    detector: DetectorErrors
    training: FCNTraining | None = None
    weights: str | None = None
    statistics: str | None = None
    train_on: Literal["source", "target"] = "source"
    out_of_fold: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _folds(self) -> FCNEstimate:
        if (self.training is None) != (self.weights is not None) or (self.weights is None) != (
            self.statistics is None
        ):
            raise ValueError(
                "fcn takes training, or weights and statistics (stat_3d.pth.tar) of the official port"
            )
        if self.weights is not None:
            if self.out_of_fold:
                raise ValueError("out_of_fold is for networks that are trained here; leave it out")
        elif (self.train_on == "target") != (self.out_of_fold >= 2):
            raise ValueError("out_of_fold (2 or more folds) belongs to train_on: target, and is 0 otherwise")
        return self


class RecordedEstimate(Section):
    """Poses that an estimator gave when the data were recorded; the data set carries them."""

    kind: Literal["recorded"]


class ReleasedEstimate(Section):
    """Poses that a data set of kind `released` carries; its files name the estimator. SMPL's need a body."""

    kind: Literal["released"]
    body: BodyFile | None = None


class RegressorEstimate(Section):
    """SMPL rotations with the errors of a regressor, see `hanet.estimators.regressor`.

    The true ones are the data set's, or its 17 joints retargeted to the body. `views` takes so many sequences
    of each clip, which cameras may have many of.
    """

    kind: Literal["regressor"]
    seed: Seed
    body: BodyFile
    errors: RegressorErrors
    views: int | None = Field(default=None, ge=1)


class KeypointsEstimate(Section):
    """Keypoints that the user's own estimator wrote as JSON, paired with the ground truth's people.

    `files` are all files of all splits (of OpenPose folders), in any order; their videos are named as the
    data set's sequences. `first_frame` is the number that the files give to a video's frame 0, `images`
    COCO's annotation file with the images' names. People of a lower `min_score` are left out (OpenPose has
    none). `max_distance` is of `hanet.estimators.pairing`.
    """

    kind: Literal["keypoints"]
    format: Literal["coco", "openpose", "alphapose", "mmpose"]
    files: Names
    images: str | None = None
    first_frame: int = Field(default=0, ge=0)
    min_score: float = 0.0
    max_distance: float = Field(default=MAX_DISTANCE, gt=0)

    @model_validator(mode="after")
    def _options(self) -> KeypointsEstimate:
        if self.images is not None and self.format != "coco":
            raise ValueError(f"images belongs to format coco, got {self.format}")
        if self.min_score and self.format == "openpose":
            raise ValueError("OpenPose gives people no score; leave min_score out")
        return self


class Boxes(Section):
    """Where people are in the images.

    `source` is ``gt``, ``keypoints`` or ``openpose``, a cache of the data set whose boxes or extent of
    keypoints are taken; or the path of a file (`hanet.estimators.boxes.read_boxes`); or ``detector``, with
    its `weights`, which looks near the people of the cache `near` (null: takes whoever scores highest).
    """

    source: str = "gt"
    weights: str | None = None
    sha256: str | None = None
    near: str | None = "gt"
    min_score: float = Field(default=0.5, ge=0, le=1)

    @model_validator(mode="after")
    def _weights(self) -> Boxes:
        if (self.source == "detector") != (self.weights is not None):
            raise ValueError("weights belong to source: detector, which needs them")
        return self


_OWN = {
    "simplebaseline": {"skeleton", "layers", "pixels", "flip"},
    "dcpose": {"pixels"},
    "spin": {"padding", "resize", "body", "regressor"},
    "pare": {"padding", "body", "regressor"},
}
"""Settings of an estimator that others do not have."""


class ImagesEstimate(Section):
    """An estimator run over the data set's images.

    `weights` is the path or the address of an official checkpoint, `images` a pattern of
    `hanet.estimators.footage`, `first_frame` the number that images give to frame 0. `skeleton`, `layers`
    and `flip` are SimpleBaseline's (`hanet.estimators.weights`), `pixels` (width and height of a crop) also
    DCPose's; `padding`, `resize`, `body` (SMPL's
    file) and `regressor` those of SPIN and PARE. A shard is `shard` tracks; `workers` are processes on this
    machine (0: none but the stage; null: one a core, or one a GPU), `scheduler` the address of a Dask
    scheduler instead. `half` computes in half precision where there is a GPU. `calibrate` fits joints that
    two skeletons have under no common name to the training split's truth.
    """

    kind: Literal["simplebaseline", "dcpose", "spin", "pare"]
    weights: str
    sha256: str | None = None
    images: str
    first_frame: int = 0
    boxes: Boxes = Boxes()
    skeleton: Literal["mpii16", "coco17"] = "mpii16"
    layers: Literal[50, 101] = 101
    pixels: tuple[int, int] | None = None
    flip: bool = True
    padding: float = Field(default=1.0, ge=1)
    resize: Literal["legacy", "range_preserving"] = "legacy"
    body: str | None = None
    regressor: str | None = None
    calibrate: bool = True
    batch: int = Field(default=32, ge=1)
    shard: int = Field(default=16, ge=1)
    workers: int | None = Field(default=None, ge=0)
    scheduler: str | None = None
    half: bool = False

    @field_validator("images")
    @classmethod
    def _images(cls, value: str) -> str:
        Footage(value)
        return value

    @model_validator(mode="after")
    def _fits(self) -> ImagesEstimate:
        others = set().union(*_OWN.values()) - _OWN[self.kind]
        if wrong := sorted(others & self.model_fields_set):
            raise ValueError(f"{', '.join(wrong)}: not of {self.kind}; leave it out")
        if "body" in _OWN[self.kind] and self.body is None:
            raise ValueError(f"{self.kind} needs body, the path of SMPL's file (smpl.is.tue.mpg.de)")
        return self


Estimate = Annotated[
    FCNEstimate
    | RecordedEstimate
    | ReleasedEstimate
    | RegressorEstimate
    | KeypointsEstimate
    | ImagesEstimate,
    Field(discriminator="kind"),
]
