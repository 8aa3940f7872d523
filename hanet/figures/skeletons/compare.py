"""Methods side by side without ground truth: on the video, and 3D joints from front and side.

Axes: T frames, J joints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from PIL import Image

from hanet.figures.skeletons.bodies import Body, extent, hide_axes, side_colours, two_views
from hanet.figures.skeletons.stills import check_rows, level
from hanet.figures.style import LEFT, RIGHT, WIDTH, method_styles, style
from hanet.files.atomic import whole_file
from hanet.metrics.smoothness import mean_acceleration
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import conversion

Pictures = Callable[[], Iterator[UInt8[np.ndarray, "H W 3"]]]
"""Returns an iterator over a video's frames from the first one on."""
_PICTURE_HEIGHT, _VIEW_HEIGHT = 5.0, 2.4
_IN_PICTURE = "picture"


@dataclass(frozen=True)
class Footage:
    """The video to draw poses on.

    Attributes:
        pictures: its frames, numbered as the poses' frames.
        size: (width, height), pixels.
        crop: show only the part with the person, with a margin.
    """

    pictures: Pictures
    size: tuple[int, int]
    crop: bool = False


class Comparison:
    """A figure of several methods that is drawn frame by frame; `video.write_motion` writes it.

    Each method has a column. Keypoints are drawn on the video, or on a blank canvas. 3D joints are drawn on
    the video by an orthographic projection, with the scale and shift per frame that fit the first method's
    joints to the detected keypoints; all methods use the same. Below, 3D joints are shown from the front and
    the side. The title of a column states `mean_acceleration` over the frames shown.

    Args:
        methods: poses of the same frames by method, from left to right.
        rows: consecutive rows of the sequences, in order.
        footage: the video; None draws on a blank canvas.
        keypoints: detected keypoints of the same frames, to place 3D joints; None draws none on the video.

    Raises:
        ValueError: poses are rotations, do not match each other, or are all NaN in these rows.
    """

    def __init__(
        self,
        methods: Mapping[str, PoseSequence],
        rows: Sequence[int],
        *,
        footage: Footage | None = None,
        keypoints: PoseSequence | None = None,
    ) -> None:
        first = next(iter(methods.values()))
        check_rows(first, rows)
        for name, poses in methods.items():
            _check(first, poses, name)
        self.rows = list(rows)
        self._first, self._footage = first, footage
        self._points = _points(methods, footage, keypoints)
        self._labels = {n: _label(n, p, self.rows) for n, p in methods.items()}
        with style():
            self._build()

    def frames(self, *, width: int = 1280, every: int = 1) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
        """Draw every `every`-th row as an image `width` pixels wide; both sides are even, as video needs.

        Raises:
            ValueError: the video is shorter than the poses.
        """
        shown = self.rows[::every]
        pictures = self._pictures(shown)
        with style():
            self._figure.set_dpi(width / WIDTH)
            for row in shown:
                self._show(row, None if self._footage is None else next(pictures))
                self._canvas.draw()
                image = np.asarray(self._canvas.buffer_rgba())[..., :3]
                yield image[: len(image) // 2 * 2, : image.shape[1] // 2 * 2].copy()

    def save(self, path: Path) -> None:
        """Write the first frame as PNG, whole or not at all."""
        with whole_file(path) as temporary:
            Image.fromarray(next(self.frames())).save(temporary, format="PNG", optimize=True)

    def _pictures(self, rows: Sequence[int]) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
        if self._footage is None:
            return
        wanted = {self._first.start + row for row in rows}
        count = 0
        for frame, picture in enumerate(islice(self._footage.pictures(), max(wanted) + 1)):
            if frame in wanted:
                count += 1
                yield picture
        if count < len(wanted):
            raise ValueError(
                f"{self._first.name}: the video has no frame {sorted(wanted)[count]}; it may be another "
                "video, or read at another frame rate"
            )

    def _build(self) -> None:
        boxes = self._boxes()
        angles = [angle for angle in boxes if angle != _IN_PICTURE]
        cell = WIDTH / len(self._points)
        # Both views have one scale and one height; their widths follow their content.
        across = [float(np.diff(boxes[angle], axis=0)[0, 0]) for angle in angles] or [1.0, 1.0]
        heights = []
        if _IN_PICTURE in boxes:
            width, height = np.diff(boxes[_IN_PICTURE], axis=0)[0]
            heights.append(min(float(cell * height / width), _PICTURE_HEIGHT))
        if angles:
            height = float(np.diff(boxes[angles[0]], axis=0)[0, 1])
            heights.append(min(cell * height / sum(across), _VIEW_HEIGHT))
        self._figure = Figure(figsize=(WIDTH, sum(heights) + 1.4), layout="constrained")
        self._canvas = FigureCanvasAgg(self._figure)
        grid = self._figure.add_gridspec(
            len(heights),
            2 * len(self._points),
            height_ratios=heights,
            width_ratios=across * len(self._points),
        )
        self._bodies: list[tuple[Body, Float[np.ndarray, "T J 2"]]] = []
        self._images: list[AxesImage] = []
        styles = method_styles(self._points)
        for column, (name, points) in enumerate(self._points.items()):
            left = 2 * column
            places = {angle: grid[-1, left + i] for i, angle in enumerate(angles)}
            if _IN_PICTURE in boxes:
                places[_IN_PICTURE] = grid[0, left : left + 2]
            axes = {angle: self._figure.add_subplot(place) for angle, place in places.items()}
            for angle, each in axes.items():
                self._panel(each, angle, points.get(angle), boxes[angle])
            top = axes.get(_IN_PICTURE, axes.get("front"))
            assert top is not None
            top.set_zorder(1)  # its title may overlap the next view
            top.set_title(self._labels[name], color=styles[name].colour, loc="left")
        self._clock = self._figure.suptitle(" ", x=0.01, ha="left", fontsize=10)
        sides = [Line2D([], [], color=c, lw=2.5, label=s) for c, s in ((LEFT, "left"), (RIGHT, "right"))]
        self._figure.legend(handles=sides, loc="outside lower center", ncols=2)
        self._figure.set_dpi(100)
        self._canvas.draw()
        self._figure.set_layout_engine("none")  # laid out once, so that only bodies move

    def _panel(
        self,
        axes: Axes,
        angle: str,
        points: Float[np.ndarray, "T J 2"] | None,
        box: Float[np.ndarray, "2 2"],
    ) -> None:
        in_picture = angle == _IN_PICTURE
        if in_picture and self._footage is not None:
            width, height = self._footage.size
            blank = np.zeros((1, 1, 3), dtype=np.uint8)
            self._images.append(axes.imshow(blank, extent=(0, width, height, 0), interpolation="nearest"))
        if points is not None:
            skeleton = self._first.skeleton
            halo = in_picture and self._footage is not None
            self._bodies.append((Body(axes, skeleton, side_colours(skeleton), halo=halo), points))
        hide_axes(axes, box, image=in_picture)
        if not in_picture:
            axes.set_xlabel(angle)

    def _boxes(self) -> dict[str, Float[np.ndarray, "2 2"]]:
        """The region that each kind of panel shows, the same for all methods."""
        found: dict[str, list[Float[np.ndarray, "2 2"]]] = {}
        for points in self._points.values():
            for angle, part in points.items():
                shown = part[self.rows]
                if np.isfinite(shown).any():
                    margin = 0.25 if angle == _IN_PICTURE else 0.06
                    found.setdefault(angle, []).append(extent(shown, margin=margin))
        picture = found.pop(_IN_PICTURE, [])
        if not found and not picture:
            raise ValueError(
                f"{self._first.name}: no pose is known in these frames; change --start or --seconds"
            )
        boxes = level(found) if found else {}
        if picture:
            boxes[_IN_PICTURE] = level({_IN_PICTURE: picture})[_IN_PICTURE]
        if self._footage is not None:
            whole = np.array([[0.0, 0.0], self._footage.size])
            cropped = self._footage.crop and picture
            boxes[_IN_PICTURE] = np.clip(boxes[_IN_PICTURE], whole[0], whole[1]) if cropped else whole
        return boxes

    def _show(self, row: int, picture: UInt8[np.ndarray, "H W 3"] | None) -> None:
        if picture is not None:
            shown = self._as_large_as_shown(picture)
            for image in self._images:
                image.set_data(shown)
        for body, points in self._bodies:
            body.move(points[row])
        frame = self._first.start + row
        self._clock.set_text(f"{self._first.name}   {frame / self._first.fps:.2f} s  (frame {frame})")

    def _as_large_as_shown(self, picture: UInt8[np.ndarray, "H W 3"]) -> UInt8[np.ndarray, "h w 3"]:
        """Resample once for all panels, which is several times faster than in matplotlib per panel."""
        axes = self._images[0].axes
        assert axes is not None
        (x0, x1), panel = axes.get_xlim(), axes.get_window_extent()
        share = float(panel.width / abs(x1 - x0))
        height, width = picture.shape[:2]
        if share >= 1:
            return picture
        size = max(1, round(width * share)), max(1, round(height * share))
        return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))


def placed(
    joints: Float[np.ndarray, "T J 3"], scale: Float[np.ndarray, " T"], shift: Float[np.ndarray, "T 2"]
) -> Float[np.ndarray, "T J 2"]:
    """Place 3D joints of a camera frame in its picture by an orthographic projection: pixels."""
    return scale[:, None, None] * joints[..., :2] + shift[:, None]


def placement(
    joints: PoseSequence, keypoints: PoseSequence
) -> tuple[Float[np.ndarray, " T"], Float[np.ndarray, "T 2"]]:
    """Scale (pixels per metre) and shift (pixels) of each frame that fit 3D joints to keypoints.

    Least squares over the joints that both skeletons have; NaN in frames with an unknown joint.

    Raises:
        ValueError: joints that are not in a camera frame, or keypoints of other frames.
    """
    if not joints.frame_of_reference.startswith("camera"):
        raise ValueError(
            f"{joints.name}: expected joints in a camera frame, to place them in its picture; got "
            f"{joints.frame_of_reference}; leave out the keypoints"
        )
    if keypoints.representation != "2d" or joints.start != keypoints.start or len(joints) != len(keypoints):
        expected, got = (f"{s.start}..{s.start + len(s) - 1}" for s in (joints, keypoints))
        raise ValueError(
            f"{joints.name}: expected keypoints of frames {expected}, got {keypoints.representation} poses "
            f"of {got}"
        )
    index, both = conversion(joints.skeleton, keypoints.skeleton)
    source = joints.values[:, index[both], :2].astype(np.float64)
    target = keypoints.values[:, both].astype(np.float64)
    source_mean, target_mean = source.mean(axis=1), target.mean(axis=1)
    source, target = source - source_mean[:, None], target - target_mean[:, None]
    scale = (source * target).sum(axis=(1, 2)) / (source**2).sum(axis=(1, 2))
    return scale, target_mean - scale[:, None] * source_mean


def _points(
    methods: Mapping[str, PoseSequence], footage: Footage | None, keypoints: PoseSequence | None
) -> dict[str, dict[str, Float[np.ndarray, "T J 2"]]]:
    """Joints in the plane of each panel, by method and panel."""
    first = next(iter(methods.values()))
    if first.representation == "2d":
        return {name: {_IN_PICTURE: poses.values} for name, poses in methods.items()}
    views = two_views(first)
    found = {n: {v.name: v.project(p.root_relative().values) for v in views} for n, p in methods.items()}
    if footage is not None and keypoints is not None:
        scale, shift = placement(first, keypoints)
        for name, poses in methods.items():
            found[name][_IN_PICTURE] = placed(poses.values, scale, shift)
    return found


def _check(first: PoseSequence, poses: PoseSequence, name: str) -> None:
    """Refuse poses that do not match the first method's."""
    if poses.representation == "smpl":
        raise ValueError(f"{name}: rotations cannot be drawn as skeletons; give keypoints or 3D joints")
    for field in ("skeleton", "representation", "fps", "frame_of_reference", "start"):
        one, other = getattr(first, field), getattr(poses, field)
        if one != other:
            one, other = getattr(one, "name", one), getattr(other, "name", other)
            raise ValueError(f"{name}: {field} must be {one} as the first method's, got {other}")
    if len(poses) != len(first):
        raise ValueError(f"{name}: expected {len(first)} frames as the first method has, got {len(poses)}")


def _label(name: str, poses: PoseSequence, rows: Sequence[int]) -> str:
    found = mean_acceleration(poses.part(slice(rows[0], rows[-1] + 1)))
    known = "" if np.isnan(found) else f"\nmean acceleration {found:.3g} {poses.unit}/s²"
    return f"{method_styles([name])[name].label}{known}"
