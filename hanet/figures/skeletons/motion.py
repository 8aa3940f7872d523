"""Skeletons of several methods in motion, as RGB images for `video`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.text import Text

from hanet.figures.charts.errors import errors
from hanet.figures.defaults import WRONG_ALPHA, WRONG_MM
from hanet.figures.images import Images, read_image
from hanet.figures.skeletons.bodies import Panel, Seen, extent, hide_axes, project
from hanet.figures.skeletons.stills import check_rows, drawn, key, level, titles
from hanet.figures.style import WIDTH, style
from hanet.poses.sequence import PoseSequence


class Motion:
    """A figure of several methods that is drawn frame by frame.

    3D joints are shown from the front (above) and the side (below), keypoints in the image, all over the
    ground truth in grey. The error of the frame is printed below each method, and wrong joints are ringed.

    Args:
        gt: 3D joints, or keypoints with boxes.
        methods: poses by method, from left to right; may include ``gt``.
        rows: rows of the sequence to show, in order.
        images: images to draw keypoints on.
        wrong_mm, wrong_alpha: as in `errors.wrong_joints`.

    Raises:
        ValueError: poses do not pair up or cannot be drawn, or a row does not exist.
    """

    def __init__(
        self,
        gt: PoseSequence,
        methods: Mapping[str, PoseSequence],
        rows: Sequence[int],
        *,
        images: Images | None = None,
        wrong_mm: float = WRONG_MM,
        wrong_alpha: float = WRONG_ALPHA,
    ) -> None:
        check_rows(gt, rows)
        self.rows = list(rows)
        self._gt, self._images = gt, images
        seen = {n: project(gt, p, wrong_mm=wrong_mm, wrong_alpha=wrong_alpha) for n, p in methods.items()}
        self._errors = {name: errors(gt, poses) for name, poses in methods.items()}
        wrong = (
            f"more than {wrong_mm:g} mm off"
            if gt.representation == "3d"
            else f"more than {wrong_alpha:g} of the box off"
        )
        with style():
            self._build(seen, wrong)

    def _build(self, seen: Mapping[str, Mapping[str, Seen]], wrong: str) -> None:
        angles = list(next(iter(seen.values())))
        boxes = _boxes(seen, self.rows)
        shapes = [boxes[angle][1] - boxes[angle][0] for angle in angles]
        cell = WIDTH / len(seen)
        # One scale for all views, so that a person has the same height in each.
        scale = min(
            (cell - 0.2) / max(width for width, _ in shapes), 5.2 / sum(height for _, height in shapes)
        )
        heights = [height * scale for _, height in shapes]
        self._figure = Figure(figsize=(WIDTH, sum(heights) + 1.3), layout="constrained")
        self._canvas = FigureCanvasAgg(self._figure)
        grid = self._figure.subplots(len(angles), len(seen), squeeze=False, height_ratios=heights)
        self._panels: list[Panel] = []
        self._pictures: list[AxesImage] = []
        for angle, line in zip(angles, grid, strict=True):
            for item, axes in zip(seen.values(), line, strict=True):
                if self._images is not None:
                    picture = read_image(self._images, self._gt.start + self.rows[0], self._gt.image_size)
                    self._pictures.append(axes.imshow(picture))
                self._panels.append(Panel(axes, item[angle], on_image=self._images is not None))
                hide_axes(axes, boxes[angle], image=angle == "image")
            if len(angles) > 1:
                line[0].set_ylabel(angle)
        titles(grid[0], list(seen))
        self._notes = {name: _note(axes) for name, axes in zip(seen, grid[-1], strict=True)}
        self._clock = self._figure.suptitle(" ", x=0.01, ha="left", fontsize=10)
        key(self._figure, wrong, on_image=self._images is not None)
        self._show(self.rows[0])
        self._figure.set_dpi(100)
        self._canvas.draw()
        self._figure.set_layout_engine("none")  # laid out once, so that only bodies move

    def frames(self, *, width: int = 1280, every: int = 1) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
        """Draw every `every`-th row as an image `width` pixels wide; both sides are even, as video needs."""
        with style():
            self._figure.set_dpi(width / WIDTH)
            for row in self.rows[::every]:
                self._show(row)
                self._canvas.draw()
                image = np.asarray(self._canvas.buffer_rgba())[..., :3]
                yield image[: len(image) // 2 * 2, : image.shape[1] // 2 * 2].copy()

    def _show(self, row: int) -> None:
        frame = self._gt.start + row
        for panel in self._panels:
            panel.show(row)
        if self._images is not None:
            picture = read_image(self._images, frame, self._gt.image_size)
            for shown in self._pictures:
                shown.set_data(picture)
        for name, note in self._notes.items():
            found = self._errors[name]
            value = found.frames[row]
            note.set_text("" if name == "gt" or np.isnan(value) else f"{value:.0f} {found.unit}")
        self._clock.set_text(f"{frame / self._gt.fps:.2f} s  (frame {frame})")


def _boxes(
    seen: Mapping[str, Mapping[str, Seen]], rows: Sequence[int]
) -> dict[str, Float[np.ndarray, "2 2"]]:
    found = {}
    for angle in next(iter(seen.values())):
        found[angle] = [extent(drawn({name: item[angle] for name, item in seen.items()}, rows), margin=0.06)]
    return level(found)


def _note(axes: Axes) -> Text:
    return axes.text(0.5, -0.02, "", transform=axes.transAxes, ha="center", va="top", fontsize=10)
