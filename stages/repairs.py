"""How well swaps are mended, gaps filled and bias calibrated: ``python -m stages.repairs MOTION UIPRMD``.

Writes docs/results/repairs.md and repairs.json. MOTION is the folder of motion capture that `stages.general`
trains on: the people that it keeps for validation get swaps and gaps; clean motion of all, and of any
``bandai*.npz`` there, is searched for false swaps. UIPRMD holds Kinect poses with their truth
(`hanet.datasets.uiprmd.pairs`): one minute of one person calibrates, two other people are scored.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy.interpolate import CubicSpline, PchipInterpolator

from hanet.datasets.uiprmd.pairs import read_pairs
from hanet.files.atomic import write_text
from hanet.files.unpickle import read_npz
from hanet.methods.calibrate import calibrate
from hanet.methods.gap_filling import fill_by_motion
from hanet.methods.general import GeneralRefiner
from hanet.methods.intervals import covered
from hanet.methods.swaps import mend_swaps
from hanet.poses.gaps import interpolate
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17
from hanet.progress import console
from hanet.results.repairs import repairs_page
from stages import workspace
from stages.general import FPS, read_motion

PAGE = Path("docs/results/repairs.md")
JITTER = (0.0, 0.01, 0.02)
"""Metres, as standard deviations per axis."""
SWAP_RATE, SWAP_TIME = 0.2, (0.03, 1.0)
"""Swaps per second, and seconds that they last, log-uniformly; at most 30 % of a clip are swapped."""
GAPS = (0.1, 0.25, 0.5, 1.0)
TRIES = 60
VIEWS = 3
TEST_PEOPLE = ("s09", "s10")
MINUTE = 1800
"""Frames at 30 per second."""

Rng = np.random.Generator
Clip = Float[np.ndarray, "T 17 3"]
LEFT = np.array([j for j, name in enumerate(H36M17.joints) if name.startswith("l_")])
RIGHT = H36M17.mirror[LEFT]
PARTS = {
    "legs": [i for i, j in enumerate(LEFT) if H36M17.joints[j][2:] in ("hip", "knee", "ankle")],
    "arms": [i for i, j in enumerate(LEFT) if H36M17.joints[j][2:] in ("shoulder", "elbow", "wrist")],
}


def main(motion: Path, uiprmd: Path) -> None:
    """Measure and write."""
    with workspace.stage("repairs"):
        train, validation = (
            [clip.joints.astype(np.float64) for clip in clips]
            for clips in read_motion(sorted(motion.glob("cmu*.npz")))
        )
        console.print("  swaps")
        numbers: dict[str, Any] = {"swaps": _swaps(validation)}
        numbers["false swaps"] = _false_swaps([*train, *validation], motion)
        console.print("  gaps")
        numbers["gaps"] = _gaps(validation)
        console.print("  calibration")
        numbers["calibration"] = _calibration(uiprmd)
        write_text(PAGE.with_suffix(".json"), json.dumps(numbers, indent=1) + "\n")
        write_text(PAGE, repairs_page(numbers))


def _swaps(clips: Sequence[Clip]) -> list[dict[str, Any]]:
    """Precision and recall of swapped joints, by frame rate, dimensions and jitter."""
    rows = []
    for dimensions, every, jitter in [(3, 1, s) for s in JITTER] + [
        (d, 2, s) for d in (3, 2) for s in JITTER
    ]:
        rng = np.random.default_rng(5)
        right = wrong = lost = 0
        for clip in clips:
            seen = _seen(clip[::every], dimensions, jitter, rng)
            if len(seen) < 30:
                continue
            swapped, truth = _with_swaps(seen, FPS / every, rng)
            mended, _ = mend_swaps(_track(swapped, FPS / every))
            found = (mended.values[:, LEFT] != swapped[:, LEFT]).any(axis=2)
            right += int((found & truth).sum())
            wrong += int((found & ~truth).sum())
            lost += int((~found & truth).sum())
        f1 = 2 * right / (2 * right + wrong + lost)
        precision, recall = right / max(right + wrong, 1), right / max(right + lost, 1)
        rows.append(
            {"dimensions": dimensions, "fps": FPS / every, "jitter_mm": 1000 * jitter, "precision": precision,
             "recall": recall, "f1": f1}
        )  # fmt: skip
    return rows


def _false_swaps(clips: Sequence[Clip], motion: Path) -> list[dict[str, Any]]:
    """Swaps found in motion without any, in 3D and seen from the side at random."""
    sets = {"CMU": [clip[::2] for clip in clips]}
    for path in sorted(motion.glob("bandai*.npz")):
        z = read_npz(path)
        ends = np.cumsum(z["length"])
        sets[path.stem] = [
            z["joints"][end - length : end].astype(np.float64)
            for length, end in zip(z["length"], ends, strict=True)
        ]
    rows = []
    for name, each in sets.items():
        for dimensions, views in ((3, 1), (2, VIEWS)):
            rng = np.random.default_rng(6)
            count = frames = 0
            for clip in each * views:
                seen = _seen(clip, dimensions, 0.0, rng)
                count += len(mend_swaps(_track(seen, 30.0))[1])
                frames += len(seen)
            rows.append({"motion": name, "dimensions": dimensions, "minutes": frames / 1800, "false": count})
    return rows


def _seen(clip: Clip, dimensions: int, jitter: float, rng: Rng) -> Float[np.ndarray, "T 17 D"]:
    """The clip with jitter; of 2D a view from the side, from a random direction."""
    if dimensions == 2:
        angle = rng.uniform(0, 2 * np.pi)
        across = clip[..., 0] * np.cos(angle) + clip[..., 2] * np.sin(angle)
        clip = np.stack([across, clip[..., 1]], axis=2)
    return clip + jitter * rng.normal(size=clip.shape)


def _track(values: Float[np.ndarray, "T 17 D"], fps: float) -> PoseSequence:
    if values.shape[2] == 2:
        return PoseSequence.keypoints("clip", values, H36M17, fps=fps)
    return PoseSequence.joints("clip", values, H36M17, fps=fps, frame_of_reference="world")


def _with_swaps(
    values: Float[np.ndarray, "T 17 D"], fps: float, rng: Rng
) -> tuple[Float[np.ndarray, "T 17 D"], Bool[np.ndarray, "T P"]]:
    """Left and right swapped in some frames: of the body, legs, arms or one pair; and where."""
    T = len(values)
    truth = np.zeros((T, len(LEFT)), dtype=bool)
    for _ in range(rng.poisson(SWAP_RATE * T / fps) + 1):
        length = int(np.clip(np.exp(rng.uniform(*np.log(SWAP_TIME))) * fps, 1, T // 8))
        start = int(rng.integers(1, T - length))
        unit = [list(range(len(LEFT))), *PARTS.values(), [int(rng.integers(len(LEFT)))]][rng.integers(4)]
        near = truth[max(start - 3, 0) : start + length + 3].any()
        if not near and truth[:, unit].mean() + length / T <= 0.3:
            truth[start : start + length, unit] = True
    swapped = values.copy()
    swapped[:, LEFT] = np.where(truth[..., None], values[:, RIGHT], values[:, LEFT])
    swapped[:, RIGHT] = np.where(truth[..., None], values[:, LEFT], values[:, RIGHT])
    return swapped, truth


def _gaps(clips: Sequence[Clip]) -> list[dict[str, Any]]:
    """Mean errors, in millimetres, in gaps of one joint, of a limb, and of all joints."""
    limbs = [
        [H36M17.index(f"{side}_{part}") for part in parts]
        for side in "lr"
        for parts in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"))
    ]
    sets = {"one joint": [[j] for j in range(17)], "a limb": limbs, "all joints": [list(range(17))]}
    rows = []
    for what, choices in sets.items():
        for seconds in GAPS:
            rng = np.random.default_rng(7)
            errors: dict[str, list[float]] = {}
            for clip in islice(cycle(clips), TRIES):
                length = int(seconds * FPS)
                start = int(rng.integers(10, max(len(clip) - length - 10, 11)))
                joints = choices[rng.integers(len(choices))]
                if len(clip) < length + 40:
                    continue
                gap = slice(start, start + length)
                for name, filled in _fills(clip, joints, gap).items():
                    wrong = np.linalg.norm(filled[:, joints] - clip[gap, joints], axis=2)
                    errors.setdefault(name, []).append(1000 * float(wrong.mean()))
            means = {name: float(np.mean(each)) for name, each in errors.items()}
            if means:  # else no clip is long enough
                rows.append({"missing": what, "seconds": seconds, **means})
    return rows


def _fills(clip: Clip, joints: list[int], gap: slice) -> dict[str, Float[np.ndarray, "L 17 3"]]:
    seen = clip.copy()
    seen[gap, joints] = np.nan
    rows, at = np.arange(len(clip)), np.arange(gap.start, gap.stop)
    near = np.r_[max(gap.start - 8, 0) : gap.start, gap.stop : min(gap.stop + 8, len(clip))]
    lines = interpolate(seen.reshape(len(clip), -1), rows, rows).reshape(clip.shape)
    return {
        "linear": lines[gap],
        "cubic spline": CubicSpline(near, clip[near])(at),
        "PCHIP": PchipInterpolator(near, clip[near])(at),
        "ours": fill_by_motion(seen, FPS, len(clip))[gap],
    }


def _calibration(folder: Path) -> list[dict[str, Any]]:
    """Mean errors of the test people, in millimetres, by who calibrated."""
    refiner = GeneralRefiner()
    pairs = list(read_pairs(folder))
    people = sorted({_person(gt) for _, gt in pairs} - set(TEST_PEOPLE))[:6]
    tests = [pair for pair in pairs if _person(pair[1]) in TEST_PEOPLE]
    refined = [(refiner.refine(detected), gt) for detected, gt in tests]
    rows = []
    for who in [[person] for person in people] + [people]:
        chosen = [pair for person in who for pair in _minute(p for p in pairs if _person(p[1]) == person)]
        made = calibrate([detected for detected, _ in chosen], [gt for _, gt in chosen])
        errors: dict[str, dict[str, list[np.ndarray]]] = {}
        held: dict[str, list[float]] = {}
        wide: list[float] = []
        for (detected, _), (smooth, gt) in zip(tests, refined, strict=True):
            radii = made.intervals.radii(detected.values, smooth.values, detected.fps)
            wrong = np.linalg.norm(made.correct(smooth) - gt.values, axis=2)
            held.setdefault(_person(gt), []).append(covered(wrong, radii))
            wide.append(1000 * float(np.median(radii)))
            offset = smooth.values + made.offset
            for name, values in (
                ("input", detected.values), ("offset", offset), ("calibrated", made.correct(smooth))
            ):  # fmt: skip
                wrong = 1000 * np.linalg.norm(values - gt.values, axis=2)
                errors.setdefault(name, {}).setdefault(_person(gt), []).append(wrong)
        means = {
            name: {person: float(np.concatenate(each).mean()) for person, each in of.items()}
            for name, of in errors.items()
        }
        whole = {
            name: float(np.concatenate([x for each in of.values() for x in each]).mean())
            for name, of in errors.items()
        }
        shares = {person: 100 * float(np.mean(each)) for person, each in held.items()}
        share = 100 * float(np.mean([one for each in held.values() for one in each]))
        rows.append(
            {"people": who, "strength": f"{made.strength:g}", **whole, "by_person": means,
             "radius": float(np.mean(wide)), "held": share, "held_by_person": shares}
        )  # fmt: skip
    return rows


def _person(gt: PoseSequence) -> str:
    return gt.name.split("_")[1]


def _minute(
    pairs: Iterable[tuple[PoseSequence, PoseSequence]],
) -> list[tuple[PoseSequence, PoseSequence]]:
    """One person's first episode of every movement, then the second ones, up to a minute."""
    ordered = sorted(pairs, key=lambda pair: (pair[1].name.split("_")[2], pair[1].name))
    ends = np.cumsum([len(gt) for _, gt in ordered])
    return ordered[: int(np.searchsorted(ends, MINUTE)) + 1]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
