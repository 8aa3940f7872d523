"""Poses before and after refinement in rerun's viewer (extra ``view``).

Axes: T frames, J joints, D coordinates (2 or 3).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import rerun as rr
from jaxtyping import Bool

from hanet.formats.missing import present
from hanet.metrics.gaps import leaps
from hanet.poses.bones import drawn_bones
from hanet.poses.sequence import PoseSequence
from hanet.view.people import People, Person, upward

COLOURS = {"detected": (213, 94, 0), "refined": (0, 114, 178)}
_AXES = "xyz"


def open_viewer(people: People, title: str) -> None:
    """Show all people in rerun's viewer, until it is closed.

    Raises:
        ValueError: the viewer does not start, as without a display.
    """
    with TemporaryDirectory(prefix="hanet-view-") as folder:
        path = Path(folder) / "poses.rrd"
        recording = rr.RecordingStream("hanet")
        recording.save(path)
        send(people, recording, title)
        recording.disconnect()
        # By default the viewer listens on every address for programs that send it recordings.
        options = ["--bind", "127.0.0.1", "--port", "auto"]
        viewer = [sys.executable, "-m", "rerun", *options, str(path)]
        done = subprocess.run(viewer, stderr=subprocess.PIPE, text=True)
    if done.returncode > 0:
        why = done.stderr.strip().rpartition(": ")[2] or f"code {done.returncode}"
        raise ValueError(f"rerun's viewer does not start ({why[:200]}); give --html PAGE.html instead")


def send(people: People, recording: rr.RecordingStream, title: str) -> None:
    """Log skeletons, curves, confidence, gaps and leaps of every person.

    Timelines are ``frame`` and, where the rate is known, ``time`` in seconds. Curves lie under
    ``curves/<joint>/<axis>``, counts per frame under ``joints``.

    Args:
        people: from `hanet.view.people.pair`.
        recording: of rerun.
        title: name of the recording.
    """
    recording.send_recording_name(title)
    if people.unit == "m":
        up = _AXES[int(np.abs(upward([person.raw for person in people.each])).argmax())]
        sign = "" if upward([person.raw for person in people.each]).sum() > 0 else "-"
        recording.log("/", _UP[sign + up], static=True)
    for person in people.each:
        _person(person, people.fps, recording)


_UP: dict[str, Any] = {
    "x": rr.ViewCoordinates.RIGHT_HAND_X_UP, "-x": rr.ViewCoordinates.RIGHT_HAND_X_DOWN,
    "y": rr.ViewCoordinates.RIGHT_HAND_Y_UP, "-y": rr.ViewCoordinates.RIGHT_HAND_Y_DOWN,
    "z": rr.ViewCoordinates.RIGHT_HAND_Z_UP, "-z": rr.ViewCoordinates.RIGHT_HAND_Z_DOWN,
}  # fmt: skip


def _person(person: Person, fps: float | None, recording: rr.RecordingStream) -> None:
    raw = person.raw
    layers = {"detected": raw} | ({} if person.refined is None else {"refined": person.refined})
    name = f"{raw.name}/person{raw.track}"
    for layer, track in layers.items():
        _skeletons(track, fps, f"{name}/{layer}", COLOURS[layer], recording)
        for j, joint in enumerate(raw.skeleton.joints):
            for d, axis in enumerate(_AXES[: track.values.shape[2]]):
                column = track.values[:, j, d]
                _curve(f"curves/{name}/{joint}/{axis}/{layer}", raw, fps, column, recording)
        known = present(track.values).sum(axis=1)
        _curve(f"joints/{name}/{layer}/missing", raw, fps, len(raw.skeleton) - known, recording)
        _curve(f"joints/{name}/{layer}/leaping", raw, fps, leaps(track).sum(axis=1), recording)
    if raw.scores is not None:
        _curve(f"joints/{name}/confidence", raw, fps, raw.scores.mean(axis=1), recording)


def _skeletons(
    track: PoseSequence,
    fps: float | None,
    path: str,
    colour: tuple[int, int, int],
    recording: rr.RecordingStream,
) -> None:
    """Log the known joints of every frame, and the bones between them."""
    values, known = track.values, present(track.values)
    flat = values.shape[2] == 2
    points, strips = (rr.Points2D, rr.LineStrips2D) if flat else (rr.Points3D, rr.LineStrips3D)
    times = _times(track, fps, np.ones(len(track), dtype=bool))
    recording.log(f"{path}/joints", points.from_fields(colors=colour), static=True)
    joints = points.columns(positions=values[known]).partition(known.sum(axis=1))
    rr.send_columns(f"{path}/joints", times, joints, recording=recording)
    bones = np.array(drawn_bones(track.skeleton), dtype=np.int64).reshape(-1, 2)
    both = known[:, bones].all(axis=2)
    recording.log(f"{path}/bones", strips.from_fields(colors=colour), static=True)
    if both.any():
        lines = strips.columns(strips=list(values[:, bones][both])).partition(both.sum(axis=1))
        rr.send_columns(f"{path}/bones", times, lines, recording=recording)


def _curve(
    path: str, track: PoseSequence, fps: float | None, values: np.ndarray, recording: rr.RecordingStream
) -> None:
    """Log a number per frame; frames without one are left out."""
    known = np.isfinite(values)
    if known.any():
        scalars = rr.Scalars.columns(scalars=values[known].astype(np.float64))
        rr.send_columns(path, _times(track, fps, known), scalars, recording=recording)


def _times(track: PoseSequence, fps: float | None, rows: Bool[np.ndarray, " T"]) -> list[rr.TimeColumn]:
    frames = track.frames[rows]
    times = [rr.TimeColumn("frame", sequence=frames)]
    return times if fps is None else [*times, rr.TimeColumn("time", duration=frames / fps)]
