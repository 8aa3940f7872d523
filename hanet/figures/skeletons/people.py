"""Several people of one video, coloured by identity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from hanet.figures.images import Images, read_image
from hanet.figures.skeletons.bodies import Body, extent, hide_axes, identity_colours
from hanet.figures.style import IDENTITIES, WIDTH, styled
from hanet.poses.sequence import PoseSequence


@styled
def people(tracks: Sequence[PoseSequence], frames: Sequence[int], *, images: Images | None = None) -> Figure:
    """Draw several people, each in a colour of their own, one panel per frame.

    The right limbs of a person are lighter, and the track number is printed at the head. Tracks that do not
    cover a frame are skipped in its panel.

    Args:
        tracks: keypoints of one sequence's people, with distinct track numbers or frames.
        frames: frame numbers.
        images: images to draw on.

    Raises:
        ValueError: no tracks or frames, poses that are not keypoints of one sequence, a frame without people,
            or a missing image.
    """
    _check_people(tracks, frames)
    columns = min(len(frames), 2)
    lines = -(-len(frames) // columns)
    pictures = [
        None if images is None else read_image(images, frame, tracks[0].image_size) for frame in frames
    ]
    size = None if pictures[0] is None else (pictures[0].shape[1], pictures[0].shape[0])
    everything = np.concatenate([_of_frames(track, frames) for track in tracks])
    box = extent(everything, margin=0.08) if size is None else np.array([(0.0, 0.0), size])
    width, height = box[1] - box[0]
    figure = Figure(figsize=(WIDTH, lines * (WIDTH / columns * height / width + 0.3)), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False).ravel()
    order = {number: i for i, number in enumerate(sorted({track.track for track in tracks}))}
    for axes, frame, picture in zip(grid, frames, pictures, strict=False):
        if picture is not None:
            axes.imshow(picture)
        for track in tracks:
            if track.start <= frame < track.start + len(track):
                colour = IDENTITIES[order[track.track] % len(IDENTITIES)]
                _person(axes, track, frame, colour, box, on_image=picture is not None)
        hide_axes(axes, box, image=True)
        axes.set_title(f"frame {frame}", loc="left")
    for axes in grid[len(frames) :]:
        axes.set_axis_off()
    return figure


def _check_people(tracks: Sequence[PoseSequence], frames: Sequence[int]) -> None:
    if not tracks or not frames:
        raise ValueError(f"nothing to draw: expected tracks and frames, got {len(tracks)} and {len(frames)}")
    for track in tracks:
        if track.representation != "2d" or track.name != tracks[0].name:
            raise ValueError(
                f"expected keypoints of people of {tracks[0].name}, "
                f"got {track.representation} poses of {track.name}"
            )
    for frame in frames:
        if not any(track.start <= frame < track.start + len(track) for track in tracks):
            raise ValueError(f"{tracks[0].name}: no track has frame {frame}")


def _of_frames(track: PoseSequence, frames: Sequence[int]) -> Float[np.ndarray, "N 2"]:
    rows = [frame - track.start for frame in frames if 0 <= frame - track.start < len(track)]
    return track.values[rows].reshape(-1, 2)


def _person(
    axes: Axes,
    track: PoseSequence,
    frame: int,
    colour: str,
    box: Float[np.ndarray, "2 2"],
    *,
    on_image: bool,
) -> None:
    points = track.values[frame - track.start]
    colours = identity_colours(track.skeleton, colour)
    body = Body(axes, track.skeleton, colours, joining=colour, width=2.0, halo=on_image)
    body.move(points)
    there = points[np.isfinite(points).all(axis=1)]
    if len(there):
        low, high = box
        room = np.array([0.02, 0.05]) * (high - low)  # heads may be outside the image
        x, y = np.clip(there[there[:, 1].argmin()], low + room, high - [room[0], 0.0])
        axes.annotate(
            str(track.track),
            (x, y),
            xytext=(0, 5),
            textcoords="offset points",
            ha="center",
            va="bottom",
            color=colour,
            weight="bold",
            path_effects=[withStroke(linewidth=2.5, foreground="white")],
            zorder=6,
        )
