"""The page of one camera scored against the others, from its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

NOTE = (
    "Real video, a real estimator, no markers. `python -m stages.multiview` writes this page and says how "
    "it measures. One person in {cameras} calibrated cameras, {frames} frames at 60 per second. Truth of a "
    "camera is triangulated from the detections of BlazePose {truth} in the other cameras. The filter's "
    "width is given, and nothing is trained or tuned here. One person is an example, so there are no "
    "intervals."
)
HEADS = {
    "pck_005": ("PCK@.05 %", 100.0, 1),
    "pck_010": ("PCK@.1 %", 100.0, 1),
    "accel_px_per_frame2": ("Accel px/frame²", 1.0, 2),
    "mpjpe_mm": ("MPJPE mm", 1.0, 1),
    "pa_mpjpe_mm": ("PA-MPJPE mm", 1.0, 1),
    "accel_mm_per_frame2": ("Accel mm/frame²", 1.0, 1),
}
"""Heading, factor and decimals of each metric."""


def multiview_page(numbers: Mapping[str, Any]) -> str:
    """Markdown of what `stages.multiview` measured."""
    cameras = numbers["cameras"]
    note = NOTE.format(cameras=len(cameras), frames=numbers["frames"], truth=numbers["truth"])
    lines = ["# Pose2Sim's demo: one camera against the others", "", note]
    for title, part in (("Detections", _detections), ("Left and right swapped", _swaps)):
        lines += ["", f"## {title}", "", *part(numbers)]
    for key, title in (("2d", "Keypoints"), ("3d", "Joints")):
        lines += ["", f"## {title}", "", "The mean over cameras, then each camera.", ""]
        lines += _scores(numbers, key)
    about = numbers["provenance"]
    lines += [
        "",
        f"Videos and calibration: {about['package']} ({about['licence']}). Commit {about['commit']}.",
    ]
    return "\n".join(lines) + "\n"


def _detections(numbers: Mapping[str, Any]) -> Iterator[str]:
    yield "Reprojection: the mean distance of all cameras' keypoints to their own triangulation."
    yield ""
    yield from _table(
        ["BlazePose", "found, % of frames", "reprojection, px"],
        [
            [model, f"{100 * sum(one['found']) / len(one['found']):.1f}", f"{one['reprojection_px']:.1f}"]
            for model, one in numbers["models"].items()
        ],
    )


def _swaps(numbers: Mapping[str, Any]) -> Iterator[str]:
    yield (
        "Of six pairs in every frame: those whose true joints are far enough apart to tell, those that are "
        "swapped by the truth, and those that are swapped back without it (`--mend-swaps`)."
    )
    yield ""
    rows = []
    for model, one in numbers["models"].items():
        for camera, swaps in zip(numbers["cameras"], one["swaps"], strict=True):
            before, after = swaps["error_px"]
            counts = [f"{swaps[key]}" for key in ("seen", "swapped", "frames", "mended", "wrongly")]
            rows.append([model, camera, *counts, f"{before:.1f} → {after:.1f}"])
    heads = [
        "BlazePose",
        "camera",
        "pairs seen",
        "swapped",
        "in frames",
        "mended",
        "wrongly mended",
        "error px",
    ]
    yield from _table(heads, rows)


def _scores(numbers: Mapping[str, Any], key: str) -> Iterator[str]:
    rows = []
    names: Sequence[str] = ()
    for model, one in numbers["models"].items():
        for row, scores in one[key].items():
            names = list(scores)
            rows.append([model, row, *(_cell(name, values) for name, values in scores.items())])
    yield from _table(["BlazePose", "row", *(HEADS[name][0] for name in names)], rows)


def _cell(name: str, values: Sequence[float]) -> str:
    _, factor, decimals = HEADS[name]
    mean, *each = (f"{factor * value:.{decimals}f}" for value in values)
    return f"{mean} ({', '.join(each)})"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
