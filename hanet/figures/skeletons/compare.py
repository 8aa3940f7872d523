"""Methods side by side on a video, where there is no ground truth: in the picture, and in 3D from two sides.

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

from hanet.figures.skeletons.bodies import Body, bare, extent, side_colours, two_views
from hanet.figures.skeletons.stills import check_rows, level
from hanet.figures.style import LEFT, RIGHT, WIDTH, method_styles, style
from hanet.files.atomic import whole_file
from hanet.metrics.smoothness import mean_acceleration
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import conversion

Pictures = Callable[[], Iterator[UInt8[np.ndarray, "H W 3"]]]
"""Gives a video's frames from its first on, each time it is called."""
_PICTURE_HEIGHT, _VIEW_HEIGHT = 5.0, 2.4
_IN_PICTURE = "picture"


@dataclass(frozen=True)
class Footage:
    """The video beneath the poses.

    Attributes:
        pictures: its frames; poses' frame numbers count them.
        size: (width, height), pixels.
        crop: show only where people are, with a margin.
    """

    pictures: Pictures
    size: tuple[int, int]
    crop: bool = False


class Comparison:
    """A figure of several methods that can be shown frame by frame; `video.write_motion` writes it.

    Each method has a column. In the picture (or on blank where there is none) lie its keypoints. 3D joints
    lie there as seen from far away, put where the detected keypoints are: scaled and moved frame by frame,
    for all methods as fits the first one best. Below they are seen from the front and the side. Under the
    name stands `mean_acceleration` over the frames shown.

    Args:
        methods: poses by method, from left to right, of the same frames.
        rows: consecutive rows of the sequences, in order.
        footage: the video; None draws on blank.
        keypoints: of 3D joints, the detected keypoints of the same frames; None leaves the picture empty.

    Raises:
        ValueError: where poses are rotations, do not belong together, or nothing is known in these rows.
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
        """The images of every so many rows, `width` pixels wide; sides are even, as video needs them.

        Raises:
            ValueError: the video ends before the poses do.
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
                f"{self._first.name}: the video has no frame {sorted(wanted)[count]}; is it another "
                "video, or was it read at another frame rate?"
            )

    def _build(self) -> None:
        boxes = self._boxes()
        angles = [angle for angle in boxes if angle != _IN_PICTURE]
        cell = WIDTH / len(self._points)
        # One scale for both views: as wide, in relation, as what they show, and of one height.
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
            top.set_zorder(1)  # its title may reach over the view beside it
            top.set_title(self._labels[name], color=styles[name].colour, loc="left")
        self._clock = self._figure.suptitle(" ", x=0.01, ha="left", fontsize=10)
        sides = [Line2D([], [], color=c, lw=2.5, label=s) for c, s in ((LEFT, "left"), (RIGHT, "right"))]
        self._figure.legend(handles=sides, loc="outside lower center", ncols=2)
        self._figure.set_dpi(100)
        self._canvas.draw()
        self._figure.set_layout_engine("none")  # laid out once, so that nothing moves but the bodies

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
        bare(axes, box, image=in_picture)
        if not in_picture:
            axes.set_xlabel(angle)

    def _boxes(self) -> dict[str, Float[np.ndarray, "2 2"]]:
        """What each kind of panel shows, for all methods the same."""
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
                f"{self._first.name}: nobody was seen in these frames; choose others by --start and --seconds"
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
        """Resampled once for all panels, which is several times as fast as matplotlib for each."""
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
    """3D joints of a camera's frame in its picture, seen from far away: pixels."""
    return scale[:, None, None] * joints[..., :2] + shift[:, None]


def placement(
    joints: PoseSequence, keypoints: PoseSequence
) -> tuple[Float[np.ndarray, " T"], Float[np.ndarray, "T 2"]]:
    """Scale (pixels a metre) and shift (pixels) of every frame that put 3D joints nearest to keypoints.

    Least squares over the joints that both skeletons name; NaN where one is unknown.

    Raises:
        ValueError: joints that are not in a camera's frame, or poses of other frames.
    """
    if not joints.frame_of_reference.startswith("camera"):
        raise ValueError(
            f"{joints.name}: only joints of a camera's frame have a place in its picture, got "
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
    """Of each method, by panel, the joints in the plane."""
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
    """Refuse poses that cannot stand beside the first method's."""
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
