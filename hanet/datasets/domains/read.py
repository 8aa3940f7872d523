"""Real detections with their truth from files of several estimators, for the domain matrix.

Below one folder, each read where it is there:

- ``uiprmd/m01.npz`` …: Kinect v2 against Vicon, see `hanet.datasets.uiprmd.pairs`
- ``aistpp/``: AIST++ annotations; its detector's keypoints against the projected 3D keypoints
- ``rendered/*.npz``: ``det2d`` (pixels), ``det3d`` (metres), ``gt3d`` (metres, camera frame), all
  (clips, 60, 13, 2 or 3), ``focal`` (clips), ``size`` (width, height), ``name`` (clips): a detector on
  rendered bodies, 30 frames a second, the hips at 7 and 8
- ``opencap/pairs.npz``: for each trial ``T/mocap`` (frames, joints, 3) in metres, ``T/time`` in seconds,
  ``T/mono``
  and ``T/wham`` like ``T/mocap``, and ``T/mediapipe_D3`` in millimetres at 60 frames a second;
  ``joint_names`` and ``mediapipe_joints``
- ``mocap/bandai1*.npz``: ``joints`` (frames, 17, 3) in metres at 30 frames a second, ``length`` per clip,
  ``name``;
  motion under a licence that forbids training for others' use, with errors drawn from the noise bank

Axes: T frames, J joints, D numbers per joint.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from hanet.datasets.aist import files as aist
from hanet.datasets.aist import views
from hanet.datasets.common.rigid import rotation
from hanet.datasets.uiprmd.pairs import read_pairs
from hanet.files.unpickle import read_npz
from hanet.poses.pair import Pair
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17, Skeleton

OPENCAP_NAMES = {
    f"{side}{short}": f"{body}_{side}"
    for side in "lr"
    for short, body in {
        "sho": "humerus", "elb": "ulna", "wri": "hand", "hip": "femur", "knee": "tibia", "ank": "talus"
    }.items()
}  # fmt: skip
SYNTHETIC_CLIPS = 60
SHORTEST = 60
"""Frames of a synthetic clip at least."""


Draw = Callable[[Float[np.ndarray, "T 17 3"], np.random.Generator], Float[np.ndarray, "T 17 3"]]
"""Detections drawn for true Human3.6M joints at 30 frames a second."""


def read_domains(folder: Path, draw: Draw, names: Collection[str] | None = None) -> Iterator[Pair]:
    """All pairs of the domains that the folder holds, domain by domain.

    Args:
        folder: see the module.
        draw: errors for motion that comes without detections.
        names: subfolders to read; None reads all.

    Raises:
        FileNotFoundError: the folder holds none of them.
        ValueError: a damaged file, as its reader says.
    """
    found = False
    for name, read in READERS.items():
        if (folder / name).is_dir() and (names is None or name in names):
            for pair in read(folder / name, draw):
                found = True
                yield pair
    if not found:
        raise FileNotFoundError(
            f"{folder}: expected a folder with some of {', '.join(READERS)}, which hold detections and truth"
        )


def _uiprmd(folder: Path, _: Draw) -> Iterator[Pair]:
    for detected, gt in read_pairs(folder):
        yield Pair("UI-PRMD, Kinect v2", detected.name.split("_")[1], detected, gt.values)


def _aist(folder: Path, _: Draw) -> Iterator[Pair]:
    names = sorted(path.stem for path in (folder / "keypoints2d").glob("*.pkl"))
    truth = {v.keypoints.name: v.keypoints for v in views.read_views(folder, names, skeleton=COCO17)}
    for detected in views.read_detections(folder, names):
        values = np.where(detected.labelled[..., None], detected.values, np.nan)  # pyright: ignore[reportOptionalSubscript]
        shown = PoseSequence.keypoints(
            detected.name,
            values,
            COCO17,
            fps=detected.fps,
            scores=detected.scores,
            image_size=detected.image_size,
        )
        person = aist.subject_of(detected.name.split("/")[0])
        yield Pair("AIST++, 2D detector", str(person), shown, truth[detected.name].values)


def _rendered(folder: Path, _: Draw) -> Iterator[Pair]:
    hips = (7, 8)
    for path in sorted(folder.glob("*.npz")):
        z = read_npz(path)
        for i, name in enumerate(z["name"]):
            if not np.isfinite(z["det3d"][i]).all(axis=2).any(axis=0).all():
                continue
            gt = z["gt3d"][i].astype(np.float64)
            image = gt[..., :2] / gt[..., 2:] * z["focal"][i] + np.asarray(z["size"]) / 2
            clip = f"{name}/{i}"
            yield _joints("Rendered, MediaPipe 3D", str(name), clip, z["det3d"][i], gt, 30.0, root=hips)
            flat = PoseSequence.keypoints(clip, z["det2d"][i].astype(np.float64), _free(13), fps=30.0)
            yield Pair("Rendered, MediaPipe 2D", str(name), flat, image)


def _opencap(folder: Path, _: Draw) -> Iterator[Pair]:
    z = read_npz(folder / "pairs.npz")
    names, few = [str(n) for n in z["joint_names"]], [str(n) for n in z["mediapipe_joints"]]
    at = [names.index(OPENCAP_NAMES[n]) for n in few]
    all_hips = tuple(names.index(f"femur_{side}") for side in "lr")
    for trial in sorted({key.split("/")[0] for key in z if "/" in key}):
        time, mocap = z[f"{trial}/time"].astype(np.float64), z[f"{trial}/mocap"].astype(np.float64)
        for estimator, shown in (("WHAM", "wham"), ("OpenCap Monocular", "mono")):
            yield _joints(
                f"OpenCap, {estimator}",
                trial,
                trial,
                z[f"{trial}/{shown}"],
                mocap,
                100.0,
                root=all_hips,
                turn=True,
            )
        detected = z[f"{trial}/mediapipe_D3"].astype(np.float64) / 1000
        seconds = np.arange(len(detected)) / 60
        inside = seconds <= time[-1]
        flat = mocap[:, at].reshape(len(mocap), -1)
        gt = np.stack([np.interp(seconds[inside], time, column) for column in flat.T], axis=1)
        hips = tuple(few.index(f"{side}hip") for side in "lr")
        gt = gt.reshape(-1, len(at), 3)
        yield _joints("OpenCap, MediaPipe 3D", trial, trial, detected[inside], gt, 60.0, root=hips, turn=True)


def _bandai(folder: Path, draw: Draw) -> Iterator[Pair]:
    for path in sorted(folder.glob("bandai1*.npz")):
        z = read_npz(path)
        ends = np.cumsum(z["length"])
        rng = np.random.default_rng(4321)
        long = np.flatnonzero(np.asarray(z["length"]) >= SHORTEST)
        for i in long[:: max(1, len(long) // SYNTHETIC_CLIPS)]:
            gt = z["joints"][ends[i] - z["length"][i] : ends[i]].astype(np.float64)
            name = str(z["name"][i])
            yield _joints("Bandai-1, drawn errors", "unnamed", name, draw(gt, rng), gt, 30.0)


READERS = {"uiprmd": _uiprmd, "aistpp": _aist, "rendered": _rendered, "opencap": _opencap, "mocap": _bandai}


def _joints(
    domain: str,
    person: str,
    name: str,
    detected: Float[np.ndarray, "T J 3"],
    gt: Float[np.ndarray, "T J 3"],
    fps: float,
    *,
    root: Sequence[int] = (),
    turn: bool = False,
) -> Pair:
    """A pair in metres; `turn` brings the truth to the detections by one rotation about the root."""
    detected = detected.astype(np.float64)
    if turn:
        gt = gt @ rotation(*(_relative(poses, root) for poses in (gt, detected)))
    shown = PoseSequence.joints(name, detected, _free(gt.shape[1]), fps=fps, frame_of_reference="camera")
    return Pair(domain, person, shown, gt, tuple(root))


def _relative(poses: Float[np.ndarray, "T J 3"], root: Sequence[int]) -> Float[np.ndarray, "N 3"]:
    return (poses - poses[:, list(root)].mean(axis=1, keepdims=True)).reshape(-1, 3)


def _free(joints: int) -> Skeleton:
    """A skeleton of unnamed joints without bones."""
    return Skeleton(f"joints{joints}", tuple(f"joint_{i}" for i in range(joints)), (-1,) * joints, (0,))
