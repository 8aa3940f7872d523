"""Meshes of an SMPL experiment: the worst frames side by side (HANet's supplement, Figure 3) and a video."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hanet.cache.files import PoseCache
from hanet.figures.charts.errors import errors
from hanet.figures.choose import find_sequence, rows_around
from hanet.figures.meshes.pictures import WORST_MM, compare_figure, pelvis_aligned, worst_frames
from hanet.figures.meshes.video import compare_video
from hanet.figures.style import method_styles
from hanet.poses.sequence import PoseSequence
from hanet.smpl.body import Body
from hanet.smpl.joints import joint_sequence
from hanet.smpl.side_table import SideTable, side_path
from hanet.smpl.synthetic_body import synthetic_body
from hanet.smpl.tracks import SmplTrack

SHOWN = ("input", "deciwatch", "hanet", "hanet-paper")
"""Methods to show, as in the supplement; if none of them is there, all methods are shown."""
FRAMES = 4
SECONDS = 2.0
"""Length of the video; it takes longer to draw than one of skeletons."""
CAMERA_UP = (0.0, -1.0, 0.0)
"""A camera's y axis points down."""


@dataclass(frozen=True)
class Meshes:
    """SMPL tracks of the ground truth and of methods, with their body."""

    truth: SmplTrack
    methods: Mapping[str, SmplTrack]
    body: Body

    @classmethod
    def of(
        cls,
        truth: tuple[PoseCache, PoseSequence],
        methods: Mapping[str, tuple[PoseCache, PoseSequence]],
        body: Body,
    ) -> Meshes:
        """Attach side tables to sequences, each given with its cache."""
        return cls(_track(*truth), {name: _track(*found) for name, found in methods.items()}, body)

    @classmethod
    def read(
        cls,
        gt: Path,
        methods: Mapping[str, str],
        sequence: str,
        *,
        track: int | None = None,
        body: Path | None = None,
    ) -> Meshes:
        """Read a sequence from caches of SMPL rotations and their side tables.

        Args:
            gt: cache of the ground truth.
            methods: cache by method.
            sequence: its name.
            track: its track number; None takes the first.
            body: SMPL's file; None takes the synthetic body.

        Raises:
            ValueError: an unreadable cache, side table or body, or one without the sequence.
        """
        cache = PoseCache.open(gt, representation="smpl")
        truth = find_sequence(cache, sequence, track=track)
        found: dict[str, tuple[PoseCache, PoseSequence]] = {}
        for name, path in methods.items():
            other = PoseCache.open(path, representation="smpl")
            found[name] = other, find_sequence(other, sequence, track=truth.track, start=truth.start)
        return cls.of((cache, truth), found, synthetic_body() if body is None else Body.load(body))

    def joints(self) -> tuple[PoseSequence, dict[str, PoseSequence]]:
        """Ground truth and methods as 3D joints of their bodies."""
        methods = {name: joint_sequence(track, self.body) for name, track in self.methods.items()}
        return joint_sequence(self.truth, self.body), methods


def _track(cache: PoseCache, poses: PoseSequence) -> SmplTrack:
    return SideTable(side_path(cache.path)).attach(poses)


def draw(folder: Path, meshes: Meshes, worst: int, where: str) -> list[dict[str, str]]:
    """Draw mesh.png and mesh.mp4.

    Args:
        folder: folder to write to.
        meshes: meshes to draw.
        worst: row in the middle of the video.
        where: description of the sequence, for captions.

    Returns:
        Entries of the manifest.
    """
    chosen = [name for name in SHOWN if name in meshes.methods] or list(meshes.methods)
    labels = {name: style.label for name, style in method_styles(chosen).items()}
    tracks = {labels[name]: meshes.methods[name] for name in chosen}
    truth, body, fps = meshes.truth, meshes.body, meshes.truth.poses.fps
    first = next(iter(tracks.values()))
    error = errors(joint_sequence(truth, body), joint_sequence(first, body)).frames
    rows = sorted(worst_frames(error, FRAMES, apart=max(1, round(fps))))
    frames = [truth.poses.start + row for row in rows]
    posed = {label: pelvis_aligned(body, track, rows) for label, track in tracks.items()}
    compare_figure(
        folder / "mesh.png",
        posed,
        pelvis_aligned(body, truth, rows),
        body.faces,
        frames=frames,
        up=CAMERA_UP,
    )
    span = rows_around(worst, round(SECONDS * fps), length=len(truth))
    part = slice(span.start, span.stop)
    compare_video(
        folder / "mesh.mp4",
        {label: track.part(part) for label, track in tracks.items()},
        truth.part(part),
        body,
        up=CAMERA_UP,
    )
    names = ", ".join(tracks)
    coloured = f"Colours are vertex errors, pelvis aligned, up to {WORST_MM:g} mm."
    return [
        {
            "file": "mesh.png",
            "kind": "png",
            "title": "Meshes at the input's worst frames",
            "caption": f"{names} in front of the truth (grey) at frames "
            f"{', '.join(map(str, frames))}, the {len(frames)} with the largest error of {chosen[0]}, "
            f"at least a second apart, of {where}. {coloured} Ringed: each method's worst of these frames.",
        },
        {
            "file": "mesh.mp4",
            "kind": "mp4",
            "title": "Meshes in motion",
            "caption": f"{names} and the truth in real time: frames {truth.poses.start + span.start} to "
            f"{truth.poses.start + span.stop - 1} of {where}. {coloured} A frame above 150 mm has a coloured "
            "edge.",
        },
    ]
