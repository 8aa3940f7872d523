"""Score BlazePose in each camera of Pose2Sim's demo against what the other cameras see: video to score.

``python -m stages.multiview --to docs/results/pose2sim`` fetches the demo (`hanet.datasets.pose2sim.demo`),
runs the estimator over its four videos, triangulates, and writes ``multiview.json`` and ``multiview.md``.

Truth of a camera is triangulated from the detections of the **other** cameras (`TRUTH`, weighted by their
visibility), so the camera's own errors are not in it; errors that all cameras share are. It is seen in the
camera that it judges: keypoints in its picture, joints in its axes, both of the 12 limb joints.

Axes: C cameras, T frames, J joints.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from rich.progress import Progress

from hanet.datasets.pose2sim.demo import ARCHIVE, collect, read_views
from hanet.estimators.common.gaps import filled
from hanet.estimators.measured.fit import APART, person_size, swapped_pair
from hanet.estimators.mediapipe.engine import find_python
from hanet.estimators.mediapipe.models import ModelName
from hanet.estimators.mediapipe.pose import Estimate, estimate
from hanet.estimators.mediapipe.video import Video
from hanet.files.atomic import write_text
from hanet.methods.filters import Gaussian
from hanet.methods.general import GeneralRefiner
from hanet.methods.swaps import mend_swaps
from hanet.metrics import evaluate
from hanet.poses.boxes import person_boxes
from hanet.poses.cameras import CalibratedCamera
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import LIMBS12, conversion
from hanet.poses.triangulation import triangulate
from hanet.progress import console
from hanet.results.multiview import multiview_page
from stages import workspace

FOLDER = workspace.SCRATCH / "pose2sim"
MODELS: tuple[ModelName, ...] = ("full", "heavy")
TRUTH: ModelName = "heavy"
"""Whose detections are triangulated."""
SIGMA = 2.0
"""Of the Gaussian filter, frames: the value of the experiments `opencap…`, not chosen on this demo."""
METRICS = {
    "2d": ("pck_005", "pck_010", "accel_px_per_frame2"),
    "3d": ("mpjpe_mm", "pa_mpjpe_mm", "accel_mm_per_frame2"),
}

Refine = Callable[[PoseSequence], PoseSequence]
ROWS: Mapping[str, Refine] = {
    "input": lambda poses: poses,
    "Gaussian filter": Gaussian(SIGMA).refine,
    "general refiner": GeneralRefiner().refine,
    "swaps mended": lambda poses: mend_swaps(poses)[0],
    "swaps mended, general refiner": lambda poses: GeneralRefiner().refine(mend_swaps(poses)[0]),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Fetch, estimate, triangulate, score and write."""
    parser = argparse.ArgumentParser(prog="python -m stages.multiview", description=__doc__)
    parser.add_argument("--to", type=Path, required=True, help="folder for multiview.json and multiview.md")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the package is fetched to")
    asked = parser.parse_args(arguments)
    with workspace.user_errors():
        python = find_python()
        with Progress(console=console, transient=True) as progress:
            demo = collect(asked.folder, progress=progress)
        views = read_views(demo)
        found: dict[ModelName, list[Estimate]] = {}
        for model in MODELS:
            console.print(f"  BlazePose {model}, {len(views)} videos")
            found[model] = [estimate(Video.open(path), python, model=model) for path in views]
        numbers = measured(list(views.values()), found)
        numbers["provenance"] = {
            "package": f"{ARCHIVE.requirement}, {ARCHIVE.filename}, SHA-256 {ARCHIVE.sha256}",
            "licence": ARCHIVE.licence,
            "models": {model: some[0].provenance["models_sha256"] for model, some in found.items()},
            "commit": workspace.commit(),
        }
        write_text(asked.to / "multiview.json", json.dumps(numbers, indent=1) + "\n")
        write_text(asked.to / "multiview.md", multiview_page(numbers))
    console.print(f"{asked.to}: multiview.json and multiview.md", markup=False)


@dataclass(frozen=True)
class View:
    """A camera's truth and one model's poses of the same frames.

    Attributes:
        keypoints: truth and detections, pixels.
        joints: truth and estimate, metres around the mean of the 12 joints, the camera's axes.
    """

    keypoints: tuple[PoseSequence, PoseSequence]
    joints: tuple[PoseSequence, PoseSequence]


def measured(
    cameras: Sequence[CalibratedCamera], found: Mapping[ModelName, Sequence[Estimate]]
) -> dict[str, Any]:
    """All numbers of the page, by model.

    Raises:
        ValueError: videos of different lengths, or as `triangulate`.
    """
    lengths = {len(one.keypoints) for some in found.values() for one in some}
    if len(lengths) > 1:
        raise ValueError(
            f"expected videos of equal length, got {', '.join(map(str, sorted(lengths)))} frames"
        )
    truth = [_world(cameras, found[TRUTH], leave=camera) for camera in range(len(cameras))]
    result: dict[str, Any] = {
        "cameras": [camera.name for camera in cameras],
        "frames": lengths.pop(),
        "truth": TRUTH,
        "models": {},
    }
    for model, some in found.items():
        views = [_view(*one) for one in zip(cameras, truth, some, strict=True)]
        result["models"][model] = {
            "found": [one.seen for one in some],
            "reprojection_px": _reprojection(cameras, some),
            "swaps": [_swaps(*view.keypoints) for view in views],
            "2d": _scores([view.keypoints for view in views]),
            "3d": _scores([view.joints for view in views]),
        }
    return result


def limbs(poses: PoseSequence) -> PoseSequence:
    """The 12 limb joints by name."""
    index, named = conversion(poses.skeleton, LIMBS12)
    assert named.all()
    taken = {
        name: None if (array := getattr(poses, name)) is None else array[:, index]
        for name in ("values", "scores", "labelled")
    }
    return replace(poses, skeleton=LIMBS12, **taken)


def _world(
    cameras: Sequence[CalibratedCamera], found: Sequence[Estimate], *, leave: int | None = None
) -> Float[np.ndarray, "T 12 3"]:
    """The 12 joints in the world, metres, from all cameras but one."""
    taken = [c for c in range(len(cameras)) if c != leave]
    shown = [limbs(found[c].keypoints) for c in taken]
    points = np.stack([one.values.astype(np.float64) for one in shown])
    weights = np.stack([np.ones(one.values.shape[:2]) if one.scores is None else one.scores for one in shown])
    return triangulate([cameras[c] for c in taken], points, weights)


def _view(camera: CalibratedCamera, world: Float[np.ndarray, "T 12 3"], found: Estimate) -> View:
    in_camera = camera.to_camera(world)
    pixels = camera.project(in_camera)
    fps, name = found.keypoints.fps, camera.name
    boxes = person_boxes(pixels).astype(np.float32)
    flat = PoseSequence.keypoints(
        name, pixels.astype(np.float32), LIMBS12, fps=fps, boxes=boxes, image_size=camera.image_size
    )
    solid = PoseSequence.joints(
        name, in_camera.astype(np.float32), LIMBS12, fps=fps, frame_of_reference="camera"
    )
    detected = replace(limbs(found.keypoints), name=name)
    joints = filled(replace(limbs(found.joints), name=name, frame_of_reference="camera"))
    return View((flat, detected), (solid.root_relative(), joints.root_relative()))


def _reprojection(cameras: Sequence[CalibratedCamera], found: Sequence[Estimate]) -> float:
    """Mean distance in pixels of the model's keypoints to their own triangulation from all cameras."""
    world = _world(cameras, found)
    off = [
        np.linalg.norm(camera.project(camera.to_camera(world)) - limbs(one.keypoints).values, axis=2)
        for camera, one in zip(cameras, found, strict=True)
    ]
    return float(np.nanmean(off))


def _swaps(truth: PoseSequence, detected: PoseSequence) -> dict[str, Any]:
    """Swapped pairs by the truth, by what is found without it, and the error in pixels before and after."""
    mended, spans = mend_swaps(detected)
    left = [j for j, other in enumerate(LIMBS12.mirror) if other > j]
    apart = APART["size"] * person_size(truth)
    swapped, seen, changed = [], [], []
    for j in left:
        pair = [j, int(LIMBS12.mirror[j])]
        there, visible = swapped_pair(detected.values[:, pair], truth.values[:, pair], apart)
        swapped.append(there)
        seen.append(visible)
        changed.append((mended.values[:, j] != detected.values[:, j]).any(axis=1))
    true, visible, found = (np.stack(each, axis=1) for each in (swapped, seen, changed))
    return {
        "seen": int(visible.sum()),
        "swapped": int(true.sum()),
        "frames": int(true.any(axis=1).sum()),
        "mended": int((true & found).sum()),
        "wrongly": int((~true & visible & found).sum()),
        "spans": [[span.what, span.start, span.stop] for span in spans],
        "joints": {LIMBS12.joints[j][2:]: int(column.sum()) for j, column in zip(left, true.T, strict=True)},
        "error_px": [_error(truth, poses) for poses in (detected, mended)],
    }


def _error(truth: PoseSequence, poses: PoseSequence) -> float:
    return float(np.nanmean(np.linalg.norm(poses.values - truth.values, axis=2)))


def _scores(pairs: Sequence[tuple[PoseSequence, PoseSequence]]) -> dict[str, dict[str, Any]]:
    """Metrics of every row, over all cameras and for each."""
    names = METRICS[pairs[0][0].representation]
    result = {}
    for row, refine in ROWS.items():
        refined = [refine(poses) for _, poses in pairs]
        truth = [gt for gt, _ in pairs]
        means = evaluate(truth, refined, resamples=1).means
        each = [evaluate([gt], [one], resamples=1).means for gt, one in zip(truth, refined, strict=True)]
        result[row] = {name: [means[name], *(one[name] for one in each)] for name in names}
    return result


if __name__ == "__main__":
    main()
