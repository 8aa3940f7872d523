"""Meshes of several methods side by side, rendered in software without a display.

Vertices are coloured by their distance to the ground truth with pelvises aligned, so colours average to MPVPE
of protocol ``pelvis_aligned``. A ring marks the worst place in each method's worst frames (HANet's
supplement, Figure 3).

Axes: K frames shown, V vertices, F triangles, H × W pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from PIL import Image, ImageDraw

from hanet.files.atomic import whole_file
from hanet.smpl.body import Body
from hanet.smpl.tracks import SmplTrack

TRUTH = "ground truth"
WORST_MM = 200.0
"""Vertex error (mm) of the last colour."""
SKIN = np.array([196.0, 203.0, 214.0])
RING = "#c2185b"
_COLOURS = colormaps["YlOrRd"]
_LIGHT = np.array(
    [-0.35, -0.55, -0.76]
)  # direction to the light in the camera's frame: above, left, in front


@dataclass(frozen=True)
class View:
    """A pinhole camera: x right, y down, z forward.

    Attributes:
        rotation: from the vertices' frame to the camera's (3, 3).
        translation: added after the rotation, metres.
        focal: focal length, pixels.
        size: width and height, pixels.
        centre: principal point, pixels; None is the middle of the image.
    """

    rotation: Float[np.ndarray, "3 3"]
    translation: Float[np.ndarray, " 3"]
    focal: float
    size: tuple[int, int]
    centre: tuple[float, float] | None = None

    @classmethod
    def around(
        cls,
        points: Float[np.ndarray, "*any 3"],
        *,
        size: tuple[int, int] = (400, 440),
        up: tuple[float, float, float] = (0.0, 1.0, 0.0),
        azimuth: float = 0.0,
    ) -> View:
        """A view of all points from `azimuth` degrees about `up`; 0 shows the front of a rest pose."""
        vertical = np.asarray(up) / np.linalg.norm(up)
        front = np.array([0.0, 0, 1]) if abs(vertical[2]) < 0.9 else np.array([0.0, -1, 0])
        front -= vertical * (front @ vertical)
        front /= np.linalg.norm(front)
        side = np.cross(vertical, front)
        angle = np.radians(azimuth)
        towards = np.cos(angle) * front + np.sin(angle) * side
        rotation = np.stack([np.cross(vertical, towards), -vertical, -towards])
        known = points.reshape(-1, 3)
        known = known[np.isfinite(known).all(axis=1)] @ rotation.T
        low, high = known.min(axis=0), known.max(axis=0)
        extent = np.maximum(high - low, 1e-3)
        distance = 4 * extent.max()  # far enough to avoid perspective distortion of near limbs
        middle = (low + high) / 2
        focal = 0.92 * min(size[0] / extent[0], size[1] / extent[1]) * (distance - extent[2] / 2)
        return cls(rotation, np.array([0, 0, distance]) - middle, float(focal), size)

    @classmethod
    def of_image(cls, picture: UInt8[np.ndarray, "H W 3"], focal: float) -> View:
        """The camera that took a picture: vertices are in its frame, `focal` is in pixels."""
        height, width = picture.shape[:2]
        return cls(np.eye(3), np.zeros(3), focal, (width, height))

    def project(self, points: Float[np.ndarray, "*any 3"]) -> Float[np.ndarray, "*any 3"]:
        """Project points to pixels x, y and depth (metres)."""
        local = points @ self.rotation.T + self.translation
        x, y = self.centre or (self.size[0] / 2, self.size[1] / 2)
        depth = local[..., 2:]
        return np.concatenate([self.focal * local[..., :2] / depth + [x, y], depth], axis=-1)


def render(
    vertices: Float[np.ndarray, "V 3"],
    faces: Int[np.ndarray, "F 3"],
    view: View,
    *,
    colours: Float[np.ndarray, "V 3"] | None = None,
    background: UInt8[np.ndarray, "H W 3"] | None = None,
    opacity: float = 1.0,
    smooth: int = 3,
) -> UInt8[np.ndarray, "H W 3"]:
    """Render a mesh with Lambert's shading, over an image or white.

    Triangles that face the camera are painted from back to front. This is exact unless overlapping triangles
    are large compared with their distance, which bodies do not have. NaN vertices give the background only.

    Args:
        vertices: metres (V, 3).
        faces: corners of triangles (F, 3), counterclockwise from outside.
        view: the camera.
        colours: colour of each vertex, 0 to 255; None takes `SKIN`.
        background: image of `view.size`; None takes white.
        opacity: opacity of the mesh.
        smooth: samples per pixel and direction.

    Raises:
        ValueError: the background has another size.
    """
    width, height = view.size
    if background is not None and background.shape[:2] != (height, width):
        raise ValueError(f"background must be {(height, width, 3)}, got {background.shape}")
    base = np.full((height, width, 3), 255, np.uint8) if background is None else background
    if not np.isfinite(vertices).all():
        return base.copy()
    shade = _shade(vertices @ view.rotation.T, faces)
    paint = np.broadcast_to(SKIN, vertices.shape) if colours is None else colours
    painted = np.clip(paint[faces].mean(axis=1) * shade[:, None], 0, 255).astype(np.uint8)

    corners = view.project(vertices)[faces]
    a, b, c = corners[..., :2].transpose(1, 0, 2)
    edge, other = b - a, c - a
    # y points down in the image, so triangles that face the camera are clockwise in it.
    facing = edge[:, 0] * other[:, 1] - edge[:, 1] * other[:, 0] < 0
    visible = np.flatnonzero(facing & (corners[..., 2] > 0).all(axis=1))
    order = visible[np.argsort(-corners[visible, :, 2].mean(axis=1), kind="stable")]
    canvas = Image.new("RGBA", (width * smooth, height * smooth), (255, 255, 255, 0))
    draw = ImageDraw.Draw(canvas)
    for triangle, colour in zip(corners[order, :, :2] * smooth, painted[order], strict=True):
        draw.polygon([tuple(p) for p in triangle], fill=(*map(int, colour), 255))
    # Premultiplied alpha, so that empty samples add no white to the outline.
    layer = np.asarray(canvas, dtype=np.float64).reshape(height, smooth, width, smooth, 4)
    cover = layer[..., 3:] / 255
    colour, cover = (layer[..., :3] * cover).mean(axis=(1, 3)), cover.mean(axis=(1, 3))
    return np.round(base * (1 - opacity * cover) + opacity * colour).astype(np.uint8)


def _shade(vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> Float[np.ndarray, " F"]:
    """Ambient and diffuse light of each triangle, with smooth normals."""
    corners = vertices[faces]
    flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], flat)
    normal = normals[faces].mean(axis=1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    return 0.42 + 0.66 * np.clip(normal @ (_LIGHT / np.linalg.norm(_LIGHT)), 0, 1)


def error_colours(millimetres: Float[np.ndarray, " V"]) -> Float[np.ndarray, "V 3"]:
    """Colours from `SKIN` without error over yellow to dark red at `WORST_MM`."""
    share = np.clip(millimetres / WORST_MM, 0, 1)[:, None]
    hot = 255 * _COLOURS(0.15 + 0.85 * share[:, 0])[:, :3]
    blend = np.clip(share * 5, 0, 1)
    return (1 - blend) * SKIN + blend * hot


def worst_frames(errors: Float[np.ndarray, " T"], count: int, *, apart: int = 1) -> list[int]:
    """Frames of the largest errors, largest first and at least `apart` frames apart; NaN is skipped."""
    chosen: list[int] = []
    for t in np.argsort(-np.where(np.isfinite(errors), errors, -np.inf), kind="stable"):
        if len(chosen) == count or not np.isfinite(errors[t]):
            break
        if all(abs(int(t) - other) >= apart for other in chosen):
            chosen.append(int(t))
    return chosen


def pelvis_aligned(body: Body, track: SmplTrack, frames: Iterable[int]) -> Float[np.ndarray, "K V 3"]:
    """Vertices (metres) relative to the pelvis, at the chosen frames."""
    return _posed(body, track, list(frames), aligned=True)


def in_camera(body: Body, track: SmplTrack, frames: Iterable[int]) -> Float[np.ndarray, "K V 3"]:
    """Vertices (metres) in the camera frame at the chosen frames, to draw on images.

    Raises:
        ValueError: the track's translation is unknown.
    """
    index = list(frames)
    if track.transl is None:
        raise ValueError(
            f"{track.poses.name}: its translation is unknown, so it cannot be placed in an image; draw on a "
            "blank canvas"
        )
    return _posed(body, track, index, aligned=False) + track.transl[index][:, None]


def _posed(body: Body, track: SmplTrack, index: list[int], *, aligned: bool) -> Float[np.ndarray, "K V 3"]:
    with torch.inference_mode():
        parts = [
            body(
                track.matrices(slice(t, t + 1)).to(body.device),
                torch.from_numpy(np.array(track.betas[t : t + 1])).to(body.device),
            )
            for t in index
        ]
        moved = [
            track.scaling * (p.vertices - p.joints[:, :1] if aligned else p.vertices).cpu() for p in parts
        ]
    return torch.cat([torch.empty(0, body.num_vertices, 3), *moved]).numpy().astype(np.float64)


def compare_figure(
    path: str | Path,
    meshes: Mapping[str, Float[np.ndarray, "K V 3"]],
    truth: Float[np.ndarray, "K V 3"],
    faces: Int[np.ndarray, "F 3"],
    *,
    frames: Iterable[int],
    up: tuple[float, float, float] = (0.0, 1.0, 0.0),
    azimuth: float = 25.0,
    rings: int = 1,
    images: list[UInt8[np.ndarray, "H W 3"]] | None = None,
    view: View | None = None,
) -> None:
    """Write a figure with a row per frame and a column per method, the ground truth last.

    It is written whole or not at all, in the format of the name's ending. On a blank canvas the ground truth
    is drawn behind each mesh in pale grey.

    Args:
        path: the file to write.
        meshes: vertices by method, pelvis-aligned as `truth`, or in the camera frame of `images`.
        truth: vertices of the ground truth.
        faces: corners of triangles.
        frames: frame numbers, which name the rows.
        up, azimuth: the view, if `view` is None.
        rings: number of worst frames per method with a ring around the largest error.
        images: a background per row; needs `view`.
        view: the camera of `images`.

    Raises:
        ValueError: arrays of unequal length, or images without a view.
    """
    names = list(frames)
    if any(mesh.shape != truth.shape for mesh in meshes.values()) or len(names) != len(truth):
        raise ValueError(
            f"expected meshes of the ground truth's shape {truth.shape} and as many frame numbers, got "
            f"{ {name: mesh.shape for name, mesh in meshes.items()} } and {len(names)} frames"
        )
    if images is not None and (view is None or len(images) != len(truth)):
        raise ValueError("expected one image per frame and the view of their camera")
    if view is None:
        view = View.around(np.stack([*meshes.values(), truth]), up=up, azimuth=azimuth)
    columns = {**meshes, TRUTH: truth}
    figure, grid = _grid(len(names), len(columns), aspect=view.size[1] / view.size[0])
    ghosts = [render(mesh, faces, view, opacity=0.3) for mesh in truth] if images is None else images
    for column, (name, mesh) in enumerate(columns.items()):
        distance = 1000 * np.linalg.norm(mesh - truth, axis=-1)
        ringed = worst_frames(distance.mean(axis=1), rings) if name != TRUTH else []
        for row in range(len(names)):
            picture = render(
                mesh[row],
                faces,
                view,
                colours=None if name == TRUTH else error_colours(distance[row]),
                background=None if images is None and name == TRUTH else ghosts[row],
            )
            axes = grid[row, column]
            _cell(axes, picture, "" if name == TRUTH else f"{distance[row].mean():.0f} mm")
            if row in ringed and distance[row].any():
                _ring(axes, mesh[row], distance[row], view)
            if row == 0:
                axes.set_title(name, fontsize=11)
            if column == 0:
                axes.set_ylabel(f"frame {names[row]}", fontsize=9)
    _save(figure, Path(path))


def _grid(rows: int, columns: int, *, aspect: float) -> tuple[Figure, Any]:
    """A figure of adjacent cells, 2 inches wide, with room for names and the colour bar."""
    left, right, top, gap = 0.35, 0.85, 0.35, 0.05
    width, height = 2.0 * columns + left + right, 2.0 * aspect * rows + top + gap
    figure = Figure(figsize=(width, height))
    grid = figure.subplots(rows, columns, squeeze=False)
    figure.subplots_adjust(
        left=left / width,
        right=1 - right / width,
        top=1 - top / height,
        bottom=gap / height,
        wspace=0.02,
        hspace=0.02,
    )
    scale = ScalarMappable(
        Normalize(0, WORST_MM), ListedColormap(error_colours(np.linspace(0, WORST_MM, 256)) / 255)
    )
    bar = figure.colorbar(scale, cax=figure.add_axes((1 - 0.7 / width, 0.3, 0.12 / width, 0.4)), extend="max")
    bar.set_label("vertex error, mm", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    return figure, grid


def _cell(axes: Any, picture: UInt8[np.ndarray, "H W 3"], note: str) -> None:
    axes.imshow(picture)
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_color("#dddddd")
    axes.text(
        0.97, 0.02, note, transform=axes.transAxes, ha="right", va="bottom", fontsize=9, color="#333333"
    )


def _ring(axes: Any, mesh: Float[np.ndarray, "V 3"], errors: Float[np.ndarray, " V"], view: View) -> None:
    """Ring the worst vertex and near ones with similar errors, inside the picture."""
    near = np.linalg.norm(mesh - mesh[errors.argmax()], axis=1) < 0.25
    place = view.project(mesh[near & (errors >= 0.6 * errors.max())])[:, :2]
    height = view.size[1]
    radius = float(np.clip(np.ptp(place, axis=0).max() / 2 + 0.04 * height, 0.08 * height, 0.2 * height))
    inside = np.array([radius, radius]) + 2
    centre = np.clip((place.min(axis=0) + place.max(axis=0)) / 2, inside, np.array(view.size) - inside)
    axes.add_patch(Circle(tuple(centre), radius, fill=False, edgecolor=RING, linewidth=2.2))


def _save(figure: Figure, path: Path) -> None:
    with whole_file(path) as temporary:
        figure.savefig(temporary, format=path.suffix.removeprefix("."), dpi=150)
